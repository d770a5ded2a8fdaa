/* route.h - the table of what can be called. Doors look a path up here and know nothing else of the
 * methods. */
#ifndef SESSIOND_EXCHANGE_ROUTE_H
#define SESSIOND_EXCHANGE_ROUTE_H

#include <sessiond/base/slice.h>
#include <sessiond/caller/right.h>

struct ses_exchange;

enum ses_route_kind {
    SES_ROUTE_UNARY,         /* gRPC and Connect JSON */
    SES_ROUTE_SERVER_STREAM, /* gRPC: one message in, many out */
    SES_ROUTE_BIDI,          /* gRPC: messages both ways */
    SES_ROUTE_ALIAS,         /* plain JSON route (POST) of a unary method: other error form, bare secrets */
    SES_ROUTE_PLAIN          /* any HTTP resource; replies with ses_exchange_reply_raw */
};

struct ses_route {
    /* "/types.MerchantAuthenticationService/CreateSessionToken"; a PLAIN path ending in '/' is a prefix. */
    const char *path;
    enum ses_route_kind kind;
    bool get;         /* PLAIN: GET and HEAD allowed (POST otherwise) */
    bool get_or_post; /* PLAIN: both */
    /* UNARY: it changes nothing, as its descriptor says too (idempotency_level = NO_SIDE_EFFECTS), so that Connect's clients
     * may call it by GET. */
    bool no_side_effects;
    const char *flow; /* log field "flow", e.g. "CreateSessionToken" */
    unsigned rights;  /* enum ses_right, one of them is needed (gate.h); SES_RIGHTS_OPEN: none */
    bool any_host;    /* also for hosts that the server is not known by */
    /* SERVER_STREAM, BIDI: open at once on one connection; 0: as many as it may have streams. */
    unsigned streams_per_connection;
    /* SERVER_STREAM: its messages are so short that no compression pays; in gRPC none is promised. */
    bool short_messages;
    int metric; /* row of ses_metrics.requests; -1: not counted */
    /* The request is complete (unary, alias, plain), or its first message is (streams). x->body holds it. */
    void (*start)(struct ses_exchange *x, void *arg);
    /* BIDI: a further message; valid during the call. */
    void (*message)(struct ses_exchange *x, struct ses_slice message, void *arg);
    /* BIDI: the client has sent all it will. */
    void (*half_close)(struct ses_exchange *x, void *arg);
    void *arg;
};

struct ses_router;

/* [worker] The routes are borrowed. SES_NO_MEMORY, SES_ALREADY_EXISTS (two routes with one path). */
SES_MUST_CHECK enum ses_status ses_router_new(const struct ses_route *const *tables, const size_t *counts,
                                              size_t tables_count, struct ses_router **ret_router);
void ses_router_free(struct ses_router *router);
/* O(1) for exact paths. path without the query. NULL: unknown. */
const struct ses_route *ses_router_find(const struct ses_router *router, struct ses_slice path);

#endif
