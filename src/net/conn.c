/* One connection: its end, reading, writing, its time. The life is told in conn_impl.h.
 *
 * Who may be on the stack decides the order of things. Callbacks of libuv call the engine, the engine calls
 * back into this file wherever it stands; so ses_conn_cut only marks and closes the handle, and memory and
 * engine go in the close callback, when nobody is here any more. Where no engine can be on the stack (linger,
 * abandon, shed) the engine is let go at once.
 */
#include "conn_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <sessiond/base/wiping.h>

static void on_idle_timer(void *arg);

/* ---- the end */

/* Forgotten before it is told: whatever on_close calls finds no engine, and is not told twice. */
static void engine_gone(struct ses_conn *conn)
{
    const struct ses_conn_ops *ops = conn->ops;
    void *engine = conn->engine;

    conn->ops = NULL;
    conn->engine = NULL;
    if (ops != NULL && ops->on_close != NULL)
        ops->on_close(engine);
    conn->held_bytes = 0;
    conn->tls_held_bytes = 0;
    ses_conn_count_held(conn);
}

static void on_closed(uv_handle_t *handle)
{
    struct ses_conn *conn = handle->data;
    struct ses_conns *conns = conn->conns;

    engine_gone(conn);
    ses_list_remove(&conn->node);
    conns->count--;
    ses_gauge_add(conns->options.metrics, SES_C_CONNECTIONS_OPEN, -1);
    ses_buf_done(&conn->rest);
    ses_source_leave(conn->source);
    free(conn);
    ses_conns_handle_closed(conns);
}

void ses_conn_cut(struct ses_conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    ses_conn_count_held(conn); /* nothing */
    ses_list_remove(&conn->want);
    ses_list_remove(&conn->throttled);
    ses_timer_stop(&conn->idle_timer);
    ses_timer_stop(&conn->stall_timer);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
    /* Not in the close callback: one turn may end hundreds. libuv looks at no byte of a write after
     * uv_close. */
    ses_buf_done(&conn->rest);
}

void ses_conn_abandon(struct ses_conn *conn)
{
    ses_conn_cut(conn);
    engine_gone(conn);
}

static void on_end_timer(void *arg)
{
    ses_conn_cut(arg);
}

/* Everything is written: FIN, then a short wait for the peer's. Closing with unread bytes would make the
 * kernel send a RST, and a RST throws away what the peer has not read yet: the error answer of an oversize
 * upload (RFC 9112 section 9.6). */
