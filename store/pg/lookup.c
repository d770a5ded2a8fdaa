#include "lookup.h"

#include <endian.h>

void ses_pg_lookup_make(struct pg_lookup *lookup, const struct pg_statement *statement,
                        void (*done)(struct pg_request *request, const struct pg_answer *answer))
{
    lookup->value = (const char *)lookup->keys.bytes.data;
    lookup->length = (int)lookup->keys.bytes.len;
    lookup->request = (struct pg_request){
        .statement = statement, .values = &lookup->value, .lengths = &lookup->length, .done = done};
}

enum ses_status ses_pg_keys_begin(struct pg_array *array, uint32_t count)
{
    return ses_pg_array_begin(array, PG_OID_BYTEA, count, (size_t)count * SES_STORE_KEY_BYTES);
}

void ses_pg_keys_add(struct pg_array *array, const struct ses_store_key *key)
{
    ses_pg_array_add(array, ses_slice(key->bytes, sizeof(key->bytes)));
}

struct ses_slice ses_pg_value(const PGresult *result, int n, int field)
{
    if (PQgetisnull(result, n, field) != 0)
        return SES_SLICE_EMPTY;
    return ses_slice(PQgetvalue(result, n, field), (size_t)PQgetlength(result, n, field));
}

bool ses_pg_value_bool(const PGresult *result, int n, int field)
{
    struct ses_slice value = ses_pg_value(result, n, field);

    return value.len == 1 && value.data[0] != 0;
}

/* Zero, if it has another length: it equals nothing then. */
static void copy(struct ses_slice value, uint8_t *ret_bytes, size_t bytes)
{
    if (value.len == bytes)
        memcpy(ret_bytes, value.data, bytes);
    else
        memset(ret_bytes, 0, bytes);
}

static uint32_t value_u32(const PGresult *result, int n, int field)
{
    uint32_t value;

    copy(ses_pg_value(result, n, field), (uint8_t *)&value, sizeof(value));
    return be32toh(value);
}

int64_t ses_pg_value_epoch(const PGresult *result, int field)
{
    uint64_t epoch;

    if (result == NULL || PQntuples(result) < 1)
        return -1;
    copy(ses_pg_value(result, 0, field), (uint8_t *)&epoch, sizeof(epoch));
    return (int64_t)be64toh(epoch);
}

bool ses_pg_value_key(const PGresult *result, int n, struct ses_store_key *ret_key)
{
    struct ses_slice value = ses_pg_value(result, n, 0);

    copy(value, ret_key->bytes, sizeof(ret_key->bytes));
    return value.len == sizeof(ret_key->bytes);
}

struct pg_found ses_pg_found_read(const PGresult *result, int n)
{
    struct pg_found found = {.row = true,
                             .leased = ses_pg_value_bool(result, n, PG_IDS_LEASED),
                             .record = ses_pg_value_bool(result, n, PG_IDS_RECORD),
                             .intent = ses_pg_value(result, n, PG_IDS_INTENT_ID).len > 0};

    found.revision = value_u32(result, n, PG_IDS_REVISION);
    copy(ses_pg_value(result, n, PG_IDS_WRITE_ID), found.write_id, PG_ID_BYTES);
    copy(ses_pg_value(result, n, PG_IDS_PARENT_ID), found.parent_id, PG_ID_BYTES);
    copy(ses_pg_value(result, n, PG_IDS_INTENT_ID), found.intent_id, PG_ID_BYTES);
    copy(ses_pg_value(result, n, PG_IDS_OWNER), found.owner, PG_OWNER_BYTES);
    return found;
}

int ses_pg_key_compare(const struct ses_store_key *a, const struct ses_store_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
