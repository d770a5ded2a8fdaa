/* What nghttp2 tells while it reads. Streams leave in on_stream_close alone. */
#include "session_impl.h"

#define GRPC_INTERNAL    13u
#define GRPC_UNAVAILABLE 14u

/* NULL: not one of ours, or nobody's any more. */
static struct ses_up_stream *find(nghttp2_session *nghttp2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(nghttp2, id);
}

/* The server has said all; what of the request it did not want is not sent. */
static void end(struct ses_up_session *session, struct ses_up_stream *stream)
{
    uint32_t grpc_status;
    char why[SES_UPSTREAM_WHY_SIZE] = "";

    stream->answer.ended = true;
    if (!stream->has_verdict) {
        enum ses_upstream_outcome outcome = ses_up_answer_verdict(&stream->answer, &grpc_status, why);

        ses_up_stream_verdict(stream, outcome, grpc_status, "%s", why);
        ses_up_stream_verdict_told(session, stream);
    }
    if (stream->sent < stream->body.len)
        ses_up_session_reset(session, stream);
}

/* Something that is no answer: the caller knows at once. The server may be at work all the same. */
static void spoil(struct ses_up_session *session, struct ses_up_stream *stream)
{
    if (stream->has_verdict)
        return;
    ses_up_stream_verdict(stream, SES_UPSTREAM_UNKNOWN, GRPC_INTERNAL, "%s", stream->answer.fault);
    ses_up_stream_verdict_told(session, stream);
    ses_up_session_abandon(session, stream);
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *arg)
{
    struct ses_up_session *session = arg;

    session->in_list = find(nghttp2, frame->hd.stream_id);
    if (session->in_list != NULL)
        ses_up_answer_list_begin(&session->in_list->answer);
    return 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct ses_up_session *session = arg;
    struct ses_up_stream *stream = session->in_list;

    (void)nghttp2;
    (void)frame;
    (void)flags;
    if (stream == NULL ||
        ses_up_answer_field(&stream->answer, ses_slice(name, name_len), ses_slice(value, value_len)))
        return 0;
    spoil(session, stream);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets it: who sends such a list is done with the call */
}

/* A late answer is read for a while, since a reset would end what the server does. */
static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *arg)
{
    struct ses_up_session *session = arg;
    struct ses_up_stream *stream = find(nghttp2, id);

    (void)flags;
    if (stream == NULL)
        return 0;
    if (stream->has_verdict) {
        stream->late_bytes += len;
        if (stream->late_bytes > session->late_bytes_max)
            ses_up_session_reset(session, stream);
        return 0;
    }
    if (!ses_up_answer_data(&stream->answer, ses_slice(bytes, len)))
        spoil(session, stream);
    return 0;
}

static void on_headers(struct ses_up_session *session, struct ses_up_stream *stream)
{
    session->in_list = NULL;
    ses_up_answer_list_end(&stream->answer);
    if (stream->answer.fault != NULL)
        spoil(session, stream);
}

static int on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *arg)
{
    struct ses_up_session *session = arg;
    struct ses_up_stream *stream;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        session->ready = session->ready || (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
        return 0;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            session->ping_waits = false;
        return 0;
    case NGHTTP2_GOAWAY:
        session->leaving = true;
        return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        stream = find(nghttp2, frame->hd.stream_id);
        if (stream != NULL && frame->hd.type == NGHTTP2_HEADERS)
            on_headers(session, stream);
        if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            end(session, stream);
        return 0;
    default:
        return 0;
    }
}

/* grpc/grpc doc/PROTOCOL-HTTP2.md, "Errors". */
static uint32_t status_of_reset(uint32_t code)
{
    switch (code) {
    case NGHTTP2_REFUSED_STREAM:
        return GRPC_UNAVAILABLE;
    case NGHTTP2_CANCEL:
        return 1;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return 8;
    case NGHTTP2_INADEQUATE_SECURITY:
        return 7;
    default:
        return GRPC_INTERNAL;
    }
}

/* Without an end of its own: REFUSED_STREAM is the peer's word that it has done nothing (RFC 9113 section 8.7), and
 * nghttp2's for what a GOAWAY leaves out; who has begun to answer has no such word to give. */
static void cut_short(struct ses_up_session *session, struct ses_up_stream *stream, uint32_t code)
{
    bool untouched = !stream->left || (code == NGHTTP2_REFUSED_STREAM && !stream->answer.begun);

    ses_up_stream_verdict(stream, untouched ? SES_UPSTREAM_NOT_SENT : SES_UPSTREAM_UNKNOWN,
                          status_of_reset(code), "the stream was ended by %s", nghttp2_http2_strerror(code));
    ses_up_stream_verdict_told(session, stream);
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *arg)
{
    struct ses_up_session *session = arg;
    struct ses_up_stream *stream = find(nghttp2, id);

    if (stream == NULL)
        return 0;
    if (!stream->has_verdict)
        cut_short(session, stream, code);
    ses_up_stream_gone(session, stream);
    return 0;
}

void ses_up_recv_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}

enum ses_status ses_up_session_receive(struct ses_up_session *session, struct ses_slice bytes)
{
    ssize_t taken;

    if (session->dead != NULL)
        return SES_UNAVAILABLE;
    taken = nghttp2_session_mem_recv(session->session, bytes.data, bytes.len);
    if (taken < 0)
        ses_up_session_die(session, nghttp2_strerror((int)taken));
    ses_up_session_look(session);
    return session->dead == NULL ? SES_OK : SES_UNAVAILABLE;
}
