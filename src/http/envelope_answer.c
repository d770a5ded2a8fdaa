/* The answer of an enveloped call. Two forms: whole (an error before anything was sent, a unary answer, a stream
 * without messages), and written as it comes. The end is one more envelope behind the messages, so that it cannot
 * overtake them as HTTP/2's trailers can: what a slow client has not read it still gets. */
#include "envelope.h"

#include <sessiond/base/encode.h>

#include "connect_end.h"
#include "grpc_trailers.h"
#include "gzip.h"
#include "refusal_text.h"
#include "web_trailers.h"

/* ---- envelopes */

/* At most two: a message, and the end. */
struct frame {
    uint8_t flags;
    struct ses_slice bytes;
};

static uint8_t *put_frame(uint8_t *at, const struct frame *frame)
{
    ses_grpc_prefix(false, frame->bytes.len, at);
    at[0] = frame->flags;
    at += SES_GRPC_PREFIX_BYTES;
    if (frame->bytes.len > 0)
        memcpy(at, frame->bytes.data, frame->bytes.len);
    return at + frame->bytes.len;
}

/* As they stand in the body, text or not. */
static enum ses_status join(const struct ses_envelope *e, const struct frame *frames, size_t count,
                            struct ses_arena *arena, struct ses_slice *ret_body)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += SES_GRPC_PREFIX_BYTES + frames[i].bytes.len;
    uint8_t *bytes = ses_arena_alloc(arena, len), *at = bytes;

    if (bytes == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        at = put_frame(at, &frames[i]);
    *ret_body = ses_slice(bytes, len);
    if (!e->type->text)
        return SES_OK;
    char *text = ses_arena_alloc(arena, SES_BASE64_SIZE(len));

    if (text == NULL)
        return SES_NO_MEMORY;
    *ret_body = ses_slice(text, ses_base64_encode(ses_slice(bytes, len), text));
    return SES_OK;
}

/* A request that came compressed is answered compressed whatever the length; gzip that is no shorter is dropped. */
static struct frame message_frame(const struct ses_exchange *x, struct ses_slice message,
                                  struct ses_arena *arena)
{
    const struct http_call *call = ses_http_call_of(x);
    const struct ses_envelope *e = call->envelope;
    struct ses_slice packed;

    if (e->accepts_gzip && message.len > 0 &&
        (e->gzip_came || message.len >= call->doors->options.limits.gzip_bytes_min) &&
        ses_gzip_deflate(message, arena, &packed) == SES_OK && packed.len < message.len)
        return (struct frame){1, packed};
    return (struct frame){0, message};
}

/* ---- headers */

static void begin_headers(struct ses_exchange *x, bool gzip, struct ses_http_answer *answer)
{
    const struct ses_envelope *e = ses_envelope_of(x);
    bool connect = e->type->door == SES_DOOR_CONNECT;

    ses_http_answer_begin(x, answer, e->type->name);
    ses_http_answer_add(answer,
                        connect ? SES_STR("connect-accept-encoding") : SES_STR("grpc-accept-encoding"),
                        SES_STR("identity,gzip"));
    if (gzip)
        ses_http_answer_add(answer, connect ? SES_STR("connect-content-encoding") : SES_STR("grpc-encoding"),
                            SES_STR("gzip"));
    ses_http_answer_metadata(x, answer);
}

/* ---- the whole answer at once */

static void respond(struct ses_exchange *x, struct ses_http_answer *answer, struct ses_slice body)
{
    /* Whoever stands between must not take a wrong method for one that went well. */
    int http_status = ses_http_call_of(x)->refusal_status == 405 ? 405 : 200;

    ses_http_call_of(x)->ops->respond(x->stream, http_status, answer->headers, answer->count, body);
}

/* The method's, then gRPC's own where that is spoken. */
static void gather_trailers(struct ses_exchange *x, const struct ses_error *error,
                            struct ses_http_answer *list)
{
    struct ses_header own[SES_GRPC_TRAILERS_MAX];
    size_t count;

