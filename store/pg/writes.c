/* Batches of writes: when one goes, and what its answer says of each of its rows. */
#include "rows_impl.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "batch.h"
#include "lookup.h"
#include "sqlstate.h"

#define SMALL_BATCH    8    /* below it lingering may pay */
#define BRISK_ROWS     1000 /* a second */
#define WINDOW_NS      (100 * SES_NS_PER_MS)
#define TRIES_TOGETHER 3  /* of a batch that the server gave up */
#define TRIES_ALONE    6  /* .. and of its rows, with those */
#define SETTLE_MS      20 /* between two tries to settle */

/* ---- what an answer says ---- */

/* Nothing was written by this statement; by an earlier one of an unknown row, perhaps. */
static void on_refused(struct pg_rows *rows, struct pg_row *row, enum pg_error error)
{
    if (row->kind == PG_RELEASE || row->op == NULL) {
        ses_pg_row_end(rows, row, row->unknown ? SES_UNKNOWN : SES_UNAVAILABLE);
    } else if (row->unknown) {
        ses_pg_row_later(rows, row, SETTLE_MS);
    } else if (error != PG_ERROR_AGAIN) {
        ses_pg_row_end(rows, row, error == PG_ERROR_FULL ? SES_FULL : SES_UNAVAILABLE);
    } else if (++row->tries > TRIES_ALONE) {
        ses_pg_row_end(rows, row, SES_BUSY);
    } else {
        row->alone = row->tries > TRIES_TOGETHER;
        ses_pg_count(rows, SES_S_REPEATED, 1);
        ses_pg_row_wait(rows, &rows->queue[row->kind], row, true);
    }
}

static void on_unknown(struct pg_rows *rows, struct pg_row *row)
{
    if (row->op == NULL) { /* nobody waits; what it may leave is given back */
        row->unknown = true;
        ses_pg_row_end(rows, row, SES_UNKNOWN);
        return;
    }
    if (!row->unknown)
        ses_pg_count(rows, SES_S_UNKNOWN, 1);
    row->unknown = true;
    ses_pg_row_wait(rows, &rows->settle[row->kind], row, false);
}

/* By a map that is not the shard's any more nothing is written: again, by the one of now. */
static void on_unchanged(struct pg_rows *rows, struct pg_row *row)
{
    if (row->op == NULL && row->kind != PG_RELEASE)
        ses_pg_row_end(rows, row, row->unknown ? SES_UNKNOWN : SES_CONFLICT);
    else if (rows->map.stale || row->epoch != rows->map.epoch)
        ses_pg_row_wait(rows, ses_pg_queue_of(rows, row), row, true);
    else
        ses_pg_row_wait(rows, &rows->doubted, row, false);
}

static void on_answered(struct pg_rows *rows, struct pg_batch *batch, const PGresult *result)
{
    int changed = PQntuples(result);
    size_t next = 0;

    for (int n = 0; n < changed; n++) {
        struct ses_store_key key;
        struct pg_row *row =
            ses_pg_value_key(result, n, &key) ? ses_pg_batch_match(batch, &key, &next) : NULL;

        if (row == NULL)
            continue;
        row->sent = false;
        ses_pg_row_end(rows, row, SES_OK);
    }
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_batch *batch = SES_CONTAINER(request, struct pg_batch, request);
    enum pg_error error = answer->end == PG_END_REFUSED ? ses_pg_error_of(answer->sqlstate) : PG_ERROR_AGAIN;
    struct pg_rows *rows = request->arg;

    ses_pg_sent_ended(rows, batch->plain ? PG_USE_SETTLE : PG_USE_WRITE);
    ses_pg_count_write(rows, request, answer, batch->count, batch->queued_ns);
    if (answer->end == PG_END_DONE)
        on_answered(rows, batch, answer->result);
    for (size_t i = batch->count; i > 0; i--) { /* backwards: what is tried again goes to the front */
        struct pg_row *row = batch->rows[i - 1];

        if (row == NULL)
            continue;
        row->sent = false;
        if (answer->end == PG_END_DONE)
            on_unchanged(rows, row);
        else if (answer->end == PG_END_REFUSED)
            on_refused(rows, row, error);
        else
            on_unknown(rows, row);
    }
    ses_pg_batch_free(batch);
}

/* ---- sending ---- */

/* False: there is no connection, or no memory; the rows are where they were. */
static bool send_batch(struct pg_rows *rows, struct pg_queue *queue, bool plain)
{
    struct pg_batch *batch =
        ses_pg_batch_take(queue, rows->options.store->batch_rows, plain, rows->map.epoch);

    if (batch == NULL)
        return false;
    batch->request.done = on_done;
    batch->request.arg = rows;
    if (!ses_pg_send(rows, plain ? PG_USE_SETTLE : PG_USE_WRITE, &batch->request)) {
        ses_pg_batch_put_back(batch, queue);
        return false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->rows[i]->sent = true;
        batch->rows[i]->epoch = rows->map.epoch;
    }
    if (!plain)
        rows->last_batch = (unsigned)batch->count;
    return true;
}

/* The kind whose first row waits longest; PG_KIND_COUNT: none. */
static unsigned oldest(const struct pg_queue *queues)
{
    unsigned found = PG_KIND_COUNT;
    uint64_t since_ns = UINT64_MAX;

    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        const struct pg_row *row = ses_pg_queue_first(&queues[kind]);

        if (row == NULL || row->queued_ns >= since_ns)
            continue;
        since_ns = row->queued_ns;
        found = kind;
    }
    return found;
}

/* The primary pays for a batch much what it pays for a row: where rows come fast and batches are small, the next rows
 * are waited for. */
static bool lingers(struct pg_rows *rows, const struct pg_queue *queue, uint64_t now_ns)
{
    uint64_t until_ns =
        ses_pg_queue_first(queue)->queued_ns + rows->options.store->linger_us * UINT64_C(1000);

    if (!rows->brisk || rows->closing || rows->last_batch >= SMALL_BATCH || queue->count >= SMALL_BATCH ||
        now_ns >= until_ns)
        return false;
    rows->linger_until_ns = until_ns;
    return true;
}

static void measure_rate(struct pg_rows *rows, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns - rows->window_began_ns;

    if (passed_ns < WINDOW_NS)
        return;
    rows->brisk = rows->window_rows * SES_NS_PER_S > BRISK_ROWS * passed_ns;
    rows->window_rows = 0;
    rows->window_began_ns = now_ns;
}

void ses_pg_writes_pump(struct pg_rows *rows, uint64_t now_ns)
{
    measure_rate(rows, now_ns);
    if (ses_pg_link_state(rows->options.link) != PG_STATE_OPEN)
        return;
    while (ses_pg_may_send(rows, PG_USE_WRITE)) {
        unsigned kind = oldest(rows->queue);

        if (kind == PG_KIND_COUNT || lingers(rows, &rows->queue[kind], now_ns) ||
            !send_batch(rows, &rows->queue[kind], false))
            return;
    }
}

/* Whatever the shard's state: what is settled is older than it. */
void ses_pg_settle_pump(struct pg_rows *rows)
{
    while (ses_pg_may_send(rows, PG_USE_SETTLE)) {
        unsigned kind = oldest(rows->settle);

        if (kind == PG_KIND_COUNT || !send_batch(rows, &rows->settle[kind], true))
            return;
    }
}
