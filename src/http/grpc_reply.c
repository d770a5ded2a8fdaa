/* gRPC's answers: headers, messages, trailers. Three forms: trailers only (an error before anything was
 * sent), one message with headers and trailers (unary), and a stream that is written as it comes. */
#include "grpc.h"

#include <sessiond/codec/grpc_metadata.h>
#include "grpc_trailers.h"
#include "gzip.h"
#include "refusal_text.h"

/* :status content-type grpc-accept-encoding grpc-encoding x-request-id server, the method's headers; its trailers and
 * ours. */
#define FIELDS_MAX (6 + 2 * SES_EXCHANGE_REPLY_FIELDS_MAX + SES_H2_TRAILERS_MAX)

/* A method's header or trailer that cannot be sent is left out rather than ending the call. */
static void add_reply_header(struct ses_exchange *x, const struct ses_header *header, nghttp2_nv *fields,
                             size_t *count)
{
    struct ses_slice value = header->value;

    if (ses_grpc_metadata_is_binary(header->name)) {
        if (ses_grpc_binary_encode(header->value, &x->arena, &value) != SES_OK)
            return;
    } else if (!ses_grpc_ascii_check(value)) {
        return;
    }
    fields[(*count)++] = ses_h2_nv(header->name, value);
}

/* Ours follow behind them, so they need an array with room for both. */
static void add_methods_trailers(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;
    nghttp2_nv *all;

    if (x == NULL || x->reply_trailers_count == 0)
        return;
    all = ses_arena_alloc(&x->arena, (x->reply_trailers_count + SES_H2_TRAILERS_MAX) * sizeof(*all));
    if (all == NULL)
        return;
    stream->trailers = all;
    for (size_t i = 0; i < x->reply_trailers_count; i++)
        add_reply_header(x, &x->reply_trailers[i], all, &stream->trailers_count);
}

/* Static texts or in the exchange: nghttp2 keeps views until the frame is written. The status is of few values, the rest
 * of none that repeats. */
static void make_trailers(struct ses_h2_stream *stream, const struct ses_error *error)
{
    struct ses_header trailers[SES_GRPC_TRAILERS_MAX];
    size_t count = ses_grpc_trailers(&stream->h2->shared->doors->options, stream->x, error, trailers);

    add_methods_trailers(stream);
    stream->trailers[stream->trailers_count++] = ses_h2_nv(trailers[0].name, trailers[0].value);
    for (size_t i = 1; i < count; i++)
        stream->trailers[stream->trailers_count++] = ses_h2_nv_once(trailers[i].name, trailers[i].value);
}

/* The count is bounded by FIELDS_MAX: what is the method's by the exchange, our trailers by the stream. */
static void submit_headers(struct ses_h2_stream *stream, enum ses_h2_rest rest)
{
    const char *server = stream->h2->shared->doors->options.server_name;
    struct ses_exchange *x = stream->x;
    nghttp2_nv fields[FIELDS_MAX];
    size_t count = 1;

    fields[count++] = ses_h2_nv(SES_STR("content-type"), stream->content == SES_H2_CONTENT_GRPC_JSON
                                                             ? SES_STR("application/grpc+json")
                                                             : SES_STR("application/grpc"));
    fields[count++] = ses_h2_nv(SES_STR("grpc-accept-encoding"), SES_STR("identity,gzip"));
    if (rest != SES_H2_REST_NONE && ses_h2_encoding_is(stream, SES_H2_ENCODING_PROMISED))
        fields[count++] = ses_h2_nv(SES_STR("grpc-encoding"), SES_STR("gzip"));
    if (server != NULL)
        fields[count++] = ses_h2_nv(SES_STR("server"), ses_slice_str(server));
    if (x != NULL) {
        fields[count++] = ses_h2_nv_once(SES_STR("x-request-id"), ses_slice_str(x->request_id));
        for (size_t i = 0; i < x->reply_headers_count; i++)
            add_reply_header(x, &x->reply_headers[i], fields, &count);
    }
    /* Trailers-Only: the trailers stand in the one header block. */
    for (size_t i = 0; rest == SES_H2_REST_NONE && i < stream->trailers_count; i++)
        fields[count++] = stream->trailers[i];
    ses_h2_stream_headers(stream, fields, count, rest);
}

/* A stream's own headers are told apart from its trailers also where no message stands between them: clients that are
 * given both in one block (Trailers-Only) know it as trailers. */
static bool has_headers(const struct ses_h2_stream *stream)
{
    const struct ses_exchange *x = stream->x;

    return x != NULL && x->reply_headers_count > 0 && x->route != NULL && x->route->kind != SES_ROUTE_UNARY;
}

void ses_grpc_finish(struct ses_h2_stream *stream, const struct ses_error *error)
{
    if (ses_h2_answer_ended(stream))
        return;
    ses_buf_done(&stream->in);
    if (stream->x != NULL)
        ses_timer_stop(&stream->x->deadline_timer);
    make_trailers(stream, error);
    if (ses_h2_answer_begun(stream)) {
        ses_h2_stream_end(stream);
        return;
    }
    bool with_body = (error == NULL && ses_h2_stream_unsent(stream) > 0) || has_headers(stream);

    submit_headers(stream, with_body ? SES_H2_REST_WHOLE : SES_H2_REST_NONE);
}

/* The answer first: the method hears of it by the cancellation, and cannot answer in between. */
void ses_grpc_abort(struct ses_h2_stream *stream, enum ses_status status, const char *message,
                    enum ses_status cancel_status)
{
    struct ses_error error;