    ses_http_answer_trailers(x, list);
    if (ses_envelope_of(x)->type->door == SES_DOOR_CONNECT)
        return;
    count = ses_grpc_trailers(&ses_http_call_of(x)->doors->options, x, error, own);
    for (size_t i = 0; i < count; i++)
        ses_http_answer_add(list, own[i].name, own[i].value);
}

/* gRPC-Web without a message: the trailers stand among the headers, where clients look first. */
static void respond_trailers_only(struct ses_exchange *x, const struct ses_error *error)
{
    struct ses_http_answer answer;

    begin_headers(x, false, &answer);
    gather_trailers(x, error, &answer);
    respond(x, &answer, SES_SLICE_EMPTY);
}

static struct frame end_frame(struct ses_exchange *x, const struct ses_error *error)
{
    struct ses_http_answer list;
    struct ses_slice block;

    list.count = 0;
    gather_trailers(x, error, &list);
    if (ses_envelope_of(x)->type->door == SES_DOOR_CONNECT)
        return (struct frame){SES_ENVELOPE_CONNECT_END,
                              ses_connect_end_encode(error, list.headers, list.count, &x->arena)};
    if (ses_web_trailers_encode(list.headers, list.count, &x->arena, &block) != SES_OK)
        block = SES_STR("grpc-status: 8\r\ngrpc-message: " SES_SAYS_OUT_OF_MEMORY "\r\n");
    return (struct frame){SES_ENVELOPE_WEB_TRAILERS, block};
}

/* An arena that is full gives nothing to put the answer together in. */
static void respond_without_memory(struct ses_exchange *x)
{
    static const char end[] = "\x02\0\0\0\x41" SES_CONNECT_END_OUT_OF_MEMORY;
    struct ses_http_answer answer;
    struct ses_error error;

    _Static_assert(sizeof(SES_CONNECT_END_OUT_OF_MEMORY) - 1 == 0x41, "its length stands before it");
    if (ses_envelope_of(x)->type->door == SES_DOOR_CONNECT) {
        begin_headers(x, false, &answer);
        respond(x, &answer, ses_slice(end, sizeof(end) - 1));
        return;
    }
    ses_error_set(&error, SES_NO_MEMORY, SES_STR(SES_SAYS_OUT_OF_MEMORY));
    respond_trailers_only(x, &error);
}

/* A stream's own headers are told apart from its trailers also where no message stands between them, as by gRPC
 * (grpc_reply.c). */
static bool has_headers(const struct ses_exchange *x)
{
    return ses_envelope_streams(x) && x->reply_headers_count > 0;
}

static void respond_whole(struct ses_exchange *x, const struct ses_error *error)
{
    const struct ses_envelope *e = ses_envelope_of(x);
    bool with_message = error == NULL && !ses_envelope_streams(x);
    struct ses_http_answer answer;
    struct frame frames[2];
    bool gzip = false;
    size_t count = 0;
    struct ses_slice body;

    if (e->type->door == SES_DOOR_GRPC_WEB && !with_message && !has_headers(x)) {
        respond_trailers_only(x, error);
        return;
    }
    if (with_message) {
        frames[count++] = message_frame(x, e->reply, &x->arena);
        gzip = frames[0].flags == 1;
    }
    begin_headers(x, gzip, &answer);
    frames[count++] = end_frame(x, error);
    if (join(e, frames, count, &x->arena, &body) == SES_OK)
        respond(x, &answer, body);
    else
        respond_without_memory(x);
}

/* ---- as it comes */

/* gzip stands in the headers, before the first message: it is promised wherever it is accepted, and each message's
 * flags say whether it is used. */
static void begin_streaming(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);
    struct ses_http_answer answer;

    e->opened = true;
    begin_headers(x, e->accepts_gzip, &answer);
    ses_http_call_of(x)->ops->open(x->stream, 200, answer.headers, answer.count);
}

