/* What nghttp2 tells while it reads. Nothing is freed here but by stream_close; an engine that must end
 * is only marked (ses_h2_die), ses_h2_receive sees it. */
#include "h2.h"
#include "h2_throttle.h"
#include "proxy.h"
#include "refusal_text.h"

#include <sessiond/exchange/return_refusal.h>

/* CALLBACK_FAILURE makes mem_recv return at once, with the rest of the bytes unread. */
static int failure(struct ses_h2 *h2, uint32_t code)
{
    ses_h2_die(h2, code);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* NULL: a stream that is closed, or that we never opened. */
static struct ses_h2_stream *find(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* Before nghttp2 spends anything on the frame. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
    struct ses_h2 *h2 = arg;
    (void)session;
    /* RFC 9113 section 6.3. nghttp2 passes PRIORITY over unseen, since it was told that we use none. */
    if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0)
        return failure(h2, NGHTTP2_PROTOCOL_ERROR);
    return ses_h2_frame_is_flood(h2, hd) ? failure(h2, NGHTTP2_ENHANCE_YOUR_CALM) : 0;
}

/* Header blocks do not interleave on a connection (RFC 9113 section 4.3), so one pointer says whose
 * fields come. */
static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct ses_h2 *h2 = arg;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        h2->in_headers = find(session, frame->hd.stream_id); /* trailers */
        return 0;
    }
    struct ses_h2_stream *stream = ses_h2_stream_open(h2, frame->hd.stream_id);

    if (stream == NULL)
        return failure(h2, NGHTTP2_INTERNAL_ERROR);
    h2->in_headers = stream;
    if (nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream) != 0)
        return failure(h2, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

/* :authority becomes host, which is what the rest of the house asks for; header_once.c compares it with
 * a host header that stands beside it. :scheme is not needed. */
static bool take_pseudo(struct ses_exchange *x, struct ses_slice name, struct ses_slice value)
{
    if (ses_slice_eq_str(name, ":method")) {
        if (ses_slice_eq_str(value, "POST")) {
            x->http_method = SES_STR("POST");
            return true;
        }
        return ses_arena_copy(&x->arena, value, &x->http_method) == SES_OK;
    }
    if (ses_slice_eq_str(name, ":authority"))
        return ses_exchange_add_header(x, SES_STR("host"), value) == SES_OK;
    if (!ses_slice_eq_str(name, ":path"))
        return true;
    struct ses_slice whole;

    if (ses_arena_copy(&x->arena, value, &whole) != SES_OK)
        return false;
    size_t mark = ses_slice_find(whole, '?');

    x->path = ses_slice_cut(whole, 0, mark);
    x->query = ses_slice_cut(whole, mark + 1, whole.len);
    return true;
}

/* Every field counts, stored or not: one byte of HPACK can stand for a field of 4 KiB. */
static bool within_limits(struct ses_h2_stream *stream, const struct ses_door_limits *limits)
{
    return stream->header_bytes <= limits->header_bytes_max && stream->headers_count <= limits->headers_max;
}

/* Below that the block is read to its end although it is refused: the HPACK table must stay in step. */
static bool far_beyond_limits(struct ses_h2_stream *stream, const struct ses_door_limits *limits)
{
    return stream->header_bytes / SES_H2_HEADER_EXCESS > limits->header_bytes_max ||
           stream->headers_count / SES_H2_HEADER_EXCESS > limits->headers_max;
}

/* Without an exchange there is nowhere to keep anything; gRPC's own fields are still looked at, so that
 * the refusal is in the caller's protocol. */
static bool keep_header(struct ses_h2_stream *stream, struct ses_slice name, struct ses_slice value)
{
    if (stream->x == NULL) {
        if (ses_slice_eq(name, SES_STR(":path")))
            stream->rpc_path = ses_http_is_rpc_path(ses_slice_cut(value, 0, ses_slice_find(value, '?')));
        return ses_grpc_take_header(stream, name, value) || true;
    }
    if (name.len > 0 && name.data[0] == ':')
        return take_pseudo(stream->x, name, value);
    if (ses_grpc_take_header(stream, name, value))
        return true;
    return ses_exchange_add_header(stream->x, name, value) == SES_OK;
}

/* 32 bytes a field: the estimate of RFC 9113 section 6.5.2, by which MAX_HEADER_LIST_SIZE was
 * announced. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_data,
                     size_t name_len, const uint8_t *value_data, size_t value_len, uint8_t flags, void *arg)
{
    struct ses_h2 *h2 = arg;
    struct ses_h2_stream *stream = h2->in_headers;
    const struct ses_door_limits *limits = &h2->shared->doors->options.limits;

    (void)session;
    (void)flags;
    if (stream == NULL)
        return 0;
    stream->headers_count++;
    stream->header_bytes += name_len + value_len + 32;
    if (far_beyond_limits(stream, limits))
        return failure(h2, NGHTTP2_ENHANCE_YOUR_CALM);
    if (name_len == 5 && memcmp(name_data, ":path", 5) == 0)
        stream->return_path = ses_return_path_check(ses_slice(value_data, value_len));
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || stream->request == SES_H2_REQUEST_REFUSED)
        return 0; /* gRPC defines no request trailers */
    if (!within_limits(stream, limits) ||
        !keep_header(stream, ses_slice(name_data, name_len), ses_slice(value_data, value_len)))
        (void)ses_h2_request_on(stream, SES_H2_HEAD_REFUSED);
    return 0;
}

