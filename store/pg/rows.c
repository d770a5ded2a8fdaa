/* Operations and rows from their call to their end. */
#include "rows.h"

#include "rows_impl.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define RELEASE_TRIES        20           /* then the lease is over by its time */
#define RELEASE_AGAIN_MIN_MS UINT64_C(20) /* the pause doubles up to 64 times that */

enum ses_status ses_pg_rows_init(struct pg_rows *rows, const struct pg_rows_options *options)
{
    memset(rows, 0, sizeof(*rows));
    rows->options = *options;
    rows->first_deadline_ns = UINT64_MAX;
    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        ses_pg_queue_init(&rows->queue[kind]);
        ses_pg_queue_init(&rows->settle[kind]);
    }
    ses_pg_queue_init(&rows->doubted);
    ses_pg_queue_init(&rows->later);
    ses_pg_queue_init(&rows->astray);
    ses_pg_queue_init(&rows->held);
    ses_list_init(&rows->gets);
    ses_list_init(&rows->gets_astray);
    ses_list_init(&rows->gets_held);
    ses_list_init(&rows->ops);
    ses_list_init(&rows->ended);
    SES_TRY(ses_record_keys_init(&rows->keys, options->store->seal_keys, options->store->seal_keys_count));
    return ses_record_sealer_init(&rows->keys, &rows->sealer);
}

/* ---- operations ---- */

void ses_pg_op_begin(struct pg_rows *rows, struct ses_store_op *op)
{
    SES_REQUIRE(op->done != NULL);
    ses_list_push_back(&rows->ops, &op->node);
    rows->pending++;
    if (op->deadline_mono_ns != 0 && op->deadline_mono_ns < rows->first_deadline_ns)
        rows->first_deadline_ns = op->deadline_mono_ns;
}

void ses_pg_op_end(struct pg_rows *rows, struct ses_store_op *op, enum ses_status status)
{
    ses_list_remove(&op->node);
    op->driver[PG_OP_STATUS] = status;
    ses_list_push_back(&rows->ended, &op->node);
}

void ses_pg_op_move(struct pg_rows *from, struct pg_rows *to, struct ses_store_op *op)
{
    if (from == to)
        return;
    ses_list_remove(&op->node);
    from->pending--;
    ses_pg_op_begin(to, op);
}

/* ---- rows ---- */

static void free_row(struct pg_rows *rows, struct pg_row *row)
{
    ses_pg_inflight_remove(rows->options.inflight, row);
    rows->rows_count--;
    if (row->kind == PG_RELEASE)
        rows->releases_count--;
    ses_pg_row_free(row);
}

/* Of a lease the caller's struct, of what ends one too: but for SES_BUSY it is not held any more. */
static void tell_lease(struct pg_row *row, enum ses_status status)
{
    struct ses_store_lease *lease = row->lease;

    if (lease == NULL)
        return;
    row->lease = NULL;
    if (row->kind == PG_PUT_LEASED) {
        lease->held = status == SES_BUSY;
        return;
    }
    memset(lease->driver, 0, sizeof(lease->driver));
    lease->key = row->key;
    lease->held = status == SES_OK;
    memcpy(&lease->driver[PG_LEASE_OWNER], row->owner, PG_OWNER_BYTES);
    lease->driver[PG_LEASE_REVISION] = row->revision;
}

void ses_pg_row_tell(struct pg_rows *rows, struct pg_row *row, enum ses_status status)
{
    struct ses_store_op *op = row->op;

    if (op == NULL)
        return;
    tell_lease(row, status);
    if (status == SES_OK && (row->kind == PG_CREATE || row->kind == PG_CHANGE))
        op->written = ses_pg_version(row->revision, ses_pg_row_id(row));
    row->op = NULL;
    ses_pg_op_end(rows, op, status);
}

/* How the lease ends that this row leaves behind: nobody was asked under one that its caller does not have, and an
 * intent stands whose end was refused. */