/* false: it does not fit. */
static bool write_frame(struct ses_exchange *x, const struct frame *frame, struct ses_arena *scratch,
                        bool last)
{
    const struct http_call *call = ses_http_call_of(x);
    struct ses_slice body;

    return join(call->envelope, frame, 1, scratch, &body) == SES_OK &&
           call->ops->write(x->stream, body, last);
}

/* CANCELLED to the method, which has done nothing wrong; the client is told why. */
static void on_overflow(void *arg)
{
    ses_envelope_abort(arg, SES_RESOURCE_EXHAUSTED, SES_SAYS_SLOW_READER, SES_CANCELLED);
}

/* What does not fit is answered from a timer: the method that stands in its send call must find its exchange alive
 * afterwards. */
static void send_streaming(struct ses_exchange *x, struct ses_slice message)
{
    struct ses_envelope *e = ses_envelope_of(x);
    struct ses_arena scratch;

    ses_arena_init(&scratch, 3 * SES_HTTP_BACKLOG_MAX);
    struct frame frame = message_frame(x, message, &scratch);

    if (!e->opened)
        begin_streaming(x);
    if (!write_frame(x, &frame, &scratch, false)) {
        e->overflowed = true;
        ses_timer_start(ses_http_call_of(x)->doors->options.timers, &x->deadline_timer, 0, on_overflow, x);
    }
    ses_arena_done(&scratch);
}

static void end_streaming(struct ses_exchange *x, const struct ses_error *error)
{
    const struct http_call *call = ses_http_call_of(x);
    struct frame frame = end_frame(x, error);
    struct ses_arena scratch;

    ses_arena_init(&scratch, SES_HTTP_BACKLOG_MAX);
    /* Without it the client knows that something is missing. */
    (void)write_frame(x, &frame, &scratch, true);
    ses_arena_done(&scratch);
    call->ops->close(x->stream);
}

/* ---- what the exchange calls */

void ses_envelope_finish(struct ses_exchange *x, const struct ses_error *error)
{
    struct ses_envelope *e = ses_envelope_of(x);

    if (e->ended)
        return;
    e->ended = true;
    ses_timer_stop(&x->deadline_timer);
    ses_envelope_forget(x); /* of the request nothing more is looked at */
    ses_exchange_hold(x);   /* the engine drops its reference with the end */
    if (e->opened)
        end_streaming(x, error);
    else
        respond_whole(x, error);
    ses_exchange_release(x);
}

/* The answer first: the method hears of it by the cancellation, and cannot answer in between. */
void ses_envelope_abort(struct ses_exchange *x, enum ses_status status, const char *message,
                        enum ses_status cancel_status)
{
    struct ses_error error;

    if (ses_envelope_of(x)->ended)
        return;
    ses_error_set(&error, status, ses_slice_str(message));
    ses_exchange_hold(x);
    ses_envelope_finish(x, &error);
    ses_exchange_cancel(x, cancel_status);
    ses_exchange_release(x);
}

static void op_send(struct ses_exchange *x, struct ses_slice message)
{
    struct ses_envelope *e = ses_envelope_of(x);

    if (e->ended || e->overflowed)
        return;
    if (ses_envelope_streams(x))
        send_streaming(x, message);
    else
        e->reply = message; /* end follows at once (ses_exchange_reply) */
}

static void op_end(struct ses_exchange *x, const struct ses_error *error)
{
    if (!ses_envelope_of(x)->overflowed) /* else a message would be missing under an OK */
        ses_envelope_finish(x, error);
}

static size_t op_backlog(const struct ses_exchange *x)
{
    return ses_http_call_of(x)->ops->backlog(x->stream);
}

const struct ses_exchange_ops ses_envelope_ops = {.send = op_send, .end = op_end, .backlog = op_backlog};
