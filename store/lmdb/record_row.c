/* Rows of the index, and which of two wins when both are found on disk. */
#include "record_row.h"

#include "word.h"

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
    memcpy(ret_bytes + 48, &meta, 8);
    memcpy(ret_bytes + 56, &size, 4);
    ses_record_identity_encode(row->kind, row->session_id, ret_bytes + 60, ret_bytes + 32);
    sum = row_sum(ret_bytes, locator);
    memcpy(ret_bytes + 61, &sum, 3);
}

enum ses_status ses_record_row_decode(struct ses_slice bytes, uint64_t locator, struct record_row *ret_row)
{
    uint64_t meta;
    uint32_t size;
    uint32_t sum = 0;

    if (bytes.len != RECORD_ROW_BYTES)
        return SES_DATA_LOSS;
    memcpy(&sum, bytes.data + 61, 3);
    memcpy(&meta, bytes.data + 48, 8);
    if (sum != row_sum(bytes.data, locator) || meta_is_intent(meta))
        return SES_DATA_LOSS;
    SES_TRY(ses_record_identity_decode(bytes.data[60], bytes.data + 32, &ret_row->kind, ret_row->session_id));
    memcpy(ret_row->key.bytes, bytes.data, SES_STORE_KEY_BYTES);
    ret_row->retain = meta_retain(meta);
    ret_row->revision = meta_revision(meta);
    memcpy(&size, bytes.data + 56, 4);
    ret_row->record_bytes = size & ((1u << RECORD_SIZE_BITS) - 1);
    ret_row->owner = (ses_store_owner)(size >> RECORD_SIZE_BITS);
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

bool ses_record_row_agrees(struct ses_slice row_bytes, uint64_t locator, struct ses_slice record_bytes)
{
    struct ses_record record;
    struct record_row row;

    if (ses_record_row_decode(row_bytes, locator, &row) != SES_OK ||
        ses_record_decode(record_bytes, &record) != SES_OK)
        return false;
    return memcmp(&row.key, &record.key, sizeof(row.key)) == 0 && row.revision == record.revision &&
           memcmp(row.session_id, record.session_id, sizeof(row.session_id)) == 0 &&
           row.kind == record.kind && row.record_bytes == record_bytes.len &&
           row.retain >= retain_of(record.expires_ms);
}
