/* session_impl.h - what the files of a session share. */
#ifndef SESSIOND_SRC_UPSTREAM_SESSION_IMPL_H
#define SESSIOND_SRC_UPSTREAM_SESSION_IMPL_H

#include "session.h"

/* ---- session_recv.c */
void ses_up_recv_callbacks(nghttp2_session_callbacks *callbacks);

/* ---- session_send.c */
void ses_up_send_callbacks(nghttp2_session_callbacks *callbacks);
/* Of a request; source is its stream. */
ssize_t ses_up_read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t len,
                         uint32_t *ret_flags, nghttp2_data_source *source, void *arg);

/* ---- session_streams.c */
/* Nothing more is begun; receive and produce tell it. why: a literal. */
void ses_up_session_die(struct ses_up_session *session, const char *why);
/* Behind each step: has nghttp2 given it up? */
void ses_up_session_look(struct ses_up_session *session);
void ses_up_stream_verdict_told(struct ses_up_session *session, struct ses_up_stream *stream);
void ses_up_stream_gone(struct ses_up_session *session, struct ses_up_stream *stream);

#endif
