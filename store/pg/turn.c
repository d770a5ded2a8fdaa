/* The order of a turn: what is over ends, then everything that waits is sent if it can be. */
#include "rows.h"

#include "rows_impl.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define READS_CLOSED_MS 20    /* how soon it is looked whether reads are open again */
#define FULL_MS         10000 /* so long a disk counts as full that nobody has asked again */

void ses_pg_rows_tell(struct pg_rows *rows)
{
    struct ses_list *node;

    while ((node = ses_list_pop(&rows->ended)) != NULL) {
        struct ses_store_op *op = SES_CONTAINER(node, struct ses_store_op, node);
        enum ses_status status = (enum ses_status)op->driver[PG_OP_STATUS];

        rows->pending--;
        if (op->driver[PG_OP_GET] != 0)
            status = ses_pg_get_tell(rows, op);
        op->done(op, status);
    }
}

/* ---- what is over ---- */

static void end_queue(struct pg_rows *rows, struct pg_queue *queue, enum ses_status status)
{
    struct pg_row *row;

    while ((row = ses_pg_queue_first(queue)) != NULL) {
        ses_pg_queue_remove(row);
        ses_pg_row_end(rows, row, status);
    }
}

/* What has not been sent need not wait for its deadline. Releases do. */
static void refuse_what_waits(struct pg_rows *rows, uint64_t now_ns)
{
    if (ses_pg_link_state(rows->options.link) != PG_STATE_OPEN) {
        for (unsigned kind = 0; kind < PG_RELEASE; kind++)
            end_queue(rows, &rows->queue[kind], SES_UNAVAILABLE);
    }
    ses_pg_gets_refuse(rows, now_ns);
}

/* What is told when nothing more can be found out. */
static enum ses_status given_up(const struct pg_row *row)
{
    return row->sent || row->unknown ? SES_UNKNOWN : SES_UNAVAILABLE;
}

/* A row that is on its way stays for its statement's end; one that waits is over. */
static void give_up(struct pg_rows *rows, struct ses_store_op *op)
{
    struct pg_row *row = (struct pg_row *)(uintptr_t)op->driver[PG_OP_ROW];

    if (op->driver[PG_OP_GET] != 0) {
        ses_pg_get_end(rows, op, SES_UNAVAILABLE);
    } else if (row->queue == NULL) {
        ses_pg_row_tell(rows, row, given_up(row));
    } else {
        ses_pg_queue_remove(row);
        ses_pg_row_end(rows, row, given_up(row));
    }
}

static void expire(struct pg_rows *rows, uint64_t now_ns)
{
    struct ses_list *next;

    if (now_ns < rows->first_deadline_ns)
        return;
    rows->first_deadline_ns = UINT64_MAX;
    for (struct ses_list *node = rows->ops.next; node != &rows->ops; node = next) {
        struct ses_store_op *op = SES_CONTAINER(node, struct ses_store_op, node);

        next = node->next;
        if (op->deadline_mono_ns == 0)
            continue;
        if (op->deadline_mono_ns <= now_ns)
            give_up(rows, op);
        else if (op->deadline_mono_ns < rows->first_deadline_ns)
            rows->first_deadline_ns = op->deadline_mono_ns;
    }
}

void ses_pg_rows_give_up(struct pg_rows *rows)
{
    while (!ses_list_empty(&rows->ops))
        give_up(rows, SES_CONTAINER(rows->ops.next, struct ses_store_op, node));
}

/* Those whose pause is over; the list is short, and in no order. When the next one is. */
static uint64_t wake_later(struct pg_rows *rows, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    struct ses_list *next;

    for (struct ses_list *node = rows->later.rows.next; node != &rows->later.rows; node = next) {
        struct pg_row *row = SES_CONTAINER(node, struct pg_row, node);

        next = node->next;
        if (row->not_before_ns > now_ns) {
            due_ns = row->not_before_ns < due_ns ? row->not_before_ns : due_ns;
            continue;
        }
        ses_pg_queue_remove(row);
        ses_pg_row_wait(rows, ses_pg_queue_of(rows, row), row, false);
    }
    return due_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Who is told that creations are refused asks for none, and would never hear otherwise. */
static void forget_full(struct pg_rows *rows, uint64_t now_ns)
{
    if (rows->full && now_ns > rows->full_ns + FULL_MS * SES_NS_PER_MS)
        rows->full = false;
}

uint64_t ses_pg_rows_turn(struct pg_rows *rows, uint64_t now_ns)
{
    uint64_t due_ns;

    forget_full(rows, now_ns);
    refuse_what_waits(rows, now_ns);
    expire(rows, now_ns);
    due_ns = wake_later(rows, now_ns);
    rows->linger_until_ns = UINT64_MAX;
    ses_pg_map_pump(rows, now_ns);
    if (ses_pg_map_is_good(&rows->map)) {
        ses_pg_writes_pump(rows, now_ns);
        ses_pg_settle_pump(rows);
        ses_pg_judge_pump(rows);
        ses_pg_gets_pump(rows);
    } else {
        due_ns = now_ns + READS_CLOSED_MS * SES_NS_PER_MS;
    }
    if ((rows->doubted.count > 0 || !ses_list_empty(&rows->gets)) &&
        !ses_pg_link_may_read(rows->options.link))
        due_ns = earlier(due_ns, now_ns + READS_CLOSED_MS * SES_NS_PER_MS);
    due_ns = earlier(due_ns, rows->linger_until_ns);
    return earlier(due_ns, rows->first_deadline_ns);
}
