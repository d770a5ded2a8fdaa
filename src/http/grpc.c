/* gRPC's requests: header fields, time, messages. A fault is answered at once, but never read around:
 * once the answer has ended, the rest of the request is passed over (data, request_end). */
#include "grpc.h"

#include <sessiond/base/parameter.h>

#include "binary_headers.h"
#include <sessiond/codec/grpc_metadata.h>
#include "gzip.h"
#include "header_once.h"
#include "host.h"
#include "refusal_text.h"
#include "rpc_time.h"

/* Through the exchange: the log line and the counters are written there. */
static void fail(struct ses_h2_stream *stream, enum ses_status status, const char *message)
{
    ses_exchange_fail_status(stream->x, status, message);
}

/* Faults that a proxy or a browser may have made get an HTTP status as well; gRPC clients read
 * grpc-status first. */
static void fail_http(struct ses_h2_stream *stream, int http_status, enum ses_status status,
                      const char *message)
{
    stream->http_status = http_status;
    fail(stream, status, message);
}

/* ---- header fields */

/* The usual value first, by itself: one comparison on the hot path. "application/grpc" with an unknown
 * suffix is still gRPC, so that it is refused in gRPC's words (415); gRPC-Web is another protocol (envelope.h). */
static void take_content_type(struct ses_h2_stream *stream, struct ses_slice value)
{
    if (ses_slice_eq_str(value, "application/grpc")) {
        stream->content = SES_H2_CONTENT_GRPC;
        return;
    }
    struct ses_slice type = ses_parameter_take_word(&value);
    struct ses_slice base = SES_STR("application/grpc"), web = SES_STR("application/grpc-web");

    if (ses_slice_ieq(type, base) || ses_slice_ieq(type, SES_STR("application/grpc+proto")))
        stream->content = SES_H2_CONTENT_GRPC;
    else if (ses_slice_ieq(type, SES_STR("application/grpc+json")))
        stream->content = SES_H2_CONTENT_GRPC_JSON;
    else if (!ses_slice_ieq(ses_slice_cut(type, 0, web.len), web) &&
             ses_slice_ieq(ses_slice_cut(type, 0, base.len), base))
        stream->content = SES_H2_CONTENT_GRPC_UNSUPPORTED;
}

/* Without weights: grpc-accept-encoding has none. */
static bool lists_gzip(struct ses_slice list)
{
    while (list.len > 0) {
        if (ses_slice_ieq(ses_slice_trim(ses_slice_take_until(&list, ',')), SES_STR("gzip")))
            return true;
    }
    return false;
}

static void take_timeout(struct ses_h2_stream *stream, struct ses_slice value)
{
    stream->timeout_given = true;
    stream->timeout_malformed = ses_grpc_timeout_decode(value, &stream->timeout_ns) != SES_OK;
}

/* Judged when a compressed message comes, or at the head if it is none of ours. */
static void take_encoding(struct ses_h2_stream *stream, struct ses_slice value)
{
    bool gzip = ses_slice_eq_str(value, "gzip");

    ses_h2_encoding_set(stream, SES_H2_ENCODING_GIVEN, true);
    ses_h2_encoding_set(stream, SES_H2_ENCODING_GZIP, gzip);
    ses_h2_encoding_set(stream, SES_H2_ENCODING_UNKNOWN, !gzip && !ses_slice_eq_str(value, "identity"));
}

/* By length first: most fields of a request are none of ours. A field of these that is given twice is
 * remembered, not refused here: the refusal needs the exchange, which may not exist yet. Before the content-type
 * nobody knows whether they are gRPC-Web's, for which they are kept as well. */
bool ses_grpc_take_header(struct ses_h2_stream *stream, struct ses_slice name, struct ses_slice value)
{
    switch (name.len) {
    case 2:
        return ses_slice_eq_str(name, "te");
    case 12:
        if (ses_slice_eq_str(name, "content-type")) {
            stream->repeated = stream->repeated || stream->content != SES_H2_CONTENT_OTHER;
            take_content_type(stream, value);
            return stream->content != SES_H2_CONTENT_OTHER;
        }
        if (!ses_slice_eq_str(name, "grpc-timeout"))
            break;
        stream->repeated = stream->repeated || stream->timeout_given;
        take_timeout(stream, value);
        return stream->content != SES_H2_CONTENT_OTHER;
    case 13:
        if (!ses_slice_eq_str(name, "grpc-encoding"))
            break;
        stream->repeated = stream->repeated || ses_h2_encoding_is(stream, SES_H2_ENCODING_GIVEN);
        take_encoding(stream, value);
        return stream->content != SES_H2_CONTENT_OTHER;
    case 20:
        if (!ses_slice_eq_str(name, "grpc-accept-encoding"))
            break;
        ses_h2_encoding_set(stream, SES_H2_ENCODING_ACCEPTED, lists_gzip(value));
        return stream->content != SES_H2_CONTENT_OTHER;
    default:
        break;
    }
    stream->metadata_binary = stream->metadata_binary || ses_grpc_metadata_is_binary(name);
    return false;
}

