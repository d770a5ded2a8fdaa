/* upstream_impl.h - the calls and connections of one worker, as the files that move them share them.
 *
 *   upstream.c  places, what is done in a turn, the end of a call
 *   pool.c      connections, and which of them a call gets
 *   health.c    is the server there
 *   call.c      a call to its verdict, the breaker: below the others
 *
 * All work is done in one idle callback: whoever has something for it calls ses_up_kick. So no done function is called from
 * inside a start, and what is started in one turn leaves in one write.
 */
#ifndef SESSIOND_SRC_UPSTREAM_UPSTREAM_IMPL_H
#define SESSIOND_SRC_UPSTREAM_UPSTREAM_IMPL_H

#include <sessiond/base/breaker.h>
#include <sessiond/base/places.h>

#include "link.h"

struct ses_up_call {
    struct ses_list node; /* of waiting or ended */
    struct ses_upstream *upstream;
    struct ses_up_link *link; /* where its stream is; NULL: nowhere */
    ses_upstream_fn done;
    void *arg;
    bool has_place; /* the health check's has none */
    uint32_t owner;
    uint64_t started_mono_ns;
    uint64_t deadline_mono_ns;
    struct ses_timer timer; /* the deadline, then lateness */
    bool probe;
    bool repeated;
    bool out_of_time; /* its deadline was the verdict */
    bool told;
    struct ses_up_stream stream; /* last: it is set up by itself, and has 4 KiB that nobody zeroes */
};

struct ses_upstream {
    struct ses_upstream_options options;
    struct ses_list links;
    struct ses_list waiting; /* calls for a stream */
    struct ses_list ended;   /* calls with a verdict that nobody was told */
    struct ses_list late;    /* calls that were told and whose streams go on */
    struct ses_places places;
    unsigned in_flight;
    struct ses_breaker breaker;
    uv_idle_t idle;
    uv_idle_cb turn; /* what idle does */
    bool telling;
    bool closing;
    uint8_t *read_room;
    /* health.c */
    struct ses_timer health_timer;
    enum ses_upstream_health health;
    uint64_t wanted_mono_ns; /* a call was made, or somebody looked: last */
    bool checking;
};

/* ---- call.c */
void ses_up_kick(struct ses_upstream *upstream);
/* A call without a place. done is called as ses_upstream_start says. */
SES_MUST_CHECK enum ses_status ses_up_call_start(struct ses_upstream *upstream,
                                                 const struct ses_upstream_request *request,
                                                 uint64_t deadline_mono_ns, ses_upstream_fn done, void *arg,
                                                 struct ses_up_call **ret_call);
/* Waits for a stream, until its deadline. */
void ses_up_call_wait(struct ses_up_call *call, uint64_t now_mono_ns);
/* It is told, and its stream is gone. */
void ses_up_call_free(struct ses_up_call *call);
/* Has its verdict: is told in the next turn. */
void ses_up_call_end(struct ses_up_call *call);
/* By the log and the metrics too. */
void ses_up_health_set(struct ses_upstream *upstream, enum ses_upstream_health health);
/* What came of a call. */
void ses_up_breaker_tell(struct ses_up_call *call);
/* A connection could not be had, or was lost. */
void ses_up_connection_failed(struct ses_upstream *upstream, const char *why);

/* ---- pool.c */
extern const struct ses_up_link_ops ses_up_pool_ops;
/* Gives streams to calls that wait, and opens a connection for those that get none. */
void ses_up_pool_dispatch(struct ses_upstream *upstream);
void ses_up_pool_flush(struct ses_upstream *upstream);
void ses_up_pool_close(struct ses_upstream *upstream);

/* ---- health.c */
/* Somebody wants to know, or calls, now. */
void ses_up_health_want(struct ses_upstream *upstream, uint64_t now_ns);

#endif
