/* What only v4.local tokens are: unreadable, another text each time, and of a key that comes and goes with the signing
 * key it is derived from. What both kinds promise is in test_token.c. */
#include "ring_fixture.h"

#include "paserk.h"
#include "ring.h"

#include <sessiond/base/encode.h>

static struct ses_slice mint_as(struct fixture *f, const struct ses_keyring *ring,
                                enum ses_token_purpose purpose)
{
    struct ses_claims claims = fixture_claims();

    f->purpose = purpose;
    return fixture_mint(f, ring, &claims);
}

static enum ses_status verify(struct fixture *f, const struct ses_keyring *ring, struct ses_slice token)
{
    struct ses_claims got = {0};

    return ses_token_verify(ring, token, true, NOW_MS, &f->arena, &got);
}

/* The bytes of a token's body, in f's arena. */
static struct ses_slice body_of(struct fixture *f, struct ses_slice token)
{
    uint8_t bytes[SES_TOKEN_SIZE_MAX];
    struct ses_slice body = SES_SLICE_EMPTY;
    struct ses_paseto_parts parts;
    size_t len = 0;

    assert_int_equal(ses_paseto_split(ses_slice_cut(token, 5, token.len), SES_PASETO_LOCAL_HEADER, &parts),
                     SES_OK);
    assert_int_equal(ses_base64url_decode(parts.body, bytes, sizeof(bytes), &len), SES_OK);
    assert_int_equal(ses_arena_copy(&f->arena, ses_slice(bytes, len), &body), SES_OK);
    return body;
}

static bool contains(struct ses_slice bytes, struct ses_slice text)
{
    for (size_t i = 0; i + text.len <= bytes.len; i++) {
        if (memcmp(bytes.data + i, text.data, text.len) == 0)
            return true;
    }
    return false;
}

static void nothing_of_it_can_be_read(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice body = body_of(f, mint_as(f, ring, SES_TOKEN_LOCAL));

    assert_false(contains(body, SES_STR("merchant_1")));
    assert_false(contains(body, SES_STR("\"iss\"")));
    ses_keyring_free(ring);
}

/* A nonce that came twice would give away what two tokens differ in. */
static void every_token_has_a_nonce_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice body[64];

    for (size_t i = 0; i < 64; i++) {
        body[i] = body_of(f, mint_as(f, ring, SES_TOKEN_LOCAL));
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(body[i].data, body[j].data, SES_PASETO_NONCE_BYTES);
    }
    ses_keyring_free(ring);
}

static void the_footer_names_the_derived_key(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    const struct ses_key *key = ring->active[1];
    struct ses_slice token = mint_as(f, ring, SES_TOKEN_LOCAL);
    char footer[SES_KEY_FOOTER_LEN + 1] = "";
    char lid[SES_KID_SIZE];
    size_t len = 0;

    assert_int_equal(ses_base64url_decode(ses_slice_cut(token, token.len - SES_KEY_FOOTER_TEXT, token.len),
                                          (uint8_t *)footer, sizeof(footer), &len),
                     SES_OK);
    assert_int_equal(len, SES_KEY_FOOTER_LEN);
    assert_int_equal(ses_paserk_lid(ses_slice(ses_derived_key(&key->derived, SES_DERIVED_LOCAL), 32), lid),
                     SES_OK);
    assert_memory_equal(footer, "{\"kid\":\"", 8);
    assert_memory_equal(footer + 8, lid, strlen(lid));
    ses_keyring_free(ring);
}

