/* Connections that are not read as fast as their bytes come: those that are read a bit in each turn, and those that
 * wait for a turn. */
#include "conn_impl.h"

#include <limits.h>

/* While anybody waits the loop has turns, or nobody would find out that there is nothing else to do. */
#define TICK_MS 5u

static void on_tick(void *arg);

static void arm(struct ses_conns *conns)
{
    if (ses_list_empty(&conns->waiting))
        ses_timer_stop(&conns->throttle_timer);
    else if (conns->throttle_timer.timers == NULL)
        ses_timer_start(conns->options.timers, &conns->throttle_timer, TICK_MS, on_tick, conns);
}

static void tell_engine(struct ses_conn *conn, bool on)
{
    if (conn->ops != NULL && conn->ops->on_throttle != NULL)
        conn->ops->on_throttle(conn->engine, on);
}

static void change(struct ses_conn *conn, enum ses_conn_reading to)
{
    struct ses_conns *conns = conn->conns;
    enum ses_conn_reading from = conn->reading_as;

    ses_list_remove(&conn->throttled);
    if (to == SES_READ_LATER)
        ses_list_push_back(&conns->waiting, &conn->throttled);
    else if (to != SES_READ_FULLY)
        ses_list_push_back(&conns->throttled, &conn->throttled);
    conn->reading_as = to;
    ses_conn_follow_reading(conn);
    if (from < SES_READ_EXCESS && to >= SES_READ_EXCESS) {
        ses_count(conns->options.metrics, SES_C_CONNECTIONS_THROTTLED, 1);
        tell_engine(conn, true);
    } else if (from >= SES_READ_EXCESS && to < SES_READ_EXCESS) {
        tell_engine(conn, false);
    }
}

/* Who waits goes on to do so, whatever else was in what was read last. */
void ses_conn_read_as(struct ses_conn *conn, enum ses_conn_reading reading)
{
    struct ses_conns *conns = conn->conns;

    if (reading == conn->reading_as || conn->reading_as == SES_READ_LATER || conn->state != CONN_OPEN ||
        conn->drain_told || conns->draining)
        return;
    change(conn, reading);
    if (reading != SES_READ_LATER)
        return;
    conn->waits_since_ms = uv_now(conns->options.loop);
    arm(conns);
}

static struct ses_conn *first_waiting(const struct ses_conns *conns)
{
    return ses_list_empty(&conns->waiting) ? NULL
                                           : SES_CONTAINER(conns->waiting.next, struct ses_conn, throttled);
}

static void on_tick(void *arg)
{
    struct ses_conns *conns = arg;
    uint64_t now_ms = uv_now(conns->options.loop);
    struct ses_conn *conn;

    while ((conn = first_waiting(conns)) != NULL && now_ms - conn->waits_since_ms >= SES_CONN_THROTTLE_MS)
        change(conn, SES_READ_EXCESS);
    arm(conns);
}

static void end_all(struct ses_list *list)
{
    while (!ses_list_empty(list))
        change(SES_CONTAINER(list->next, struct ses_conn, throttled), SES_READ_FULLY);
}

void ses_conns_unthrottle(struct ses_conns *conns, unsigned count)
{
    struct ses_conn *conn;

    conns->reads_max = count == UINT_MAX ? READS_MAX : READS_MAX_BUSY;
    if (count == UINT_MAX) {
        end_all(&conns->waiting);
        end_all(&conns->throttled);
    }
    for (; count > 0 && (conn = first_waiting(conns)) != NULL; count--)
        change(conn, SES_READ_EXCESS);
    arm(conns);
}

unsigned ses_conn_turns_behind(const struct ses_conn *conn)
{
    return conn->turns_behind;
}

struct ses_conn_calls *ses_conn_calls(struct ses_conn *conn)
{
    return &conn->calls;
}
