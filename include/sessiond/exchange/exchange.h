/* exchange.h - one request and its one reply, whatever the transport.
 *
 * A door (http/) fills the request half, then calls route->start. The method answers exactly once:
 *   unary    ses_exchange_reply(x, message) or ses_exchange_fail(x, error)
 *   streams  ses_exchange_send(x, message) any number of times, then ses_exchange_end(x) or ses_exchange_fail
 *   plain    ses_exchange_reply_raw
 * Messages are encoded bytes (protobuf or JSON as x->encoding says; message.h makes them).
 *
 * Life: the door holds one reference until its stream is gone; every asynchronous step (a store put, a
 * connector call, a timer) holds one more. When the client cancels or the deadline passes, the door calls
 * ses_exchange_cancel: the method's cancel function runs (if any), and every later answer is silently
 * dropped. The log line and the counters are written once, at the answer or the cancellation.
 */
#ifndef SESSIOND_EXCHANGE_EXCHANGE_H
#define SESSIOND_EXCHANGE_EXCHANGE_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>
#include <sessiond/base/ip.h>
#include <sessiond/base/list.h>
#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/random.h>
#include <sessiond/base/span.h>
#include <sessiond/base/trace_context.h>
#include <sessiond/exchange/route.h>
#include <sessiond/net/timer.h>

enum ses_door {
    SES_DOOR_GRPC,    /* gRPC over HTTP/2 */
    SES_DOOR_CONNECT, /* POST /<Service>/<Method>, JSON or protobuf; unary, and streams in envelopes */
    SES_DOOR_ROUTE,   /* the plain JSON routes */
    SES_DOOR_PLAIN,   /* resources */
    SES_DOOR_GRPC_WEB /* gRPC in the body of an HTTP call */
};

enum ses_encoding {
    SES_ENCODING_PROTO,
    SES_ENCODING_JSON,     /* proto3 JSON: secrets as {"value": ..}, integers of 64 bits as strings */
    SES_ENCODING_JSON_BARE /* the /payments routes: secrets as bare strings, numbers as numbers */
};

struct ses_header {
    struct ses_slice name;  /* lower case */
    struct ses_slice value; /* "-bin" metadata already decoded from base64, but of a unary Connect call */
};

/* Reply headers of one exchange, and as many trailers: a programmer's limit. The first few headers need no memory. */
#define SES_EXCHANGE_REPLY_FIELDS_MAX 64
#define SES_EXCHANGE_REPLY_FIELDS_FEW 8
#define SES_REQUEST_ID_MAX            128

struct ses_caller;
struct ses_exchange;

/* What the door does with the answer. Called at most once each (send: any number of times on streams). */
struct ses_exchange_ops {
    /* One message; the bytes live in the exchange's arena or are copied before return (streams: copied). */
    void (*send)(struct ses_exchange *x, struct ses_slice message);
    /* The end: error NULL = OK. */
    void (*end)(struct ses_exchange *x, const struct ses_error *error);
    /* PLAIN routes only: whole answer. location may be empty. */
    void (*raw)(struct ses_exchange *x, int http_status, const char *content_type, struct ses_slice body);
    /* Unsent bytes of this stream, for methods that stream much. */
    size_t (*backlog)(const struct ses_exchange *x);
};

/* What a gate that counts running calls (gate.h) is told of one that it has let in; each at most once. */
struct ses_exchange_count {
    void (*begins)(struct ses_exchange *x,
                   void *arg); /* the request is whole: until then it waits for its client */
    void (*waits)(struct ses_exchange *x, void *arg);
    void (*released)(struct ses_exchange *x, void *arg); /* always: with the last reference */
};

/* A body that was made before anybody asked, and the same as gzip. */
struct ses_made_body {
    struct ses_slice plain;
    struct ses_slice gzip;
};

struct ses_exchange_pool;

