/* batch.h - rows of one kind in one statement: sorted by key, keys distinct but for releases. */
#ifndef SESSIOND_STORE_BATCH_H
#define SESSIOND_STORE_BATCH_H

#include "array.h"
#include "row.h"

#define PG_BATCH_BYTES (1024 * (size_t)1024)

struct pg_batch {
    struct pg_request request;
    enum pg_kind kind;
    bool plain;
    uint64_t queued_ns; /* of the row that waited longest */
    struct pg_array arrays[PG_COLUMNS_MAX];
    uint8_t epoch[8];
    const char *values[1 + PG_COLUMNS_MAX];
    int lengths[1 + PG_COLUMNS_MAX];
    size_t count;
    struct pg_row *rows[]; /* sorted; of what was matched NULL */
};

/* The first rows of the queue, up to rows_max and PG_BATCH_BYTES, at least one; they leave it. NULL: out of memory, and they
 * do not. */
struct pg_batch *ses_pg_batch_take(struct pg_queue *queue, size_t rows_max, bool plain, int64_t epoch);
/* Back to the front of the queue, as before; frees the batch. */
void ses_pg_batch_put_back(struct pg_batch *batch, struct pg_queue *queue);
/* The row of that key, which is taken out; NULL: none that has not been. next: 0 at first, the caller's hint to keep. */
struct pg_row *ses_pg_batch_match(struct pg_batch *batch, const struct ses_store_key *key, size_t *next);
/* With no rows left. */
void ses_pg_batch_free(struct pg_batch *batch);

#endif
