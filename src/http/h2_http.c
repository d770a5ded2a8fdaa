/* Requests over HTTP/2 that are not gRPC: the body is gathered, the rest is http_exchange.c's. */
#include "h2.h"

#include <stdio.h>

#include <sessiond/exchange/return_refusal.h>

#include "envelope.h"
#include "h2_envelope.h"
#include "refusal_text.h"

/* :status, what http_answer.c makes, and content-length. */
#define FIELDS_MAX (SES_HTTP_FIELDS_MAX + 2)

static bool bodiless_status(int http_status)
{
    return http_status == 204 || http_status == 304;
}

/* content_length lies in the stream, because nghttp2 is handed views (NO_COPY) until the frame is
 * written; the other values are literals or in the exchange, which the stream holds. */
static void respond(void *opaque, int http_status, const struct ses_header *headers, size_t headers_count,
                    struct ses_slice body)
{
    struct ses_h2_stream *stream = opaque;
    nghttp2_nv fields[FIELDS_MAX];
    size_t count = 1;

    if (ses_h2_answer_begun(stream))
        return;
    for (size_t i = 0; i < headers_count && count < FIELDS_MAX - 1; i++)
        fields[count++] = ses_h2_field(&headers[i]);
    if (!bodiless_status(http_status)) {
        int len = snprintf(stream->content_length, sizeof stream->content_length, "%zu", body.len);

        fields[count++] =
            ses_h2_nv_once(SES_STR("content-length"), ses_slice(stream->content_length, (size_t)len));
    }
    bool bodiless =
        bodiless_status(http_status) || stream->x == NULL || ses_slice_eq_str(stream->x->http_method, "HEAD");

    stream->http_status = http_status;
    stream->reply = bodiless ? SES_SLICE_EMPTY : body;
    ses_h2_stream_headers(stream, fields, count,
                          stream->reply.len > 0 ? SES_H2_REST_WHOLE : SES_H2_REST_NONE);
}

static const struct ses_http_stream_ops stream_ops = {.respond = respond,
                                                      .open = ses_h2_envelope_open,
                                                      .write = ses_h2_envelope_write,
                                                      .close = ses_h2_envelope_close,
                                                      .backlog = ses_h2_envelope_backlog,
                                                      .admit = ses_h2_envelope_admit,
                                                      .duplex = true};

/* The text lies in the backlog: there may be no exchange. */
static void write_refusal(struct ses_h2_stream *stream, int http_status, struct ses_slice message)
{
    char text[256];
    bool page = stream->return_path;
    struct ses_slice body = page ? ses_return_refusal_body(http_status)
                                 : ses_slice(text, ses_http_refusal_body(stream->rpc_path, http_status,
                                                                         message, text, sizeof text));
    const struct ses_header *headers = ses_return_page_headers();
    int digits = snprintf(stream->content_length, sizeof stream->content_length, "%zu", body.len);
    nghttp2_nv fields[3 + SES_RETURN_PAGE_HEADERS_MAX] = {
        {0},
        ses_h2_nv(SES_STR("content-type"),
                  page ? SES_STR(SES_RETURN_PAGE_TYPE) : SES_STR("application/json")),
    };
    size_t count = 2;

    if (ses_h2_answer_begun(stream))
        return;
    for (size_t i = 0; page && i < SES_RETURN_PAGE_HEADERS_MAX; i++)
        fields[count++] = ses_h2_nv(headers[i].name, headers[i].value);
    ses_buf_done(&stream->in);
    stream->http_status = http_status;
    bool written = ses_buf_append(&stream->backlog, body) == SES_OK;

    if (written)
        fields[count++] =
            ses_h2_nv_once(SES_STR("content-length"), ses_slice(stream->content_length, (size_t)digits));
    (void)ses_h2_hold(stream);
    ses_h2_stream_headers(stream, fields, count, written ? SES_H2_REST_WHOLE : SES_H2_REST_NONE);
}

/* The exchange's answer without http_exchange.c: a page, for a head of which maybe not even the path was kept. */
static void end_refused(struct ses_exchange *x, const struct ses_error *error)
{
    struct ses_h2_stream *stream = x->stream;

    write_refusal(stream, stream->http_status, error->message); /* a literal */
}

