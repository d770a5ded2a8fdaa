/* What nghttp2 asks and tells while it writes. A request's body is never copied into its buffers: DATA frames are written
 * straight into the connection's output. */
#include "session_impl.h"

#define FRAME_HEAD_BYTES 9

/* Only promises a length; send_data writes the bytes. */
ssize_t ses_up_read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t len,
                         uint32_t *ret_flags, nghttp2_data_source *source, void *arg)
{
    const struct ses_up_stream *stream = source->ptr;
    size_t unsent = stream->body.len - stream->sent;

    (void)session;
    (void)id;
    (void)bytes;
    (void)arg;
    *ret_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (unsent > len)
        return (ssize_t)len;
    *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)unsent;
}

static int send_data(nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *head, size_t len,
                     nghttp2_data_source *source, void *arg)
{
    struct ses_up_session *session = arg;
    struct ses_up_stream *stream = source->ptr;

    (void)nghttp2;
    (void)frame;
    if (ses_buf_append(session->out, ses_slice(head, FRAME_HEAD_BYTES)) != SES_OK ||
        ses_buf_append(session->out, ses_slice_cut(stream->body, stream->sent, stream->sent + len)) != SES_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    stream->sent += len;
    /* Or one call of nghttp2_session_mem_send would write all that the windows have room for. Not WOULDBLOCK: that leaves a
     * frame half done. */
    return session->out->len >= session->high_water ? NGHTTP2_ERR_PAUSE : 0;
}

/* From here on nobody can say that the peer has not seen it: told before and not after the frame was written. */
static int before_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *arg)
{
    struct ses_up_stream *stream;

    (void)arg;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    stream = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
    if (stream != NULL)
        stream->left = true;
    return 0;
}

void ses_up_send_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, before_frame_send);
}

enum ses_status ses_up_session_produce(struct ses_up_session *session, struct ses_buf *out, size_t high_water)
{
    session->out = out;
    session->high_water = high_water;
    while (session->dead == NULL && out->len < high_water) {
        const uint8_t *bytes;
        size_t before = out->len;
        ssize_t len = nghttp2_session_mem_send(session->session, &bytes);

        if (len < 0)
            ses_up_session_die(session, "HTTP/2 cannot go on (memory, or too much to acknowledge)");
        else if (len > 0 && ses_buf_append(out, ses_slice(bytes, (size_t)len)) != SES_OK)
            ses_up_session_die(session, "no memory");
        else if (len == 0 && out->len == before)
            break;
    }
    session->out = NULL;
    ses_up_session_look(session);
    return session->dead == NULL ? SES_OK : SES_UNAVAILABLE;
}

bool ses_up_session_wants_write(const struct ses_up_session *session)
{
    return session->dead == NULL && nghttp2_session_want_write(session->session) != 0;
}