static bool leaves_a_lease(const struct pg_row *row, bool told, enum ses_status status, bool *ret_forget)
{
    *ret_forget = row->kind != PG_PUT_LEASED;
    if (row->kind == PG_PUT_LEASED)
        return status != SES_OK && status != SES_BUSY && status != SES_CONFLICT && status != SES_UNKNOWN;
    return ses_pg_row_leases(row) && (status == SES_UNKNOWN || (status == SES_OK && !told));
}

/* Keeps the memory: there may be no other. */
static void become_release(struct pg_rows *rows, struct pg_row *row, bool forget, uint64_t until_ns)
{
    ses_pg_inflight_remove(rows->options.inflight, row);
    row->kind = PG_RELEASE;
    row->forget = forget;
    row->until_ns = until_ns;
    row->tries = 0;
    row->alone = false;
    row->queued_ns = ses_clock_mono_ns();
    rows->releases_count++;
    ses_pg_row_wait(rows, ses_pg_queue_of(rows, row), row, false);
}

/* Nothing there that is ours (SES_CONFLICT): once more, in case that somebody had the row locked; of a lease that may
 * still come as long as it would last. */
static bool is_given_back(const struct pg_row *row, enum ses_status status)
{
    if (status == SES_OK)
        return true;
    if (row->until_ns > ses_clock_mono_ns())
        return false;
    return status == SES_CONFLICT ? row->until_ns != 0 || row->tries > 0 : row->tries >= RELEASE_TRIES;
}

static void tell_written(const struct pg_rows *rows, const struct pg_row *row, bool ours)
{
    if (rows->options.written != NULL)
        rows->options.written(rows->options.written_arg, &row->key, ours);
}

static void end_release(struct pg_rows *rows, struct pg_row *row, enum ses_status status)
{
    uint64_t pause_ms = RELEASE_AGAIN_MIN_MS << (row->tries < 6 ? row->tries : 6);

    if (status == SES_OK && !row->forget)
        tell_written(rows, row, false);
    if (is_given_back(row, status)) {
        free_row(rows, row);
        return;
    }
    row->tries++;
    ses_pg_row_later(rows, row, pause_ms);
}

/* What needs no room is done on a full disk too, and says nothing of what does. */
static void note_full(struct pg_rows *rows, enum pg_kind kind, enum ses_status status)
{
    if (status == SES_FULL) {
        rows->full = true;
        rows->full_kind = kind;
        rows->full_ns = ses_clock_mono_ns();
    } else if (status == SES_OK && kind == rows->full_kind) {
        rows->full = false;
    } else {
        return;
    }
    ses_pg_tell_full(rows);
}

void ses_pg_row_end(struct pg_rows *rows, struct pg_row *row, enum ses_status status)
{
    bool told = row->op != NULL;
    bool forget;

    if (row->kind == PG_RELEASE) {
        end_release(rows, row, status);
        return;
    }
    if (status == SES_OK && !ses_pg_row_leases(row)) {
        if (rows->options.changed != NULL)
            rows->options.changed(rows->options.changed_arg, &row->key, ses_pg_row_id(row));
        tell_written(rows, row, true);
    }
    ses_pg_count_end(rows, row, status);
    note_full(rows, row->kind, status);
    ses_pg_row_tell(rows, row, status);
    if (leaves_a_lease(row, told, status, &forget))
        become_release(rows, row, forget,
                       row->unknown ? ses_clock_mono_ns() + row->for_ms * SES_NS_PER_MS : 0);
    else
        free_row(rows, row);
}

void ses_pg_row_drop(struct pg_rows *rows, struct pg_row *row)
{
    free_row(rows, row);
}

void ses_pg_row_wait(struct pg_rows *rows, struct pg_queue *queue, struct pg_row *row, bool front)
{
    if (!ses_pg_map_has(&rows->map, &row->key))
        ses_pg_queue_push(&rows->astray, row);
    else if (front)
        ses_pg_queue_push_front(queue, row);
    else
        ses_pg_queue_push(queue, row);
}

