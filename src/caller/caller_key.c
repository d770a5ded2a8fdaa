/* The form of a key, read and written in one place. */
#include <sessiond/caller/caller_key.h>

#include <inttypes.h>
#include <stdio.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#define ID_BYTES     8
#define SECRET_BYTES 32
#define PREFIX_LEN   (sizeof(SES_CALLER_KEY_PREFIX) - 1)
#define SECRET_AT    (PREFIX_LEN + SES_CALLER_KEY_ID_LEN + 1)

_Static_assert(SES_HEX_SIZE(ID_BYTES) == SES_CALLER_KEY_ID_LEN + 1, "an id is 8 bytes");
_Static_assert(SECRET_AT + (SECRET_BYTES * 8 + 5) / 6 == SES_CALLER_KEY_LEN, "prefix, id, '_', secret");

bool ses_caller_key_is_one(struct ses_slice text)
{
    return ses_slice_starts(text, SES_STR(SES_CALLER_KEY_PREFIX));
}

/* Lower case only: one key has one text. */
enum ses_status ses_caller_key_id_parse(struct ses_slice digits, uint64_t *ret_id)
{
    uint64_t id = 0;

    if (digits.len != SES_CALLER_KEY_ID_LEN)
        return SES_MALFORMED;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = ses_hex_digit(digits.data[i]);

        if (digit < 0 || (digits.data[i] >= 'A' && digits.data[i] <= 'F'))
            return SES_MALFORMED;
        id = id << 4 | (unsigned)digit;
    }
    *ret_id = id;
    return SES_OK;
}

void ses_caller_key_id_text(uint64_t id, char ret_digits[SES_CALLER_KEY_ID_LEN + 1])
{
    (void)snprintf(ret_digits, SES_CALLER_KEY_ID_LEN + 1, "%016" PRIx64, id);
}

/* The secret's characters are not looked at: the hash of the whole text decides. */
enum ses_status ses_caller_key_parse(struct ses_slice text, uint64_t *ret_id)
{
    if (text.len != SES_CALLER_KEY_LEN || !ses_caller_key_is_one(text) || text.data[SECRET_AT - 1] != '_')
        return SES_MALFORMED;
    return ses_caller_key_id_parse(ses_slice_cut(text, PREFIX_LEN, SECRET_AT - 1), ret_id);
}

void ses_caller_key_hash(const struct ses_secret *hash_key, struct ses_slice text,
                         uint8_t ret_hash[SES_HASH_BYTES])
{
    ses_hash(ses_slice(hash_key->bytes, hash_key->len), text, ret_hash);
}

void ses_caller_key_make(char ret_text[SES_CALLER_KEY_SIZE])
{
    uint8_t random[ID_BYTES + SECRET_BYTES];

    ses_random_bytes(random, sizeof(random));
    memcpy(ret_text, SES_CALLER_KEY_PREFIX, PREFIX_LEN);
    (void)ses_hex_encode(ses_slice(random, ID_BYTES), ret_text + PREFIX_LEN);
    ret_text[SECRET_AT - 1] = '_';
    (void)sodium_bin2base64(ret_text + SECRET_AT, SES_CALLER_KEY_SIZE - SECRET_AT, random + ID_BYTES,
                            SECRET_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    ses_wipe(random, sizeof(random));
}

/* A text that is no key of a caller: nobody can present what it hashes to. */
void ses_caller_keyed_by(const struct ses_secret *hash_key, char ret_name[SES_CALLER_KEYED_BY_SIZE])
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(ses_slice(hash_key->bytes, hash_key->len), SES_STR("sessiond callers file"), hash);
    (void)ses_hex_encode(ses_slice(hash, SES_CALLER_KEYED_BY_LEN / 2), ret_name);
}