/* ---- time */

static void end_by(struct ses_h2_stream *stream, enum ses_rpc_limit limit)
{
    const struct ses_rpc_over *over = ses_rpc_time_over(stream->h2->shared->doors->options.metrics, limit);

    ses_grpc_abort(stream, over->status, over->message, over->cancel_status);
}

static void on_deadline(void *arg)
{
    end_by(arg, SES_RPC_DEADLINE);
}

static void on_request_late(void *arg)
{
    end_by(arg, SES_RPC_REQUEST_LATE);
}

static void on_lifetime(void *arg)
{
    end_by(arg, SES_RPC_LIFETIME);
}

static void limit(struct ses_h2_stream *stream, struct ses_rpc_time time)
{
    static const ses_timer_fn fns[SES_RPC_LIMIT_COUNT] = {[SES_RPC_DEADLINE] = on_deadline,
                                                          [SES_RPC_REQUEST_LATE] = on_request_late,
                                                          [SES_RPC_LIFETIME] = on_lifetime};

    ses_h2_stream_timer(stream, time.delay_ms, fns[time.limit]);
}

static const struct ses_door_limits *limits_of(const struct ses_h2_stream *stream)
{
    return &stream->h2->shared->doors->options.limits;
}

static uint64_t timeout_of(const struct ses_h2_stream *stream)
{
    return stream->timeout_given ? stream->timeout_ns : SES_RPC_NO_TIMEOUT;
}

/* ---- the request */

/* Plain resources and JSON routes are not for gRPC: to it they do not exist. */
static bool is_rpc(const struct ses_route *route)
{
    return route != NULL && (route->kind == SES_ROUTE_UNARY || route->kind == SES_ROUTE_SERVER_STREAM ||
                             route->kind == SES_ROUTE_BIDI);
}

/* All headers are here. Only the first fault is told; whatever it is, nothing more of the request is
 * looked at. The host is checked before the method is looked for: a page of another site must not learn
 * what there is (host.h). A content-type that is still among the headers was no gRPC one, beside one
 * that was. */
