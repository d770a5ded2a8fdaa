/* conn_impl.h - what the files of this folder share: conns.c (all connections of a loop: accept, flush,
 * drain) stands on tls_conn.c (what is between a connection and its engine, if anything) and conn.c (one
 * connection), that on conn_part.c (how much it reads in a turn), held.c (what they hold) and handles.c (what libuv
 * has). conn_open.c (its beginning) and throttle.c (how it is read while there is too much to do) stand beside conns.c.
 *
 * A connection's life, from top to bottom; ses_conn_cut leads from any state to the last:
 *
 *   OPEN        bytes go to the engine and come from it
 *   FINISHING   the engine has said its last word, bytes still go out, what comes in is thrown away
 *   LINGER      our side is shut; the peer's bytes are thrown away, so that the kernel sends no RST over our
 *               answer
 *   CLOSED      uv_close was called; the close callback frees
 *
 * The engine hears on_close once: when LINGER begins, when its connection is shed or the loop's connections
 * are freed, or else from the close callback. Never from inside ses_conn_cut or ses_conn_finish, so an engine
 * may call these wherever it stands.
 */
#ifndef SESSIOND_SRC_NET_CONN_IMPL_H
#define SESSIOND_SRC_NET_CONN_IMPL_H

#include <sessiond/base/units.h>
#include <sessiond/net/conn.h>

#include "source.h"

/* One shared read buffer per loop, engines take everything at once: a TLS record of the largest size (RFC 8446 section
 * 5.2) and a bit, or a hundred calls. More of it waits for the next turn: what a turn takes in is bounded by the number
 * of connections, and a call that is read is not a second away from its answer. */
#define READ_BYTES (20 * SES_KIB)
/* Of a throttled connection at a time: some twenty calls, or the one that answers for it would come too late to spare
 * anything. */
#define THROTTLED_READ_BYTES (6 * SES_KIB)
#define READS_MAX            1u
#define READS_MAX_BUSY       4u             /* while others are throttled */
#define OUT_KEEP_BYTES       (64 * SES_KIB) /* the shared output buffer does not stay larger than this */
/* Of what is written at once: an engine's largest piece, and what TLS makes of it (22 bytes a record of 16 KiB,
 * RFC 8446 section 5.2) behind a handshake's last words. */
#define OUT_BYTES_MAX    (SES_CONN_OUT_MAX + SES_CONN_OUT_MAX / 64 + 128 * SES_KIB)
#define LINGER_MS        1000u
#define LINGER_BYTES_MAX (4 * SES_MIB)
#define ERROR_FINISH_MS  1000u /* for the last words of an engine that failed or is shed */
/* Less than this within write_stall_ms (or all that waits) is no progress: one byte now and then holds a
 * buffer for ever. */
#define STALL_BYTES_MIN 1024u

enum conn_state { CONN_OPEN, CONN_FINISHING, CONN_LINGER, CONN_CLOSED };

struct ses_conn {
    uv_tcp_t tcp;
    struct ses_conns *conns;
    const struct ses_conn_ops *ops;
    void *engine;        /* ops NULL: none left to be told */
    struct ses_tls *tls; /* the engine is tls_conn.c, and the protocol's is .. */
    const struct ses_conn_ops *inner_ops;
    void *inner_engine;
    struct ses_list node;
    struct ses_list want;        /* in conns->want while it has asked to write */
    struct ses_list holder;      /* in conns->holders while it holds anything */
    struct ses_list throttled;   /* in one of conns' two */
    struct ses_timer idle_timer; /* idle while OPEN, the end's deadline afterwards */
    struct ses_timer stall_timer;
    struct ses_buf rest; /* what the kernel did not take; empty (no memory) otherwise */
    uv_write_t write;
    uint64_t active_ms; /* loop time of the last byte either way */
    uint64_t idle_armed_ms;
    uint32_t idle_ms;
    uint32_t idle_usual_ms;
    size_t held_bytes;     /* by the engine, as it says */
    size_t tls_held_bytes; /* by TLS beneath it */
    size_t counted_bytes;  /* these and rest, as they stand in conns->held_bytes */
    uint64_t held_since_ms;
    size_t stalled_bytes; /* write queue at the last look */
    size_t lingered_bytes;
    uint64_t rate_word;
    uint64_t opened_ms;        /* loop time */
    struct ses_source *source; /* NULL: not counted */
    enum conn_state state;
    bool writing;                     /* a uv_write is under way */
    bool undrained;                   /* produced something since on_drained */
    enum ses_conn_reading reading_as; /* LITTLE, EXCESS: in conns->throttled; LATER: in conns->waiting */
    uint64_t waits_since_ms;
    struct ses_conn_calls calls;
    uint32_t read_turn;    /* of conns->turn: it was read in this one .. */
    unsigned reads;        /* .. so often */
    unsigned turns_behind; /* at the last read */
    bool paused;           /* by its engine */
    bool reading;
    bool eof;
    bool first_seen;
    bool drain_told;
    bool flush_soon;
    struct ses_peer peer;
};

struct listener {
    uv_poll_t poll;
    int fd; /* the caller's */
    bool on;
};

