/* Sealing and opening. The header is plain, since collection and rebuild must read it without a key, and is
 * the associated data of the seal: a body cannot be put under another key, revision or session (RFC 8439
 * section 2.8, with the longer nonce of draft-irtf-cfrg-xchacha).
 */
#include "record.h"

#include <sodium.h>

#include <sessiond/base/random.h>

#include "word.h"

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

static void encode_header(const struct ses_record *record, uint16_t key_id, uint8_t *ret_bytes)
{
    ret_bytes[0] = RECORD_VERSION;
    ret_bytes[1] = (uint8_t)record->kind;
    memcpy(ret_bytes + 2, &key_id, 2);
    memcpy(ret_bytes + 4, &record->revision, 4);
    memcpy(ret_bytes + 8, &record->expires_ms, 8);
    memcpy(ret_bytes + 16, record->key.bytes, SES_STORE_KEY_BYTES);
    memcpy(ret_bytes + 48, record->session_id, SES_SESSION_ID_BYTES);
}

void ses_record_seal(const struct record_keys *keys, struct record_nonces *nonces,
                     const struct ses_record *record, uint8_t *ret_bytes)
{
    uint8_t *nonce = ret_bytes + RECORD_HEADER_BYTES;

    encode_header(record, keys->key[0].id, ret_bytes);
    memcpy(nonce, nonces->prefix, sizeof(nonces->prefix));
    nonces->counter++;
    memcpy(nonce + sizeof(nonces->prefix), &nonces->counter, sizeof(nonces->counter));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret_bytes + RECORD_BODY_AT, NULL, record->body.data,
                                                     record->body.len, ret_bytes, RECORD_HEADER_BYTES, NULL,
                                                     nonce, keys->key[0].key->bytes);
}

static bool kind_check(uint8_t kind)
{
    return kind == SES_RECORD_SESSION || kind == SES_RECORD_INTENT;
}

enum ses_status ses_record_decode(struct ses_slice bytes, struct ses_record *ret_record)
{
    const uint8_t *p = bytes.data;

    if (bytes.len < RECORD_EXTRA_BYTES || bytes.len > RECORD_BYTES_MAX)
        return SES_DATA_LOSS;
    if (p[0] != RECORD_VERSION || !kind_check(p[1]))
        return SES_DATA_LOSS;
    ret_record->kind = (enum ses_record_kind)p[1];
    memcpy(&ret_record->revision, p + 4, 4);
    memcpy(&ret_record->expires_ms, p + 8, 8);
    memcpy(ret_record->key.bytes, p + 16, SES_STORE_KEY_BYTES);
    memcpy(ret_record->session_id, p + 48, SES_SESSION_ID_BYTES);
    ret_record->body = SES_SLICE_EMPTY;
    return SES_OK;
}

static const struct ses_secret *key_of(const struct record_keys *keys, uint16_t id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].id == id)
            return keys->key[i].key;
    return NULL;
}

enum ses_status ses_record_open(const struct record_keys *keys, struct ses_slice bytes,
                                struct ses_arena *arena, struct ses_record *ret_record)
{
    const struct ses_secret *key;
    struct ses_record record;
    uint8_t *body;
    uint16_t key_id;

    SES_TRY(ses_record_decode(bytes, &record));
    memcpy(&key_id, bytes.data + 2, 2);
    key = key_of(keys, key_id);
    if (key == NULL)
        return SES_DATA_LOSS;
    body = ses_arena_alloc(arena, bytes.len - RECORD_EXTRA_BYTES + 1);
    if (body == NULL)
        return SES_NO_MEMORY;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            body, NULL, NULL, bytes.data + RECORD_BODY_AT, bytes.len - RECORD_BODY_AT, bytes.data,
            RECORD_HEADER_BYTES, bytes.data + RECORD_HEADER_BYTES, key->bytes) != 0)
        return SES_DATA_LOSS;
    record.body = ses_slice(body, bytes.len - RECORD_EXTRA_BYTES);
    *ret_record = record;
    return SES_OK;
}

