/* door.h - the protocols in front of the exchange: sniffing, HTTP/1.1 (llhttp), HTTP/2 (nghttp2), gRPC, JSON.
 *
 * Engines do no I/O (net/conn.h does) and call no method but through the router.
 */
#ifndef SESSIOND_HTTP_DOOR_H
#define SESSIOND_HTTP_DOOR_H

#include <sessiond/exchange/exchange.h>
#include <sessiond/exchange/gate.h>
#include <sessiond/net/conn.h>
#include <sessiond/net/timer.h>
#include <sessiond/net/tls.h>

/* Limits of everything a stranger can grow. None may be 0; who has no configuration takes config/usual.h. */
struct ses_door_limits {
    size_t body_bytes_max;       /* request body and gRPC message, after decompression too */
    size_t header_bytes_max;     /* all names and values of one request, 32 bytes overhead each */
    unsigned headers_max;        /* count */
    unsigned streams_max;        /* concurrent HTTP/2 streams a connection */
    size_t held_bytes_max;       /* what one HTTP/2 connection may make us hold, parts of requests and answers
                                    that it does not read; above, its requests are refused */
    unsigned requests_max;       /* HTTP/1.1 requests on one connection */
    unsigned errors_max;         /* streams of one connection that we had to reset or refuse, per 10 s
                                    (made-you-reset) */
    unsigned empty_frames_max;   /* DATA frames without payload or END_STREAM, a connection per 10 s */
    unsigned control_frames_max; /* PING, WINDOW_UPDATE, PRIORITY and RST_STREAM frames, a connection
                                    per 10 s, above 16 for each request */
    uint32_t ping_ms;            /* HTTP/2 PINGs that come sooner than this after one another, with nothing
                                    answered between; 0: no limit of this kind */
    uint32_t http2_idle_ms;      /* an HTTP/2 connection without a byte; HTTP/1.1's is net's (conn.h) */
    uint32_t header_ms;          /* from the first byte of a request to the end of its headers */
    uint32_t write_stall_ms;     /* an HTTP/2 answer of which the client takes nothing */
    uint32_t body_ms;            /* from the end of the headers to the end of the body */
    uint32_t exchange_ms_max;    /* the server's own deadline (unary); streams have streaming_ms */
    uint32_t streaming_ms;       /* a streaming call ends after this, UNAVAILABLE */
    bool load_reports;           /* each gRPC answer tells the worker's load (gRFC A51) */
    uint32_t gzip_bytes_min;     /* replies are compressed from here on, if accepted */
};

/* Which header of a trusted proxy's requests names who is behind it: only the one that the proxy itself sets, since it
 * passes the other on as a stranger wrote it. */
enum ses_forwarded {
    SES_FORWARDED_NONE,
    SES_FORWARDED_X_FOR,   /* X-Forwarded-For */
    SES_FORWARDED_RFC_7239 /* Forwarded */
};

/* The PROXY protocol, spoken by a trusted proxy before anything else. */
enum ses_proxy_protocol {
    SES_PROXY_PROTOCOL_OFF,
    SES_PROXY_PROTOCOL_ACCEPT,  /* a connection may begin with its header */
    SES_PROXY_PROTOCOL_REQUIRE, /* one from a trusted proxy without it is refused */
};

/* Proxies that are believed about who is behind them; from anybody else neither header says anything. */
struct ses_proxies {
    const struct ses_network *trusted;
    size_t trusted_count; /* 0: none */
    enum ses_proxy_protocol protocol;
    enum ses_forwarded forwarded;
};

/* Pages of other origins that may call (src/http/cors.h); all 0: none. */
struct ses_cors {
    const char *const *origins; /* as browsers send them: "https://shop.example" */
    size_t origins_count;
    bool any;      /* "*" */
    bool loopback; /* pages of loopback hosts, whatever their port: the sandbox */
};

struct ses_door_options {
    const struct ses_router *router;
    struct ses_exchange_pool *pool;
    struct ses_timers *timers;
    struct ses_door_limits limits;
    const char *const *hosts; /* beside loopback's, the names that requests may be for: others are answered
                                 421; NULL: any (tests) */
    size_t hosts_count;
    struct ses_proxies proxies;
    struct ses_cors cors;
    struct ses_gate gates[SES_GATES_MAX]; /* asked in this order */
    size_t gates_count;
    bool http2;                  /* false: HTTP/1.1 only (admin) */
    const char *server_name;     /* "sessiond" in the server header; NULL: no such header */
    struct ses_tls_context *tls; /* borrowed; NULL: this port speaks plain text only */
    bool tls_only;               /* with tls: plain text is refused */
    const char *closed; /* nobody can serve: every request is UNAVAILABLE (503) with this text; or NULL */
    struct ses_log *log;
    struct ses_metrics *metrics;
};

struct ses_doors;

SES_MUST_CHECK enum ses_status ses_doors_new(const struct ses_door_options *options,
                                             struct ses_doors **ret_doors);
void ses_doors_free(struct ses_doors *doors);
/* Lets go of memory that is kept for streams to come. */
void ses_doors_rest(struct ses_doors *doors);
/* For ses_conns_options.on_accept, with arg = the doors: sniffs the first bytes, then attaches the right
 * engine. */
void ses_doors_accept(void *doors, struct ses_conn *conn);

#endif