struct ses_exchange {
    /* ---- request, filled by the door */
    struct ses_arena arena;
    enum ses_door door;
    enum ses_encoding encoding;
    const struct ses_route *route; /* NULL: an unknown path, which the door refuses by ses_exchange_fail */
    struct ses_slice http_method;
    struct ses_slice path;
    struct ses_slice query; /* without '?' */
    struct ses_header *headers;
    size_t headers_count;
    struct ses_slice body; /* message bytes, decompressed */
    uint64_t started_mono_ns;
    uint64_t deadline_mono_ns; /* never 0: the server's limit when the client names none */
    /* Echoed from x-request-id (printable ASCII, bounded) or a fresh UUID. */
    char request_id[SES_REQUEST_ID_MAX + 1];
    struct ses_trace_context trace; /* exchange_trace.h */
    unsigned traceparents;          /* headers of that name; after they are settled: of the trace, 0 or 1 */
    const char *peer;
    struct ses_ip source; /* of the client, where source_known; a proxy may not tell whose call it is */
    bool source_known;
    const struct ses_caller *caller; /* set by the gate that asks who calls; NULL: nobody asks */

    /* ---- reply metadata, set by the method (ses_exchange_reply_header, .._trailer); in its order, a name may repeat */
    struct ses_header *reply_headers; /* leave with the first message, or with the end */
    size_t reply_headers_count;
    struct ses_header *reply_trailers; /* leave with the end */
    size_t reply_trailers_count;
    struct ses_header reply_headers_few[SES_EXCHANGE_REPLY_FIELDS_FEW];
    struct ses_slice reply_gzip; /* of a body that was made before; empty: the door packs what it answers */

    /* ---- for the log line, set by the method when known; never secrets. With a caller tenant and merchant are
     * settled by its gate already, and are what the method goes by. */
    struct ses_slice tenant;
    struct ses_slice merchant;
    const char *connector;
    uint32_t connector_status;               /* HTTP status of the connector call, 0 = none */
    uint64_t connector_ns;                   /* for the metrics: how long it was waited for, 0 = not */
    char session_pseudonym[17];              /* keyed hash of the session id, hex */
    uint8_t call_span_id[SES_SPAN_ID_BYTES]; /* of the call to the connector; zeros: none was made */
    struct ses_slice audit_reason;           /* what an operator gave as the reason */

    /* ---- who operates (set by a gate): has come through the operator's socket, as that user */
    bool operator_known;
    uint32_t operator_uid;

    /* ---- machinery */
    const struct ses_exchange_ops *ops;
    void *stream;                    /* the door's */
    const void *door_data;           /* the door's */
    struct ses_timer deadline_timer; /* the door's */
    struct ses_exchange_pool *pool;
    struct ses_list node;                              /* for whoever owns the exchange just now (method) */
    void (*cancel)(struct ses_exchange *x, void *arg); /* set by a method that waits */
    /* Set by a method that streams: all that was sent has left (backlog is 0). Called with cancel_arg. */
    void (*drained)(struct ses_exchange *x, void *arg);
    void *cancel_arg;
    const struct ses_exchange_count *count; /* set by a gate that counts it, or NULL */
    void *count_arg;
    unsigned references;
    bool begun;  /* ses_exchange_start was called */
    bool waited; /* ses_exchange_waits was called */
    bool answered;
    bool turned_away; /* by a gate (gate.h): nothing was begun for it */
    bool cancelled;
    enum ses_status cancel_status; /* SES_CANCELLED or SES_DEADLINE_EXCEEDED */
};

struct ses_json_types;

#define SES_EXCHANGE_POOL_REST 16u /* recycled ones that ses_exchange_pool_rest leaves */

struct ses_exchange_pool_options {
    /* Per exchange, not 0: several times a request's body, which it holds decoded too (base/arena.h). */
    size_t arena_bytes_max;
    unsigned exchanges_max; /* open at once in this process, not 0 */
    unsigned keep;          /* recycled ones kept */
    int unknown_metric;     /* row of ses_metrics.requests for what no route has the path of */
    struct ses_log *log;
    struct ses_metrics *metrics;
    struct ses_spans *spans;            /* of sampled exchanges; NULL: none are made */
    const struct ses_json_types *types; /* that messages in JSON may hold as Any (codec_json.h); NULL: none */
};

SES_MUST_CHECK enum ses_status ses_exchange_pool_new(const struct ses_exchange_pool_options *options,
                                                     struct ses_exchange_pool **ret_pool);
