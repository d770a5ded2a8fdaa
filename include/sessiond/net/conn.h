/* conn.h - client connections on the loop: accept, read, write, time limits. Knows no protocol.
 *
 * A protocol engine is given bytes and asked for bytes; it does no I/O. Output is pulled: an engine that has
 * something calls ses_conn_want_write, and at the end of the loop turn ses_conns_flush asks every such engine
 * once and writes with one system call per connection. While the kernel does not take it all (high-water
 * mark), the engine is not asked again, and reading pauses when the engine says so: that is the backpressure.
 */
#ifndef SESSIOND_NET_CONN_H
#define SESSIOND_NET_CONN_H

#include <uv.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/units.h>
#include <sessiond/net/peer.h>
#include <sessiond/net/timer.h>

struct ses_conn;
struct ses_conns;

/* What an engine implements. Called from the loop only. After on_close the engine is never called again. */
struct ses_conn_ops {
    /* Bytes arrived; the engine takes them all (it copies what it must keep). Not SES_OK: the connection is
     * closed after what the engine still wants to write (an error answer, GOAWAY) has been written, or 1 s
     * later. */
    enum ses_status (*on_bytes)(void *engine, struct ses_slice bytes);
    /* Append output to out, as much as is ready or until out->len >= SES_CONN_HIGH_WATER. */
    enum ses_status (*on_produce)(void *engine, struct ses_buf *out);
    /* The worker is leaving: finish what runs, take nothing new, then ses_conn_finish. */
    void (*on_drain)(void *engine);
    /* No byte came or went for the idle time; the engine decides (close, or ses_conn_touch while an exchange
     * runs). */
    void (*on_idle)(void *engine);
    /* Everything accepted by on_produce so far was taken by the kernel; may be NULL. */
    void (*on_drained)(void *engine);
    /* The peer has half-closed (FIN): no more bytes will come, ours may still go. NULL: the connection is
     * closed. An engine that answers after all (HTTP/1.1 clients may send and shut down) calls
     * ses_conn_finish when it has. */
    void (*on_eof)(void *engine);
    /* Its calls are not taken as fast as they come (SES_READ_EXCESS), or are again: say so to the peer. May be
     * NULL. */
    void (*on_throttle)(void *engine, bool on);
    /* The connections of this loop hold too much and this one belongs to the worst: let go of everything
     * now; what on_produce still says is the last. NULL: the connection is cut. */
    void (*on_shed)(void *engine);
    /* Gone: peer closed, error, or finished. Release everything; open exchanges are cancelled. Never called
     * from inside another call of ours or of the engine's: ses_conn_cut and ses_conn_finish may be called
     * anywhere. conn is dead. */
    void (*on_close)(void *engine);
};

#define SES_CONN_HIGH_WATER (256 * SES_KIB)
/* Ceiling of what one on_produce may append: an engine overshoots the high-water mark by at most one
 * piece. */
#define SES_CONN_OUT_MAX (4u * SES_CONN_HIGH_WATER)

struct ses_conns_options {
    uv_loop_t *loop;
    struct ses_timers *timers;
    /* None of the limits may be 0, where they do not say so. */
    unsigned connections_max; /* above: accepted and closed at once, counted */
    uint32_t idle_ms;         /* until an engine sets its own; first bytes must come within first_byte_ms */
    uint32_t first_byte_ms;
    uint32_t write_stall_ms;      /* unwritten output without progress: closed */
    size_t held_bytes_max;        /* of all connections together, see ses_conn_hold */
    unsigned handshakes_per_turn; /* steps of TLS handshakes (net/tls.h) */
    uint64_t age_ms; /* a connection this old, a tenth less or more, is told to drain; 0: none is */
    unsigned
        per_source_max; /* from one address (IPv6: one /64); above: closed at once, counted. 0: no limit .. */
    const struct ses_network *exempt; /* .. and none from here: proxies, behind which are many */
    size_t exempt_count;
    /* Called for each accepted connection: attach the first engine (http's sniffer). */
    void (*on_accept)(void *arg, struct ses_conn *conn);
    void *arg;
    struct ses_log *log;
    struct ses_metrics *metrics;
};

SES_MUST_CHECK enum ses_status ses_conns_new(const struct ses_conns_options *options,
                                             struct ses_conns **ret_conns);
/* All connections must be gone or are cut. Handles finish on the loop. */
void ses_conns_free(struct ses_conns *conns);
#define SES_CONNS_LISTENERS_MAX 65u /* a socket of each worker slot, and one more */

/* Accepts from an inherited, bound TCP socket (already listening or not). SES_IO; SES_FULL: too many. */
SES_MUST_CHECK enum ses_status ses_conns_listen(struct ses_conns *conns, int fd);
/* The same for a socket that is not ours to open: accepts from it as long as it listens. Harmless when that
 * is so already. */
