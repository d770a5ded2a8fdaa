/* Everything that reads a token: any bytes give claims or a refusal. The first byte chooses the reader.
 * Claims that were accepted are written again, and that text reads back as the same text. */
#include <sodium.h>

#include <sessiond/base/random.h>
#include <sessiond/base/rfc3339.h>

#include "claims.h"
#include "paserk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES_MAX (64u * 1024)

static void read_claims(struct ses_slice json)
{
    struct ses_claims claims;
    struct ses_arena arena;
    uint8_t first[4096];
    uint8_t second[4096];
    size_t first_len = 0;
    size_t second_len = 0;

    ses_arena_init(&arena, ARENA_BYTES_MAX);
    if (ses_claims_decode(json, &arena, &claims) == SES_OK &&
        ses_claims_encode(&claims, first, sizeof(first), &first_len) == SES_OK) {
        SES_REQUIRE(ses_claims_decode(ses_slice(first, first_len), &arena, &claims) == SES_OK);
        SES_REQUIRE(ses_claims_encode(&claims, second, sizeof(second), &second_len) == SES_OK);
        SES_REQUIRE(ses_slice_eq(ses_slice(first, first_len), ses_slice(second, second_len)));
    }
    ses_arena_done(&arena);
}

/* A fixed key pair, so that a signature in the corpus can hold. */
static void read_public(struct ses_slice token)
{
    static const uint8_t seed[32] = {7};
    uint8_t secret_key[SES_PASETO_SECRET_BYTES];
    uint8_t public_key[SES_PASETO_PUBLIC_BYTES];
    struct ses_paseto_scratch scratch;
    struct ses_paseto_signed body;
    struct ses_paseto_parts parts;

    (void)crypto_sign_seed_keypair(public_key, secret_key, seed);
    if (ses_paseto_split(token, SES_PASETO_PUBLIC_HEADER, &parts) == SES_OK &&
        ses_paseto_take_apart(parts.body, &scratch, &body) == SES_OK &&
        ses_paseto_verify(&scratch, &body, parts.footer, SES_SLICE_EMPTY, public_key) == SES_OK)
        read_claims(ses_slice(ses_paseto_message(&scratch), body.message_len));
}

static void read_local(struct ses_slice token)
{
    static const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES] = {7};
    struct ses_paseto_scratch scratch;
    struct ses_paseto_parts parts;
    struct ses_slice message;

    if (ses_paseto_split(token, SES_PASETO_LOCAL_HEADER, &parts) == SES_OK &&
        ses_paseto_decrypt(parts.body, parts.footer, SES_SLICE_EMPTY, key, &scratch, &message) == SES_OK)
        read_claims(message);
}

static void read_texts(struct ses_slice text)
{
    uint8_t key[SES_PASETO_SECRET_BYTES];
    char again[SES_PASERK_SECRET_SIZE];
    uint64_t seconds = 0;

    if (ses_paserk_public_decode(text, key) == SES_OK) {
        SES_REQUIRE(ses_paserk_public_encode(ses_slice(key, SES_PASETO_PUBLIC_BYTES), again) == SES_OK);
        SES_REQUIRE(ses_slice_eq_str(text, again));
    }
    if (ses_paserk_secret_decode(text, key) == SES_OK) {
        SES_REQUIRE(ses_paserk_secret_encode(ses_slice(key, sizeof(key)), again) == SES_OK);
        SES_REQUIRE(ses_slice_eq_str(text, again));
    }
    (void)ses_paserk_pid_check(text);
    (void)!ses_rfc3339_decode(text, &seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct ses_slice) = {read_claims, read_public, read_local, read_texts};

    ses_random_init();
    if (size > 0)
        readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](ses_slice(data + 1, size - 1));
    return 0;
}
