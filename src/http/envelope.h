/* envelope.h - calls whose messages stand in envelopes (grpc_frame.h) within the body of an HTTP request and its answer:
 * gRPC-Web, and the streams of the Connect protocol. Over HTTP/1.1 and HTTP/2 alike.
 *
 *                    gRPC-Web                              Connect
 *   content-type     application/grpc-web[-text][+codec]   application/connect+codec
 *   routes           unary and streams                     streams; unary calls have no envelopes there
 *   flags            1: this message is gzip               the same
 *   the end          0x80: trailers as lines               0x02: EndStreamResponse, JSON
 *   an error before  the trailers among the headers, no    the end alone
 *   any message      body
 *   HTTP status      200                                   200
 *   a limit of time  grpc-timeout                          connect-timeout-ms
 *   text             base64, web_text.h                    -
 *
 *   envelope_type.c      which content types there are
 *   envelope_begin.c     what a head must satisfy, beyond what all HTTP requests must (http_exchange.c)
 *   envelope_request.c   messages out of a body that comes in pieces
 *   envelope_time.c      how long it may last
 *   envelope_memory.c    what it holds
 *   envelope_answer.c    messages, and the end
 *   connect_end.c, web_trailers.c    the two forms of an end
 *
 * An engine gives the body as it comes (ses_envelope_data), whatever it does with those of other calls, and has no time
 * limit of its own for it: rpc_time.h has. Where answers can leave before the request is whole (duplex: HTTP/2) a
 * conversation's messages are handed on as they come, elsewhere when all are here. Faults and their sentences are gRPC's.
 */
#ifndef SESSIOND_SRC_HTTP_ENVELOPE_H
#define SESSIOND_SRC_HTTP_ENVELOPE_H

#include <sessiond/base/buf.h>

#include <sessiond/codec/grpc_frame.h>
#include "http_call.h"
#include "web_text.h"

#define SES_ENVELOPE_CONNECT_END  0x02
#define SES_ENVELOPE_WEB_TRAILERS 0x80

struct ses_envelope_type {
    struct ses_slice name;
    enum ses_door door; /* SES_DOOR_GRPC_WEB or SES_DOOR_CONNECT */
    enum ses_encoding encoding;
    bool text;
};

/* Lives in the exchange's arena. */
struct ses_envelope {
    const struct ses_envelope_type *type;
    uint64_t timeout_ns; /* the caller's, or SES_RPC_NO_TIMEOUT */

    /* request */
    struct ses_grpc_reader reader;
    struct ses_web_text text;
    struct ses_buf waiting; /* of a conversation: bytes that are not taken apart yet */
    unsigned messages;
    bool gzip;      /* messages may be */
    bool gzip_came; /* one was */
    bool whole;
    bool started;
    bool reading; /* on the stack just now .. */
    bool done;    /* .. and its memory is to be given back behind that */

    /* answer */
    struct ses_slice reply; /* a unary one, between send and end */
    bool accepts_gzip;
    bool opened;
    bool ended;
    bool overflowed; /* a message did not fit: it is about to be ended */
};

/* NULL: x is no such call. */
static inline struct ses_envelope *ses_envelope_of(const struct ses_exchange *x)
{
    return x == NULL || x->door_data == NULL ? NULL : ses_http_call_of(x)->envelope;
}

/* A stream, whose client may want to know no more. */
static inline bool ses_envelope_streams(const struct ses_exchange *x)
{
    return x->route != NULL && x->route->kind != SES_ROUTE_UNARY;
}

/* Bytes that x holds beside its arena; of any exchange, or NULL. */
static inline size_t ses_envelope_held(const struct ses_exchange *x)
{
    const struct ses_envelope *e = ses_envelope_of(x);

    return e == NULL ? 0 : ses_grpc_reader_held(&e->reader) + e->waiting.room;
}

/* ---- for the engines; x is such a call. Each may end it, and with it the engine's stream. */
void ses_envelope_data(struct ses_exchange *x, struct ses_slice bytes);
void ses_envelope_request_end(struct ses_exchange *x);
/* All that was written has left. */
void ses_envelope_drained(struct ses_exchange *x);
/* The connection is to end: what has no end of its own gets one. */
void ses_envelope_leave(struct ses_exchange *x);
/* Gives back what is not the arena's (idempotent). */
void ses_envelope_forget(struct ses_exchange *x);
/* Of its body, bytes that wait for answers to be read. */
size_t ses_envelope_waiting(const struct ses_exchange *x);

/* ---- envelope_type.c: by content-type, HTTP method and route. NULL: no such call. */
const struct ses_envelope_type *ses_envelope_type_find(const struct ses_exchange *x);

/* ---- envelope_begin.c, for http_exchange.c */
/* Makes the call's envelope if it is such a call. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_envelope_prepare(struct ses_exchange *x);
/* Judges what the head says. false: the refusal has been answered. */
bool ses_envelope_check(struct ses_exchange *x);

/* ---- envelope_time.c: starts the exchange's timer when the head is here, and again when a stream begins */
void ses_envelope_time_begin(struct ses_exchange *x);
void ses_envelope_time_stream(struct ses_exchange *x);

/* ---- envelope_answer.c */
extern const struct ses_exchange_ops ses_envelope_ops;
/* Ends the answer; error NULL is OK. Does nothing when it has ended. */
void ses_envelope_finish(struct ses_exchange *x, const struct ses_error *error);
/* The same from our side while the method still works: answers, then cancels the exchange. */
void ses_envelope_abort(struct ses_exchange *x, enum ses_status status, const char *message,
                        enum ses_status cancel_status);

#endif