    if (ses_h2_answer_ended(stream))
        return;
    ses_error_set(&error, status, ses_slice_str(message));
    if (!ses_h2_answer_begun(stream)) {
        ses_grpc_finish(stream, &error);
    } else {
        /* What the client has not taken so far it gets no more: the status must not wait for its window. */
        ses_buf_done(&stream->backlog);
        ses_buf_done(&stream->in);
        stream->sent = 0;
        (void)ses_h2_hold(stream);
        ses_timer_stop(&stream->x->deadline_timer);
        make_trailers(stream, &error);
        ses_h2_stream_break_off(stream);
    }
    ses_exchange_cancel(stream->x, cancel_status);
}

void ses_grpc_refuse(struct ses_h2_stream *stream, const char *message)
{
    struct ses_exchange *x = stream->x;
    struct ses_error error;

    ses_error_set(&error, SES_RESOURCE_EXHAUSTED, ses_slice_str(message));
    if (x == NULL) {
        ses_grpc_finish(stream, &error);
        return;
    }
    x->door = SES_DOOR_GRPC;
    x->ops = &ses_grpc_exchange_ops;
    ses_exchange_settle_request_id(x);
    ses_exchange_fail(x, &error);
}

/* CANCELLED to the method, which has done nothing wrong; the client is told why. */
static void on_overflow(void *arg)
{
    ses_grpc_abort(arg, SES_RESOURCE_EXHAUSTED, SES_SAYS_SLOW_READER, SES_CANCELLED);
}

/* true: *ret_bytes is the gzip form; false: it is as it was. The caller's arena: a stream's exchange lives too long for its
 * own. A request that came compressed is answered compressed whatever its length; gzip that is no
 * shorter is dropped. */
static bool compress(struct ses_h2_stream *stream, struct ses_slice message, struct ses_arena *arena,
                     struct ses_slice *ret_bytes)
{
    size_t min = stream->h2->shared->doors->options.limits.gzip_bytes_min;
    struct ses_slice packed;

    if (!ses_h2_encoding_is(stream, SES_H2_ENCODING_ACCEPTED) || message.len == 0 ||
        (message.len < min && !ses_h2_encoding_is(stream, SES_H2_ENCODING_COMPRESSED)))
        return false;
    if (ses_gzip_deflate(message, arena, &packed) != SES_OK || packed.len >= message.len)
        return false;
    *ret_bytes = packed;
    return true;
}

/* Nothing is written yet: end follows at once (exchange.h), and all of it leaves in one go. */
static void send_unary(struct ses_h2_stream *stream, struct ses_slice message)
{
    bool compressed = compress(stream, message, &stream->x->arena, &message);

    ses_h2_encoding_set(stream, SES_H2_ENCODING_PROMISED, compressed);
    ses_grpc_prefix(compressed, message.len, stream->prefix);
    stream->prefix_len = SES_GRPC_PREFIX_BYTES;
    stream->reply = message;
}

/* Reserved in one piece: prefix and message must not be split by a ceiling. */
static enum ses_status append_message(struct ses_h2_stream *stream, struct ses_slice message)
{
    struct ses_arena scratch;
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    ses_arena_init(&scratch, SES_H2_BACKLOG_MAX);
    bool compressed = compress(stream, message, &scratch, &message);

    ses_grpc_prefix(compressed, message.len, prefix);
    enum ses_status status = ses_buf_reserve(&stream->backlog, sizeof prefix + message.len);

    if (status == SES_OK)
        status = ses_buf_append(&stream->backlog, ses_slice(prefix, sizeof prefix));
    if (status == SES_OK)
        status = ses_buf_append(&stream->backlog, message);
    ses_arena_done(&scratch);
    return status;
}

/* grpc-encoding stands in the headers, before the first message: it is promised wherever it is
 * accepted, and each message's prefix says whether it is used. But not of short messages: the health checking of gRPC 1.51
 * (Python of Debian 12) dies of the promise alone, whoever makes it. An overflow is answered from a timer:
 * the method that stands in its send call must find its exchange alive afterwards. */
static void send_streaming(struct ses_h2_stream *stream, struct ses_slice message)
{
    if (stream->x->route->short_messages)
        ses_h2_encoding_set(stream, SES_H2_ENCODING_ACCEPTED, false);
    if (append_message(stream, message) != SES_OK || !ses_h2_hold(stream)) {
        /* Not here: the method stands in its own send call. */
        stream->overflowed = true;
        ses_h2_stream_timer(stream, 0, on_overflow);
        return;
    }
    if (!ses_h2_answer_begun(stream)) {
        ses_h2_encoding_set(stream, SES_H2_ENCODING_PROMISED,
                            ses_h2_encoding_is(stream, SES_H2_ENCODING_ACCEPTED));
        submit_headers(stream, SES_H2_REST_MORE);
    } else {
        ses_h2_stream_resume(stream);
    }
}

static void op_send(struct ses_exchange *x, struct ses_slice message)
{
    struct ses_h2_stream *stream = x->stream;

    if (ses_h2_answer_ended(stream) || stream->overflowed)
        return;
    if (x->route->kind == SES_ROUTE_UNARY)
        send_unary(stream, message);
    else
        send_streaming(stream, message);
}

static void op_end(struct ses_exchange *x, const struct ses_error *error)
{
    struct ses_h2_stream *stream = x->stream;

    if (!stream->overflowed) /* else a message would be missing under an OK */
        ses_grpc_finish(stream, error);
}

static size_t op_backlog(const struct ses_exchange *x)
{
    return ses_h2_stream_unsent(x->stream);
}

const struct ses_exchange_ops ses_grpc_exchange_ops = {.send = op_send, .end = op_end, .backlog = op_backlog};
