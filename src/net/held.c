/* What the connections of a loop hold together, and who lets go when it is too much.
 *
 * Newcomers are not refused for what others hold: the connections that hold most for longest are closed. One
 * whose share is falling is being served, so its time begins anew.
 */
#include "conn_impl.h"

/* An age of zero must not make a share weightless. */
#define AGE_MIN_MS 100u
/* Below the limit again by an eighth, so that one shedding lasts for more than one byte. */
#define SHED_TO(max) ((max) - (max) / 8)

/* held_bytes is what the engine says, tls_held_bytes what lies beneath it, rest what the kernel did not take. Called wherever one of them changes,
 * so that conns->held_bytes is the sum at any time. */
void ses_conn_count_held(struct ses_conn *conn)
{
    struct ses_conns *conns = conn->conns;
    size_t now = conn->state == CONN_CLOSED ? 0 : conn->held_bytes + conn->tls_held_bytes + conn->rest.room;

    if (now == conn->counted_bytes)
        return;
    if (conn->counted_bytes == 0)
        ses_list_push_back(&conns->holders, &conn->holder);
    else if (now == 0)
        ses_list_remove(&conn->holder);
    if (conn->counted_bytes == 0 || now < conn->counted_bytes)
        conn->held_since_ms = uv_now(conns->options.loop);
    conns->held_bytes = conns->held_bytes - conn->counted_bytes + now;
    conn->counted_bytes = now;
}

void ses_conn_hold(struct ses_conn *conn, size_t bytes)
{
    conn->held_bytes = bytes;
    ses_conn_count_held(conn);
}

/* Bytes times milliseconds. */
static uint64_t weight(const struct ses_conn *conn)
{
    return conn->counted_bytes * (uv_now(conn->conns->options.loop) - conn->held_since_ms + AGE_MIN_MS);
}

/* The mean over all holders: with one look at each, those above it are known for the worst. */
static uint64_t mean_weight(struct ses_conns *conns)
{
    uint64_t sum = 0;
    uint64_t count = 0;

    for (struct ses_list *node = conns->holders.next; node != &conns->holders; node = node->next) {
        sum += weight(SES_CONTAINER(node, struct ses_conn, holder));
        count++;
    }
    return count == 0 ? 0 : sum / count;
}

bool ses_conns_pick_worst(struct ses_conns *conns, struct ses_list *ret_worst)
{
    if (conns->held_bytes <= conns->options.held_bytes_max)
        return false;
    size_t excess = conns->held_bytes - SHED_TO(conns->options.held_bytes_max);
    uint64_t mean = mean_weight(conns);
    size_t picked = 0;
    struct ses_list *node = conns->holders.next;

    ses_list_init(ret_worst);
    while (node != &conns->holders && picked < excess) {
        struct ses_conn *conn = SES_CONTAINER(node, struct ses_conn, holder);

        node = node->next;
        if (weight(conn) < mean)
            continue;
        picked += conn->counted_bytes;
        ses_list_remove(&conn->holder);
        ses_list_push_back(ret_worst, &conn->holder);
    }
    return true;
}
