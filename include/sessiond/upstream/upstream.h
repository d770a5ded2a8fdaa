/* upstream.h - unary gRPC calls to one server, by HTTP/2 connections of our own on the worker's loop.
 *
 * Knows no method, session or payment: path, metadata and message bytes go in, status, message bytes and metadata come
 * out (grpc/grpc doc/PROTOCOL-HTTP2.md). The question behind most of it is whether the server can have acted:
 *
 *   ANSWERED   it has: a grpc-status came, whatever it says
 *   NOT_SENT   it cannot have seen the call: no connection, breaker open, refused by REFUSED_STREAM or GOAWAY (RFC 9113
 *              sections 8.7 and 6.8), no stream before the deadline
 *   UNKNOWN    it may have: everything else, be it an answer that nobody can read
 *
 * A call with an effect is sent once, and never cancelled: whoever stops waiting for it is told UNKNOWN, and its stream
 * stays until the server has ended it, or SES_UPSTREAM_LATE_MS are over. Others are reset then, and are sent once more
 * where they were NOT_SENT.
 *
 * What is sent and received may hold card data: it lies in memory that is wiped when it is given back, and is never
 * logged. Headers are sent as never indexed (RFC 7541 section 7.1.3).
 */
#ifndef SESSIOND_UPSTREAM_UPSTREAM_H
#define SESSIOND_UPSTREAM_UPSTREAM_H

#include <uv.h>

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/units.h>
#include <sessiond/net/timer.h>
#include <sessiond/net/tls_client.h>

struct ses_upstream;

/* Of the header list of a request, and of the headers and the trailers of an answer, by RFC 9113 section 6.5.2 (32 bytes
 * a field): what the server that this was made for takes. */
#define SES_UPSTREAM_HEADERS_MAX  (16 * SES_KIB)
#define SES_UPSTREAM_METADATA_MAX 64 /* pairs, of a request and of an answer */
#define SES_UPSTREAM_WHY_SIZE     192
/* How long a stream that nobody waits for any more is left to end by itself. */
#define SES_UPSTREAM_LATE_MS 120000u

struct ses_upstream_options {
    uv_loop_t *loop;
    struct ses_timers *timers;
    const char *host; /* a name or an address, borrowed; IPv6 without brackets */
    uint16_t port;
    const char *authority;            /* what requests name as :authority, borrowed */
    const struct ses_tls_client *tls; /* borrowed; NULL: plain text */
    const char *server_name;          /* whose certificate it must be; borrowed, of no use without tls */
    unsigned connections;             /* at most; not 0, nor is any number below */
    unsigned calls_max;               /* places: in flight or waiting for a stream */
    unsigned streams_max;             /* of a connection, the peer may allow fewer */
    unsigned owner_percent;           /* of calls_max, for one owner (base/share.h); 100: no bound */
    uint32_t connect_ms;              /* name, connection, TLS and the peer's SETTINGS together */
    uint32_t deadline_ms;             /* of a call; the caller's may be earlier */
    uint32_t idle_ms;                 /* a connection without calls is closed after this */
    uint32_t keepalive_ms;       /* while calls wait for an answer: silent so long: a PING, twice: lost */
    uint32_t health_ms;          /* between two looks */
    uint32_t connection_life_ms; /* at most; then another one takes over, and the name is looked up again */
    size_t answer_bytes_max;     /* of a message */
    unsigned breaker_failures;   /* in a row that open the breaker */
    uint32_t breaker_open_ms;    /* then one call tries */
    struct ses_log *log;         /* breaker, health, connections that failed; may be NULL */
    struct ses_metrics *metrics; /* may be NULL */
};

SES_MUST_CHECK enum ses_status ses_upstream_new(const struct ses_upstream_options *options,
                                                struct ses_upstream **ret_upstream);
/* Cuts what runs (done functions are not called), closes; handles finish on the loop. NULL is fine. Not from inside a
 * done function. */
void ses_upstream_free(struct ses_upstream *upstream);

/* ---- a call ------------------------------------------------------------------------------------------- */

