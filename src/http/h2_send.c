/* What we hand to nghttp2, and what it tells while it writes. Payload is never copied into nghttp2's
 * buffers: DATA frames are written by send_data straight into the connection's output. */
#include "h2.h"

#include <stdio.h>

#include <sessiond/net/conn.h>

/* nghttp2_nv has no const; with NO_COPY it does not write. */
static uint8_t *unconst(const uint8_t *bytes)
{
    union {
        const uint8_t *from;
        uint8_t *to;
    } pointer = {.from = bytes};

    return pointer.to;
}

static nghttp2_nv make_nv(struct ses_slice name, struct ses_slice value, uint8_t flags)
{
    return (nghttp2_nv){.name = unconst(name.data),
                        .value = unconst(value.data),
                        .namelen = name.len,
                        .valuelen = value.len,
                        .flags =
                            (uint8_t)(flags | NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)};
}

nghttp2_nv ses_h2_nv(struct ses_slice name, struct ses_slice value)
{
    return make_nv(name, value, NGHTTP2_NV_FLAG_NONE);
}

/* A fresh UUID would be inserted into both tables with every reply: with a table of 512 bytes each pushes out
 * content-type and grpc-status after four calls, and each insertion costs two allocations on our side.
 * Never-indexed costs the field's name (nine bytes) on the wire instead. */
nghttp2_nv ses_h2_nv_once(struct ses_slice name, struct ses_slice value)
{
    return make_nv(name, value, NGHTTP2_NV_FLAG_NO_INDEX);
}

nghttp2_nv ses_h2_field(const struct ses_header *header)
{
    return ses_slice_eq_str(header->name, "x-request-id") ? ses_h2_nv_once(header->name, header->value)
                                                          : ses_h2_nv(header->name, header->value);
}

/* All data is handed over: the trailers, or the end of the stream. The trailers of an answer that was broken
 * off meanwhile are in nghttp2's queue already. */
static int end_data(nghttp2_session *session, struct ses_h2_stream *stream, uint32_t *data_flags)
{
    *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailers_count == 0)
        return 0;
    *data_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (stream->answer == SES_H2_ANSWER_HANDED_OVER)
        return 0;
    ses_h2_answer_on(stream, SES_H2_TRAILERS);
    return nghttp2_submit_trailer(session, stream->id, stream->trailers, stream->trailers_count);
}

/* Only promises a length and says whether it is the last; send_data writes the bytes. Trailers are
 * submitted in the call that promises the last of the data, while nghttp2 still knows that more will
 * come. */
static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
                           uint32_t *data_flags, nghttp2_data_source *source, void *arg)
{
    struct ses_h2_stream *stream = source->ptr;
    size_t unsent = ses_h2_stream_unsent(stream);

    (void)id;
    (void)buf;
    (void)arg;
    if (unsent == 0 && !ses_h2_answer_ended(stream)) {
        ses_h2_answer_on(stream, SES_H2_DEFER);
        return NGHTTP2_ERR_DEFERRED;
    }
    *data_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (unsent > len)
        return (ssize_t)len;
    if (ses_h2_answer_ended(stream) && end_data(session, stream, data_flags) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return (ssize_t)unsent;
}

/* Appends the next len bytes of prefix + reply. */
static enum ses_status write_reply(struct ses_h2_stream *stream, struct ses_buf *out, size_t len)
{
    struct ses_slice prefix = ses_slice(stream->prefix, stream->prefix_len);
    size_t end = stream->sent + len;

    if (stream->sent < prefix.len)
        SES_TRY(ses_buf_append(out, ses_slice_cut(prefix, stream->sent, end)));
    size_t from = stream->sent > prefix.len ? stream->sent - prefix.len : 0;

    if (end > prefix.len)
        SES_TRY(ses_buf_append(out, ses_slice_cut(stream->reply, from, end - prefix.len)));
    stream->sent = end;
    return SES_OK;
}

/* An emptied backlog gives its memory back: between two messages a stream that lasts for hours keeps
 * nothing. drained may add to it at once, hence the reset before the call. */
static enum ses_status write_backlog(struct ses_h2_stream *stream, struct ses_buf *out, size_t len)
{
    SES_TRY(
        ses_buf_append(out, ses_slice_cut(ses_buf_view(&stream->backlog), stream->sent, stream->sent + len)));
    stream->sent += len;
    if (stream->sent < stream->backlog.len)
        return SES_OK;
    size_t max = stream->backlog.max;

    ses_buf_done(&stream->backlog);
    ses_buf_init(&stream->backlog, max);
    stream->sent = 0;
    (void)ses_h2_hold(stream);
    if (stream->place == SES_H2_WAITING)
        ses_h2_answer_leave(stream); /* what drained adds begins anew */
    if (stream->kind != NULL && !ses_h2_answer_ended(stream))
        stream->kind->drained(stream);
    return SES_OK;
}

/* head is the frame's header of nine bytes, made by nghttp2; payload follows it in the same buffer, so
 * a frame is one piece of the write. */
static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
                     nghttp2_data_source *source, void *arg)
{
    struct ses_h2 *h2 = arg;
    struct ses_h2_stream *stream = source->ptr;

    (void)session;
    (void)frame;
    /* Broken off between the frame's preparation and now. */
    if (len > ses_h2_stream_unsent(stream))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (ses_buf_append(h2->out, ses_slice(head, 9)) != SES_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    enum ses_status status = SES_OK;

    if (len > 0)
        status =
            stream->backlog.len > 0 ? write_backlog(stream, h2->out, len) : write_reply(stream, h2->out, len);
    if (status != SES_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h2->moved = h2->moved || len > 0;
    if (stream->place == SES_H2_WAITING)
        ses_h2_answer_moved(stream, len);
    /* nghttp2 may write frame after frame in one call: this is where the bound of one turn's output holds.
     * PAUSE, not WOULDBLOCK: no frame may be left half done, see h2_alloc.c. */
    return h2->out->len >= SES_CONN_HIGH_WATER ? NGHTTP2_ERR_PAUSE : 0;
}

/* The PING goes behind the first GOAWAY, not beside it: nghttp2 writes PINGs before all else, and a client that answers
 * what it has read first would then not know yet that we leave (RFC 9113 section 6.8). */
static void follow_notice(struct ses_h2 *h2, const nghttp2_goaway *goaway)
{
    if (goaway->last_stream_id == INT32_MAX &&
        nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, (const uint8_t *)SES_H2_DRAIN_PING) != 0)
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
}

/* Whatever ends a stream passes here: END_STREAM on our side while the request still comes is where
 * lingering begins. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct ses_h2 *h2 = arg;

    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        /* A connection must not end because its clients were refused much and had begun to send; and one fault is
         * one, also where its answer is followed by a reset. */
        const struct ses_h2_stream *reset =
            nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

        /* REFUSED_STREAM is nghttp2's, and was judged when the stream came (h2_throttle.c). */
        if ((reset == NULL || !reset->excused) && frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM)
            ses_h2_count_reset(h2);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        ses_h2_tell_refused(h2, frame->goaway.error_code);
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        follow_notice(h2, &frame->goaway);
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    struct ses_h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (stream != NULL && !ses_h2_request_ended(stream))
        ses_h2_linger(stream);
    return 0;
}

