/* The engine of one HTTP/1.1 connection: requests one at a time, in order. Three things may run into
 * each other: bytes that come in, an answer that is given from inside dispatch or later, and the end;
 * busy, answered and phase keep them apart, and rest() leaves the connection in what follows from them. */
#include "h1.h"

#include <stdlib.h>

#include "envelope.h"
#include "proxy.h"
#include "refusal_text.h"

/* ---- the end of a request, and of the connection */

/* Nothing more is read; what was produced still goes out. The engine goes on living until on_close:
 * ses_conn_finish writes what stands in out first. */
static void end(struct h1 *h1)
{
    h1->phase = H1_ENDED;
    ses_timer_stop(&h1->timer);
    h1->timed = H1_IDLE;
    ses_h1_parse_reset(h1);
    ses_buf_done(&h1->pending);
    ses_h1_tell_held(h1);
    ses_conn_finish(h1->conn);
}

/* x is set to NULL first: releasing it may come back here. */
static void drop_exchange(struct h1 *h1)
{
    struct ses_exchange *x = h1->x;

    h1->x = NULL;
    if (x != NULL) {
        ses_http_forget(x);
        ses_exchange_release(x);
    }
}

static void tell_refused(struct h1 *h1, struct ses_h1_fault fault)
{
    ses_count(h1->doors->options.metrics, SES_C_PROTOCOL_ERRORS, 1);
    ses_doors_log_refused(h1->doors, ses_conn_peer(h1->conn)->text, "http/1.1", fault.http_status,
                          fault.message);
}

/* After a fault nobody knows where the next request would begin: the connection ends with the answer. Without an
 * exchange, or with one that is not judged yet. */
static void refuse_head(struct h1 *h1, struct ses_h1_fault fault)
{
    drop_exchange(h1);
    tell_refused(h1, fault);
    h1->keep_alive = false;
    if (!h1->passing_over && ses_h1_answer_refusal(h1, fault) != SES_OK) {
        ses_conn_cut(h1->conn);
        return;
    }
    end(h1);
}

/* The same for what comes of the body: its exchange is judged and waits, and has the words for it. */
static void refuse(struct h1 *h1, struct ses_h1_fault fault)
{
    if (h1->x == NULL) {
        refuse_head(h1, fault);
        return;
    }
    tell_refused(h1, fault);
    h1->keep_alive = false; /* on_respond ends the connection, or who has called from within consume */
    (void)ses_http_refuse(h1->x, fault.http_status, ses_http_refusal_status(fault.http_status),
                          fault.message);
}

/* The answer stands in out: back to idle, or the end, or on to the rest of a body that nobody wants. The exchange is
 * let go of only now: the answer was made of its memory. */
static void settle(struct h1 *h1)
{
    h1->answered = false;
    drop_exchange(h1);
    if (!h1->complete && h1->keep_alive) {
        h1->passing_over = true;
        return;
    }
    ses_h1_parse_reset(h1);
    if (h1->keep_alive)
        h1->phase = H1_IDLE;
    else
        end(h1);
}

/* ---- a request becomes an exchange */

static void on_respond(void *stream, int http_status, const struct ses_header *headers, size_t headers_count,
                       struct ses_slice body);
static void on_last_piece(void *stream);

/* Not duplex: a client that has not said all does not read yet, as a rule. */
static const struct ses_http_stream_ops stream_ops = {.respond = on_respond,
                                                      .open = ses_h1_pieces_begin,
                                                      .write = ses_h1_pieces_add,
                                                      .close = on_last_piece,
                                                      .backlog = ses_h1_pieces_backlog,
                                                      .admit = ses_h1_pieces_admit};

/* The body of a refused request can be passed over: its length is known and small, and the client does not wait to
 * be asked for it (RFC 9110 section 10.1.1: it may then leave it out, and nobody knows what comes next). */
static bool can_pass_over(const struct h1 *h1)
{
    return !h1->chunked && !h1->expects_continue && h1->parser.content_length <= H1_PASSED_OVER_MAX;
}