/* nghttp2 would drop a malformed field and go on; RFC 9113 section 8.1.1 makes the request malformed. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                             void *arg)
{
    struct ses_h2 *h2 = arg;

    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    if (nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR) !=
        0)
        return failure(h2, NGHTTP2_INTERNAL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The kind is not chosen yet; the content-type that came so far tells the protocol. */
static void refuse(struct ses_h2_stream *stream, int http_status, const char *message)
{
    if (stream->content == SES_H2_CONTENT_OTHER)
        ses_h2_http_refuse(stream, http_status, SES_RESOURCE_EXHAUSTED, message);
    else
        ses_grpc_refuse(stream, message);
}

/* With the head: whether a reset follows hangs on how much the client goes on to send. */
static void count_refusal(struct ses_h2_stream *stream)
{
    stream->excused = true;
    ses_h2_count_reset(stream->h2);
}

/* Three refusals before any work: a head that is too large, a connection that leaves too much unread, a
 * pool without a place. Each is an answer and not a reset, so that the caller learns why. */
static void request_begun(struct ses_h2_stream *stream, bool head_refused)
{
    ses_h2_was_asked(stream->h2);
    if (head_refused) {
        count_refusal(stream);
        refuse(stream, 431,
               stream->headers_count > stream->h2->shared->doors->options.limits.headers_max
                   ? SES_SAYS_TOO_MANY_HEADERS
                   : SES_SAYS_HEADERS_TOO_LARGE);
        return;
    }
    if (ses_h2_held(stream->h2) > stream->h2->shared->doors->options.limits.held_bytes_max) {
        ses_count(stream->h2->shared->doors->options.metrics, SES_C_REQUESTS_OVER_HELD, 1);
        count_refusal(stream);
        refuse(stream, 503, SES_SAYS_UNREAD);
        return;
    }
    if (stream->x == NULL) {
        ses_doors_log_refused(stream->h2->shared->doors, stream->h2->peer, "h2", 503, SES_SAYS_TOO_MANY);
        refuse(stream, 503, SES_SAYS_TOO_MANY);
        return;
    }
    ses_exchange_settle_request_id(stream->x);
    ses_forwarded_settle(stream->h2->shared->doors, stream->x, stream->h2->conn);
    stream->kind = stream->content == SES_H2_CONTENT_OTHER ? &ses_h2_http_kind : &ses_grpc_kind;
    stream->kind->begin(stream);
}

