/* engine.h - what the engines of this folder share: the doors' state, and the HTTP half of an exchange (JSON,
 * Connect, plain routes) that HTTP/1.1 and HTTP/2 have in common.
 *
 * An engine (h1.c, h2.c) that has read the head of a non-gRPC request calls ses_http_begin, and with the body
 * ses_http_dispatch; the answer comes back through its ses_http_stream_ops, maybe from inside either. gRPC (grpc.c)
 * stands on h2.c alone.
 */
#ifndef SESSIOND_SRC_HTTP_ENGINE_H
#define SESSIOND_SRC_HTTP_ENGINE_H

#include <sessiond/base/units.h>
#include <sessiond/http/door.h>

struct ses_h2_shared;

#define SES_HTTP_DATE_SIZE 30

/* Header fields of one answer but content-length and connection: ours (content-type, date, server, x-request-id, two for
 * compression, vary, cache-control, one extra, three for pages of other origins, gRPC's trailers), the method's headers,
 * its trailers. */
#define SES_HTTP_FIELDS_MAX (17 + 2 * SES_EXCHANGE_REPLY_FIELDS_MAX)

/* Unsent bytes of an answer that is written as it comes; then it is ended, for which there is some room more. */
#define SES_HTTP_BACKLOG_MAX (4 * SES_MIB)
#define SES_HTTP_END_ROOM    (16 * SES_KIB)

/* How long a drain waits for the first request of a connection that has sent nothing yet. */
#define SES_DRAIN_GRACE_MS 1000u
/* The same for the next request on an HTTP/1.1 connection, which cannot be told to stop (HTTP/2 has GOAWAY),
 * from its last byte on: one that has been silent for longer is closed at once. Measured without it: 6 of
 * 23,942 calls of busy keep-alive clients failed over a reload. */
#define SES_DRAIN_IDLE_MS 250u

struct ses_doors {
    struct ses_door_options options;
    struct ses_h2_shared *h2;      /* NULL until the first HTTP/2 connection */
    char date[SES_HTTP_DATE_SIZE]; /* ses_doors_date */
    uint64_t date_wall_s;
    uint8_t host[64]; /* that was known last, host.c */
    size_t host_len;
};

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), formatted once per second; valid until the next
 * call. */
struct ses_slice ses_doors_date(struct ses_doors *doors);

/* One http_refused line, bounded. protocol: "http/1.1" or "h2"; http_status 0: no answer in
 * HTTP; reason is a literal, never the client's bytes. */
void ses_doors_log_refused(struct ses_doors *doors, const char *peer, const char *protocol, int http_status,
                           const char *reason);

/* How an engine writes a whole HTTP answer on one of its streams. header names are lower case; date, server,
 * content-type, content-encoding, x-request-id and the method's reply headers are among them; content-length
 * (and connection on HTTP/1.1) is the engine's. The answer to HEAD comes with its body: the engine sends its
 * length and leaves it out. The slices live in the exchange's arena; the engine copies what it sends later
 * than the exchange lives. */
struct ses_http_stream_ops {
    void (*respond)(void *stream, int http_status, const struct ses_header *headers, size_t headers_count,
                    struct ses_slice body);

    /* An answer that is written as it comes, of an enveloped call (envelope.h): open once, write any number of times,
     * close. The bytes are copied. */
    void (*open)(void *stream, int http_status, const struct ses_header *headers, size_t headers_count);
    /* false: more would wait for the client than may, and nothing was written; the last piece may be SES_HTTP_END_ROOM
     * longer. */
    bool (*write)(void *stream, struct ses_slice bytes, bool last);
    void (*close)(void *stream);
    /* Bytes that wait for the client. */
    size_t (*backlog)(const void *stream);
    /* May one more stream of its route begin on this connection? Counts it. */
    bool (*admit)(void *stream);
    bool duplex; /* an answer may leave before the request is whole */
};

/* The head is here. x: method, path, query, headers, peer, request id are set, x->stream is the engine's stream.
 * Finds the route, checks HTTP method and content type, chooses door and encoding, reads connect-timeout-ms, asks
 * the gates. false: the refusal has been answered, and nobody wants the body. */
bool ses_http_begin(struct ses_doors *doors, struct ses_exchange *x, struct ses_conn *conn,
                    const struct ses_http_stream_ops *ops);
/* Behind ses_http_begin: x->body is set too, but of an enveloped call, whose body was given in pieces (envelope.h).
 * Starts the method within its deadline, or answers the refusal. Takes care of the deadline timer. The engine keeps its reference until its stream ends, and calls ses_exchange_cancel +
 * ses_http_forget when the client goes away. */
void ses_http_dispatch(struct ses_exchange *x);
/* Pure: "/package.Service/Method", a call of the Connect protocol, even if there is no such method. */
bool ses_http_is_rpc_path(struct ses_slice path);
/* In the place of ses_http_begin: the engine has found the fault itself, and answers it in the words of the door that
 * the path belongs to. */
void ses_http_begin_refused(struct ses_doors *doors, struct ses_exchange *x,
                            const struct ses_http_stream_ops *ops, int http_status, enum ses_status status,
                            const char *message);
/* Behind ses_http_begin and before any answer: the same, for what comes of the body. http_status 0: the status's own.
 * Always false, so that a check can return it; message is a literal or in the exchange's arena. */
bool ses_http_refuse(struct ses_exchange *x, int http_status, enum ses_status status, const char *message);
/* Does the head promise a longer body? Without a content-length the bytes are counted as they come. */
bool ses_http_length_is_above(const struct ses_exchange *x, size_t max);
/* "unknown method /a.B/C", in the arena. */
const char *ses_unknown_method(struct ses_exchange *x);
/* Stops the timer of a dispatched exchange, gives back what is not its arena's (idempotent). */
void ses_http_forget(struct ses_exchange *x);
/* The same refusal bodies for what an engine must answer without an exchange (431, 503, ..), into room bytes: for a call
 * (is_rpc) {"code":"resource_exhausted","message":..}, else {"error":{"message":..,"code":"503"}}. message is a literal of ours
 * without characters that JSON escapes. Returns the length written. */
size_t ses_http_refusal_body(bool is_rpc, int http_status, struct ses_slice message, char *ret_text,
                             size_t room);
/* What is meant by an HTTP status that an engine refuses with. */
enum ses_status ses_http_refusal_status(int http_status);
/* "Bad Request" for 400; "" when unknown. */
const char *ses_http_reason(int http_status);

/* Attaches an engine to a connection; first holds the bytes the sniffer has read, spent_ms is how much of
 * header_ms had passed by then. On failure the connection is cut. */
void ses_h1_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first, uint32_t spent_ms);
void ses_h2_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first, uint32_t spent_ms);
/* For ses_doors_free: what the HTTP/2 engines of these doors shared; NULL is fine, no engine may be left. */
void ses_h2_shared_free(struct ses_h2_shared *shared);
/* Without the structs that are kept for streams to come. */
void ses_h2_shared_rest(struct ses_h2_shared *shared);

#endif