/* The head is whole. */
static void judge(struct h1 *h1)
{
    struct ses_exchange *x = NULL;

    h1->judged = true;
    if (ses_exchange_new(h1->doors->options.pool, &x) != SES_OK) {
        refuse_head(h1, (struct ses_h1_fault){503, SES_SAYS_TOO_MANY});
        return;
    }
    h1->x = x;
    if (ses_h1_fill(h1, x) != SES_OK) {
        refuse_head(h1, (struct ses_h1_fault){503, SES_SAYS_NO_MEMORY});
        return;
    }
    ses_forwarded_settle(h1->doors, x, h1->conn);
    h1->requests++;
    if (h1->draining || h1->requests >= h1->doors->options.limits.requests_max)
        h1->keep_alive = false;
    if (ses_http_begin(h1->doors, x, h1->conn, &stream_ops) && ses_envelope_of(x) != NULL)
        h1->body.max = H1_PIECE_BYTES_MAX;
}

/* What has come of a body that is taken in pieces. */
static void hand_on(struct h1 *h1)
{
    if (h1->x == NULL || h1->answered || h1->body.len == 0 || ses_envelope_of(h1->x) == NULL)
        return;
    ses_envelope_data(h1->x, ses_buf_view(&h1->body));
    ses_buf_clear(&h1->body);
}

/* The body is whole. */
static void dispatch(struct h1 *h1)
{
    struct ses_exchange *x = h1->x;

    if (ses_envelope_of(x) == NULL &&
        ses_arena_copy(&x->arena, ses_buf_view(&h1->body), &x->body) != SES_OK) {
        refuse(h1, (struct ses_h1_fault){503, SES_SAYS_NO_MEMORY});
        return;
    }
    ses_h1_parse_reset(h1);
    h1->phase = H1_RUNNING;
    ses_http_dispatch(x);
}

/* Nothing of the request is left on the connection, which can be used again. */
static void passed_over(struct h1 *h1)
{
    ses_h1_parse_reset(h1);
    h1->phase = H1_IDLE;
    if (h1->draining)
        end(h1);
}

/* ---- bytes */

/* Asked for, and the client still waits: the body has not begun. */
static void answer_continue(struct h1 *h1)
{
    h1->expects_continue = false;
    if (ses_buf_append(&h1->out, SES_STR("HTTP/1.1 100 Continue\r\n\r\n")) != SES_OK)
        ses_conn_cut(h1->conn);
    else
        ses_conn_want_write(h1->conn);
}

/* Answers that are not taken stop the reading too, or a client could pile them up by pipelining. */
static bool can_read(const struct h1 *h1)
{
    return h1->phase != H1_RUNNING && h1->phase != H1_ENDED && ses_h1_backlog(h1) < SES_CONN_HIGH_WATER;
}

static bool is_reading(const struct h1 *h1)
{
    return h1->phase == H1_BODY || h1->phase == H1_TRAILER;
}

/* What follows from the bytes that were parsed. An answer at the head may have ended the request, or the
 * connection. */
static void advance(struct h1 *h1)
{
    if (h1->fault.http_status != 0) {
        refuse(h1, h1->fault);
        if (h1->answered)
            settle(h1);
        return;
    }
    if (h1->phase == H1_BODY && !h1->judged)
        judge(h1);
    hand_on(h1);
    if (h1->answered)
        settle(h1);
    if (!h1->complete || !is_reading(h1))
        return;
    if (h1->passing_over)
        passed_over(h1);
    else
        dispatch(h1);
    if (h1->answered)
        settle(h1);
}

/* Parses and dispatches as far as one request at a time allows; returns the bytes taken. busy: an
 * answer given from inside dispatch must not start the next request on top of this one (on_respond),
 * the loop here does. It ends when a request runs, when the connection is over, or when the answers
 * that wait fill the connection's buffer. */
static size_t consume(struct h1 *h1, struct ses_slice bytes)
{
    size_t at = 0;

    SES_REQUIRE(!h1->busy);
    h1->busy = true;
    while (at < bytes.len && can_read(h1)) {
        if (h1->phase == H1_IDLE)
            ses_h1_parse_begin(h1);
        at += ses_h1_parse(h1, ses_slice_cut(bytes, at, bytes.len));
        advance(h1);
    }
    if (h1->phase == H1_BODY && h1->expects_continue && at == bytes.len && h1->body_raw_bytes == 0)
        answer_continue(h1);
    h1->busy = false;
    return at;
}

static void on_timer(void *arg)
{
    struct h1 *h1 = arg;

    h1->timed = H1_IDLE;
    ses_count(h1->doors->options.metrics, SES_C_REQUESTS_LATE, 1);
    if (h1->phase == H1_HEAD)
        refuse(h1, (struct ses_h1_fault){408, "the request headers took too long"});
    else
        refuse(h1, (struct ses_h1_fault){408, SES_SAYS_LATE});
}

