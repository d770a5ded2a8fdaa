#include "ring_fixture.h"

#include "claims.h"
#include "ring.h"

#include <sessiond/base/encode.h>

/* Every test here is of both kinds of tokens: what is promised of one is promised of the other. */
static const char *head_of(const struct fixture *f)
{
    return f->purpose == SES_TOKEN_LOCAL ? "sess_v4.local." : "sess_v4.public.";
}

/* Claims and footer of two texts, the first of which is a token; what the second differs in is its signature. */
static bool say_the_same(const struct fixture *f, struct ses_slice token, struct ses_slice other)
{
    struct ses_slice texts[2] = {token, other};
    struct ses_paseto_parts parts[2];
    uint8_t body[2][2048];
    size_t len[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        if (!ses_slice_starts(texts[i], SES_STR(SES_TOKEN_PREFIX)) ||
            ses_paseto_split(ses_slice_cut(texts[i], 5, texts[i].len), head_of(f) + 5, &parts[i]) != SES_OK ||
            ses_base64url_decode(parts[i].body, body[i], sizeof(body[i]), &len[i]) != SES_OK)
            return false;
    }
    return ses_slice_eq(parts[0].footer, parts[1].footer) && len[0] == len[1] &&
           memcmp(body[0], body[1], len[0] - SES_PASETO_SIGNATURE_BYTES) == 0;
}

/* A tag vouches for all but the signature, and an altered token is refused for whatever else it is. */
static bool may_be_taken(const struct fixture *f, struct ses_slice token, struct ses_slice altered)
{
    return f->purpose == SES_TOKEN_PUBLIC && say_the_same(f, token, altered);
}

/* Base64url of one kind's body under the header of f's. */
static size_t put_token(const struct fixture *f, struct ses_slice body, struct ses_slice footer_text,
                        char text[SES_TOKEN_SIZE_MAX + 1])
{
    size_t len = strlen(head_of(f));

    memcpy(text, head_of(f), len);
    len += ses_base64url_encode(body, text + len);
    text[len++] = '.';
    memcpy(text + len, footer_text.data, footer_text.len);
    return len + footer_text.len;
}

static void minted_token_says_what_was_asked(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);

    assert_true(ses_slice_starts(token, ses_slice_str(head_of(f))));
    assert_int_equal(ses_token_verify(ring, token, true, NOW_MS, &f->arena, &got), SES_OK);
    assert_memory_equal(got.session_id, claims.session_id, sizeof(got.session_id));
    assert_true(ses_slice_eq(got.issuer, claims.issuer));
    assert_true(ses_slice_eq(got.audience, claims.audience));
    assert_true(ses_slice_eq(got.merchant, claims.merchant));
    assert_true(ses_slice_eq(got.connector, claims.connector));
    assert_true(ses_slice_eq(got.currency, claims.currency));
    assert_true(ses_slice_eq(got.browser_fields, claims.browser_fields));
    assert_int_equal(got.issued_ms, NOW_MS / 1000 * 1000);
    assert_int_equal(got.expires_ms, (NOW_MS + 900000) / 1000 * 1000);
    assert_int_equal(got.generation, 3);
    assert_int_equal(got.minor_amount, 10000);
    assert_true(got.test);
    assert_memory_equal(got.merchant_session_hash, claims.merchant_session_hash, SES_HASH_BYTES);
    assert_memory_equal(got.browser_hash, claims.browser_hash, SES_HASH_BYTES);
    ses_keyring_free(ring);
}

static void both_purposes_mint(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};

    for (int test = 0; test < 2; test++) {
        claims.test = test == 1;
        struct ses_slice token = fixture_mint(f, ring, &claims);
        assert_int_equal(ses_token_verify(ring, token, test == 1, NOW_MS, &f->arena, &got), SES_OK);
        /* A test token is worth nothing in a live call, and the other way round; that is told, whatever its time. */
        assert_int_equal(ses_token_verify(ring, token, test == 0, NOW_MS, &f->arena, &got),
                         SES_FAILED_PRECONDITION);
        assert_int_equal(ses_token_verify(ring, token, test == 0, UINT64_MAX, &f->arena, &got),
                         SES_FAILED_PRECONDITION);
    }
    ses_keyring_free(ring);
}