static void linger(struct ses_conn *conn)
{
    uv_os_fd_t fd;

    conn->state = CONN_LINGER;
    ses_timer_stop(&conn->stall_timer);
    engine_gone(conn);
    if (conn->eof || uv_fileno((const uv_handle_t *)&conn->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        ses_conn_cut(conn);
        return;
    }
    ses_timer_start(conn->conns->options.timers, &conn->idle_timer, LINGER_MS, on_end_timer, conn);
}

/* limit_ms 0: none but the write-stall limit. */
static void finish_within(struct ses_conn *conn, uint32_t limit_ms)
{
    if (conn->state != CONN_OPEN)
        return;
    ses_conn_read_resume(conn); /* to see the peer's FIN and to throw its bytes away */
    if (conn->state != CONN_OPEN)
        return;
    conn->state = CONN_FINISHING;
    ses_conn_follow_reading(conn);
    ses_timer_stop(&conn->idle_timer);
    if (limit_ms != 0)
        ses_timer_start(conn->conns->options.timers, &conn->idle_timer, limit_ms, on_end_timer, conn);
    ses_conn_want_write(conn);
}

void ses_conn_finish(struct ses_conn *conn)
{
    finish_within(conn, 0); /* the write-stall limit bounds it */
}

void ses_conn_took(struct ses_conn *conn, enum ses_status status)
{
    if (status != SES_OK)
        finish_within(conn, ERROR_FINISH_MS);
    else if (conn->conns->draining)
        ses_conn_drain(conn); /* the sniffer may have made room for an engine that does not know yet */
}

/* Who does not take what lies in the kernel will not take a last word either. What the engine holds goes at
 * once, not with the close callback: between the two one turn may shed hundreds. No engine is at work when
 * this is called. */
static void shed(struct ses_conn *conn)
{
    if (conn->writing || conn->state != CONN_OPEN || conn->ops->on_shed == NULL) {
        ses_conn_abandon(conn);
        return;
    }
    conn->ops->on_shed(conn->engine);
    if (conn->state == CONN_CLOSED)
        engine_gone(conn);
    finish_within(conn, 0);
    if (conn->state == CONN_FINISHING)
        ses_timer_start(conn->conns->options.timers, &conn->idle_timer, ERROR_FINISH_MS, on_end_timer, conn);
}

/* The end of one connection may move bytes of another, so the list is not walked while they end. */
void ses_conns_shed(struct ses_conns *conns)
{
    struct ses_list worst;
    struct ses_list *node;

    if (!ses_conns_pick_worst(conns, &worst))
        return;
    while ((node = ses_list_pop(&worst)) != NULL) {
        ses_list_push_back(&conns->holders, node); /* back in its list, out of which its end takes it */
        ses_count(conns->options.metrics, SES_C_CONNECTIONS_SHED, 1);
        shed(SES_CONTAINER(node, struct ses_conn, holder));
    }
}

void ses_conn_flush_soon(struct ses_conn *conn)
{
    conn->flush_soon = true;
}

/* ---- reading */

/* One buffer for all connections of the loop: libuv calls on_read right after this, and the engine takes
 * everything in it. A full one makes libuv ask for the next at once; a turn gives so many, and the next poll tells of
 * the rest again. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct ses_conn *conn = handle->data;

    (void)suggested;
    if (!ses_conn_may_read(conn)) {
        *ret_buf = uv_buf_init(NULL, 0);
        return;
    }
    *ret_buf = uv_buf_init((char *)conn->conns->read_bytes, (unsigned)ses_conn_read_size(conn));
}

/* The engine has said its last word. Who goes on sending more than LINGER_BYTES_MAX is not waiting for it. */
static void discard(struct ses_conn *conn, size_t bytes)
{
    conn->lingered_bytes += bytes;
    if (conn->lingered_bytes > LINGER_BYTES_MAX)
        ses_conn_cut(conn);
}

static void take_bytes(struct ses_conn *conn, size_t len)
{
    struct ses_conns *conns = conn->conns; /* outlives conn */

    if (!conn->first_seen) {
        conn->first_seen = true;
        ses_conn_touch(conn, 0);
    }
    ses_conn_took(conn, conn->ops->on_bytes(conn->engine, ses_slice(conns->read_bytes, len)));
    ses_wiping_wipe(conns->read_bytes, len);
}

/* A turn may read megabytes of small requests; their answers do not pile up until its end. */
static void flush_between_reads(struct ses_conn *conn)
{
    conn->flush_soon = false;
    if (conn->writing || ses_list_empty(&conn->want))
        return;
    ses_list_remove(&conn->want);
    ses_conn_flush(conn);
}

/* libuv has stopped reading by itself; eof keeps read_resume from starting it again. */
void ses_conn_take_eof(struct ses_conn *conn)
{
    conn->eof = true;
    if (conn->state == CONN_FINISHING)
        return; /* output still goes */
    if (conn->state != CONN_OPEN || conn->ops->on_eof == NULL)
        ses_conn_cut(conn);
    else
        conn->ops->on_eof(conn->engine);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct ses_conn *conn = stream->data;

    (void)buf;
    if (got == 0 || got == UV_ENOBUFS || conn->state == CONN_CLOSED) /* EAGAIN, or it was not to read on */
        return;
    if (got == UV_EOF) {
        ses_conn_take_eof(conn);
        return;
    }
    if (got < 0) {
        ses_conn_cut(conn);
        return;
    }
    conn->active_ms = uv_now(stream->loop);
    ses_count(conn->conns->options.metrics, SES_C_BYTES_IN, (uint64_t)got);
    if (conn->state == CONN_OPEN) {
        ses_conn_look_behind(conn, (size_t)got);
        take_bytes(conn, (size_t)got);
    } else {
        discard(conn, (size_t)got);
    }
    if (conn->flush_soon)
        flush_between_reads(conn);
    ses_conns_shed(conn->conns);
}

void ses_conn_follow_reading(struct ses_conn *conn)
{
    bool leaves =
        conn->state != CONN_OPEN || conn->drain_told; /* the peer's last bytes and its end are awaited */
    bool wanted = !conn->paused && (conn->reading_as != SES_READ_LATER || leaves);

    if (conn->eof || conn->state == CONN_CLOSED || wanted == conn->reading)
        return;
    conn->reading = wanted;
    if (!wanted)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    else if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        ses_conn_cut(conn);
}

void ses_conn_read_pause(struct ses_conn *conn)
{
    if (conn->state != CONN_OPEN)
        return;
    conn->paused = true;
    ses_conn_follow_reading(conn);
}

void ses_conn_read_resume(struct ses_conn *conn)
{
    conn->paused = false;
    ses_conn_follow_reading(conn);
}

/* ---- writing */

void ses_conn_want_write(struct ses_conn *conn)
{
    if (conn->state != CONN_OPEN && conn->state != CONN_FINISHING)
        return;
    /* While a write is under way nothing is asked; when it ends, the engine always is. */
    if (!conn->writing && ses_list_empty(&conn->want))
        ses_list_push_back(&conn->conns->want, &conn->want);
}

/* libuv does not tell of partial writes: compare its queue with what it was. */
static void on_stall_timer(void *arg)
{
    struct ses_conn *conn = arg;
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);

    if (queued + STALL_BYTES_MIN > conn->stalled_bytes) {
        ses_count(conn->conns->options.metrics, SES_C_ANSWERS_UNREAD, 1);
        ses_conn_cut(conn);
        return;
    }
    conn->stalled_bytes = queued;
    ses_timer_start(conn->conns->options.timers, &conn->stall_timer, conn->conns->options.write_stall_ms,
                    on_stall_timer, conn);
}