void ses_exchange_pool_free(struct ses_exchange_pool *pool);
unsigned ses_exchange_pool_open(const struct ses_exchange_pool *pool);
/* The most that were open at once since ses_exchange_pool_rest; recycled ones that are kept just now. */
unsigned ses_exchange_pool_peak(const struct ses_exchange_pool *pool);
unsigned ses_exchange_pool_kept(const struct ses_exchange_pool *pool);
/* Lets go of what is kept, but for SES_EXCHANGE_POOL_REST of them; the peak begins anew. */
void ses_exchange_pool_rest(struct ses_exchange_pool *pool);

/* [door] A fresh exchange with one reference and started_mono_ns set. SES_RESOURCE_EXHAUSTED at
 * exchanges_max. */
SES_MUST_CHECK enum ses_status ses_exchange_new(struct ses_exchange_pool *pool,
                                                struct ses_exchange **ret_exchange);
void ses_exchange_hold(struct ses_exchange *x);
void ses_exchange_release(struct ses_exchange *x);
/* [door] Bytes that a running exchange holds beyond the usual, for which its place in the pool stands: a
 * large body, decoded. 0 for nearly all. */
size_t ses_exchange_held(const struct ses_exchange *x);
/* [door] Copies a header pair into the exchange; name is lowered. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_exchange_add_header(struct ses_exchange *x, struct ses_slice name,
                                                       struct ses_slice value);
/* [door] After all headers: takes or makes the request id, and takes the trace context if there is one. */
void ses_exchange_settle_request_id(struct ses_exchange *x);
/* [door] The client is gone, or the deadline has passed (the door then answers DEADLINE_EXCEEDED itself
 * before this call). */
void ses_exchange_cancel(struct ses_exchange *x, enum ses_status why);

/* [door] Starts the method of its route; once. */
void ses_exchange_start(struct ses_exchange *x);

/* [method] From here on the call waits for a connector, or for another call: its time says nothing about us. */
void ses_exchange_waits(struct ses_exchange *x);

/* [method] First header of that name (lower case); the empty slice if absent; ret_present may be NULL. */
struct ses_slice ses_exchange_header(const struct ses_exchange *x, const char *name, bool *ret_present);
/* [method] Name in lower case; both literals or in the arena; a value of "-bin" is bytes. The ninth and more are left out
 * when memory is short. Before the first message. */
void ses_exchange_reply_header(struct ses_exchange *x, struct ses_slice name, struct ses_slice value);
/* [method] The same behind the answer, before its end: gRPC's trailers; headers "trailer-.." of a unary Connect call. The
 * plain routes and resources have none. Left out when memory is short. */
void ses_exchange_reply_trailer(struct ses_exchange *x, struct ses_slice name, struct ses_slice value);
void ses_exchange_reply(struct ses_exchange *x, struct ses_slice message);
void ses_exchange_send(struct ses_exchange *x, struct ses_slice message);
void ses_exchange_end(struct ses_exchange *x);
void ses_exchange_fail(struct ses_exchange *x, const struct ses_error *error);
/* Shorthand: status and a literal message. */
void ses_exchange_fail_status(struct ses_exchange *x, enum ses_status status, const char *message);
void ses_exchange_reply_raw(struct ses_exchange *x, int http_status, const char *content_type,
                            struct ses_slice body);

/* [method] 200, and may be cached for a minute. body is static: a long text costs no copy here, and no packing. */
void ses_exchange_reply_made(struct ses_exchange *x, const char *content_type,
                             const struct ses_made_body *body);

/* [door] google.rpc.Status bytes for grpc-status-details-bin; empty when error carries no details.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_error_encode_status(const struct ses_error *error, struct ses_arena *arena,
                                                       struct ses_slice *ret_bytes);
/* [door] The JSON error body: Connect's {"code","message","details":[..]} or the routes'
 * {"error":{"message","code"}}. */
SES_MUST_CHECK enum ses_status ses_error_encode_json(const struct ses_error *error, enum ses_door door,
                                                     struct ses_arena *arena, struct ses_slice *ret_json);

#endif
