/* The published vectors of PASETO v4 and PASERK k4, and our own (tests/conformance). */
#include "paserk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#include "claims.h"
#include "key_derive.h"
#include "keyfile.h"
#include "tag.h"

#define TEXT_MAX 8192

static unsigned vectors_run; /* of the file at hand; a renamed member must not turn a test into nothing */

static json_t *vectors_load(const char *name)
{
    const char *source = getenv("SES_SOURCE_DIR");
    char path[4096];
    json_error_t error;

    (void)snprintf(path, sizeof(path), "%s/tests/conformance/%s", source == NULL ? "." : source, name);
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL)
        fail_msg("%s: %s", path, error.text);
    vectors_run = 0;
    return root;
}

static struct ses_slice member(const json_t *vector, const char *name)
{
    const json_t *value = json_object_get(vector, name);

    return json_is_string(value) ? ses_slice(json_string_value(value), json_string_length(value))
                                 : SES_SLICE_EMPTY;
}

static struct ses_slice member_hex(const json_t *vector, const char *name, uint8_t *ret_bytes, size_t room)
{
    size_t len = 0;

    assert_int_equal(ses_hex_decode(member(vector, name), ret_bytes, room, &len), SES_OK);
    return ses_slice(ret_bytes, len);
}

static void check_text(const json_t *vector, const char *what, struct ses_slice got, struct ses_slice wanted)
{
    if (!ses_slice_eq(got, wanted))
        fail_msg("%s: %s: got %.*s", json_string_value(json_object_get(vector, "name")), what, SES_FMT(got));
}

/* What ses_token_verify does after the key is found, for any footer. */
static enum ses_status open_public(const json_t *vector, struct ses_paseto_scratch *scratch,
                                   struct ses_slice *ret_message)
{
    uint8_t public_key[64] = {0};
    struct ses_paseto_signed body;
    struct ses_paseto_parts parts;

    (void)member_hex(vector, "public-key", public_key, sizeof(public_key));
    SES_TRY(ses_paseto_split(member(vector, "token"), SES_PASETO_PUBLIC_HEADER, &parts));
    if (!ses_paseto_footer_is(parts.footer, member(vector, "footer")))
        return SES_UNAUTHENTICATED;
    SES_TRY(ses_paseto_take_apart(parts.body, scratch, &body));
    *ret_message = ses_slice(ses_paseto_message(scratch), body.message_len);
    return ses_paseto_verify(scratch, &body, member(vector, "footer"), member(vector, "implicit-assertion"),
                             public_key);
}

static void put_message(struct ses_paseto_scratch *scratch, struct ses_slice payload)
{
    assert_in_range(payload.len, 1, SES_PASETO_MESSAGE_MAX);
    for (size_t i = 0; i < payload.len; i++)
        ses_paseto_message(scratch)[i] = payload.data[i];
}

static void run_public(const json_t *vector)
{
    struct ses_paseto_scratch scratch;
    struct ses_slice message = SES_SLICE_EMPTY;
    struct ses_slice payload = member(vector, "payload");
    uint8_t secret_key[SES_PASETO_SECRET_BYTES];
    char text[SES_PASETO_TEXT_MAX + 1];

    assert_int_equal(open_public(vector, &scratch, &message), SES_OK);
    check_text(vector, "payload", message, payload);
    (void)member_hex(vector, "secret-key", secret_key, sizeof(secret_key));
    put_message(&scratch, payload);
    size_t len = ses_paseto_sign(&scratch, payload.len, secret_key, member(vector, "footer"),
                                 member(vector, "implicit-assertion"), text);
    assert_int_equal(len, ses_paseto_public_len(payload.len, member(vector, "footer").len));
    check_text(vector, "token", ses_slice(text, len), member(vector, "token"));
}

static enum ses_status open_local(const json_t *vector, struct ses_paseto_scratch *scratch,
                                  struct ses_slice *ret_message)
{
    struct ses_paseto_parts parts;
    uint8_t key[32] = {0};

    (void)member_hex(vector, "key", key, sizeof(key));
    SES_TRY(ses_paseto_split(member(vector, "token"), SES_PASETO_LOCAL_HEADER, &parts));
    if (!ses_paseto_footer_is(parts.footer, member(vector, "footer")))
        return SES_UNAUTHENTICATED;
    return ses_paseto_decrypt(parts.body, member(vector, "footer"), member(vector, "implicit-assertion"), key,
                              scratch, ret_message);
}

