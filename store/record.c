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

void ses_record_nonces_init(struct record_nonces *nonces)
{
    ses_random_bytes(nonces->prefix, sizeof(nonces->prefix));
    nonces->counter = 0;
}

/* In place of a session id, of an inbox. */
static const uint8_t inbox_id[SES_SESSION_ID_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ses_record_identity_encode(enum ses_record_kind kind, const uint8_t session_id[SES_SESSION_ID_BYTES],
                                uint8_t *ret_kind, uint8_t ret_session_id[SES_SESSION_ID_BYTES])
{
    bool inbox = kind == SES_RECORD_INBOX;

    *ret_kind = (uint8_t)(inbox ? SES_RECORD_SESSION : kind);
    memcpy(ret_session_id, inbox ? inbox_id : session_id, SES_SESSION_ID_BYTES);
}

enum ses_status ses_record_identity_decode(uint8_t kind, const uint8_t session_id[SES_SESSION_ID_BYTES],
                                           enum ses_record_kind *ret_kind,
                                           uint8_t ret_session_id[SES_SESSION_ID_BYTES])
{
    if (kind != SES_RECORD_SESSION && kind != SES_RECORD_INTENT)
        return SES_DATA_LOSS;
    if (kind == SES_RECORD_SESSION && memcmp(session_id, inbox_id, sizeof(inbox_id)) == 0) {
        *ret_kind = SES_RECORD_INBOX;
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

/* Behind a header that is there; body may be where the sealed one goes. */
static void seal_body(const struct record_keys *keys, struct record_nonces *nonces, struct ses_slice body,
                      uint8_t *ret_bytes)
{
    uint8_t *nonce = ret_bytes + RECORD_HEADER_BYTES;

    memcpy(nonce, nonces->prefix, sizeof(nonces->prefix));
    nonces->counter++;
    memcpy(nonce + sizeof(nonces->prefix), &nonces->counter, sizeof(nonces->counter));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret_bytes + RECORD_BODY_AT, NULL, body.data, body.len,
                                                     ret_bytes, RECORD_HEADER_BYTES, NULL, nonce,
                                                     keys->key[0].key->bytes);
}

void ses_record_seal(const struct record_keys *keys, struct record_nonces *nonces,
                     const struct ses_record *record, uint8_t *ret_bytes)
{
    encode_header(record, keys->key[0].id, ret_bytes);
    seal_body(keys, nonces, record->body, ret_bytes);
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

static bool open_body(const struct ses_secret *key, struct ses_slice bytes, uint8_t *ret_body)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               ret_body, NULL, NULL, bytes.data + RECORD_BODY_AT, bytes.len - RECORD_BODY_AT, bytes.data,
               RECORD_HEADER_BYTES, bytes.data + RECORD_HEADER_BYTES, key->bytes) == 0;
}

/* Opened beside it: a body that fails its tag must stay what it was. */
void ses_record_reseal(const struct record_keys *keys, struct record_nonces *nonces, uint8_t *bytes,
                       size_t len)
{
    struct ses_slice sealed = ses_slice(bytes, len);
    const uint16_t first = keys->key[0].id;
    const struct ses_secret *key;
    struct ses_record record;
    uint8_t *body;

    if (ses_record_decode(sealed, &record) != SES_OK || ses_record_seal_key(sealed) == first)
        return;
    key = key_of(keys, ses_record_seal_key(sealed));
    body = key == NULL ? NULL : malloc(len);
    if (body == NULL)
        return;
    if (open_body(key, sealed, body)) {
        memcpy(bytes + 2, &first, sizeof(first));
        seal_body(keys, nonces, ses_slice(body, len - RECORD_EXTRA_BYTES), bytes);
    }
    ses_wipe(body, len);
    free(body);
}

enum ses_status ses_record_open(const struct record_keys *keys, struct ses_slice bytes,
                                struct ses_arena *arena, struct ses_record *ret_record)
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
    if (!open_body(key, bytes, body))
        return SES_DATA_LOSS;
    record.body = ses_slice(body, bytes.len - RECORD_EXTRA_BYTES);
    *ret_record = record;
    return SES_OK;
}
