/* The tag in a token's footer: that it is enough, and every way in which it can be wrong. */
#include "ring_fixture.h"

#include <sessiond/base/encode.h>

#include "ring.h"
#include "tag.h"

#define HEAD     "sess_v4.public."
#define HEAD_LEN (sizeof(HEAD) - 1)

/* A token taken apart, so that any part can be put together again with another one. */
struct parts {
    uint8_t body[2048];
    size_t body_len;
    char footer[SES_PASETO_FOOTER_MAX];
    size_t footer_len;
};

static struct parts take_apart(struct ses_slice token)
{
    struct ses_paseto_parts texts;
    struct parts parts = {.body_len = 0};

    assert_int_equal(ses_paseto_split(ses_slice_cut(token, 5, token.len), "v4.public.", &texts), SES_OK);
    assert_int_equal(ses_base64url_decode(texts.body, parts.body, sizeof(parts.body), &parts.body_len),
                     SES_OK);
    assert_int_equal(
        ses_base64url_decode(texts.footer, (uint8_t *)parts.footer, sizeof(parts.footer), &parts.footer_len),
        SES_OK);
    return parts;
}

static void set_footer(struct parts *parts, const char *footer)
{
    parts->footer_len = strlen(footer);
    assert_in_range(parts->footer_len, 0, sizeof(parts->footer));
    memcpy(parts->footer, footer, parts->footer_len);
}

static enum ses_status verify(struct fixture *f, const struct ses_keyring *ring, const struct parts *parts)
{
    char text[SES_TOKEN_SIZE_MAX + SES_PASETO_FOOTER_MAX] = HEAD;
    struct ses_claims got;
    size_t len = HEAD_LEN + ses_base64url_encode(ses_slice(parts->body, parts->body_len), text + HEAD_LEN);

    text[len++] = '.';
    len += ses_base64url_encode(ses_slice(parts->footer, parts->footer_len), text + len);
    return ses_token_verify(ring, ses_slice(text, len), true, NOW_MS, &f->arena, &got);
}

static struct parts mint(struct fixture *f, const struct ses_keyring *ring)
{
    struct ses_claims claims = fixture_claims();

    return take_apart(fixture_mint(f, ring, &claims));
}

static void the_footer_names_key_and_tag(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct parts parts = mint(f, ring);
    char begin[SES_TAG_FOOTER_LEN];

    int len = snprintf(begin, sizeof(begin), "{\"kid\":\"%s\",\"tag\":\"", ring->active[1]->kid);
    assert_int_equal(parts.footer_len, SES_TAG_FOOTER_LEN);
    assert_int_equal(len + 22 + 2, SES_TAG_FOOTER_LEN);
    assert_memory_equal(parts.footer, begin, (size_t)len);
    assert_memory_equal(parts.footer + SES_TAG_FOOTER_LEN - 2, "\"}", 2);
    assert_int_equal(verify(f, ring, &parts), SES_OK);
    ses_keyring_free(ring);
}