/* Of bytes that wait together; tls_turn.c. */
#define TLS_TURN_BYTES (32 * SES_KIB)

/* What TLS connections have read in this poll, or say in this turn. */
struct ses_tls_turn {
    struct ses_list read;   /* pieces of sealed .. */
    struct ses_list opened; /* .. which lie in plain now */
    struct ses_list said;   /* pieces of plain, and then of records */
    size_t len;             /* of sealed or plain */
    unsigned count;         /* of those that said something */
    struct ses_buf records;
    uint8_t sealed[TLS_TURN_BYTES];
    uint8_t plain[TLS_TURN_BYTES];
};

struct ses_conns {
    struct ses_conns_options options;
    struct ses_list all;
    struct ses_list want;
    struct ses_list holders;
    struct ses_list throttled;
    struct ses_list waiting;         /* in the order in which they began to */
    struct ses_timer throttle_timer; /* runs while any does */
    size_t held_bytes;               /* sum of counted_bytes */
    unsigned count;                  /* connections the engines know of, plus lingering ones */
    unsigned handles;                /* libuv handles not yet closed; the struct dies with the last one */
    uint32_t turn;                   /* never 0 */
    unsigned reads_max;              /* of a connection that is read FULLY, in a turn */
    bool draining;
    bool freed;
    struct listener listeners[SES_CONNS_LISTENERS_MAX];
    unsigned listeners_count; /* places taken; one that is not accepted from keeps its place */
    bool resting;             /* out of descriptors: nothing is accepted for a moment */
    int spare_fd;             /* given up for a moment when descriptors run out */
    struct ses_timer accept_timer;
    struct ses_timer age_timer;  /* once a second, where connections age */
    struct ses_sources *sources; /* NULL: they are not counted */
    uv_idle_t again;             /* keeps the loop from sleeping while connections still want to write */
    struct ses_buf out;          /* shared by all connections while they produce */
    struct ses_buf plain;        /* the same for those with TLS, before it is encrypted */
    struct ses_list steps;       /* of handshakes, waiting for a turn */
    unsigned steps_left;         /* of this turn */
    struct ses_list warm;        /* TLS connections that keep their record buffers, the latest last */
    unsigned warm_count;
    uv_check_t polled; /* ses_conns_polled */
    struct ses_tls_turn turn_tls;
    uint8_t read_bytes[READ_BYTES];
    uint8_t plain_bytes[READ_BYTES]; /* what read_bytes says */
};

/* Takes over a connected socket, and its place at the source (NULL: none). On failure the socket is closed. */
void ses_conn_open(struct ses_conns *conns, int fd, const struct ses_peer *peer, struct ses_source *source);
/* One connection more of this peer, who is not counted where *ret_source is NULL. False: it has as many as it may have. */
bool ses_conns_enter(struct ses_conns *conns, const struct ses_peer *peer, struct ses_source **ret_source);
/* Lets the engine produce and writes once. */
void ses_conn_flush(struct ses_conn *conn);
/* Tells the engine, once, that the worker leaves. */
void ses_conn_drain(struct ses_conn *conn);
/* Starts or stops reading, as paused and reading_as say. */
void ses_conn_follow_reading(struct ses_conn *conn);
/* conn_part.c: of a read, as much at most. */
size_t ses_conn_read_size(const struct ses_conn *conn);
/* conn_part.c: once more in this turn; counts. */
bool ses_conn_may_read(struct ses_conn *conn);
/* conn_part.c: a read got so much: how far is it behind (ses_conn_turns_behind)? */
void ses_conn_look_behind(struct ses_conn *conn, size_t got);
/* The engine has taken bytes and answered with status: what follows of it. */
void ses_conn_took(struct ses_conn *conn, enum ses_status status);
/* No more bytes will come. */
void ses_conn_take_eof(struct ses_conn *conn);
/* Cuts, and tells the engine now that the connection is gone: no engine may be on the stack. */
void ses_conn_abandon(struct ses_conn *conn);
/* tls_conn.c: a new turn: the handshakes that waited go on, as many as a turn may. */
void ses_conns_handshake(struct ses_conns *conns);
/* tls_turn.c: the poll is over: what TLS connections have read is decrypted and taken. Frees none: the one that has more
 * to read asks for it too. */
void ses_conns_polled(struct ses_conns *conns);
/* tls_turn.c: of one with TLS: asks the engine and flushes later, at the latest with ses_conns_say. False: flush it
 * yourself. */
bool ses_tls_turn_say(struct ses_conn *conn);
void ses_conns_say(struct ses_conns *conns);
/* held.c: brings the sum of the loop up to date. */
void ses_conn_count_held(struct ses_conn *conn);
/* held.c: takes out of the holders as many of the worst as must go. false: the connections do not hold too
 * much, and ret_worst is not written. */
bool ses_conns_pick_worst(struct ses_conns *conns, struct ses_list *ret_worst);
/* While the connections hold too much, the worst of them are ended. No engine may be on the stack. */
void ses_conns_shed(struct ses_conns *conns);
/* handles.c: one libuv handle fewer. */
void ses_conns_handle_closed(struct ses_conns *conns);

#endif