/* All that was produced lies in the kernel. */
static void written_all(struct ses_conn *conn, bool more)
{
    conn->active_ms = uv_now(conn->tcp.loop);
    if (more)
        ses_conn_want_write(conn);
    else if (conn->state == CONN_FINISHING && ses_list_empty(&conn->want))
        linger(conn);
    else if (conn->state == CONN_OPEN && conn->undrained) {
        conn->undrained = false;
        if (conn->ops->on_drained != NULL)
            conn->ops->on_drained(conn->engine);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct ses_conn *conn = request->data;

    conn->writing = false;
    if (conn->state == CONN_CLOSED) /* UV_ECANCELED, from the closing handle */
        return;
    ses_timer_stop(&conn->stall_timer);
    ses_buf_done(&conn->rest);
    if (status != 0) {
        ses_conn_cut(conn);
        return;
    }
    ses_conn_count_held(conn);
    ses_conn_want_write(conn);
}

/* The kernel took only part: the connection keeps the buffer, the next one that produces gets a new one. */
static void write_rest(struct ses_conn *conn, size_t done)
{
    struct ses_conns *conns = conn->conns;
    uv_buf_t buf;

    ses_list_remove(&conn->want); /* asked again when this is written */
    conn->rest = conns->out;
    ses_buf_init(&conns->out, OUT_BYTES_MAX);
    buf = uv_buf_init((char *)conn->rest.data + done, (unsigned)(conn->rest.len - done));
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) != 0) {
        ses_conn_cut(conn);
        return;
    }
    conn->writing = true;
    ses_conn_count_held(conn);
    conn->stalled_bytes = uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);
    ses_timer_start(conns->options.timers, &conn->stall_timer, conns->options.write_stall_ms, on_stall_timer,
                    conn);
}