void ses_h2_send_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
}

static struct ses_slice status_text(struct ses_h2_stream *stream)
{
    int status = stream->http_status;

    if (status == 200)
        return SES_STR("200");
    SES_REQUIRE(status >= 100 && status <= 599);
    stream->status_text[0] = (char)('0' + status / 100);
    stream->status_text[1] = (char)('0' + status / 10 % 10);
    stream->status_text[2] = (char)('0' + status % 10);
    return ses_slice(stream->status_text, 3);
}

/* The fields' bytes must live until the frame is written, at the end of the turn: in the exchange, in
 * the stream, or literals. An exchange that is let go of earlier has its trailers copied (h2_wait.c). */
void ses_h2_stream_headers(struct ses_h2_stream *stream, nghttp2_nv *fields, size_t count,
                           enum ses_h2_rest rest)
{
    struct ses_h2 *h2 = stream->h2;
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_answer};

    ses_h2_answer_on(stream, SES_H2_HEADERS);
    if (rest != SES_H2_REST_MORE)
        ses_h2_answer_on(stream, SES_H2_END);
    if (ses_h2_is_dead(h2))
        return;
    ses_h2_answered(stream);
    fields[0] = ses_h2_nv(SES_STR(":status"), status_text(stream));
    if (nghttp2_submit_response(h2->session, stream->id, fields, count,
                                rest != SES_H2_REST_NONE ? &provider : NULL) != 0)
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
    ses_h2_want_write(h2);
}

/* DEFERRED is what nghttp2 was told (ERR_DEFERRED); resuming a stream that is not deferred would be an
 * error. */
void ses_h2_stream_resume(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    if (ses_h2_is_dead(h2))
        return;
    ses_h2_answered(stream);
    if (stream->answer == SES_H2_ANSWER_DEFERRED) {
        ses_h2_answer_on(stream, SES_H2_RESUME);
        if (nghttp2_session_resume_data(h2->session, stream->id) != 0)
            ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
    }
    ses_h2_want_write(h2);
}

/* Resumed first: whether nghttp2 waits is known only until the end. */
void ses_h2_stream_end(struct ses_h2_stream *stream)
{
    ses_h2_stream_resume(stream);
    ses_h2_answer_on(stream, SES_H2_END);
}

void ses_h2_stream_break_off(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    ses_h2_answer_on(stream, SES_H2_TRAILERS);
    if (ses_h2_is_dead(h2))
        return;
    /* Goes before any DATA that waits for the client's window; behind END_STREAM nghttp2 drops that. */
    if (nghttp2_submit_trailer(h2->session, stream->id, stream->trailers, stream->trailers_count) != 0)
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
    ses_h2_want_write(h2);
}