static void every_character_counts(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    char text[SES_TOKEN_SIZE_MAX];
    unsigned taken = 0;

    for (size_t i = 0; i < 8 * token.len; i++) {
        memcpy(text, token.data, token.len);
        text[i / 8] = (char)((unsigned char)text[i / 8] ^ (1u << i % 8));
        struct ses_slice altered = ses_slice(text, token.len);
        enum ses_status status = ses_token_verify(ring, altered, true, NOW_MS, &f->arena, &got);

        if (status != (may_be_taken(f, token, altered) ? SES_OK : SES_UNAUTHENTICATED))
            fail_msg("bit %zu of character %zu altered: %d", i % 8, i / 8, (int)status);
        taken += status == SES_OK;
    }
    assert_true((taken > 0) == (f->purpose == SES_TOKEN_PUBLIC));
    ses_keyring_free(ring);
}

/* The same below base64url: each byte of claims and signature, or nonce, ciphertext and MAC, encoded again. */
static void every_signed_byte_counts(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    struct ses_paseto_parts parts;
    uint8_t body[2048];
    char text[SES_TOKEN_SIZE_MAX + 1];
    size_t body_len = 0;

    assert_int_equal(ses_paseto_split(ses_slice_cut(token, 5, token.len), head_of(f) + 5, &parts), SES_OK);
    assert_int_equal(ses_base64url_decode(parts.body, body, sizeof(body), &body_len), SES_OK);
    for (size_t i = 0; i < body_len; i++) {
        for (unsigned delta = 1; delta < 256; delta *= 2) {
            body[i] ^= (uint8_t)delta;
            size_t len = put_token(f, ses_slice(body, body_len), parts.footer, text);
            assert_int_equal(len, token.len);
            assert_int_equal(ses_token_verify(ring, ses_slice(text, len), true, NOW_MS, &f->arena, &got),
                             may_be_taken(f, token, ses_slice(text, len)) ? SES_OK : SES_UNAUTHENTICATED);
            body[i] ^= (uint8_t)delta;
        }
    }
    ses_keyring_free(ring);
}

static void every_cut_and_every_addition_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    static const char *const tails[] = {".", "=", "A", "..", ".e30", " ", "\n"};
    char text[SES_TOKEN_SIZE_MAX];

    for (size_t len = 0; len < token.len; len++)
        assert_int_equal(ses_token_verify(ring, ses_slice_cut(token, 0, len), true, NOW_MS, &f->arena, &got),
                         SES_UNAUTHENTICATED);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        memcpy(text, token.data, token.len);
        memcpy(text + token.len, tails[i], strlen(tails[i]));
        assert_int_equal(ses_token_verify(ring, ses_slice(text, token.len + strlen(tails[i])), true, NOW_MS,
                                          &f->arena, &got),
                         SES_UNAUTHENTICATED);
    }
    ses_keyring_free(ring);
}

/* The body of a good token under other headers, and none at all. */
static void other_versions_and_purposes_are_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    struct ses_slice rest = ses_slice_cut(token, strlen(head_of(f)), token.len);
    static const char *const heads[] = {
        "sess_v4.local.",  "sess_v4.public.", "sess_v3.public.",      "sess_v2.public.",
        "sess_v1.public.", "sess_v3.local.",  "sess_v4.publiC.",      "sess_v4.locaL.",
        "sess_v4..",       "sess_",           "v4.public.",           "v4.local.",
        "SESS_v4.public.", "SESS_v4.local.",  "sess_sess_v4.public.", "sess_sess_v4.local."};
    char text[SES_TOKEN_SIZE_MAX];

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (strcmp(heads[i], head_of(f)) == 0)
            continue;
        int len = snprintf(text, sizeof(text), "%s%.*s", heads[i], SES_FMT(rest));
        assert_int_equal(ses_token_verify(ring, ses_slice(text, (size_t)len), true, NOW_MS, &f->arena, &got),
                         SES_UNAUTHENTICATED);
    }
    ses_keyring_free(ring);
}

