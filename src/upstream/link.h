/* link.h - one connection to the server: name, TCP, TLS, HTTP/2, and their time limits.
 *
 *   LOOKUP -> CONNECT -> HELLO -> READY -> CLOSED
 *      |         |         |
 *      '---------+---------'  within connect_ms, or CLOSED
 *
 * HELLO is TLS, if there is any, and then the wait for the peer's SETTINGS: nothing of a call leaves before. A link whose
 * session is leaving takes no further streams, and closes behind its last one.
 */
#ifndef SESSIOND_SRC_UPSTREAM_LINK_H
#define SESSIOND_SRC_UPSTREAM_LINK_H

#include "lookup.h"
#include "session.h"

enum ses_up_link_state { SES_UP_LOOKUP, SES_UP_CONNECT, SES_UP_HELLO, SES_UP_READY, SES_UP_CLOSED };

struct ses_up_link;

/* All are called from the loop. */
struct ses_up_link_ops {
    void (*on_ready)(void *arg, struct ses_up_link *link);
    /* It has something to write: call ses_up_link_flush soon, not from inside. */
    void (*on_want_write)(void *arg, struct ses_up_link *link);
    /* No stream is left in it, and it must not be touched again. was_ready: it had come that far. why as text, valid
     * inside; NULL: it has ended as it should. */
    void (*on_closed)(void *arg, struct ses_up_link *link, bool was_ready, const char *why);
    struct ses_up_session_ops streams;
};

struct ses_up_link {
    struct ses_list node; /* of whoever has it */
    const struct ses_upstream_options *options;
    const struct ses_up_link_ops *ops;
    void *arg;
    uint8_t *read_room; /* shared by all links of a loop: SES_UP_READ_BYTES */
    enum ses_up_link_state state;
    struct ses_up_addresses addresses;
    unsigned next_address;
    struct ses_up_lookup *lookup;
    uv_tcp_t tcp;
    bool has_tcp;
    uv_connect_t connect;
    uv_write_t write;
    bool writing;
    bool wants_write; /* told, and not yet flushed */
    bool retired;     /* its life is over */
    struct ses_tls_call *tls;
    struct ses_buf plain; /* of TLS, wiped */
    struct ses_buf out;   /* for the kernel; wiped */
    struct ses_up_session session;
    bool has_session;
    struct ses_timer timer; /* connect_ms, then keep-alive and idleness */
    struct ses_timer life;
    uint64_t heard_mono_ns; /* of the peer, last */
    uint64_t used_mono_ns;  /* a stream ended, or was begun */
    char why[SES_UPSTREAM_WHY_SIZE];
};

#define SES_UP_READ_BYTES (64 * SES_KIB)

/* Begins to connect at its first flush, for which it waits. options, ops and read_room are borrowed. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_up_link_open(const struct ses_upstream_options *options,
                                                const struct ses_up_link_ops *ops, void *arg,
                                                uint8_t *read_room, struct ses_up_link **ret_link);
/* Now; streams have their verdicts, on_closed is called inside. Memory goes when the loop is done with it. */
void ses_up_link_cut(struct ses_up_link *link, const char *why);
/* Produces and writes. It may be closed behind. */
void ses_up_link_flush(struct ses_up_link *link);
/* It does, or will when it is connected. */
bool ses_up_link_takes_streams(const struct ses_up_link *link);
/* So many streams may begin now. */
unsigned ses_up_link_room(const struct ses_up_link *link);
/* There is room. SES_NO_MEMORY, SES_UNAVAILABLE (room has gone), SES_TOO_LARGE: above what the peer takes of headers. */
SES_MUST_CHECK enum ses_status ses_up_link_submit(struct ses_up_link *link, struct ses_up_stream *stream);
/* As ses_up_session_abandon and .._reset. */
void ses_up_link_abandon(struct ses_up_link *link, struct ses_up_stream *stream);
void ses_up_link_reset(struct ses_up_link *link, struct ses_up_stream *stream);

#endif