SES_MUST_CHECK enum ses_status ses_conns_watch(struct ses_conns *conns, int fd);
/* Accepts no more from fd; descriptor, socket and what waits in its queue are left as they are. */
void ses_conns_unwatch(struct ses_conns *conns, int fd);
bool ses_conns_watches(const struct ses_conns *conns, int fd);
/* Takes at once everything that waits at the sockets accepted from, at most SOMAXCONN each. */
void ses_conns_accept_queued(struct ses_conns *conns);
/* Tells every engine on_drain, and those of connections accepted from now on, too: each may finish what it
 * begins with. Accepting is stopped apart from it, by ses_conns_unwatch. */
void ses_conns_drain(struct ses_conns *conns);
unsigned ses_conns_count(const struct ses_conns *conns);
/* End of the loop turn (uv_prepare): lets engines produce, writes. */
void ses_conns_flush(struct ses_conns *conns);

/* The engine of a connection may be replaced (sniffer -> h1 or h2). */
void ses_conn_attach(struct ses_conn *conn, const struct ses_conn_ops *ops, void *engine);
void ses_conn_want_write(struct ses_conn *conn);
void ses_conn_read_pause(struct ses_conn *conn);
void ses_conn_read_resume(struct ses_conn *conn);
/* How a connection is read while there is too much to do. What lies in the kernel's buffers costs nothing here, and
 * TCP tells the peer. */
enum ses_conn_reading {
    SES_READ_FULLY,
    SES_READ_LITTLE, /* a bit in each turn, so that the turns are short for all others */
    SES_READ_EXCESS, /* likewise; the engine says to the peer that it is too much (on_throttle) */
    SES_READ_LATER /* not before ses_conns_unthrottle says so, or SES_CONN_THROTTLE_MS have passed; then as EXCESS */
};
#define SES_CONN_THROTTLE_MS 500u
/* From the next read on. Nothing for a connection that leaves: that one is read. */
void ses_conn_read_as(struct ses_conn *conn, enum ses_conn_reading reading);
/* Once a turn: so many of those that are read LATER may be read once more, in their order. UINT_MAX: all are read
 * fully. */
void ses_conns_unthrottle(struct ses_conns *conns, unsigned count);
/* How many turns more it takes to read what lay in the kernel's buffers behind the last read: what came with that has
 * waited so long, too, as long as the client sends as it does. 0: nothing lay there, or it is read as EXCESS. */
unsigned ses_conn_turns_behind(const struct ses_conn *conn);
/* What came over a connection lately, for whoever judges its calls; zeros at first. */
struct ses_conn_calls {
    uint16_t all;
    uint16_t creations;
    uint16_t excess; /* creations of merchants that ask for more than their share */
};
struct ses_conn_calls *ses_conn_calls(struct ses_conn *conn);
/* Restarts the idle time, optionally with another limit (0: the usual one). */
void ses_conn_touch(struct ses_conn *conn, uint32_t idle_ms);
/* The usual limit of this connection, from now on, instead of that of the options. */
void ses_conn_set_idle(struct ses_conn *conn, uint32_t idle_ms);
/* What the peer makes the engine keep just now: requests that are not whole, answers that are not read. When
 * all connections together hold more than held_bytes_max, those that hold most for longest are ended. */
void ses_conn_hold(struct ses_conn *conn, size_t bytes);
/* From on_bytes: much is ready, write it before anything else is read. */
void ses_conn_flush_soon(struct ses_conn *conn);
/* Close once everything produced is written (half-close, then a short linger for the peer's bytes, so that
 * the answer is not lost in a reset). */
void ses_conn_finish(struct ses_conn *conn);
/* Close now. */
void ses_conn_cut(struct ses_conn *conn);
/* Milliseconds since the last byte either way. */
uint64_t ses_conn_idle_ms(const struct ses_conn *conn);
/* A word for whoever bounds the rate of this connection's calls; 0 at first. */
uint64_t *ses_conn_rate_word(struct ses_conn *conn);
/* The user at the other end of a UNIX socket, as the kernel knows it (SO_PEERCRED, unix(7)). False: the
 * connection is of another kind. */
bool ses_conn_peer_uid(const struct ses_conn *conn, uint32_t *ret_uid);
/* Stays where it is as long as the connection. */
const struct ses_peer *ses_conn_peer(const struct ses_conn *conn);
/* A trusted proxy has said who is behind it: before anybody has been told the peer. From here on the connection counts
 * as this one's (per_source_max). False: it has as many as it may have; cut this one. */
SES_MUST_CHECK bool ses_conn_set_peer(struct ses_conn *conn, const struct ses_peer *peer);

#endif
