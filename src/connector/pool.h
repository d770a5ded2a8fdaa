/* pool.h - connections to all hosts, in generations.
 *
 * A connection that is always busy is never looked at again: libcurl retires only idle ones (in 7.88 also
 * with CURLOPT_MAXLIFETIME_CONN), an HTTP/2 connection with a stream on it stays for ever, and so does the
 * address that the host's name had when it was opened. Hence a pool has a life: when it is over, new calls go
 * to a fresh one, whose names are looked up again, and the old one ends with its last call.
 */
#ifndef SESSIOND_SRC_CONNECTOR_POOL_H
#define SESSIOND_SRC_CONNECTOR_POOL_H

#include <sessiond/base/list.h>
#include <sessiond/connector/driver.h>

#include "curl_loop.h"

/* Old pools that wait for their last calls. More cannot be when a life is longer than a call; with a shorter
 * one the newest pool lives on until one of them has ended. */
#define SES_POOLS_RETIRED_MAX 8

struct ses_pool {
    struct ses_pools *owner;
    struct ses_curl_loop curl;
    uint64_t retire_mono_ns;
    unsigned calls; /* attached to it */
    bool retired;
    bool working; /* its ended calls are being told: it must not be closed from inside */
};

struct ses_pools {
    uv_loop_t *loop;
    enum ses_peers peers;
    uint64_t life_ms;
    struct ses_pool *current; /* NULL before open and after close */
    unsigned retired;
    unsigned open;                                                      /* not yet closed by the loop */
    void (*on_ended)(struct ses_pool *pool, CURL *easy, CURLcode code); /* a call has ended */
    void (*on_closed)(void *arg); /* after close, when no pool is left */
    void *arg;
};

/* The first pool. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pools_open(struct ses_pools *pools, uint64_t now_mono_ns);
/* No call may be attached any more. on_closed comes from the loop. */
void ses_pools_close(struct ses_pools *pools);
/* The pool of a call that starts now. */
struct ses_pool *ses_pools_current(struct ses_pools *pools, uint64_t now_mono_ns);

/* Hands a call to libcurl, on this pool's connections. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pool_attach(struct ses_pool *pool, CURL *easy, bool https);
/* Takes it back; a retired pool ends with its last call. */
void ses_pool_detach(struct ses_pool *pool, CURL *easy);

#endif