/* First without a request: nearly every answer goes into the socket's buffer whole, and costs no memory. */
static void write_out(struct ses_conn *conn)
{
    struct ses_buf *out = &conn->conns->out;
    uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)out->len);
    bool more = out->len >= SES_CONN_HIGH_WATER;
    int done = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);

    if (done == UV_EAGAIN)
        done = 0;
    if (done < 0) {
        ses_conn_cut(conn);
        return;
    }
    ses_count(conn->conns->options.metrics, SES_C_BYTES_OUT, out->len);
    if ((size_t)done < out->len)
        write_rest(conn, (size_t)done);
    else
        written_all(conn, more);
}

void ses_conn_flush(struct ses_conn *conn)
{
    struct ses_buf *out = &conn->conns->out;

    SES_REQUIRE(!conn->writing);
    ses_buf_clear(out);
    if (conn->ops->on_produce(conn->engine, out) != SES_OK) {
        ses_conn_cut(conn);
        return;
    }
    if (conn->state == CONN_CLOSED)
        return;
    if (out->len == 0) {
        written_all(conn, false);
        return;
    }
    conn->undrained = true;
    write_out(conn);
}

/* ---- time */

static void arm_idle(struct ses_conn *conn, uint64_t delay_ms)
{
    conn->idle_armed_ms = uv_now(conn->tcp.loop) + delay_ms;
    ses_timer_start(conn->conns->options.timers, &conn->idle_timer, delay_ms, on_idle_timer, conn);
}

/* Bytes only note the time; the timer looks whether it was idle after all. So a byte costs no timer
 * operation. */
static void on_idle_timer(void *arg)
{
    struct ses_conn *conn = arg;
    uint64_t idle_ms = uv_now(conn->tcp.loop) - conn->active_ms;

    if (idle_ms < conn->idle_ms) {
        arm_idle(conn, conn->idle_ms - idle_ms);
        return;
    }
    if (!conn->first_seen || conn->ops->on_idle == NULL) {
        ses_conn_cut(conn);
        return;
    }
    conn->active_ms = uv_now(conn->tcp.loop);
    arm_idle(conn, conn->idle_ms);
    conn->ops->on_idle(conn->engine);
}

/* A timer that runs out too early looks again; only one that would be late is armed anew. */
void ses_conn_touch(struct ses_conn *conn, uint32_t idle_ms)
{
    if (conn->state != CONN_OPEN)
        return;
    conn->idle_ms = idle_ms != 0 ? idle_ms : conn->idle_usual_ms;
    conn->active_ms = uv_now(conn->tcp.loop);
    if (conn->idle_timer.timers == NULL || conn->active_ms + conn->idle_ms < conn->idle_armed_ms)
        arm_idle(conn, conn->idle_ms);
}

void ses_conn_set_idle(struct ses_conn *conn, uint32_t idle_ms)
{
    conn->idle_usual_ms = idle_ms;
    ses_conn_touch(conn, 0);
}

/* ---- the rest */

void ses_conn_drain(struct ses_conn *conn)
{
    if (conn->drain_told || conn->state != CONN_OPEN)
        return;
    conn->drain_told = true;
    ses_conn_follow_reading(conn);
    if (conn->ops->on_drain != NULL)
        conn->ops->on_drain(conn->engine);
    else
        ses_conn_finish(conn);
}

void ses_conn_attach(struct ses_conn *conn, const struct ses_conn_ops *ops, void *engine)
{
    if (conn->tls != NULL) {
        conn->inner_ops = ops;
        conn->inner_engine = engine;
    } else {
        conn->ops = ops;
        conn->engine = engine;
    }
    conn->drain_told = false;
}

uint64_t ses_conn_idle_ms(const struct ses_conn *conn)
{
    return uv_now(conn->tcp.loop) - conn->active_ms;
}