/* Each kind has its own name, key and header; none of the other kind's helps. */
static void neither_kind_passes_for_the_other(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice local = mint_as(f, ring, SES_TOKEN_LOCAL);
    struct ses_slice public = mint_as(f, ring, SES_TOKEN_PUBLIC);
    char text[SES_TOKEN_SIZE_MAX];

    assert_int_equal(verify(f, ring, local), SES_OK);
    assert_int_equal(verify(f, ring, public), SES_OK);
    memcpy(text, local.data, local.len);
    memcpy(text + local.len - SES_KEY_FOOTER_TEXT, public.data + public.len - SES_KEY_FOOTER_TEXT,
           SES_KEY_FOOTER_TEXT);
    assert_int_equal(verify(f, ring, ses_slice(text, local.len)), SES_UNAUTHENTICATED);
    memcpy(text, public.data, public.len);
    memcpy(text + public.len - SES_KEY_FOOTER_TEXT, local.data + local.len - SES_KEY_FOOTER_TEXT,
           SES_KEY_FOOTER_TEXT);
    assert_int_equal(verify(f, ring, ses_slice(text, public.len)), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

/* PASETO's confusion attack: the public key, which everybody knows, as the key of a local token. */
static void the_public_key_encrypts_nothing(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    const struct ses_key *key = ring->active[1];
    static const uint8_t nonce[SES_PASETO_NONCE_BYTES];
    struct ses_slice footers[] = {ses_slice(key->footer.bytes, SES_KEY_FOOTER_LEN),
                                  ses_slice(key->local.bytes, SES_KEY_FOOTER_LEN)};

    for (size_t i = 0; i < 2; i++) {
        char text[5 + SES_PASETO_TEXT_MAX + 1] = "sess_";
        struct ses_paseto_scratch scratch = {.bytes = {0}};
        size_t len = 5 + ses_paseto_encrypt(&scratch, 2, key->public_key, nonce, footers[i], SES_SLICE_EMPTY,
                                            text + 5);

        assert_int_equal(verify(f, ring, ses_slice(text, len)), SES_UNAUTHENTICATED);
    }
    ses_keyring_free(ring);
}

/* next, active, verify-only and revoked mean what they mean for signatures. */
static void the_key_goes_by_the_state_of_its_signing_key(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice old = mint_as(f, ring, SES_TOKEN_LOCAL);
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];

    ses_keyring_free(ring);
    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, new_kid), SES_OK);
    struct ses_keyring *before = fixture_load(f);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(new_kid), SES_KEY_ACTIVE, &f->fault),
                     SES_OK);
    struct ses_keyring *after = fixture_load(f);
    struct ses_slice fresh = mint_as(f, after, SES_TOKEN_LOCAL);

    assert_int_equal(verify(f, before, fresh), SES_OK); /* a worker that knows it as next */
    assert_int_equal(verify(f, after, old), SES_OK);    /* verify-only */
    assert_memory_not_equal(old.data + old.len - SES_KEY_FOOTER_TEXT,
                            fresh.data + fresh.len - SES_KEY_FOOTER_TEXT, SES_KEY_FOOTER_TEXT);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old_kid), SES_KEY_REVOKED, &f->fault),
                     SES_OK);
    struct ses_keyring *revoked = fixture_load(f);
    assert_int_equal(verify(f, revoked, old), SES_UNAUTHENTICATED);
    assert_int_equal(verify(f, revoked, fresh), SES_OK);
    ses_keyring_free(before);
    ses_keyring_free(after);
    ses_keyring_free(revoked);
}

/* What a revoked key leaves empty is no name: a footer of NULs is nobody's. */
static void a_revoked_key_has_no_name(void **state)
{
    struct fixture *f = *state;
    char text[SES_TOKEN_SIZE_MAX];
    char kid[SES_KID_SIZE];

    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(kid), SES_KEY_REVOKED, &f->fault), SES_OK);
    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice token = mint_as(f, ring, SES_TOKEN_LOCAL);

    memcpy(text, token.data, token.len);
    memset(text + token.len - SES_KEY_FOOTER_TEXT, 0, SES_KEY_FOOTER_TEXT);
    assert_int_equal(verify(f, ring, ses_slice(text, token.len)), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void an_operator_reads_it_with_the_ring(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_token_read seen;
    char kid[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kid);
    for (int purpose = SES_TOKEN_PUBLIC; purpose <= SES_TOKEN_LOCAL; purpose++) {
        struct ses_slice token = mint_as(f, ring, (enum ses_token_purpose)purpose);

        assert_int_equal(ses_token_read(ring, token, &f->arena, &seen), SES_OK);
        assert_string_equal(seen.kid, kid);
        assert_non_null(strstr(seen.json, "\"sub\":\"merchant_1\""));
        assert_int_equal(ses_token_read(ring, ses_slice_cut(token, 0, token.len - 1), &f->arena, &seen),
                         SES_UNAUTHENTICATED);
    }
    ses_keyring_free(ring);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(nothing_of_it_can_be_read),        WITH_RING(every_token_has_a_nonce_of_its_own),
        WITH_RING(the_footer_names_the_derived_key), WITH_RING(neither_kind_passes_for_the_other),
        WITH_RING(the_public_key_encrypts_nothing),  WITH_RING(the_key_goes_by_the_state_of_its_signing_key),
        WITH_RING(a_revoked_key_has_no_name),        WITH_RING(an_operator_reads_it_with_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
