/* tls_conn_impl.h - one connection's TLS, as tls_conn.c has it, tls_bio.c feeds it and tls_fail.c tells its end.
 *
 *   HANDSHAKE   bytes go to OpenSSL, a step at a time; the inner engine hears nothing
 *   OPEN        records in both directions
 *   BROKEN      an alert is on its way, then the end
 */
#ifndef SESSIOND_SRC_NET_TLS_CONN_IMPL_H
#define SESSIOND_SRC_NET_TLS_CONN_IMPL_H

#include "conn_impl.h"
#include "tls_impl.h"

/* Records that belong to no answer and wait to be written: a handshake's flight, tickets, alerts. */
#define PENDING_BYTES_MAX (64 * SES_KIB)

/* How reading ended. */
enum ses_tls_filled {
    SES_TLS_FILLED_WHOLE, /* no more room, or there is more to read */
    SES_TLS_FILLED_WANTS,
    SES_TLS_FILLED_CLOSED,
    SES_TLS_FILLED_FAILED
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_BROKEN };

struct ses_tls {
    struct ses_conn *conn;
    SSL *ssl;
    struct ses_slice in;    /* of the present call: what OpenSSL has not taken yet */
    struct ses_buf *sink;   /* of the present call: where its records go */
    struct ses_buf inbox;   /* what waits for a step */
    struct ses_buf pending; /* records that belong to no answer */
    struct ses_list step;   /* in conns->steps */
    struct ses_list warm;   /* in conns->warm while its record buffers are kept */
    struct ses_list turn;   /* in one of conns->turn_tls, of which the following are */
    struct ses_slice turn_piece;
    enum ses_tls_filled turn_filled;
    enum ses_status turn_status;
    size_t turn_at; /* in turn_tls.records */
    size_t turn_len;
    struct ses_timer timer; /* the handshake's, then a record's */
    struct ses_tls_record record;
    struct ses_tls_peer *peer;
    uint64_t bytes_in;
    uint64_t late_messages;
    uint32_t record_ms;
    enum tls_state state;
    bool heard;        /* some plain text has come */
    bool turn_made;    /* records wait in turn_tls.records */
    bool said_goodbye; /* close_notify is written */
};

/* tls_bio.c: the connection's SSL, which reads from in and writes to sink and does no I/O. False: no memory. */
bool ses_tls_open_ssl(struct ses_tls *tls, const struct ses_tls_context *context);

/* Connections of a loop that keep OpenSSL's record buffers, 34 KiB each. */
#define WARM_MAX 64u

/* tls_bio.c: this one has something to read or to write. */
void ses_tls_keep_warm(struct ses_tls *tls);
/* tls_bio.c: gives its buffers back; harmless if it has none. */
void ses_tls_let_cool(struct ses_tls *tls);

/* tls_bio.c: what it holds has changed. */
void ses_tls_count_held(struct ses_tls *tls);

/* ---- tls_fail.c */

/* Why a handshake came to nothing, as far as somebody could do something about it. */
enum ses_tls_cause {
    SES_TLS_CAUSE_CERTIFICATE, /* the client's is missing or not right */
    SES_TLS_CAUSE_MISMATCH,    /* no version, suite or protocol in common */
    SES_TLS_CAUSE_LATE,
    SES_TLS_CAUSE_LEFT, /* the client closed, or refused us by an alert */
    SES_TLS_CAUSE_MALFORMED
};

/* Of OpenSSL's error. */
enum ses_tls_cause ses_tls_cause_of(unsigned long error);
/* Counts, and writes a line; reason is a literal. */
void ses_tls_tell_failure(const struct ses_conn *conn, enum ses_tls_cause cause, const char *reason);
/* The answer to conn.c, which then writes what is left to say: the alert. */
enum ses_status ses_tls_fail(struct ses_tls *tls, enum ses_tls_cause cause, const char *reason);
enum ses_status ses_tls_fail_by_ssl(struct ses_tls *tls);
/* Of a timer: the handshake or the record has taken too long. */
void ses_tls_on_late(void *tls);

/* ---- tls_read.c */

/* As much plain text out of tls->in as there is or as there is room for. */
enum ses_tls_filled ses_tls_fill(struct ses_tls *tls, uint8_t *plain, size_t room, size_t *ret_len);
/* Gives the engine this, and as long as it was WHOLE what else there is; and what follows of how reading ended. */
enum ses_status ses_tls_take(struct ses_tls *tls, struct ses_slice plain, enum ses_tls_filled filled);
/* All of tls->in. */
enum ses_status ses_tls_decrypt(struct ses_tls *tls);

/* ---- tls_write.c */

/* What the engine has to say, at most SES_CONN_OUT_MAX. */
enum ses_status ses_tls_say(struct ses_tls *tls, struct ses_buf *plain);
enum ses_status ses_tls_seal(struct ses_tls *tls, struct ses_slice plain, struct ses_buf *out);
/* Both, and close_notify where it was the last word. */
enum ses_status ses_tls_encrypt(struct ses_tls *tls, struct ses_buf *out);

/* ---- tls_turn.c */

/* Keeps bytes until ses_conns_polled. False: they are long, or there are too many. */
bool ses_tls_turn_put(struct ses_tls *tls, struct ses_slice bytes);
/* What conn.c writes now was encrypted before. */
enum ses_status ses_tls_turn_made(struct ses_tls *tls, struct ses_buf *out);

#endif