/* A deadline runs only for requests that did not come whole: the usual one costs no timer. It is not
 * restarted by bytes, so a client that sends one byte now and then gains nothing. */
static void set_timer(struct h1 *h1)
{
    const struct ses_door_limits *limits = &h1->doors->options.limits;
    enum h1_phase wanted = H1_IDLE;

    if (h1->phase == H1_HEAD)
        wanted = H1_HEAD;
    else if ((h1->phase == H1_BODY || h1->phase == H1_TRAILER) && ses_envelope_of(h1->x) == NULL)
        wanted = H1_BODY; /* an enveloped call has its own time */
    if (wanted == h1->timed)
        return;
    h1->timed = wanted;
    if (wanted == H1_IDLE)
        ses_timer_stop(&h1->timer);
    else
        ses_timer_start(h1->doors->options.timers, &h1->timer,
                        wanted == H1_HEAD ? limits->header_ms - h1->spent_ms : limits->body_ms, on_timer, h1);
    h1->spent_ms = 0;
}

/* Whatever has happened, the connection is left in the state that follows from it. */
static void rest(struct h1 *h1)
{
    ses_h1_tell_held(h1);
    if (h1->phase == H1_ENDED)
        return;
    set_timer(h1);
    if (h1->phase == H1_IDLE && h1->pending.len == 0 && h1->eof) {
        end(h1);
        return;
    }
    if (h1->pending.len == 0)
        ses_conn_read_resume(h1->conn);
}

/* Goes on with what the client had sent ahead. consume may end the connection, and end() frees pending:
 * hence the look at the phase before it is cut. */
static void resume(struct h1 *h1)
{
    if (h1->pending.len > 0 && can_read(h1)) {
        size_t used = consume(h1, ses_buf_view(&h1->pending));

        if (h1->phase != H1_ENDED) {
            ses_buf_consume(&h1->pending, used);
            if (h1->pending.len == 0)
                ses_buf_done(&h1->pending);
        }
    }
    rest(h1);
}

static void answered(struct h1 *h1)
{
    ses_conn_want_write(h1->conn);
    h1->answered = true;
    if (h1->busy)
        return; /* answered from within dispatch: consume goes on */
    settle(h1);
    resume(h1);
}

static void on_respond(void *stream, int http_status, const struct ses_header *headers, size_t headers_count,
                       struct ses_slice body)
{
    struct h1 *h1 = stream;

    if (h1->draining || (!h1->complete && !can_pass_over(h1)))
        h1->keep_alive = false;
    if (ses_h1_answer(h1, http_status, headers, headers_count, body) != SES_OK) {
        ses_conn_cut(h1->conn);
        return;
    }
    answered(h1);
}

static void on_last_piece(void *stream)
{
    struct h1 *h1 = stream;

    if (h1->draining)
        h1->keep_alive = false;
    if (ses_h1_pieces_last(h1) != SES_OK)
        ses_conn_cut(h1->conn);
    else
        answered(h1);
}

/* ---- the engine */

/* What is left over is kept unparsed and reading pauses, so there is never more than one read of it. */
static enum ses_status on_bytes(void *engine, struct ses_slice bytes)
{
    struct h1 *h1 = engine;
    size_t used = 0;

    if (h1->phase == H1_ENDED)
        return SES_OK;
    if (h1->draining)
        ses_conn_touch(h1->conn, 0); /* came in time: no longer the patience of on_drain */
    if (h1->pending.len == 0)
        used = consume(h1, bytes);
    if (h1->phase != H1_ENDED && used < bytes.len) {
        ses_buf_init(&h1->pending, H1_PENDING_BYTES_MAX);
        SES_TRY(ses_buf_append(&h1->pending, ses_slice_cut(bytes, used, bytes.len)));
        ses_conn_read_pause(h1->conn);
    }
    rest(h1);
    return SES_OK;
}

/* Copied up to the high water mark; the buffer is given back once it is empty, since an idle connection
 * keeps nothing. */
static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    struct h1 *h1 = engine;
    size_t room = SES_CONN_HIGH_WATER > out->len ? SES_CONN_HIGH_WATER - out->len : 0;
    size_t len = ses_h1_backlog(h1) < room ? ses_h1_backlog(h1) : room;

    SES_TRY(ses_buf_append(out, ses_slice_cut(ses_buf_view(&h1->out), h1->out_at, h1->out_at + len)));
    h1->out_at += len;
    if (ses_h1_backlog(h1) == 0) {
        ses_buf_done(&h1->out);
        ses_buf_init(&h1->out, H1_OUT_BYTES_MAX);
        h1->out_at = 0;
        ses_h1_tell_held(h1);
    }
    return SES_OK;
}

