/* How a stream ends, for those that ask nghttp2 (session.c) and those that it tells (session_recv.c, session_send.c). */
#include "session_impl.h"

void ses_up_session_die(struct ses_up_session *session, const char *why)
{
    if (session->dead == NULL)
        session->dead = why;
    session->leaving = true;
}

/* It answers faults of a peer by a GOAWAY of its own, and reads nothing any more when that is written. */
void ses_up_session_look(struct ses_up_session *session)
{
    bool reads = nghttp2_session_want_read(session->session) != 0;

    if (!reads && (!session->leaving || session->streams_count > 0))
        ses_up_session_die(session, "the peer broke the rules of HTTP/2");
}

void ses_up_stream_verdict_told(struct ses_up_session *session, struct ses_up_stream *stream)
{
    session->ops->on_verdict(session->arg, stream);
}

/* nghttp2 knows it no more: what comes of it by its end, and out of the list. */
void ses_up_stream_gone(struct ses_up_session *session, struct ses_up_stream *stream)
{
    ses_list_remove(&stream->node);
    session->streams_count--;
    session->late_count -= stream->late ? 1 : 0;
    if (session->in_list == stream)
        session->in_list = NULL;
    session->ops->on_gone(session->arg, stream);
}

void ses_up_session_reset(struct ses_up_session *session, struct ses_up_stream *stream)
{
    if (stream->reset)
        return;
    stream->reset = true;
    if (nghttp2_submit_rst_stream(session->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL) != 0)
        ses_up_session_die(session, "no memory");
}

void ses_up_session_abandon(struct ses_up_session *session, struct ses_up_stream *stream)
{
    SES_REQUIRE(stream->has_verdict);
    if (!stream->late) {
        stream->late = true;
        session->late_count++;
    }
    if (!stream->effect)
        ses_up_session_reset(session, stream);
}
