/* worker.h - a worker process: one loop, one shard, all doors and methods.
 *
 *   ses_worker_run    assembles it after fork (worker.c), runs the loop, takes it apart
 *   loop turn         worker_turn.c: what happens before each poll, and why in that order
 *   connections       worker_slots.c: of which slots
 *   leaving           drain.c
 */
#ifndef SESSIOND_SRC_RUNTIME_WORKER_H
#define SESSIOND_SRC_RUNTIME_WORKER_H

#include <uv.h>

#include <sessiond/admission/admission.h>
#include <sessiond/http/door.h>
#include <sessiond/method/caller_gate.h>
#include <sessiond/method/service.h>
#include <sessiond/net/conn.h>
#include <sessiond/trace/exporter.h>
#include <sessiond/upstream/upstream.h>

#include "child.h"
#include "notice.h"
#include "operator_port.h"
#include "process.h"
#include "slack.h"
#include "vitals.h"

/* How far it has got on its way out, see drain.c. */
enum ses_worker_leaving {
    SES_WORKER_STAYS,
    SES_WORKER_GIVES_NOTICE, /* the server stops, and serves on for drain.keep_accepting_seconds */
    SES_WORKER_LAST,         /* told to leave while nobody else accepts: still does */
    SES_WORKER_CLOSED        /* accepts no more, finishes what runs */
};

/* What a worker has noticed of a slot's socket, see worker_slots.c. */
struct ses_worker_slot {
    bool waited;                 /* connections waited there at the last look */
    uint64_t accepted;           /* by its worker, until then */
    uint64_t neglected_until_ms; /* no change at the next one: taken over until then, 0 = never, .. */
    uint64_t beat_ns;            /* .. or until its worker has beaten once more than that */
};

struct ses_worker {
    const struct ses_child_env *env;
    struct ses_log log;
    struct ses_metrics *metrics; /* this slot's, on the board */
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_keyring *keyring;
    struct ses_layout_secrets secrets;
    struct ses_secret callers_key; /* empty where nobody is asked who calls */
    struct ses_secret password;    /* of the database's role; empty: LMDB, or none is asked for */
    struct ses_caller_gate caller_gate;
    struct ses_store *store;
    struct ses_driver *driver;
    struct ses_tls_client *upstream_tls; /* NULL: plain text */
    struct ses_upstream *upstream;       /* NULL: there is none (upstream.grpc) */
    struct ses_service *service;
    struct ses_router *router;
    struct ses_exchange_pool *pool;
    struct ses_tls_context *tls; /* NULL: no certificate */
    struct ses_admission *admission;
    struct ses_doors *doors;
    struct ses_operator_port operator_port;
    struct ses_spans *spans; /* NULL: no collector */
    struct ses_exporter *exporter;
    const char *known_hosts[SES_CONFIG_HOSTS_MAX + 2];
    const char *cors_origins[SES_CONFIG_ORIGINS_MAX];
    struct ses_conns *conns;
    struct ses_connector_url urls[SES_CONFIG_URLS_MAX];
    const char *hosts[SES_CONFIG_HOSTS_MAX];
    struct ses_merchant_origin return_urls[SES_CONFIG_MERCHANTS_MAX];
    struct ses_merchant_binding binding_modes[2 * SES_CONFIG_MERCHANTS_MAX];
    size_t binding_modes_count;

    struct ses_vitals vitals;
    struct ses_slack slack;

    uv_prepare_t prepare;        /* the end of each turn */
    uv_idle_t again;             /* active: do not sleep before the next turn */
    struct ses_notice committed; /* from LMDB's committer thread: completions wait */
    bool store_ended;            /* likewise, of a driver on this loop: the end of the turn looks */
    uv_timer_t second;           /* garbage collection, vitals, slack */
    uv_timer_t health;           /* heartbeat, sockets, health */
    uv_timer_t drain;
    uv_signal_t term;
    uv_poll_t alive;
    uv_poll_t news; /* of watched sessions, from any worker's committer; with LMDB */

    uv_poll_t control; /* from the supervisor: look at the board */
    struct ses_worker_slot slots[SES_CONFIG_WORKERS_MAX];
    bool accepting;

    enum ses_worker_leaving leaving;
    uint64_t drain_began_ms;
    uint64_t drain_limit_ms;
    uint64_t quiet_since_ms; /* no work but open connections since then; 0 = work */
    int exit_code;
};

/* [child] */
int ses_worker_run(const struct ses_child_env *env);

/* worker_turn.c: starts the hooks of the loop. */
void ses_worker_turn_start(struct ses_worker *worker);
/* worker_turn.c: ends them all. What is taken apart afterwards turns the loop, and no hook may meet a freed
 * part. */
void ses_worker_turn_stop(struct ses_worker *worker);
/* worker_turn.c: the committer has finished puts. */
void ses_worker_on_committed(void *worker);

/* worker_slots.c: accepts from now on. */
void ses_worker_slots_open(struct ses_worker *worker);
/* worker_slots.c: chooses the sockets again; queues: looks for those that nobody empties, too (from a
 * timer). */
void ses_worker_slots_look(struct ses_worker *worker, bool queues);
/* worker_slots.c: no other worker accepts. */
bool ses_worker_slots_alone(const struct ses_worker *worker);
/* worker_slots.c: takes what waits and accepts no more; for_good: nor does anybody else, ever. */
void ses_worker_slots_close(struct ses_worker *worker, bool for_good);

/* drain.c: starts leaving with exit_code; a second call is ignored. limit_ms bounds it. */
void ses_worker_drain(struct ses_worker *worker, int exit_code, uint64_t limit_ms, const char *why);
/* drain.c: the board has changed: the server may be stopping by now. */
void ses_worker_drain_look(struct ses_worker *worker);
/* The limit that lets the worker leave by itself before the supervisor's patience ends. */
uint64_t ses_worker_drain_limit_ms(const struct ses_worker *worker);

#endif