static void begin(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;
    struct ses_doors *doors = stream->h2->shared->doors;
    const struct ses_door_options *options = &doors->options;

    x->door = SES_DOOR_GRPC;
    x->encoding = stream->content == SES_H2_CONTENT_GRPC_JSON ? SES_ENCODING_JSON : SES_ENCODING_PROTO;
    x->ops = &ses_grpc_exchange_ops;
    x->deadline_mono_ns = SES_RPC_NO_DEADLINE_NS;
    const struct ses_route *route = ses_router_find(options->router, x->path);

    if (is_rpc(route))
        x->route = route;
    const char *fault = ses_header_fault(x);
    enum ses_status metadata = stream->metadata_binary ? ses_binary_headers_decode(x) : SES_OK;

    if (fault != NULL || stream->repeated || ses_exchange_header(x, "content-type", NULL).len > 0)
        fail_http(stream, 400, SES_INVALID_ARGUMENT,
                  fault != NULL ? fault : "content-type, grpc-timeout or grpc-encoding is given twice");
    else if (!ses_host_check(doors, x))
        fail_http(stream, 421, SES_PERMISSION_DENIED, SES_HOST_UNKNOWN);
    else if (options->closed != NULL)
        fail(stream, SES_UNAVAILABLE, options->closed);
    else if (!ses_slice_eq_str(x->http_method, "POST"))
        fail_http(stream, 405, SES_UNIMPLEMENTED, SES_SAYS_HTTP_METHOD);
    else if (stream->content == SES_H2_CONTENT_GRPC_UNSUPPORTED)
        fail_http(stream, 415, SES_UNIMPLEMENTED, SES_SAYS_MEDIA_TYPE);
    else if (x->route == NULL)
        fail(stream, SES_UNIMPLEMENTED, ses_unknown_method(x));
    else if (ses_h2_encoding_is(stream, SES_H2_ENCODING_UNKNOWN))
        fail(stream, SES_UNIMPLEMENTED, SES_SAYS_ENCODING);
    else if (x->route->kind != SES_ROUTE_BIDI &&
             ses_http_length_is_above(x, options->limits.body_bytes_max + SES_GRPC_PREFIX_BYTES))
        fail(stream, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
    else if (stream->timeout_malformed)
        fail(stream, SES_INVALID_ARGUMENT, SES_SAYS_TIMEOUT);
    else if (metadata == SES_NO_MEMORY)
        fail(stream, SES_NO_MEMORY, SES_SAYS_NO_MEMORY);
    else if (metadata != SES_OK)
        fail(stream, SES_INVALID_ARGUMENT, "a -bin header is not base64");
    else if (stream->timeout_given && stream->timeout_ns == 0)
        fail(stream, SES_DEADLINE_EXCEEDED, SES_SAYS_DEADLINE_BEFORE);
    else {
        limit(stream, ses_rpc_time_begin(limits_of(stream), x, timeout_of(stream)));
        stream->excused = !ses_gates_pass(options->gates, options->gates_count, x, stream->h2->conn);
    }
}

/* Streams last, so their number is bounded apart from that of calls. */
static bool admit_streaming(struct ses_h2_stream *stream)
{
    const struct ses_route *route = stream->x->route;

    if (ses_h2_streaming_admitted(stream))
        return true;
    ses_count(stream->h2->shared->doors->options.metrics, SES_C_STREAMS_REFUSED, 1);
    fail(stream, SES_RESOURCE_EXHAUSTED,
         route->kind == SES_ROUTE_BIDI ? SES_SAYS_TOO_MANY_STREAMS : SES_SAYS_TOO_MANY_STREAMS_HERE);
    return false;
}

/* started is set before start runs: the method may answer and even end the stream from inside. */
static void start(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;

    if (x->route->kind != SES_ROUTE_UNARY && !admit_streaming(stream))
        return;
    stream->started = true;
    if (x->route->kind != SES_ROUTE_UNARY)
        limit(stream, ses_rpc_time_stream(limits_of(stream), x, timeout_of(stream)));
    ses_exchange_start(x);
}

/* Where a message's bytes live: the first in the exchange, for they are its body; further ones only for the
 * call. */
static void on_message_bytes(struct ses_h2_stream *stream, struct ses_slice bytes, bool in_exchange)
{
    struct ses_exchange *x = stream->x;

    if (stream->messages++ > 0) {
        x->route->message(x, bytes, x->route->arg);
        return;
    }
    if (in_exchange)
        x->body = bytes;
    else if (ses_arena_copy(&x->arena, bytes, &x->body) != SES_OK) {
        fail(stream, SES_NO_MEMORY, SES_SAYS_NO_MEMORY);
        return;
    }
    if (x->route->kind == SES_ROUTE_BIDI)
        start(stream);
}

/* Into the exchange only for the first message; a stream of messages would fill its arena for ever. */
static void on_compressed_message(struct ses_h2_stream *stream, struct ses_slice bytes)
{
    size_t max = stream->h2->shared->doors->options.limits.body_bytes_max;
    struct ses_arena scratch;
    bool first = stream->messages == 0;
    struct ses_slice inflated;

    ses_h2_encoding_set(stream, SES_H2_ENCODING_COMPRESSED, true);
    ses_arena_init(&scratch, 2 * max + 65536);
    enum ses_status status = ses_gzip_inflate(bytes, max, first ? &stream->x->arena : &scratch, &inflated);

    if (status == SES_OK)
        on_message_bytes(stream, inflated, first);
    else if (status == SES_MALFORMED)
        fail(stream, SES_INVALID_ARGUMENT, SES_SAYS_NO_GZIP);
    else if (status == SES_TOO_LARGE)
        fail(stream, SES_TOO_LARGE, SES_SAYS_TOO_LARGE_UNPACKED);
    else
        fail(stream, status, SES_SAYS_NO_MEMORY);
    ses_arena_done(&scratch);
}

static void on_message(struct ses_h2_stream *stream, const struct ses_grpc_message *message)
{
    if (stream->messages > 0 && stream->x->route->kind != SES_ROUTE_BIDI)
        fail(stream, SES_UNIMPLEMENTED, SES_SAYS_TWO_MESSAGES);
    else if (!message->compressed)
        on_message_bytes(stream, message->bytes, false);
    else if (!ses_h2_encoding_is(stream, SES_H2_ENCODING_GZIP))
        fail(stream, SES_INTERNAL, SES_SAYS_NOT_COMPRESSED);
    else
        on_compressed_message(stream, message->bytes);
}

static void fail_frame(struct ses_h2_stream *stream, enum ses_status status)
{
    if (status == SES_MALFORMED)
        fail(stream, SES_INTERNAL, SES_SAYS_FLAGS);
    else if (status == SES_TOO_LARGE)
        fail(stream, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
    else
        fail(stream, status, SES_SAYS_OUT_OF_MEMORY);
}

/* Replies pile up: the rest of the requests waits, and with it the stream's window. */
static bool must_wait(const struct ses_h2_stream *stream)
{
    return stream->x->route->kind == SES_ROUTE_BIDI && ses_h2_stream_unsent(stream) > SES_H2_BACKLOG_HIGH;
}

/* In a conversation (bidi) each message is handed on as soon as it is whole; whatever it brings about,
 * an answer that has ended stops the loop. Messages that wait are kept as bytes, not taken apart. */
static void feed(struct ses_h2_stream *stream, struct ses_slice bytes)
{
    struct ses_grpc_message message;
    bool whole;

    while (bytes.len > 0 && !ses_h2_answer_ended(stream)) {
        if (must_wait(stream)) {
            if (ses_buf_append(&stream->in, bytes) != SES_OK)
                fail(stream, SES_RESOURCE_EXHAUSTED, "too many request messages wait");
            return;
        }
        enum ses_status status = ses_grpc_reader_step(&stream->reader, &bytes, &whole, &message);

        if (status != SES_OK)
            fail_frame(stream, status);
        else if (whole)
            on_message(stream, &message);
    }
}

/* Bytes that wait are not given back to the client's window (unconsumed): that is the pressure that
 * makes it stop sending. */
static void data(struct ses_h2_stream *stream, struct ses_slice bytes)
{
    if (ses_h2_answer_ended(stream))
        return;
    if (stream->in.len == 0)
        feed(stream, bytes);
    else if (ses_buf_append(&stream->in, bytes) != SES_OK)
        fail(stream, SES_RESOURCE_EXHAUSTED, "too many request messages wait");
    if (stream->in.len > 0)
        stream->unconsumed += bytes.len;
    if (!ses_h2_answer_ended(stream) && !ses_h2_hold(stream))
        fail(stream, SES_RESOURCE_EXHAUSTED, SES_SAYS_UNFINISHED);
}

/* The method may go on answering behind the client's end. */
static void end_bidi(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;

    if (!stream->started)
        ses_exchange_end(x); /* nothing asked, nothing to answer */
    else if (x->route->half_close != NULL)
        x->route->half_close(x, x->route->arg);
}

/* While bytes wait in `in` the end waits with them, or the last messages would come behind it. */
static void request_end(struct ses_h2_stream *stream)
{
    if (ses_h2_answer_ended(stream))
        return;
    if (stream->in.len > 0) {
        (void)ses_h2_request_on(stream, SES_H2_KEPT_BACK);
        return;
    }
    if (ses_grpc_reader_inside(&stream->reader))
        fail(stream, SES_INTERNAL, SES_SAYS_CUT_MESSAGE);
    else if (stream->x->route->kind == SES_ROUTE_BIDI)
        end_bidi(stream);
    else if (stream->messages == 0)
        fail(stream, SES_UNIMPLEMENTED, SES_SAYS_NO_MESSAGE);
    else
        start(stream);
}

/* The client has read its replies: the method may send more, or what waited of the requests goes on.
 * stream->in is taken away before feed, because feed may put the rest back into it. What was unconsumed
 * is given back to the window only when all of it is taken in. */
static void drained(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;
    struct ses_buf waiting = stream->in;

    if (x->drained != NULL)
        x->drained(x, x->cancel_arg);
    if (waiting.len == 0)
        return;
    ses_buf_init(&stream->in, waiting.max);
    feed(stream, ses_buf_view(&waiting));
    ses_buf_done(&waiting);
    (void)ses_h2_hold(stream);
    if (stream->in.len > 0)
        return;
    size_t consumed = stream->unconsumed;

    stream->unconsumed = 0;
    if (!ses_h2_request_ended(stream) &&
        nghttp2_session_consume_stream(stream->h2->session, stream->id, consumed) != 0)
        ses_h2_die(stream->h2, NGHTTP2_INTERNAL_ERROR);
    if (ses_h2_request_on(stream, SES_H2_TAKEN_IN))
        request_end(stream);
}

/* A unary call is finished in a drain, a stream would last as long as it likes. */
static void leave(struct ses_h2_stream *stream)
{
    if (!ses_h2_answer_ended(stream) && stream->started && stream->x->route->kind != SES_ROUTE_UNARY)
        ses_grpc_abort(stream, SES_UNAVAILABLE, SES_SAYS_CONNECTION_ENDS, SES_CANCELLED);
}

static void forget(struct ses_h2_stream *stream)
{
    (void)stream; /* the deadline timer is stopped with every stream */
}

const struct ses_h2_kind ses_grpc_kind = {.begin = begin,
                                          .data = data,
                                          .request_end = request_end,
                                          .drained = drained,
                                          .leave = leave,
                                          .forget = forget};
