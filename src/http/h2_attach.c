/* The engine on a real connection: struct ses_h2_io by struct ses_conn, and the other way round. The
 * unit tests put an engine on memory instead. */
#include "h2.h"
#include "h2_throttle.h"

#include <sessiond/net/conn.h>

static void io_want_write(void *conn)
{
    ses_conn_want_write(conn);
}

static void io_read_pause(void *conn)
{
    ses_conn_read_pause(conn);
}

static void io_read_resume(void *conn)
{
    ses_conn_read_resume(conn);
}

static void io_touch(void *conn)
{
    ses_conn_touch(conn, 0);
}

static void io_finish(void *conn)
{
    ses_conn_finish(conn);
}

static void io_cut(void *conn)
{
    ses_conn_cut(conn);
}

static void io_hold(void *conn, size_t bytes)
{
    ses_conn_hold(conn, bytes);
}

static void io_flush_soon(void *conn)
{
    ses_conn_flush_soon(conn);
}

static const struct ses_h2_io conn_io = {.want_write = io_want_write,
                                         .read_pause = io_read_pause,
                                         .read_resume = io_read_resume,
                                         .touch = io_touch,
                                         .finish = io_finish,
                                         .cut = io_cut,
                                         .hold = io_hold,
                                         .flush_soon = io_flush_soon};

static enum ses_status on_bytes(void *engine, struct ses_slice bytes)
{
    return ses_h2_receive(engine, bytes);
}

static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    return ses_h2_produce(engine, out);
}

static void on_drain(void *engine)
{
    ses_h2_drain(engine);
}

static void on_idle(void *engine)
{
    ses_h2_idle(engine);
}

static void on_drained(void *engine)
{
    ses_h2_drained(engine);
}

static void on_throttle(void *engine, bool on)
{
    ses_h2_throttle(engine, on);
}

static void on_shed(void *engine)
{
    ses_h2_shed(engine);
}

static void on_close(void *engine)
{
    ses_h2_free(engine);
}

static const struct ses_conn_ops h2_ops = {.on_bytes = on_bytes,
                                           .on_produce = on_produce,
                                           .on_drain = on_drain,
                                           .on_idle = on_idle,
                                           .on_drained = on_drained,
                                           .on_throttle = on_throttle,
                                           .on_shed = on_shed,
                                           .on_close = on_close};

/* shared is made with the first connection: a worker that nobody calls by HTTP/2 pays nothing for it. */
void ses_h2_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first, uint32_t spent_ms)
{
    struct ses_h2 *h2;

    if ((doors->h2 == NULL && ses_h2_shared_new(doors, &doors->h2) != SES_OK) ||
        ses_h2_new(doors->h2, &conn_io, conn, ses_conn_peer(conn)->text, &h2) != SES_OK) {
        ses_conn_cut(conn);
        return;
    }
    h2->spent_ms = spent_ms < doors->options.limits.header_ms ? spent_ms : doors->options.limits.header_ms;
    h2->conn = conn;
    ses_conn_attach(conn, &h2_ops, h2);
    ses_conn_set_idle(conn, doors->options.limits.http2_idle_ms);
    /* A failure needs no other step than its GOAWAY: produce writes it and finishes the connection. */
    if (ses_h2_receive(h2, first) != SES_OK)
        ses_h2_want_write(h2);
}