/* 24 bits over the first 61 bytes and the locator; multiply and fold, about 8 ns. */
static uint32_t row_sum(const uint8_t *bytes, uint64_t locator)
{
    uint64_t sum = locator + 1;

    for (size_t i = 0; i < 64; i += 8) {
        uint64_t part = 0;

        memcpy(&part, bytes + i, i == 56 ? 5 : 8);
        sum = (sum ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return (uint32_t)(sum >> 40);
}

void ses_record_row_encode(const struct record_row *row, uint64_t locator,
                           uint8_t ret_bytes[RECORD_ROW_BYTES])
{
    uint32_t sum;
    uint64_t meta = meta_make(row->retain, row->revision);
    uint32_t size = (uint32_t)row->owner << RECORD_SIZE_BITS | row->record_bytes;

    memcpy(ret_bytes, row->key.bytes, SES_STORE_KEY_BYTES);
    memcpy(ret_bytes + 32, row->session_id, SES_SESSION_ID_BYTES);
    memcpy(ret_bytes + 48, &meta, 8);
    memcpy(ret_bytes + 56, &size, 4);
    ret_bytes[60] = (uint8_t)row->kind;
    sum = row_sum(ret_bytes, locator);
    memcpy(ret_bytes + 61, &sum, 3);
}

enum ses_status ses_record_row_decode(struct ses_slice bytes, uint64_t locator, struct record_row *ret_row)
{
    uint64_t meta;
    uint32_t size;
    uint32_t sum = 0;

    if (bytes.len != RECORD_ROW_BYTES || !kind_check(bytes.data[60]))
        return SES_DATA_LOSS;
    memcpy(&sum, bytes.data + 61, 3);
    memcpy(&meta, bytes.data + 48, 8);
    if (sum != row_sum(bytes.data, locator) || meta_is_intent(meta))
        return SES_DATA_LOSS;
    memcpy(ret_row->key.bytes, bytes.data, SES_STORE_KEY_BYTES);
    memcpy(ret_row->session_id, bytes.data + 32, SES_SESSION_ID_BYTES);
    ret_row->retain = meta_retain(meta);
    ret_row->revision = meta_revision(meta);
    memcpy(&size, bytes.data + 56, 4);
    ret_row->record_bytes = size & ((1u << RECORD_SIZE_BITS) - 1);
    ret_row->owner = (ses_store_owner)(size >> RECORD_SIZE_BITS);
    ret_row->kind = (enum ses_record_kind)bytes.data[60];
    return SES_OK;
}

void ses_record_row_make(const struct ses_record *record, uint32_t record_bytes, struct record_row *ret_row)
{
    ret_row->key = record->key;
    memcpy(ret_row->session_id, record->session_id, SES_SESSION_ID_BYTES);
    ret_row->retain = retain_of(record->expires_ms);
    ret_row->revision = record->revision;
    ret_row->record_bytes = record_bytes;
    ret_row->owner = SES_OWNER_NOBODY;
    ret_row->kind = record->kind;
}

static bool intent_beats(const struct record_row *intent, uint64_t intent_locator,
                         const struct record_row *session, uint64_t session_locator)
{
    return intent->revision > session->revision && intent_locator > session_locator;
}

bool ses_record_row_beats(const struct record_row *a, uint64_t a_locator, const struct record_row *b,
                          uint64_t b_locator)
{
    if (a->kind == SES_RECORD_INTENT && b->kind == SES_RECORD_INTENT)
        return a_locator > b_locator;
    if (a->kind == SES_RECORD_INTENT)
        return intent_beats(a, a_locator, b, b_locator);
    if (b->kind == SES_RECORD_INTENT)
        return !intent_beats(b, b_locator, a, a_locator);
    return a->revision != b->revision ? a->revision > b->revision : a_locator > b_locator;
}