static void oversize_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    static char merchant[2048];
    char text[SES_TOKEN_SIZE_MAX];
    size_t len = 7;
    size_t fits = 0;

    memset(merchant, 'm', sizeof(merchant));
    for (size_t n = 1; n < sizeof(merchant); n++) {
        claims.merchant = ses_slice(merchant, n);
        enum ses_status status = ses_token_mint(ring, &claims, f->purpose, text, &len);
        if (status != SES_OK) {
            assert_int_equal(status, SES_TOO_LARGE);
            fits = n - 1;
            break;
        }
        assert_in_range(len, 1, SES_TOKEN_SIZE_MAX);
    }
    /* The largest that fits is a good token; that the limit is not far below SES_TOKEN_SIZE_MAX shows too. */
    claims.merchant = ses_slice(merchant, fits);
    struct ses_slice token = fixture_mint(f, ring, &claims);
    assert_in_range(token.len, SES_TOKEN_SIZE_MAX - 8, SES_TOKEN_SIZE_MAX);
    assert_int_equal(ses_token_verify(ring, token, true, NOW_MS, &f->arena, &got), SES_OK);
    static uint8_t huge[SES_TOKEN_SIZE_MAX + 1];
    memset(huge, 'A', sizeof(huge));
    memcpy(huge, token.data, strlen(head_of(f)));
    assert_int_equal(ses_token_verify(ring, ses_slice(huge, sizeof(huge)), true, NOW_MS, &f->arena, &got),
                     SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void times_hold_to_the_second(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    uint64_t from = NOW_MS / 1000 * 1000;
    uint64_t until = (NOW_MS + 900000) / 1000 * 1000;

    /* A clock that has gone back refuses nothing that we signed. */
    assert_int_equal(ses_token_verify(ring, token, true, from - 1, &f->arena, &got), SES_OK);
    assert_int_equal(ses_token_verify(ring, token, true, from - 86400000, &f->arena, &got), SES_OK);
    /* 0: the caller judges the time. */
    assert_int_equal(ses_token_verify(ring, token, true, 0, &f->arena, &got), SES_OK);
    assert_int_equal(ses_token_verify(ring, token, true, until - 1, &f->arena, &got), SES_OK);
    assert_int_equal(ses_token_verify(ring, token, true, until, &f->arena, &got), SES_EXPIRED);
    assert_int_equal(ses_token_verify(ring, token, true, UINT64_MAX, &f->arena, &got), SES_EXPIRED);
    ses_keyring_free(ring);
}

static void key_of_another_ring_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    void *other_state = NULL;
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};

    assert_int_equal(fixture_setup(&other_state), 0);
    struct fixture *other = other_state;
    struct ses_keyring *other_ring = fixture_load(other);
    struct ses_slice token = fixture_mint_as(other, other_ring, &claims, f->purpose);
    assert_int_equal(ses_token_verify(other_ring, token, true, NOW_MS, &f->arena, &got), SES_OK);
    assert_int_equal(ses_token_verify(ring, token, true, NOW_MS, &f->arena, &got), SES_UNAUTHENTICATED);

    /* Nor does naming one of our keys help a signature by another; a tag of ours is that of other claims. */
    claims.minor_amount++;
    struct ses_slice ours = fixture_mint(f, ring, &claims);
    char text[SES_TOKEN_SIZE_MAX];
    size_t footer_at =
        strlen(head_of(f)) + ses_slice_find(ses_slice_cut(token, strlen(head_of(f)), token.len), '.');
    memcpy(text, token.data, token.len);
    memcpy(text + footer_at, ours.data + footer_at, token.len - footer_at);
    assert_int_equal(ses_token_verify(ring, ses_slice(text, token.len), true, NOW_MS, &f->arena, &got),
                     SES_UNAUTHENTICATED);
    ses_keyring_free(other_ring);
    ses_keyring_free(ring);
    (void)fixture_teardown(&other_state);
}

/* Claims that nobody mints, under a good signature or MAC: that alone is not enough. */
static enum ses_status verify_signed(struct fixture *f, const struct ses_keyring *ring, const char *json)
{
    const struct ses_key *key = ring->active[1];
    static const uint8_t nonce[SES_PASETO_NONCE_BYTES];
    struct ses_paseto_scratch scratch;
    struct ses_claims got = {0};
    char text[5 + SES_PASETO_TEXT_MAX + 1] = "sess_";
    size_t len = 5;