struct ses_upstream_pair {
    struct ses_slice name;  /* lower case; "-bin" at its end: value is bytes, and base64 on the wire only */
    struct ses_slice value; /* else printable ASCII without blanks at its ends */
};

struct ses_upstream_request {
    struct ses_slice path; /* "/package.Service/Method" */
    const struct ses_upstream_pair *metadata;
    size_t metadata_count;
    struct ses_slice message; /* as it is, not framed; may be empty */
    bool effect;              /* sent once, never cancelled */
    uint32_t timeout_ms;      /* told to the server as grpc-timeout; 0: it is told none */
};

enum ses_upstream_outcome {
    SES_UPSTREAM_ANSWERED,
    SES_UPSTREAM_NOT_SENT,
    SES_UPSTREAM_UNKNOWN,
    SES_UPSTREAM_OUTCOME_COUNT
};

/* All slices are valid inside the done function only. */
struct ses_upstream_answer {
    enum ses_upstream_outcome outcome;
    uint32_t
        grpc_status; /* 0 to 16; without an answer what gRPC makes of its lack (UNAVAILABLE, DEADLINE_EXCEEDED, ..) */
    struct ses_slice grpc_message; /* decoded; whatever bytes the server sent */
    struct ses_slice details;      /* grpc-status-details-bin, decoded: bytes of the server's choice */
    struct ses_slice message;      /* of an answer with grpc_status 0, else empty */
    const struct ses_upstream_pair *metadata; /* headers, then trailers, without those of the protocol */
    size_t metadata_count;
    struct ses_slice why; /* not ANSWERED: a sentence for the operator; nothing of the call is in it */
};

/* The upstream must not be freed inside; another call may be started. */
typedef void (*ses_upstream_fn)(void *arg, const struct ses_upstream_answer *answer);

/* A call's place among those in flight, from before anything is written for it. As zeros: none. */
struct ses_upstream_place {
    bool taken;
    uint32_t owner; /* whose call it is, a small number for a merchant; 0: nobody's, and under no share */
};

/* [worker] SES_OVER_SHARE (owner_percent), SES_RESOURCE_EXHAUSTED (calls_max). */
SES_MUST_CHECK enum ses_status ses_upstream_take(struct ses_upstream *upstream, uint32_t owner,
                                                 struct ses_upstream_place *ret_place);
/* The call is not made after all. Empties place; none is fine. */
void ses_upstream_give_back(struct ses_upstream *upstream, struct ses_upstream_place *place);
/* Starts a call in the place that was taken; done is called later from the loop, never from inside. There is no way
 * back: a caller that leaves has its call awaited all the same. The request is copied. deadline_mono_ns as
 * ses_clock_mono_ns; deadline_ms is the latest. place is emptied, and given back on failure, when nothing was done:
 * SES_NO_MEMORY, SES_INVALID_ARGUMENT (path, a pair that cannot be sent or is the protocol's own), SES_TOO_LARGE
 * (SES_UPSTREAM_HEADERS_MAX, SES_UPSTREAM_METADATA_MAX). */
SES_MUST_CHECK enum ses_status ses_upstream_start(struct ses_upstream *upstream,
                                                  struct ses_upstream_place *place,
                                                  const struct ses_upstream_request *request,
                                                  uint64_t deadline_mono_ns, ses_upstream_fn done, void *arg);

/* ---- is it there -------------------------------------------------------------------------------------- */

/* By grpc.health.v1.Health/Check of the service "" (grpc/grpc doc/health-checking.md), asked every health_ms while calls
 * are made or somebody looks. A server without that service is up when it says so. */
enum ses_upstream_health {
    SES_UPSTREAM_NOT_LOOKED, /* not lately */
    SES_UPSTREAM_UP,
    SES_UPSTREAM_DOWN,
    SES_UPSTREAM_HEALTH_COUNT
};

/* What is known; looking keeps it looked at. */
enum ses_upstream_health ses_upstream_look(struct ses_upstream *upstream);
/* Would a call be refused now, by the breaker? */
bool ses_upstream_is_closed_off(const struct ses_upstream *upstream);
/* Calls that hold a place. */
unsigned ses_upstream_calls(const struct ses_upstream *upstream);

#endif
