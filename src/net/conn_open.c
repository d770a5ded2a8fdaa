/* A connection's beginning. */
#include "conn_impl.h"

#include <stdlib.h>
#include <unistd.h>

/* After so long in silence the kernel asks whether the peer is still there, which takes no part of the peer's program:
 * who is gone without a word holds its place no longer than that and the kernel's nine probes take. */
#define KEEPALIVE_S 300

/* From here on the handle owns fd and the close callback the memory: on failure conn is cut, never freed. */
static void start(struct ses_conn *conn)
{
    struct ses_conns *conns = conn->conns;

    (void)uv_tcp_nodelay(&conn->tcp, 1); /* one write per turn: nothing for Nagle to gather */
    (void)uv_tcp_keepalive(&conn->tcp, 1, KEEPALIVE_S);
    conn->opened_ms = uv_now(conn->tcp.loop);
    ses_conn_touch(conn, conns->options.first_byte_ms);
    conns->options.on_accept(conns->options.arg, conn);
    if (conn->ops == NULL)
        ses_conn_cut(conn);
    ses_conn_follow_reading(conn);
    if (conns->draining)
        ses_conn_drain(conn);
}

void ses_conn_open(struct ses_conns *conns, int fd, const struct ses_peer *peer, struct ses_source *source)
{
    struct ses_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        ses_source_leave(source);
        (void)close(fd);
        return;
    }
    conn->conns = conns;
    conn->idle_usual_ms = conns->options.idle_ms;
    ses_list_init(&conn->want);
    ses_list_init(&conn->holder);
    ses_list_init(&conn->throttled);
    (void)uv_tcp_init(conns->options.loop, &conn->tcp); /* without flags it makes no socket: cannot fail */
    conn->tcp.data = conn;
    ses_buf_init(&conn->rest, 0);
    conn->peer = *peer;
    conn->source = source;
    ses_list_push_back(&conns->all, &conn->node);
    conns->count++;
    conns->handles++;
    ses_count(conns->options.metrics, SES_C_CONNECTIONS_ACCEPTED, 1);
    ses_gauge_add(conns->options.metrics, SES_C_CONNECTIONS_OPEN, 1);
    if (uv_tcp_open(&conn->tcp, fd) != 0) {
        (void)close(fd);
        ses_conn_cut(conn);
        return;
    }
    start(conn);
}
