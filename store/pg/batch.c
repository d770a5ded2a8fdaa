#include "batch.h"

#include <stdlib.h>

#include "lookup.h"

static int compare(const void *a, const void *b)
{
    return ses_pg_key_compare(&(*(struct pg_row *const *)a)->key, &(*(struct pg_row *const *)b)->key);
}

/* ---- columns ---- */

static uint32_t element_oid(enum pg_column column)
{
    switch (column) {
    case PG_COLUMN_REVISION:
    case PG_COLUMN_FORGET:
        return PG_OID_INT4;
    case PG_COLUMN_RETAIN:
    case PG_COLUMN_FOR:
        return PG_OID_INT8;
    default:
        return PG_OID_BYTEA;
    }
}

static size_t values_bytes(const struct pg_batch *batch, enum pg_column column)
{
    size_t bytes = 0;

    if (column != PG_COLUMN_RECORD)
        return batch->count * SES_STORE_KEY_BYTES; /* no other is longer */
    for (size_t i = 0; i < batch->count; i++)
        bytes += batch->rows[i]->sealed_bytes;
    return bytes;
}

static void add(struct pg_array *array, enum pg_column column, const struct pg_row *row)
{
    switch (column) {
    case PG_COLUMN_KEY:
        ses_pg_keys_add(array, &row->key);
        break;
    case PG_COLUMN_EXPECT:
        ses_pg_array_add(array, ses_slice(row->expect_id, PG_ID_BYTES));
        break;
    case PG_COLUMN_REVISION:
        ses_pg_array_add_int4(array, row->revision);
        break;
    case PG_COLUMN_RETAIN:
        ses_pg_array_add_int8(array, row->retain_ms);
        break;
    case PG_COLUMN_OWNER:
        ses_pg_array_add(array, ses_slice(row->owner, PG_OWNER_BYTES));
        break;
    case PG_COLUMN_FOR:
        ses_pg_array_add_int8(array, row->for_ms);
        break;
    case PG_COLUMN_FORGET:
        ses_pg_array_add_int4(array, row->forget ? 1 : 0);
        break;
    default:
        if (row->sealed_bytes == 0)
            ses_pg_array_add_null(array);
        else
            ses_pg_array_add(array, ses_slice(row->sealed, row->sealed_bytes));
        break;
    }
}

static enum ses_status fill(struct pg_batch *batch, int64_t epoch)
{
    const struct pg_write *write = ses_pg_write_sql(batch->kind);

    ses_pg_put64(batch->epoch, (uint64_t)epoch);
    batch->values[0] = (const char *)batch->epoch;
    batch->lengths[0] = sizeof(batch->epoch);
    for (unsigned c = 0; c < write->columns_count; c++) {
        enum pg_column column = write->columns[c];
        struct pg_array *array = &batch->arrays[c];

        SES_TRY(ses_pg_array_begin(array, element_oid(column), (uint32_t)batch->count,
                                   values_bytes(batch, column)));
        for (size_t i = 0; i < batch->count; i++)
            add(array, column, batch->rows[i]);
        batch->values[1 + c] = (const char *)array->bytes.data;
        batch->lengths[1 + c] = (int)array->bytes.len;
    }
    batch->request.statement = batch->plain ? write->plain : write->usual;
    batch->request.values = batch->values;
    batch->request.lengths = batch->lengths;
    return SES_OK;
}

/* ---- a batch ---- */

/* How many of the first rows make one. */
static size_t measure(const struct pg_queue *queue, size_t rows_max)
{
    size_t count = 0;
    size_t bytes = 0;

    for (struct ses_list *node = queue->rows.next; node != &queue->rows && count < rows_max;
         node = node->next) {
        const struct pg_row *row = SES_CONTAINER(node, struct pg_row, node);

        bytes += ses_pg_row_bytes(row);
        if (count > 0 && (bytes > PG_BATCH_BYTES || row->alone))
            break;
        count++;
        if (row->alone)
            break;
    }
    return count;
}

struct pg_batch *ses_pg_batch_take(struct pg_queue *queue, size_t rows_max, bool plain, int64_t epoch)
{
    size_t count = measure(queue, rows_max);
    struct pg_batch *batch = calloc(1, sizeof(*batch) + count * sizeof(struct pg_row *));

    if (batch == NULL)
        return NULL;
    for (unsigned c = 0; c < PG_COLUMNS_MAX; c++)
        ses_pg_array_init(&batch->arrays[c]);
    batch->kind = ses_pg_queue_first(queue)->kind;
    batch->plain = plain;
    batch->queued_ns = ses_pg_queue_first(queue)->queued_ns;
    for (; batch->count < count; batch->count++) {
        batch->rows[batch->count] = ses_pg_queue_first(queue);
        ses_pg_queue_remove(batch->rows[batch->count]);
    }
    qsort(batch->rows, count, sizeof(struct pg_row *),
          compare); /* NOLINT(bugprone-sizeof-expression): of pointers */
    if (fill(batch, epoch) != SES_OK) {
        ses_pg_batch_put_back(batch, queue);
        return NULL;
    }
    return batch;
}

void ses_pg_batch_put_back(struct pg_batch *batch, struct pg_queue *queue)
{
    for (size_t i = batch->count; i > 0; i--)
        ses_pg_queue_push_front(queue, batch->rows[i - 1]);
    ses_pg_batch_free(batch);
}

/* Rows come back in the order in which they were sent, nearly always. */
struct pg_row *ses_pg_batch_match(struct pg_batch *batch, const struct ses_store_key *key, size_t *next)
{
    for (size_t tried = 0; tried < batch->count; tried++) {
        size_t at = (*next + tried) % batch->count;
        struct pg_row *row = batch->rows[at];

        if (row == NULL || ses_pg_key_compare(&row->key, key) != 0)
            continue;
        batch->rows[at] = NULL;
        *next = at + 1;
        return row;
    }
    return NULL;
}

void ses_pg_batch_free(struct pg_batch *batch)
{
    for (unsigned c = 0; c < PG_COLUMNS_MAX; c++)
        ses_pg_array_done(&batch->arrays[c]);
    free(batch);
}