/* A call that goes on writing behind its request. */
static bool is_streaming(const struct h1 *h1)
{
    return h1->phase == H1_RUNNING && ses_envelope_of(h1->x) != NULL && ses_envelope_streams(h1->x);
}

/* What was produced has left; requests that waited for room go on. */
static void on_drained(void *engine)
{
    struct h1 *h1 = engine;

    if (is_streaming(h1) && ses_h1_backlog(h1) == 0)
        ses_envelope_drained(h1->x);
    resume(h1);
}

/* A request that is running or has begun ends the connection with its answer. An idle connection ends too;
 * one millisecond is for the request that lies unread in the kernel. */
static void on_drain(void *engine)
{
    struct h1 *h1 = engine;
    uint64_t idle_ms = ses_conn_idle_ms(h1->conn);

    h1->draining = true;
    if (h1->phase == H1_IDLE)
        ses_conn_touch(h1->conn, idle_ms < SES_DRAIN_IDLE_MS ? SES_DRAIN_IDLE_MS - (uint32_t)idle_ms : 1);
    else if (is_streaming(h1))
        ses_envelope_leave(h1->x);
}

/* The connection's idle time is over while nothing runs: closed without a word, as HTTP/1.1 allows. */
static void on_idle(void *engine)
{
    struct h1 *h1 = engine;

    if (h1->phase == H1_IDLE && ses_h1_backlog(h1) == 0)
        end(h1);
    /* Otherwise a deadline of its own is running: exchange, head, body, or the connection's write stall. */
}

/* A stream ends at its client's wish, for which HTTP/1.1 has no other word. */
static void on_eof(void *engine)
{
    struct h1 *h1 = engine;

    h1->eof = true;
    if (h1->phase == H1_HEAD || h1->phase == H1_BODY || h1->phase == H1_TRAILER)
        refuse(h1, (struct ses_h1_fault){400, "the request is incomplete"});
    else if (is_streaming(h1))
        ses_conn_cut(h1->conn);
    else
        rest(h1);
}

/* A request that is on its way hears why; who leaves answers unread hears nothing more. */
static void on_shed(void *engine)
{
    struct h1 *h1 = engine;

    if (ses_h1_backlog(h1) == 0 && (h1->phase == H1_HEAD || h1->phase == H1_BODY || h1->phase == H1_TRAILER))
        refuse(h1, (struct ses_h1_fault){503, "the server holds too many unfinished requests"});
    else
        ses_conn_cut(h1->conn);
    ses_h1_tell_held(h1);
}

/* The client is gone, whatever was going on: the method is told through the exchange, which may outlive
 * us. */
static void on_close(void *engine)
{
    struct h1 *h1 = engine;

    ses_timer_stop(&h1->timer);
    if (h1->x != NULL && h1->phase == H1_RUNNING)
        ses_exchange_cancel(h1->x, SES_CANCELLED);
    drop_exchange(h1);
    ses_h1_parse_reset(h1);
    ses_buf_done(&h1->pending);
    ses_buf_done(&h1->out);
    free(h1);
}

static const struct ses_conn_ops h1_ops = {
    .on_bytes = on_bytes,
    .on_produce = on_produce,
    .on_drain = on_drain,
    .on_idle = on_idle,
    .on_drained = on_drained,
    .on_eof = on_eof,
    .on_shed = on_shed,
    .on_close = on_close,
};

void ses_h1_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first, uint32_t spent_ms)
{
    struct h1 *h1 = calloc(1, sizeof(*h1));

    if (h1 == NULL) {
        ses_conn_cut(conn);
        return;
    }
    h1->doors = doors;
    h1->conn = conn;
    h1->spent_ms = spent_ms < doors->options.limits.header_ms ? spent_ms : doors->options.limits.header_ms;
    ses_buf_init(&h1->pending, H1_PENDING_BYTES_MAX);
    ses_buf_init(&h1->out, H1_OUT_BYTES_MAX);
    ses_h1_parse_init(h1);
    ses_conn_attach(conn, &h1_ops, h1);
    if (first.len > 0 && on_bytes(h1, first) != SES_OK)
        ses_conn_cut(conn);
}