void ses_pg_row_later(struct pg_rows *rows, struct pg_row *row, uint64_t ms)
{
    row->not_before_ns = ses_clock_mono_ns() + ms * SES_NS_PER_MS;
    ses_pg_row_wait(rows, &rows->later, row, false);
}

/* ---- beginning ---- */

static enum ses_status check_room(const struct pg_rows *rows)
{
    if (rows->closing || ses_pg_link_state(rows->options.link) != PG_STATE_OPEN)
        return SES_UNAVAILABLE;
    return rows->rows_count >= rows->options.store->queue_max ? SES_RESOURCE_EXHAUSTED : SES_OK;
}

enum ses_status ses_pg_rows_put(struct pg_rows *rows, struct pg_row *row, struct ses_store_op *op,
                                struct ses_store_lease *lease)
{
    enum ses_status status = check_room(rows);

    if (status == SES_OK && !ses_pg_inflight_add(rows->options.inflight, row))
        status = SES_BUSY;
    if (status != SES_OK) {
        ses_pg_count(rows, status == SES_BUSY ? SES_S_BUSY : SES_S_REFUSED, 1);
        ses_pg_row_free(row);
        return status;
    }
    op->driver[PG_OP_ROW] = (uint64_t)(uintptr_t)row;
    op->driver[PG_OP_GET] = 0;
    row->op = op;
    row->lease = lease;
    row->queued_ns = ses_clock_mono_ns();
    rows->rows_count++;
    rows->window_rows++;
    ses_pg_row_wait(rows, &rows->queue[row->kind], row, false);
    ses_pg_op_begin(rows, op);
    return SES_PENDING;
}

/* Above the limit it is left to the lease's time. */
void ses_pg_rows_release(struct pg_rows *rows, struct pg_row *row)
{
    if (rows->releases_count >= rows->options.store->queue_max) {
        ses_pg_row_free(row);
        return;
    }
    row->queued_ns = ses_clock_mono_ns();
    rows->rows_count++;
    rows->releases_count++;
    ses_pg_row_wait(rows, &rows->queue[PG_RELEASE], row, false);
}

/* ---- sending ---- */

static unsigned connections(const struct pg_rows *rows, enum pg_use use)
{
    const struct ses_pg_options *options = rows->options.store;

    return use == PG_USE_WRITE ? options->write_connections
                               : (use == PG_USE_READ ? options->read_connections : 1);
}

bool ses_pg_may_send(const struct pg_rows *rows, enum pg_use use)
{
    return !rows->none_free[use] && rows->taken[use] < connections(rows, use);
}

bool ses_pg_send(struct pg_rows *rows, enum pg_use use, struct pg_request *request)
{
    if (!ses_pg_link_send(rows->options.link, use, request)) {
        rows->none_free[use] = true;
        return false;
    }
    rows->taken[use]++;
    return true;
}

void ses_pg_sent_ended(struct pg_rows *rows, enum pg_use use)
{
    rows->taken[use]--;
    rows->options.wake(rows->options.wake_arg);
}

/* ---- the end ---- */

static void free_queue(struct pg_rows *rows, struct pg_queue *queue)
{
    struct pg_row *row;

    while ((row = ses_pg_queue_first(queue)) != NULL) {
        ses_pg_queue_remove(row);
        free_row(rows, row);
    }
}

void ses_pg_rows_done(struct pg_rows *rows)
{
    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        free_queue(rows, &rows->queue[kind]);
        free_queue(rows, &rows->settle[kind]);
    }
    free_queue(rows, &rows->doubted);
    free_queue(rows, &rows->later);
    free_queue(rows, &rows->astray);
    free_queue(rows, &rows->held);
    ses_record_sealer_done(&rows->sealer);
}