static const struct ses_exchange_ops refusal_ops = {.end = end_refused};

static void refuse_page(struct ses_h2_stream *stream, int http_status, enum ses_status status,
                        const char *message)
{
    struct ses_exchange *x = stream->x;

    stream->http_status = http_status;
    x->door = SES_DOOR_PLAIN;
    x->ops = &refusal_ops;
    ses_exchange_fail_status(x, status, message);
}

/* Through the exchange where there is one: it writes the log line and the counters. What has come of the body is
 * given back at once. */
void ses_h2_http_refuse(struct ses_h2_stream *stream, int http_status, enum ses_status status,
                        const char *message)
{
    struct ses_exchange *x = stream->x;

    if (x == NULL) {
        write_refusal(stream, http_status, ses_slice_str(message));
        return;
    }
    ses_timer_stop(&x->deadline_timer);
    ses_buf_done(&stream->in);
    (void)ses_h2_hold(stream);
    if (!stream->started)
        ses_exchange_settle_request_id(x);
    if (stream->return_path)
        refuse_page(stream, http_status, status, message);
    else if (stream->started)
        (void)ses_http_refuse(x, http_status, status, message);
    else
        ses_http_begin_refused(stream->h2->shared->doors, x, &stream_ops, http_status, status, message);
}

static void on_body_timeout(void *arg)
{
    struct ses_h2_stream *stream = arg;

    ses_count(stream->h2->shared->doors->options.metrics, SES_C_REQUESTS_LATE, 1);
    ses_h2_http_refuse(stream, 408, SES_DEADLINE_EXCEEDED, SES_SAYS_LATE);
}

/* An enveloped call goes on as another kind, which has its own time. */
static void begin(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;
    bool go_on;

    stream->started = true;
    ses_exchange_hold(x);
    go_on = ses_http_begin(stream->h2->shared->doors, x, stream->h2->conn, &stream_ops);
    stream->excused = x->turned_away;
    if (ses_envelope_of(x) != NULL) {
        stream->started = false;
        stream->kind = &ses_h2_envelope_kind;
        go_on = false;
    }
    ses_exchange_release(x);
    if (go_on && !ses_h2_request_ended(stream))
        ses_h2_stream_timer(stream, stream->h2->shared->doors->options.limits.body_ms, on_body_timeout);
}

/* Behind an answer the rest of the body is nobody's (h2_linger.c counts it). */
static void data(struct ses_h2_stream *stream, struct ses_slice bytes)
{
    if (ses_h2_answer_begun(stream))
        return;
    if (ses_buf_append(&stream->in, bytes) != SES_OK)
        ses_h2_http_refuse(stream, 413, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
    else if (!ses_h2_hold(stream))
        ses_h2_http_refuse(stream, 503, SES_RESOURCE_EXHAUSTED, SES_SAYS_UNFINISHED);
}

/* From here on http_exchange.c has the deadline timer; the body's own was stopped. */
static void request_end(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;

    if (ses_h2_answer_begun(stream))
        return;
    ses_timer_stop(&x->deadline_timer);
    if (ses_arena_copy(&x->arena, ses_buf_view(&stream->in), &x->body) != SES_OK) {
        ses_h2_http_refuse(stream, 503, SES_NO_MEMORY, SES_SAYS_NO_MEMORY);
        return;
    }
    ses_buf_done(&stream->in);
    (void)ses_h2_hold(stream);
    ses_http_dispatch(x);
}

static void drained(struct ses_h2_stream *stream)
{
    (void)stream;
}

static void leave(struct ses_h2_stream *stream)
{
    (void)stream; /* every such exchange has a deadline */
}

static void forget(struct ses_h2_stream *stream)
{
    if (stream->started)
        ses_http_forget(stream->x);
}

const struct ses_h2_kind ses_h2_http_kind = {.begin = begin,
                                             .data = data,
                                             .request_end = request_end,
                                             .drained = drained,
                                             .leave = leave,
                                             .forget = forget};
