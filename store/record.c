/* Sealing and opening. The header is plain, since collection and rebuild must read it without a key, and is
 * the associated data of the seal: a body cannot be put under another key, revision or session (RFC 8439
 * section 2.8, with the longer nonce of draft-irtf-cfrg-xchacha).
 */
#include "record.h"

#include <stdlib.h>

#include <sodium.h>

#include <sessiond/base/random.h>

_Static_assert(RECORD_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce size");
_Static_assert(RECORD_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag size");
_Static_assert(RECORD_PREFIX_BYTES == crypto_core_hchacha20_INPUTBYTES, "what the derived key is made of");
_Static_assert(crypto_core_hchacha20_OUTPUTBYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES,
               "and its size");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files are little endian and so must the machine be");

enum ses_status ses_record_keys_init(struct record_keys *keys, const struct ses_seal_key *list, size_t count)
{
    if (count > SES_STORE_SEAL_KEYS_MAX)
        return SES_INVALID_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (list[i].key == NULL || list[i].key->len != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
            return SES_INVALID_ARGUMENT;
        for (size_t k = 0; k < i; k++)
            if (list[k].id == list[i].id)
                return SES_INVALID_ARGUMENT;
        keys->key[i] = list[i];
    }
    keys->count = count;
    return SES_OK;
}

enum ses_status ses_record_sealer_init(const struct record_keys *keys, struct record_sealer *ret_sealer)
{
    struct record_sealer sealer = {.key_id = keys->key[0].id};

    SES_REQUIRE(keys->count > 0);
    SES_TRY(ses_secret_new(crypto_core_hchacha20_OUTPUTBYTES, &sealer.derived));
    ses_random_bytes(sealer.prefix, sizeof(sealer.prefix));
    (void)crypto_core_hchacha20(sealer.derived.bytes, sealer.prefix, keys->key[0].key->bytes, NULL);
    *ret_sealer = sealer;
    return SES_OK;
}

void ses_record_sealer_done(struct record_sealer *sealer)
{
    ses_secret_free(&sealer->derived);
}

/* In place of a session id: ones, and in the last byte which kind it is. */
#define ONES_BYTES (SES_SESSION_ID_BYTES - 1)
#define OF_INBOX   0xff
#define OF_MOVED   0xfe
static const uint8_t ones[ONES_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ses_record_identity_encode(enum ses_record_kind kind, const uint8_t session_id[SES_SESSION_ID_BYTES],
                                uint8_t *ret_kind, uint8_t ret_session_id[SES_SESSION_ID_BYTES])
{
    if (kind <= SES_RECORD_INTENT) {
        *ret_kind = (uint8_t)kind;
        memcpy(ret_session_id, session_id, SES_SESSION_ID_BYTES);
        return;
    }
    *ret_kind = SES_RECORD_SESSION;
    memcpy(ret_session_id, ones, ONES_BYTES);
    ret_session_id[ONES_BYTES] = kind == SES_RECORD_INBOX ? OF_INBOX : OF_MOVED;
}

enum ses_status ses_record_identity_decode(uint8_t kind, const uint8_t session_id[SES_SESSION_ID_BYTES],
                                           enum ses_record_kind *ret_kind,
                                           uint8_t ret_session_id[SES_SESSION_ID_BYTES])
{
    if (kind != SES_RECORD_SESSION && kind != SES_RECORD_INTENT)
        return SES_DATA_LOSS;
    if (kind == SES_RECORD_SESSION && memcmp(session_id, ones, ONES_BYTES) == 0) {
        if (session_id[ONES_BYTES] < OF_MOVED)
            return SES_DATA_LOSS;
        *ret_kind = session_id[ONES_BYTES] == OF_INBOX ? SES_RECORD_INBOX : SES_RECORD_MOVED;
        memset(ret_session_id, 0, SES_SESSION_ID_BYTES);
    } else {
        *ret_kind = (enum ses_record_kind)kind;
        memcpy(ret_session_id, session_id, SES_SESSION_ID_BYTES);
    }
    return SES_OK;
}

static void encode_header(const struct ses_record *record, uint16_t key_id, uint8_t *ret_bytes)
{
    ret_bytes[0] = RECORD_VERSION;
    ses_record_identity_encode(record->kind, record->session_id, ret_bytes + 1, ret_bytes + 48);
    memcpy(ret_bytes + 2, &key_id, 2);
    memcpy(ret_bytes + 4, &record->revision, 4);
    memcpy(ret_bytes + 8, &record->expires_ms, 8);
    memcpy(ret_bytes + 16, record->key.bytes, SES_STORE_KEY_BYTES);
}

/* The rest of XChaCha20's nonce as ChaCha20 takes it under the derived key: behind four zero bytes (draft-irtf-cfrg-xchacha,
 * section 2.3). */
static void inner_nonce(const uint8_t nonce[RECORD_NONCE_BYTES],
                        uint8_t ret_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
    const size_t zeros =
        crypto_aead_chacha20poly1305_ietf_NPUBBYTES - (RECORD_NONCE_BYTES - RECORD_PREFIX_BYTES);

    memset(ret_nonce, 0, zeros);
    memcpy(ret_nonce + zeros, nonce + RECORD_PREFIX_BYTES, RECORD_NONCE_BYTES - RECORD_PREFIX_BYTES);
}

/* Behind a header that is there; body may be where the sealed one goes. */
static void seal_body(struct record_sealer *sealer, struct ses_slice body, uint8_t *ret_bytes)
{
    uint8_t inner[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    uint8_t *nonce = ret_bytes + RECORD_HEADER_BYTES;

    memcpy(nonce, sealer->prefix, sizeof(sealer->prefix));
    sealer->counter++;
    memcpy(nonce + sizeof(sealer->prefix), &sealer->counter, sizeof(sealer->counter));
    inner_nonce(nonce, inner);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(ret_bytes + RECORD_BODY_AT, NULL, body.data, body.len,
                                                    ret_bytes, RECORD_HEADER_BYTES, NULL, inner,
                                                    sealer->derived.bytes);
}

void ses_record_seal(struct record_sealer *sealer, const struct ses_record *record, uint8_t *ret_bytes)
{
    encode_header(record, sealer->key_id, ret_bytes);
    seal_body(sealer, record->body, ret_bytes);
}

enum ses_status ses_record_decode(struct ses_slice bytes, struct ses_record *ret_record)
{
    const uint8_t *p = bytes.data;

    if (bytes.len < RECORD_EXTRA_BYTES || bytes.len > RECORD_BYTES_MAX)
        return SES_DATA_LOSS;
    if (p[0] != RECORD_VERSION)
        return SES_DATA_LOSS;
    SES_TRY(ses_record_identity_decode(p[1], p + 48, &ret_record->kind, ret_record->session_id));
    memcpy(&ret_record->revision, p + 4, 4);
    memcpy(&ret_record->expires_ms, p + 8, 8);
    memcpy(ret_record->key.bytes, p + 16, SES_STORE_KEY_BYTES);
    ret_record->body = SES_SLICE_EMPTY;
    return SES_OK;
}

uint16_t ses_record_seal_key(struct ses_slice bytes)
{
    uint16_t id;

    memcpy(&id, bytes.data + 2, sizeof(id));
    return id;
}

static const struct ses_secret *key_of(const struct record_keys *keys, uint16_t id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].id == id)
            return keys->key[i].key;
    return NULL;
}

static bool sealed_by(const struct record_sealer *sealer, struct ses_slice bytes)
{
    return sealer != NULL && sealer->derived.bytes != NULL && ses_record_seal_key(bytes) == sealer->key_id &&
           memcmp(bytes.data + RECORD_HEADER_BYTES, sealer->prefix, sizeof(sealer->prefix)) == 0;
}

/* Of another sealer, or another opening of the store, the derived key is made anew. */
static bool open_body(const struct ses_secret *key, const struct record_sealer *sealer,
                      struct ses_slice bytes, uint8_t *ret_body)
{
    const uint8_t *nonce = bytes.data + RECORD_HEADER_BYTES;
    uint8_t inner[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    if (sealed_by(sealer, bytes)) {
        inner_nonce(nonce, inner);
        return crypto_aead_chacha20poly1305_ietf_decrypt(
                   ret_body, NULL, NULL, bytes.data + RECORD_BODY_AT, bytes.len - RECORD_BODY_AT, bytes.data,
                   RECORD_HEADER_BYTES, inner, sealer->derived.bytes) == 0;
    }
    return crypto_aead_xchacha20poly1305_ietf_decrypt(ret_body, NULL, NULL, bytes.data + RECORD_BODY_AT,
                                                      bytes.len - RECORD_BODY_AT, bytes.data,
                                                      RECORD_HEADER_BYTES, nonce, key->bytes) == 0;
}

/* Opened beside it: a body that fails its tag must stay what it was. */
void ses_record_reseal(const struct record_keys *keys, struct record_sealer *sealer, uint8_t *bytes,
                       size_t len)
{
    struct ses_slice sealed = ses_slice(bytes, len);
    const struct ses_secret *key;
    struct ses_record record;
    uint8_t *body;

    if (ses_record_decode(sealed, &record) != SES_OK || ses_record_seal_key(sealed) == sealer->key_id)
        return;
    key = key_of(keys, ses_record_seal_key(sealed));
    body = key == NULL ? NULL : malloc(len);
    if (body == NULL)
        return;
    if (open_body(key, NULL, sealed, body)) {
        memcpy(bytes + 2, &sealer->key_id, sizeof(sealer->key_id));
        seal_body(sealer, ses_slice(body, len - RECORD_EXTRA_BYTES), bytes);
    }
    ses_wipe(body, len);
    free(body);
}

enum ses_status ses_record_open(const struct record_keys *keys, const struct record_sealer *sealer,
                                struct ses_slice bytes, struct ses_arena *arena,
                                struct ses_record *ret_record)
{
    const struct ses_secret *key;
    struct ses_record record;
    uint8_t *body;

    SES_TRY(ses_record_decode(bytes, &record));
    key = key_of(keys, ses_record_seal_key(bytes));
    if (key == NULL)
        return SES_DATA_LOSS;
    body = ses_arena_alloc(arena, bytes.len - RECORD_EXTRA_BYTES + 1);
    if (body == NULL)
        return SES_NO_MEMORY;
    if (!open_body(key, sealer, bytes, body))
        return SES_DATA_LOSS;
    record.body = ses_slice(body, bytes.len - RECORD_EXTRA_BYTES);
    *ret_record = record;
    return SES_OK;
}
