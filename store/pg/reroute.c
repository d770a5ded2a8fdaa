#include "reroute.h"

#include "rows_impl.h"

#include <sessiond/base/units.h>

#define RELEASE_HELD_MS 60000 /* then the lease is over by its time */

static void move(struct pg_rows *from, struct pg_rows *to, struct pg_row *row)
{
    size_t releases = row->kind == PG_RELEASE ? 1 : 0;

    from->rows_count--;
    from->releases_count -= releases;
    to->rows_count++;
    to->releases_count += releases;
    if (row->op != NULL)
        ses_pg_op_move(from, to, row->op);
}

/* ---- where what waits goes ---- */

static bool has_waited(uint64_t since_ns, uint64_t ms, uint64_t now_ns)
{
    return now_ns - since_ns >= ms * SES_NS_PER_MS;
}

/* Nobody takes it just now. A release has no caller; what is unknown can't be told as not done. */
static void hold(struct pg_rows *rows, struct pg_row *row, enum pg_way way, uint64_t now_ns)
{
    if (row->held_ns == 0)
        row->held_ns = now_ns;
    if (row->kind == PG_RELEASE && has_waited(row->held_ns, RELEASE_HELD_MS, now_ns))
        ses_pg_row_drop(rows, row);
    else if (row->kind != PG_RELEASE && !row->unknown &&
             (way == PG_WAY_NOWHERE || has_waited(row->held_ns, PG_HELD_MS, now_ns)))
        ses_pg_row_end(rows, row, way == PG_WAY_MOVING ? SES_BUSY : SES_UNAVAILABLE);
    else
        ses_pg_queue_push(&rows->held, row);
}

static void settle_in(struct pg_rows *from, struct pg_rows *to, struct pg_row *row, uint64_t now_ns)
{
    move(from, to, row);
    ses_pg_row_wait(to, row->not_before_ns > now_ns ? &to->later : ses_pg_queue_of(to, row), row, false);
}

static void reroute(struct pg_rows *rows, struct pg_queue *queue, pg_way_fn *way, void *arg, uint64_t now_ns)
{
    for (size_t left = queue->count; left > 0; left--) { /* what is held goes to its end */
        struct pg_row *row = ses_pg_queue_first(queue);
        struct pg_rows *to = NULL;
        enum pg_way its;

        ses_pg_queue_remove(row);
        its = way(arg, &row->key, &to);
        if (its == PG_WAY_THERE)
            settle_in(rows, to, row, now_ns);
        else
            hold(rows, row, its, now_ns);
    }
}

void ses_pg_rows_reroute(struct pg_rows *rows, bool held_too, pg_way_fn *way, void *arg, uint64_t now_ns)
{
    if (held_too) {
        reroute(rows, &rows->held, way, arg, now_ns);
        ses_pg_gets_reroute(rows, &rows->gets_held, way, arg, now_ns);
    }
    reroute(rows, &rows->astray, way, arg, now_ns);
    ses_pg_gets_reroute(rows, &rows->gets_astray, way, arg, now_ns);
}

/* ---- what is not here any more ---- */

static void sift(struct pg_rows *rows, struct pg_queue *queue)
{
    for (size_t left = queue->count; left > 0; left--) {
        struct pg_row *row = ses_pg_queue_first(queue);

        ses_pg_queue_remove(row);
        ses_pg_row_wait(rows, queue, row, false);
    }
}

void ses_pg_rows_remap(struct pg_rows *rows)
{
    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        sift(rows, &rows->queue[kind]);
        sift(rows, &rows->settle[kind]);
    }
    sift(rows, &rows->doubted);
    sift(rows, &rows->later);
    ses_pg_gets_sift(rows);
}
