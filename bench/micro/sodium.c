#include "micro.h"

#include <sodium.h>

#include <sessiond/base/status.h>

#define CLAIMS_BYTES 420 /* a token's pre-authentication encoding */
#define RECORD_BYTES 200 /* the body of an ordinary record */

static uint8_t secret[crypto_sign_SECRETKEYBYTES], public[crypto_sign_PUBLICKEYBYTES];
static uint8_t key[32], nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], text[600], out[700];
static uint8_t signature[crypto_sign_BYTES];

static void sign(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        (void)crypto_sign_detached(signature, NULL, text, CLAIMS_BYTES, secret);
}

static void verify(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        SES_REQUIRE(crypto_sign_verify_detached(signature, text, CLAIMS_BYTES, public) == 0);
}

static void seal(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, text, RECORD_BYTES, text + RECORD_BYTES,
                                                         64, NULL, nonce, key);
}

static void hash(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        (void)crypto_generichash(out, 32, text, 200, key, sizeof(key));
}

static void tag(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        (void)crypto_shorthash(out, text, 32, key);
}

static void random_bytes(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++)
        randombytes_buf(out, 16);
}

void micro_sodium(void)
{
    SES_REQUIRE(sodium_init() >= 0);
    (void)crypto_sign_keypair(public, secret);
    micro_measure("libsodium: Ed25519 sign, 420 bytes", sign, NULL);
    micro_measure("libsodium: Ed25519 verify", verify, NULL);
    micro_measure("libsodium: XChaCha20-Poly1305, 200 bytes", seal, NULL);
    micro_measure("libsodium: keyed BLAKE2b-256, 200 bytes", hash, NULL);
    micro_measure("libsodium: SipHash-2-4, 32 bytes", tag, NULL);
    micro_measure("libsodium: 16 random bytes", random_bytes, NULL);
}