static void run_local(const json_t *vector)
{
    struct ses_paseto_scratch scratch;
    struct ses_slice message = SES_SLICE_EMPTY;
    struct ses_slice payload = member(vector, "payload");
    uint8_t key[SES_PASETO_LOCAL_KEY_BYTES];
    uint8_t nonce[SES_PASETO_NONCE_BYTES];
    char text[SES_PASETO_TEXT_MAX + 1];

    assert_int_equal(open_local(vector, &scratch, &message), SES_OK);
    check_text(vector, "payload", message, payload);
    assert_int_equal(member_hex(vector, "key", key, sizeof(key)).len, sizeof(key));
    assert_int_equal(member_hex(vector, "nonce", nonce, sizeof(nonce)).len, sizeof(nonce));
    put_message(&scratch, payload);
    size_t len = ses_paseto_encrypt(&scratch, payload.len, key, nonce, member(vector, "footer"),
                                    member(vector, "implicit-assertion"), text);
    assert_int_equal(len, ses_paseto_local_len(payload.len, member(vector, "footer").len));
    check_text(vector, "token", ses_slice(text, len), member(vector, "token"));
}

/* A vector with a public key is for a verifier, one with a symmetric key for a decrypter. (4-F-1 is the
 * confusion attack itself: a v4.local token made with an Ed25519 public key as its symmetric key; decrypting
 * it is no fault, verifying it is.) */
static void run_failing(const json_t *vector)
{
    struct ses_paseto_scratch scratch;
    struct ses_slice message = SES_SLICE_EMPTY;
    bool for_verifier = json_object_get(vector, "public-key") != NULL;

    if ((for_verifier ? open_public : open_local)(vector, &scratch, &message) == SES_OK)
        fail_msg("%s was accepted", json_string_value(json_object_get(vector, "name")));
}

static unsigned run_named(const char *file, const char *prefix, void (*run)(const json_t *vector))
{
    json_t *root = vectors_load(file);
    size_t i;
    json_t *vector;

    json_array_foreach(json_object_get(root, "tests"), i, vector) {
        if (!ses_slice_starts(member(vector, "name"), ses_slice_str(prefix)))
            continue;
        run(vector);
        vectors_run++;
    }
    json_decref(root);
    return vectors_run;
}

static void paseto_v4_public(void **state)
{
    (void)state;
    assert_int_equal(run_named("paseto-v4.json", "4-S-", run_public), 3);
}

static void paseto_v4_local(void **state)
{
    (void)state;
    assert_int_equal(run_named("paseto-v4.json", "4-E-", run_local), 9);
}

static void paseto_v4_must_fail(void **state)
{
    (void)state;
    assert_int_equal(run_named("paseto-v4.json", "4-F-", run_failing), 5);
}

/* Ours: what derived keys, ids, claims and footers come to together. */
static void run_session_token(const json_t *vector)
{
    struct ses_slice claims = member(vector, "claims");
    uint8_t secret_key[SES_PASETO_SECRET_BYTES];
    uint8_t public_key[SES_PASETO_PUBLIC_BYTES];
    uint8_t bytes[SES_PASETO_NONCE_BYTES];
    struct ses_paseto_scratch scratch;
    char text[5 + SES_PASETO_TEXT_MAX + 1] = "sess_";
    char footer[SES_KEY_FOOTER_LEN + 1];
    char kid[SES_KID_SIZE];
    struct ses_secret keys;
    size_t len;

    (void)member_hex(vector, "seed", bytes, sizeof(bytes));
    (void)crypto_sign_seed_keypair(public_key, secret_key, bytes);
    assert_int_equal(ses_keys_derive(secret_key, &keys), SES_OK);
    struct ses_slice local = ses_slice(ses_derived_key(&keys, SES_DERIVED_LOCAL), SES_PASETO_LOCAL_KEY_BYTES);
    check_text(vector, "local-key", member_hex(vector, "local-key", bytes, sizeof(bytes)), local);
    assert_int_equal(ses_paserk_lid(local, kid), SES_OK);
    check_text(vector, "lid", ses_slice_str(kid), member(vector, "lid"));
    (void)snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", kid);
    (void)member_hex(vector, "nonce", bytes, sizeof(bytes));
    put_message(&scratch, claims);
    len = ses_paseto_encrypt(&scratch, claims.len, local.data, bytes, ses_slice_str(footer), SES_SLICE_EMPTY,
                             text + 5);
    check_text(vector, "local", ses_slice(text, 5 + len), member(vector, "local"));
    ses_secret_free(&keys);

    assert_int_equal(ses_paserk_pid(ses_slice(public_key, sizeof(public_key)), kid), SES_OK);
    check_text(vector, "pid", ses_slice_str(kid), member(vector, "pid"));
    (void)snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", kid);
    put_message(&scratch, claims);
    len = ses_paseto_sign(&scratch, claims.len, secret_key, ses_slice_str(footer), SES_SLICE_EMPTY, text + 5);
    check_text(vector, "public", ses_slice(text, 5 + len), member(vector, "public"));
}

