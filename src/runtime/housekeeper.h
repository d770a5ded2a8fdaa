/* housekeeper.h - the process that looks after what no worker owns: the admin port, stale LMDB readers,
 * shards and claims of slots that have no worker any more, clients that no worker can serve. It writes no
 * session; the server works without it.
 *
 *   every 100 ms     does any worker accept? else takes the sockets (turnaway.h)
 *   every second     heartbeat, vitals; claims of slots that were given up; a step at a retired shard
 *   every 10 s       LMDB's stale readers; at once when a worker died
 *   every minute     the clock's file; after a step of the clock within a second
 */
#ifndef SESSIOND_SRC_RUNTIME_HOUSEKEEPER_H
#define SESSIOND_SRC_RUNTIME_HOUSEKEEPER_H

#include <uv.h>

#include <sessiond/http/door.h>
#include <sessiond/store/store_admin.h>

#include "admin.h"
#include "child.h"
#include "timekeeper.h"
#include "turnaway.h"
#include "vitals.h"

struct ses_housekeeper {
    const struct ses_child_env *env;
    struct ses_log log;
    struct ses_log quiet; /* for the admin doors: a line for each scrape would bury the others */
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_admin *admin;
    struct ses_router *router;
    struct ses_exchange_pool *pool;
    struct ses_doors *doors;
    const char *known_hosts[SES_CONFIG_HOSTS_MAX + 2];
    struct ses_conns *conns;
    struct ses_turnaway *turnaway;
    uv_timer_t look;
    uv_prepare_t prepare;
    uv_timer_t second;
    uv_signal_t term;
    uv_poll_t alive;
    uv_poll_t control;
    uv_timer_t leave;
    struct ses_vitals vitals;
    struct ses_timekeeper timekeeper;
    struct ses_collect_clock collect_clock;
    unsigned seconds;
    bool readers_due; /* a worker died */
    bool leaving;
    bool was_degraded;
    uint32_t settled[SES_CONFIG_WORKERS_MAX]; /* given-up slots: up to which generation their claims are */
    bool retired_done[SES_STORE_SHARDS_MAX];  /* empty, or not to be asked for a while */
};

/* [child] */
int ses_housekeeper_run(const struct ses_child_env *env);

#endif