    memcpy(ses_paseto_message(&scratch), json, strlen(json));
    if (f->purpose == SES_TOKEN_LOCAL)
        len += ses_paseto_encrypt(&scratch, strlen(json), ses_derived_key(&key->derived, SES_DERIVED_LOCAL),
                                  nonce, ses_slice(key->local.bytes, sizeof(key->local.bytes)),
                                  SES_SLICE_EMPTY, text + 5);
    else
        len += ses_paseto_sign(&scratch, strlen(json), key->secret.bytes,
                               ses_slice(key->footer.bytes, sizeof(key->footer.bytes)), SES_SLICE_EMPTY,
                               text + 5);
    return ses_token_verify(ring, ses_slice(text, len), true, NOW_MS, &f->arena, &got);
}

#define GOOD_HEAD                                                                                            \
    "{\"iss\":\"a\",\"aud\":\"b\",\"jti\":\"00112233445566778899aabbccddeeff\",\"iat\":\"2026-01-02T03:04:"  \
    "05Z\","
#define GOOD_MID                                                                                             \
    "\"nbf\":\"2026-01-02T03:04:05Z\",\"exp\":\"2026-01-02T04:04:05Z\",\"sub\":\"m\",\"gen\":1,\"con\":"     \
    "\"c\","
#define GOOD_TAIL                                                                                            \
    "\"amt\":5,\"cur\":\"USD\",\"test\":true,\"msh\":\"ERERERERERERERERERERERERERERERERERERERERERE\"}"

static void good_signature_over_bad_claims_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{",
        GOOD_HEAD GOOD_MID "\"amt\":5,\"amt\":5," GOOD_TAIL,
        GOOD_HEAD GOOD_MID "\"sub\":\"other\"," GOOD_TAIL,
        GOOD_HEAD GOOD_MID "\"admin\":true," GOOD_TAIL,
        GOOD_HEAD GOOD_MID GOOD_TAIL "{}",
        GOOD_HEAD GOOD_TAIL,
        GOOD_HEAD
        "\"nbf\":\"2026-01-02T03:04:04Z\",\"exp\":\"2026-01-02T04:04:05Z\",\"sub\":\"m\",\"gen\":1,\"con\":"
        "\"c\"," GOOD_TAIL,
    };

    static const char good[] = GOOD_HEAD GOOD_MID GOOD_TAIL;
    assert_int_equal(verify_signed(f, ring, good), SES_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(verify_signed(f, ring, bad[i]), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void live_claim_under_test_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    uint8_t json[SES_PASETO_MESSAGE_MAX + 1];
    size_t len = 0;

    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json) - 1, &len), SES_OK);
    json[len] = '\0';
    assert_int_equal(verify_signed(f, ring, (const char *)json), SES_OK);
    claims.test = false;
    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json) - 1, &len), SES_OK);
    json[len] = '\0';
    assert_int_equal(verify_signed(f, ring, (const char *)json), SES_UNAUTHENTICATED);
    ses_keyring_free(ring);
}

static void arena_too_small_is_said(void **state)
{
    struct fixture *f = *state;
    struct ses_keyring *ring = fixture_load(f);
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_slice token = fixture_mint(f, ring, &claims);
    struct ses_arena small;

    ses_arena_init(&small, 16);
    assert_int_equal(ses_token_verify(ring, token, true, NOW_MS, &small, &got), SES_NO_MEMORY);
    ses_arena_done(&small);
    ses_keyring_free(ring);
}

int main(void)
{
#define WITH_RING(test)                                                                                      \
    {#test, test, fixture_setup, fixture_teardown, NULL},                                                    \
        {#test " (local)", test, fixture_setup_local, fixture_teardown, NULL},                               \
    {                                                                                                        \
#test " (plain)", test, fixture_setup_plain, fixture_teardown, NULL                                  \
    }
    const struct CMUnitTest tests[] = {
        WITH_RING(minted_token_says_what_was_asked),
        WITH_RING(both_purposes_mint),
        WITH_RING(every_character_counts),
        WITH_RING(every_signed_byte_counts),
        WITH_RING(every_cut_and_every_addition_is_refused),
        WITH_RING(other_versions_and_purposes_are_refused),
        WITH_RING(oversize_is_refused),
        WITH_RING(times_hold_to_the_second),
        WITH_RING(key_of_another_ring_is_unknown),
        WITH_RING(good_signature_over_bad_claims_is_refused),
        WITH_RING(live_claim_under_test_key_is_refused),
        WITH_RING(arena_too_small_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
