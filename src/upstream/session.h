/* session.h - HTTP/2 as a client on one connection (RFC 9113 by nghttp2): bytes in, bytes out, no I/O.
 *
 *   opened     our preface waits to be sent; no request yet
 *   ready      the peer's SETTINGS have come: what is there speaks HTTP/2
 *   leaving    GOAWAY, by either: streams end, none begins
 *   dead       what came cannot be HTTP/2, or memory is out: the connection has to be cut
 *
 * A stream is the caller's storage, from submit to on_gone.
 */
#ifndef SESSIOND_SRC_UPSTREAM_SESSION_H
#define SESSIOND_SRC_UPSTREAM_SESSION_H

#include "stream.h"

/* What of one stream, and of all, may be on its way to us unread. */
#define SES_UP_STREAM_WINDOW     (256 * SES_KIB)
#define SES_UP_CONNECTION_WINDOW (1 * SES_MIB)

struct ses_up_session;

/* Called from inside receive, produce, abandon and lost. The session must not be closed inside. */
struct ses_up_session_ops {
    void (*on_verdict)(void *arg, struct ses_up_stream *stream);
    void (*on_gone)(void *arg, struct ses_up_stream *stream);
};

struct ses_up_session {
    nghttp2_session *session;
    const struct ses_up_session_ops *ops;
    void *arg;
    unsigned streams_max; /* ours */
    size_t late_bytes_max;
    struct ses_list streams;
    unsigned streams_count;
    unsigned late_count;
    bool ready;
    bool leaving;
    bool ping_waits;               /* for its acknowledgement */
    struct ses_up_stream *in_list; /* whose header list comes just now; NULL: nobody's */
    struct ses_buf *out;           /* where produce writes, inside it */
    size_t high_water;             /* of out */
    const char *dead;              /* why; literal or nghttp2's; NULL: it lives */
};

/* streams_max: of ours. late_bytes_max: what is read of an answer that nobody waits for. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_up_session_open(struct ses_up_session *session, unsigned streams_max,
                                                   size_t late_bytes_max,
                                                   const struct ses_up_session_ops *ops, void *arg);
/* No stream may be left (ses_up_session_lost). */
void ses_up_session_close(struct ses_up_session *session);

/* SES_UNAVAILABLE: dead says why. */
SES_MUST_CHECK enum ses_status ses_up_session_receive(struct ses_up_session *session, struct ses_slice bytes);
/* Appends what is to be sent, until out holds high_water or there is no more. SES_UNAVAILABLE. */
SES_MUST_CHECK enum ses_status ses_up_session_produce(struct ses_up_session *session, struct ses_buf *out,
                                                      size_t high_water);
bool ses_up_session_wants_write(const struct ses_up_session *session);

/* Ours or the peer's limit, whichever is lower. */
unsigned ses_up_session_streams_max(const struct ses_up_session *session);
/* So many streams may begin now. */
unsigned ses_up_session_room(const struct ses_up_session *session);
/* The peer takes header lists up to this. */
size_t ses_up_session_headers_max(const struct ses_up_session *session);
/* There must be room. SES_NO_MEMORY: nothing was done. SES_UNAVAILABLE: no further stream can begin; leaving then. */
SES_MUST_CHECK enum ses_status ses_up_session_submit(struct ses_up_session *session,
                                                     struct ses_up_stream *stream);
/* Its verdict has been given by the caller: nobody waits any more. With an effect it is left to end by itself, else
 * reset. */
void ses_up_session_abandon(struct ses_up_session *session, struct ses_up_stream *stream);
/* Also one with an effect: it has been left for long enough. */
void ses_up_session_reset(struct ses_up_session *session, struct ses_up_stream *stream);
/* Begin no more, and say so. */
void ses_up_session_leave(struct ses_up_session *session);
/* Asks whether the peer is there. */
void ses_up_session_ping(struct ses_up_session *session);
/* The connection is no more: each stream has its verdict and is gone. */
void ses_up_session_lost(struct ses_up_session *session, const char *why);

#endif
