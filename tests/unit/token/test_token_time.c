/* Who tries forged tokens learns nothing from how long they take: a refusal costs one verification of a signature,
 * whatever is wrong. Counted, not timed: the library's function is this program's. */
#include "ring_fixture.h"

#include <dlfcn.h>

#include <sessiond/base/encode.h>

#include "ring.h"

int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
                                unsigned long long len, const unsigned char *key);

static unsigned verifications;

int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
                                unsigned long long len, const unsigned char *key)
{
    int (*real)(const unsigned char *, const unsigned char *, unsigned long long, const unsigned char *);

    verifications++;
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_sign_verify_detached");
    return real(signature, message, len, key);
}

static enum ses_status count(struct fixture *f, const struct ses_keyring *ring, struct ses_slice token,
                             bool test)
{
    struct ses_claims got;

    verifications = 0;
    return ses_token_verify(ring, token, test, NOW_MS, &f->arena, &got);
}

/* The token's body under another footer. */
static struct ses_slice with_footer(struct ses_slice token, struct ses_slice footer, char *text)
{
    size_t dot = token.len - 1;

    while (token.data[dot] != '.')
        dot--;
    memcpy(text, token.data, dot + 1);
    return ses_slice(text, dot + 1 + ses_base64url_encode(footer, text + dot + 1));
}

static void our_own_tokens_cost_none_with_a_tag(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();

    for (int tagged = 0; tagged < 2; tagged++) {
        struct ses_slice token =
            fixture_mint_as(f, ring, &claims, tagged == 1 ? SES_TOKEN_PUBLIC : SES_TOKEN_PLAIN);

        assert_int_equal(count(f, ring, token, true), SES_OK);
        assert_int_equal(verifications, 1 - tagged);
        assert_int_equal(count(f, ring, token, false), SES_FAILED_PRECONDITION);
        assert_int_equal(verifications, 1 - tagged);
    }
    ses_keyring_free(ring);
}

static void every_refusal_costs_one(void **state)
{
    static const char *const ends[] = {
        "}",
        ",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
        ",\"tag\":\"AAAAAAAAAAAAAAAAAAAAA\"}",
        ",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
        ",\"a\":1}",
    };
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    char text[SES_TOKEN_SIZE_MAX + SES_PASETO_FOOTER_MAX];
    char footer[SES_PASETO_FOOTER_MAX];
    struct ses_slice token = fixture_mint(f, ring, &claims);
    struct ses_slice other;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (int known = 0; known < 2; known++) {
            (void)snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"%s", ring->active[1]->kid, ends[i]);
            footer[20] ^= (char)(1 - known);
            other = with_footer(token, ses_slice_str(footer), text);
            assert_int_equal(count(f, ring, other, true), SES_UNAUTHENTICATED);
            assert_int_equal(verifications, 1);
            assert_int_equal(count(f, ring, other, false), SES_UNAUTHENTICATED);
            assert_int_equal(verifications, 1);
        }
    }
    /* Another payload under a right tag. */
    memcpy(text, token.data, token.len);
    text[20] ^= 1;
    assert_int_equal(count(f, ring, ses_slice(text, token.len), true), SES_UNAUTHENTICATED);
    assert_int_equal(verifications, 1);
    ses_keyring_free(ring);
}

static void a_revoked_keys_tokens_cost_one(void **state)
{
    struct fixture *f = *state;
    struct ses_claims claims = fixture_claims();
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    struct ses_keyring *before = fixture_load(f);
    struct ses_slice token = fixture_mint(f, before, &claims);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, new_kid), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(new_kid), SES_KEY_ACTIVE, &f->fault),
                     SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old_kid), SES_KEY_REVOKED, &f->fault),
                     SES_OK);
    struct ses_keyring *after = fixture_load(f);
    assert_int_equal(count(f, after, token, true), SES_UNAUTHENTICATED);
    assert_int_equal(verifications, 1);
    ses_keyring_free(before);
    ses_keyring_free(after);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(our_own_tokens_cost_none_with_a_tag),
        WITH_RING(every_refusal_costs_one),
        WITH_RING(a_revoked_keys_tokens_cost_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