/* sessiond itself does not look at it; whoever has the public key only does. */
static void the_signature_is_not_needed(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct parts parts = mint(f, ring);

    memset(parts.body + parts.body_len - SES_PASETO_SIGNATURE_BYTES, 0, SES_PASETO_SIGNATURE_BYTES);
    assert_int_equal(verify(f, ring, &parts), SES_OK);
    parts.body_len--; /* no more than 64 bytes are its own */
    assert_int_equal(verify(f, ring, &parts), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void the_signature_covers_the_tag(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct parts parts = mint(f, ring);
    const struct ses_key *key = ring->active[1];
    struct ses_paseto_scratch scratch;
    struct ses_paseto_signed body;
    char text[SES_TOKEN_SIZE_MAX];
    size_t len = ses_base64url_encode(ses_slice(parts.body, parts.body_len), text);

    assert_int_equal(ses_paseto_take_apart(ses_slice(text, len), &scratch, &body), SES_OK);
    assert_int_equal(ses_paseto_verify(&scratch, &body, ses_slice(parts.footer, parts.footer_len),
                                       SES_SLICE_EMPTY, key->public_key),
                     SES_OK);
    /* Without its tag it is none of ours: nobody makes the other form of one. */
    memcpy(parts.footer, key->footer.bytes, SES_KEY_FOOTER_LEN);
    parts.footer_len = SES_KEY_FOOTER_LEN;
    assert_int_equal(verify(f, ring, &parts), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

/* A wrong tag under a good signature: only somebody with the key could make it, and nobody of ours does. */
static void a_wrong_tag_is_refused_whatever_the_signature_says(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct parts parts = mint(f, ring);
    const struct ses_key *key = ring->active[1];
    struct ses_paseto_scratch scratch;
    struct ses_claims got;
    char text[5 + SES_PASETO_TEXT_MAX + 1] = "sess_";
    size_t message_len = parts.body_len - SES_PASETO_SIGNATURE_BYTES;

    parts.footer[SES_TAG_FOOTER_LEN - 10] ^= 1;
    memcpy(ses_paseto_message(&scratch), parts.body, message_len);
    size_t len = 5 + ses_paseto_sign(&scratch, message_len, key->secret.bytes,
                                     ses_slice(parts.footer, parts.footer_len), SES_SLICE_EMPTY, text + 5);
    assert_int_equal(ses_token_verify(ring, ses_slice(text, len), true, NOW_MS, &f->arena, &got),
                     SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void another_payload_under_a_right_tag_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct parts parts = mint(f, ring);
    struct parts other;

    claims.minor_amount++;
    other = take_apart(fixture_mint(f, ring, &claims));
    assert_int_equal(verify(f, ring, &other), SES_OK);
    memcpy(other.footer, parts.footer, sizeof(other.footer));
    assert_int_equal(verify(f, ring, &other), SES_UNAUTHENTICATED);
    /* Bytes moved over the border of message and signature: a length is part of what is tagged. */
    other = parts;
    memset(other.body + other.body_len, 'A', 1);
    other.body_len++;
    assert_int_equal(verify(f, ring, &other), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

/* Each key has a tag key of its own; a live key's tag is none under a test key. */
static void a_tag_of_another_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct parts parts = mint(f, ring);
    struct ses_paseto_scratch scratch;

    memcpy(ses_paseto_message(&scratch), parts.body, parts.body_len);
    for (int test = 0; test < 2; test++) {
        ses_tag_footer(ring->active[test], &scratch, parts.body_len - SES_PASETO_SIGNATURE_BYTES,
                       parts.footer);
        memcpy(parts.footer, ring->active[1]->footer.bytes, SES_TAG_NAME_LEN);
        assert_int_equal(verify(f, ring, &parts), test == 1 ? SES_OK : SES_UNAUTHENTICATED);
    }
    ses_keyring_free(ring);
}

/* The tag stands in a footer of one form, to the byte. %1$s: key, %2$s: the right tag. */
static void footers_of_another_form_are_refused(void **state)
{
    static const char *const footers[] = {
        "{\"kid\":\"%1$s\",\"tag\":\"\"}",
        "{\"kid\":\"%1$s\",\"a\":1}",
        "{\"kid\":\"%1$s\"} ",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$.21s\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$sA\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s==\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s%2$s\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s\",\"tag\":\"%2$s\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s\",\"wpk\":\"\"}",
        "{\"kid\":\"%1$s\",\"gat\":\"%2$s\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s\"} ",
        "{\"kid\":\"%1$s\", \"tag\":\"%2$s\"}",
        "{\"kid\":\"%1$s\",\"tag\":\"%2$s\"",
        "{\"tag\":\"%2$s\",\"kid\":\"%1$s\"}",
        "{\"kid\":\"%1$s\",\"kid\":\"%1$s\",\"tag\":\"%2$s\"}",
        "{\"tag\":\"%2$s\"}",
        "{}",
        "%2$s",
    };
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    const char *kid = ring->active[1]->kid;
    struct ses_claims claims = fixture_claims();
    struct parts parts = mint(f, ring);
    struct parts plain =
        take_apart(fixture_mint_as(f, ring, &claims, SES_TOKEN_PLAIN)); /* whose signature holds */
    char tag[23] = "";
    char footer[SES_PASETO_FOOTER_MAX];

    memcpy(tag, parts.footer + SES_TAG_FOOTER_LEN - 24, 22);
    (void)snprintf(footer, sizeof(footer), "{\"kid\":\"%s\",\"tag\":\"%s\"}", kid, tag);
    set_footer(&parts, footer);
    assert_int_equal(verify(f, ring, &parts), SES_OK);
    for (size_t i = 0; i < sizeof(footers) / sizeof(footers[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(footer, sizeof(footer), footers[i], kid, tag);
#pragma GCC diagnostic pop
        set_footer(&parts, footer);
        set_footer(&plain, footer);
        if (verify(f, ring, &parts) != SES_UNAUTHENTICATED || verify(f, ring, &plain) != SES_UNAUTHENTICATED)
            fail_msg("accepted: %s", footer);
    }
    ses_keyring_free(ring);
}

/* It goes with its signing key: known before it signs, good while it verifies, gone when it is revoked. */
static void the_tag_lives_and_ends_with_its_key(void **state)
{
    struct fixture *f = *state;
    char first[SES_KID_SIZE];
    char second[SES_KID_SIZE];
    struct ses_keyring *before;
    struct ses_keyring *after;
    struct ses_keyring *revoked;

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, first);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, second), SES_OK);
    before = fixture_load(f);
    struct parts old = mint(f, before);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(second), SES_KEY_ACTIVE, &f->fault), SES_OK);
    after = fixture_load(f);
    struct parts fresh = mint(f, after);

    /* Signatures say nothing here, so that it is the tags that are known. */
    memset(old.body + old.body_len - SES_PASETO_SIGNATURE_BYTES, 0, SES_PASETO_SIGNATURE_BYTES);
    memset(fresh.body + fresh.body_len - SES_PASETO_SIGNATURE_BYTES, 0, SES_PASETO_SIGNATURE_BYTES);
    assert_int_equal(verify(f, after, &old), SES_OK);
    assert_int_equal(verify(f, before, &fresh), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(first), SES_KEY_REVOKED, &f->fault), SES_OK);
    revoked = fixture_load(f);
    assert_int_equal(verify(f, revoked, &old), SES_UNAUTHENTICATED);
    assert_int_equal(verify(f, revoked, &fresh), SES_OK);
    ses_keyring_free(before);
    ses_keyring_free(after);
    ses_keyring_free(revoked);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(the_footer_names_key_and_tag),
        WITH_RING(the_signature_is_not_needed),
        WITH_RING(the_signature_covers_the_tag),
        WITH_RING(a_wrong_tag_is_refused_whatever_the_signature_says),
        WITH_RING(another_payload_under_a_right_tag_is_refused),
        WITH_RING(a_tag_of_another_key_is_refused),
        WITH_RING(footers_of_another_form_are_refused),
        WITH_RING(the_tag_lives_and_ends_with_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