/* The same claims with a tag: its key, itself, and the token that is signed over it. */
static void run_session_tag(const json_t *vector)
{
    struct ses_slice claims = member(vector, "claims");
    struct ses_key key = {.kid = ""};
    struct ses_paseto_scratch scratch;
    uint8_t bytes[SES_DERIVED_KEY_BYTES];
    char footer[SES_TAG_FOOTER_LEN];
    char text[5 + SES_PASETO_TEXT_MAX + 1] = "sess_";
    char tag[SES_BASE64URL_SIZE(SES_TAG_BYTES)];

    assert_int_equal(ses_secret_new(SES_PASETO_SECRET_BYTES, &key.secret), SES_OK);
    (void)member_hex(vector, "seed", bytes, sizeof(bytes));
    (void)crypto_sign_seed_keypair(key.public_key, key.secret.bytes, bytes);
    (void)snprintf(key.footer.bytes, sizeof(key.footer.bytes), "{\"kid\":\"%.*s\"",
                   SES_FMT(member(vector, "pid")));
    assert_int_equal(ses_key_derive(&key), SES_OK);
    check_text(vector, "tag-key", ses_slice(ses_derived_key(&key.derived, SES_DERIVED_TAG), sizeof(bytes)),
               member_hex(vector, "tag-key", bytes, sizeof(bytes)));
    put_message(&scratch, claims);
    ses_tag_footer(&key, &scratch, claims.len, footer);
    size_t len = ses_base64url_encode(member_hex(vector, "tag", bytes, sizeof(bytes)), tag);
    check_text(vector, "tag", ses_slice(footer + sizeof(footer) - 2 - len, len), ses_slice(tag, len));
    len = ses_paseto_sign(&scratch, claims.len, key.secret.bytes, ses_slice(footer, sizeof(footer)),
                          SES_SLICE_EMPTY, text + 5);
    check_text(vector, "tagged", ses_slice(text, 5 + len), member(vector, "tagged"));
    ses_key_done(&key);
}

static void run_session_claims(const json_t *vector)
{
    struct ses_claims claims;
    struct ses_arena arena;
    uint8_t again[SES_PASETO_MESSAGE_MAX];
    size_t len = 0;

    ses_arena_init(&arena, TEXT_MAX);
    assert_int_equal(ses_claims_decode(member(vector, "claims"), &arena, &claims), SES_OK);
    assert_int_equal(ses_claims_encode(&claims, again, sizeof(again), &len), SES_OK);
    check_text(vector, "claims", ses_slice(again, len), member(vector, "claims"));
    ses_arena_done(&arena);
}

typedef enum ses_status (*encode_fn)(struct ses_slice key, char *ret_text);

/* Decoding is checked where the type can be decoded; NULL for ids. */
static void run_paserk(const char *file, unsigned count, encode_fn encode,
                       enum ses_status (*decode)(struct ses_slice text, uint8_t *ret_key))
{
    json_t *root = vectors_load(file);
    uint8_t bytes[256];
    uint8_t decoded[64];
    char text[TEXT_MAX];
    size_t i;
    json_t *vector;

    json_array_foreach(json_object_get(root, "tests"), i, vector) {
        struct ses_slice key = member_hex(vector, "key", bytes, sizeof(bytes));
        bool must_fail = json_is_true(json_object_get(vector, "expect-fail"));

        assert_int_equal(encode(key, text) != SES_OK, must_fail);
        vectors_run++;
        if (must_fail)
            continue;
        check_text(vector, "paserk", ses_slice_str(text), member(vector, "paserk"));
        if (decode != NULL) {
            assert_int_equal(decode(member(vector, "paserk"), decoded), SES_OK);
            assert_memory_equal(decoded, key.data, key.len);
        }
    }
    json_decref(root);
    assert_int_equal(vectors_run, count);
}

static void session_tokens(void **state)
{
    (void)state;
    assert_int_equal(run_named("sessiond-tokens.json", "S-", run_session_token), 4);
    assert_int_equal(run_named("sessiond-tokens.json", "S-", run_session_claims), 4);
    assert_int_equal(run_named("sessiond-tokens.json", "S-", run_session_tag), 4);
}

static void paserk_pid(void **state)
{
    (void)state;
    run_paserk("paserk-k4.pid.json", 5, ses_paserk_pid, NULL);
}

static void paserk_lid(void **state)
{
    (void)state;
    run_paserk("paserk-k4.lid.json", 4, ses_paserk_lid, NULL);
}

static void paserk_public(void **state)
{
    (void)state;
    run_paserk("paserk-k4.public.json", 4, ses_paserk_public_encode, ses_paserk_public_decode);
}

static void paserk_secret(void **state)
{
    (void)state;
    run_paserk("paserk-k4.secret.json", 5, ses_paserk_secret_encode, ses_paserk_secret_decode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paseto_v4_public),    cmocka_unit_test(paseto_v4_local),
        cmocka_unit_test(paseto_v4_must_fail), cmocka_unit_test(paserk_pid),
        cmocka_unit_test(paserk_lid),          cmocka_unit_test(paserk_public),
        cmocka_unit_test(paserk_secret),       cmocka_unit_test(session_tokens),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
