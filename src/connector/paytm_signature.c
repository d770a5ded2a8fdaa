/* The steps stand in paytm_signature.h. libsodium has no AES-CBC, hence OpenSSL for this one. */
#include "paytm_signature.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <sessiond/base/secret.h>

#define DIGEST_CHARS   64
#define SALT_CHARS     4
#define PLAIN_BYTES    (DIGEST_CHARS + SALT_CHARS)
#define BLOCK_BYTES    16
#define AES256_BYTES   32
#define CIPHERED_BYTES (PLAIN_BYTES / BLOCK_BYTES * BLOCK_BYTES + BLOCK_BYTES)

static const uint8_t iv[] = "@@@@&&&&####$$$$";

static const EVP_CIPHER *choose_cipher(size_t key_bytes)
{
    switch (key_bytes) {
    case 16:
        return EVP_aes_128_cbc();
    case 24:
        return EVP_aes_192_cbc();
    default:
        return EVP_aes_256_cbc();
    }
}

static void make_plain(struct ses_slice text, const uint8_t salt[SES_PAYTM_SALT_BYTES],
                       char ret_plain[PLAIN_BYTES + 1])
{
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    char salt_text[SALT_CHARS + 1];

    ses_base64_encode(ses_slice(salt, SES_PAYTM_SALT_BYTES), salt_text);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, text.data, text.len);
    crypto_hash_sha256_update(&state, (const uint8_t *)"|", 1);
    crypto_hash_sha256_update(&state, (const uint8_t *)salt_text, SALT_CHARS);
    crypto_hash_sha256_final(&state, hash);
    ses_hex_encode(ses_slice(hash, sizeof(hash)), ret_plain);
    memcpy(ret_plain + DIGEST_CHARS, salt_text, sizeof(salt_text));
}

static void free_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

static enum ses_status encrypt(const char plain[PLAIN_BYTES + 1], const EVP_CIPHER *cipher,
                               const uint8_t key[AES256_BYTES], uint8_t ret_bytes[CIPHERED_BYTES])
{
    __attribute__((cleanup(free_context))) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    int last = 0;

    if (context == NULL || EVP_EncryptInit_ex(context, cipher, NULL, key, iv) != 1 ||
        EVP_EncryptUpdate(context, ret_bytes, &len, (const uint8_t *)plain, PLAIN_BYTES) != 1 ||
        EVP_EncryptFinal_ex(context, ret_bytes + len, &last) != 1)
        return SES_NO_MEMORY;
    SES_REQUIRE(len + last == CIPHERED_BYTES);
    return SES_OK;
}

enum ses_status ses_paytm_sign(struct ses_slice text, struct ses_slice key,
                               const uint8_t salt[SES_PAYTM_SALT_BYTES],
                               char ret_signature[SES_PAYTM_SIGNATURE_SIZE])
{
    uint8_t padded_key[AES256_BYTES] = {0};
    uint8_t ciphered[CIPHERED_BYTES];
    char plain[PLAIN_BYTES + 1];
    enum ses_status status;

    memcpy(padded_key, key.data, key.len < sizeof(padded_key) ? key.len : sizeof(padded_key));
    make_plain(text, salt, plain);
    status = encrypt(plain, choose_cipher(key.len), padded_key, ciphered);
    ses_wipe(padded_key, sizeof(padded_key));
    if (status != SES_OK)
        return status;
    ses_base64_encode(ses_slice(ciphered, sizeof(ciphered)), ret_signature);
    return SES_OK;
}