static void tell_end(struct ses_h2_stream *stream)
{
    if (stream->kind != NULL)
        stream->kind->request_end(stream);
}

/* DATA that is all padding is known for that only now. */
static void on_data(struct ses_h2 *h2, nghttp2_session *session, const nghttp2_frame *frame)
{
    struct ses_h2_stream *stream;

    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        if (frame->hd.length > 0 && frame->hd.length == frame->data.padlen && ses_h2_empty_is_flood(h2))
            ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
        return;
    }
    stream = find(session, frame->hd.stream_id);
    if (stream != NULL && ses_h2_request_on(stream, SES_H2_END_STREAM))
        tell_end(stream);
}

/* Trailers of a request end it like DATA with END_STREAM; they have no other meaning here. */
static void on_headers(struct ses_h2 *h2, const nghttp2_frame *frame)
{
    struct ses_h2_stream *stream = h2->in_headers;

    h2->in_headers = NULL;
    if (stream == NULL)
        return;
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool head_refused = stream->request == SES_H2_REQUEST_REFUSED;

    /* Known before begin answers: an answer to a whole request needs no reset behind it. */
    if (!ses_h2_request_on(stream, end ? SES_H2_END_STREAM : SES_H2_HEAD_WHOLE))
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        request_begun(stream, head_refused);
    if (end)
        tell_end(stream);
}

/* A whole frame. A GOAWAY of the client's says that it opens no more streams: finish after the last
 * one. */
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct ses_h2 *h2 = arg;

    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers(h2, frame);
        break;
    case NGHTTP2_DATA:
        on_data(h2, session, frame);
        break;
    case NGHTTP2_SETTINGS:
        h2->settings_seen = true;
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            ses_h2_settings_acknowledged(h2);
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
            h2->ping_unanswered = false;
            if (memcmp(frame->ping.opaque_data, SES_H2_DRAIN_PING, sizeof(frame->ping.opaque_data)) == 0)
                ses_h2_drain_acknowledged(h2);
        } else if (ses_h2_ping_is_abuse(h2)) {
            ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
        }
        break;
    case NGHTTP2_GOAWAY:
        (void)ses_h2_advance(h2, SES_H2_LEAVES);
        break;
    default:
        break;
    }
    return ses_h2_is_dead(h2) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* nghttp2 has queued a reset. Those of other errors are counted when they leave. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
    struct ses_h2 *h2 = arg;

    (void)session;
    (void)frame;
    if (error == NGHTTP2_ERR_REFUSED_STREAM)
        ses_h2_refused(h2);
    return ses_h2_is_dead(h2) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* Windows are given back by hand (no_auto_window_update): at once where the bytes were taken in, later
 * where they wait (grpc.c). The connection's window always opens, or one stream that waits would stop
 * all others. */
static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                         void *arg)
{
    struct ses_h2 *h2 = arg;
    struct ses_h2_stream *stream = find(session, id);
    int rv;

    if (stream != NULL && stream->kind != NULL)
        stream->kind->data(stream, ses_slice(data, len));
    if (stream != NULL && stream->place == SES_H2_LINGERING)
        ses_h2_linger_read(stream, len);
    /* The end of the stream needs no stream window; a stream that keeps its bytes gives them back later. */
    if ((flags & NGHTTP2_FLAG_END_STREAM) != 0 || (stream != NULL && stream->unconsumed > 0))
        rv = nghttp2_session_consume_connection(session, len);
    else
        rv = nghttp2_session_consume(session, id, len);
    if (rv != 0)
        return failure(h2, NGHTTP2_INTERNAL_ERROR);
    return ses_h2_is_dead(h2) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* Called from mem_recv and from mem_send. After it nghttp2 knows the stream no more, and neither do we. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct ses_h2_stream *stream = find(session, id);

    (void)code;
    (void)arg;
    if (stream != NULL)
        ses_h2_stream_close(stream);
    return 0;
}

void ses_h2_recv_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
