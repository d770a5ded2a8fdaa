/* h1.h - one HTTP/1.1 connection (RFC 9112), private to h1*.c.
 *
 *   h1.c         the engine: bytes in, requests one at a time, deadlines, the end
 *   h1_guard.c   which bytes may form a head at all
 *   h1_parse.c   llhttp's callbacks: collects head and body
 *   h1_check.c   what a complete head must satisfy
 *   h1_fields.c  a head as it was read
 *   h1_answer.c  answers as bytes
 *   h1_pieces.c  answers that are written as they come
 *   h1_held.c    what is held
 *
 * Requests are handled one at a time: what a client sends ahead (pipelining) waits unparsed in `pending`,
 * reading pauses, so a client can make us hold at most one read of it. While a connection is idle it owns
 * this struct and nothing else.
 *
 * Phases of a connection:
 *
 *   IDLE     --first byte-->            HEAD
 *   HEAD     --the head is right-->     BODY      an exchange is made of it, and judged
 *   BODY     --whole-->                 RUNNING
 *   BODY     --whole, answered already--> IDLE    the refusal left at once, the body was thrown away
 *   BODY     --last chunk-->            TRAILER   --empty line--> RUNNING
 *   RUNNING  --answered-->              IDLE      (maybe in pieces: h1_pieces.c)
 *   RUNNING  --answered, the last-->    ENDED     "connection: close", a drain, requests_max
 *   HEAD, BODY, TRAILER --fault, too late, shed--> a refusal, ENDED
 *
 * Bytes that come while RUNNING go to pending; in ENDED they are thrown away.
 */
#ifndef SESSIOND_SRC_HTTP_H1_H
#define SESSIOND_SRC_HTTP_H1_H

#include <llhttp.h>

#include <sessiond/base/units.h>

#include "engine.h"
#include "h1_guard.h"

/* What a chunked body may spend on framing beside its payload: 16 KiB and 8 bytes per payload byte (one-byte
 * chunks cost 5). RFC 9112 section 7.1.1 asks for a limit on chunk extensions. */
#define H1_FRAMING_BYTES    (16 * SES_KIB)
#define H1_FRAMING_PER_BYTE 8u
/* So much of a refused request's body is read, so that the connection can be used again. */
#define H1_PASSED_OVER_MAX   (64 * SES_KIB)
#define H1_OUT_BYTES_MAX     (SES_HTTP_BACKLOG_MAX + SES_HTTP_END_ROOM)
#define H1_PENDING_BYTES_MAX (128 * SES_KIB)
/* Of a body that is taken in pieces: more than comes at once. */
#define H1_PIECE_BYTES_MAX (2 * H1_PENDING_BYTES_MAX)

enum h1_phase {
    H1_IDLE,    /* between requests */
    H1_HEAD,    /* inside request line or headers */
    H1_BODY,    /* inside the body or chunked framing */
    H1_TRAILER, /* behind the last chunk */
    H1_RUNNING, /* dispatched, not yet answered */
    H1_ENDED    /* the last answer is given: bytes are no longer read */
};

/* Offsets into the head's text, which moves while it grows. */
struct h1_span {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t value_at;
    uint32_t value_len;
};

struct h1 {
    struct ses_doors *doors;
    struct ses_conn *conn;
    llhttp_t parser;
    struct ses_h1_guard guard;
    enum h1_phase phase;

    struct ses_buf text;  /* target, then names and values */
    struct ses_buf spans; /* struct h1_span each */
    size_t target_len;
    struct h1_span field; /* the one being read */
    bool field_open;
    bool field_named;     /* its name is complete */
    size_t trailers_from; /* spans before it are headers */
    size_t counted_bytes; /* names and values, 32 bytes overhead each */
    struct ses_buf body;
    size_t body_bytes;     /* that have come .. */
    size_t body_raw_bytes; /* .. with framing */
    struct ses_h1_fault fault;

    struct h1_span target; /* path as its name, query as its value */
    bool complete;
    bool keep_alive;
    bool head_method;
    bool chunked;
    bool expects_continue;

    struct ses_exchange *x; /* from the end of the head to the answer */
    bool judged;            /* the head of this request was */
    bool passing_over;      /* this request is answered; its body is thrown away */
    bool answered;
    bool busy; /* inside consume: an answer is dealt with there */
    bool draining;
    bool eof;
    unsigned requests;

    struct ses_buf pending;
    struct ses_buf out;
    size_t out_at; /* bytes of out that the connection has taken */
    struct ses_timer timer;
    uint32_t spent_ms;   /* of the first head's time, before this engine was there */
    enum h1_phase timed; /* what the timer bounds; H1_IDLE: it is stopped */
};

/* h1_parse.c */
void ses_h1_parse_init(struct h1 *h1);
/* Forgets the request; keeps no memory. */
void ses_h1_parse_reset(struct h1 *h1);
/* Starts a new request. */
void ses_h1_parse_begin(struct h1 *h1);
/* Parses a piece of the current request; returns the bytes taken. May set complete or fault, or change the
 * phase. */
size_t ses_h1_parse(struct h1 *h1, struct ses_slice bytes);

/* h1_fields.c */
size_t ses_h1_fields_count(const struct h1 *h1);
struct ses_slice ses_h1_field_name(const struct h1 *h1, size_t index);
struct ses_slice ses_h1_field_value(const struct h1 *h1, size_t index);
/* Valid until text grows: trailers come after the head. */
struct ses_slice ses_h1_path(const struct h1 *h1);
struct ses_slice ses_h1_query(const struct h1 *h1);
/* The request as an exchange: all of it copied. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_h1_fill(struct h1 *h1, struct ses_exchange *x);

/* h1_check.c: the head is complete. Sets target, head_method, chunked, expects_continue. */
struct ses_h1_fault ses_h1_check_head(struct h1 *h1);
/* Trailers may not change what the head said (RFC 9110 section 6.5.1). */
struct ses_h1_fault ses_h1_check_trailers(const struct h1 *h1);

/* h1_answer.c: appends to out. A head lacks its last empty line: how long the body is goes before that. */
SES_MUST_CHECK enum ses_status ses_h1_answer_head(struct h1 *h1, int http_status,
                                                  const struct ses_header *headers, size_t headers_count);
SES_MUST_CHECK enum ses_status ses_h1_answer(struct h1 *h1, int http_status, const struct ses_header *headers,
                                             size_t headers_count, struct ses_slice body);
SES_MUST_CHECK enum ses_status ses_h1_answer_refusal(struct h1 *h1, struct ses_h1_fault fault);

/* h1_held.c */
/* Bytes of out that the connection has not taken. */
size_t ses_h1_backlog(const struct h1 *h1);
/* Tells the connection what is held. */
void ses_h1_tell_held(const struct h1 *h1);

/* h1_pieces.c: of struct ses_http_stream_ops; the last is appended to out by its engine, h1.c. */
void ses_h1_pieces_begin(void *h1, int http_status, const struct ses_header *headers, size_t headers_count);
bool ses_h1_pieces_add(void *h1, struct ses_slice bytes, bool last);
SES_MUST_CHECK enum ses_status ses_h1_pieces_last(struct h1 *h1);
size_t ses_h1_pieces_backlog(const void *h1);
bool ses_h1_pieces_admit(void *h1);

#endif
