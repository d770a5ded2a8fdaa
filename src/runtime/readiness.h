/* readiness.h - may the server be sent calls? One answer for /readyz, the metrics, the status page and gRPC
 * health.
 *
 * Ready is what can serve, not what is complete: a reload that replaces one worker at a time, or a slot that
 * was given up, takes no server out of a balancer. What is missing then is told apart, as degraded.
 *
 *                                          ready    degraded
 *   all slots accept and beat              yes      no
 *   some are missing, within the percents  yes      workers_missing
 *   more are missing                       no       workers_missing
 *   one is being replaced by a reload      yes      no
 *   nobody accepts for less than 300 ms    yes      as its slots are
 *   nobody accepts for longer              no       as its slots are
 *   table or a shard is full               yes      table_full, store_full
 *   no shard of the database takes writes  no       store_away
 *   some shards of it do not, others do    yes      shards_away
 *   clock too far from the database's      no       clock_off
 *   not all started yet, draining          no       as above
 */
#ifndef SESSIOND_SRC_RUNTIME_READINESS_H
#define SESSIOND_SRC_RUNTIME_READINESS_H

#include "board.h"

/* A worker beats five times a second; one that has not for so long takes no part (a hung disk, a stopped
 * process). */
#define SES_BEAT_FRESH_MS 5000
/* So long a connection may wait in the kernel for a worker that is being replaced. Then the housekeeper turns
 * it away, and the server is not ready. */
#define SES_UNSERVED_MS 300

struct ses_readiness {
    bool ready;
    bool draining;        /* the whole server is leaving */
    unsigned serving;     /* worker slots that accept connections and beat */
    unsigned missing;     /* slots that do neither; one that a reload replaces just now is not counted */
    bool workers_missing; /* degraded: fewer calls can be carried */
    bool table_full;      /* degraded: new sessions are refused, what is known is served */
    bool store_full;      /* degraded: a shard takes no records (disk, quota) */
    /* With PostgreSQL, as the serving workers say: */
    bool store_away;  /* none of them knows of a shard that takes writes */
    bool shards_away; /* degraded: one of them knows of a shard that takes none */
    bool
        clock_off; /* one of them knows our clock too far from a primary's: tokens would be refused elsewhere */
};

/* [any] The worker of slot accepts connections and has beaten lately. */
bool ses_readiness_serves(const struct ses_board *board, unsigned slot, uint64_t now_mono_ns);
/* [any] */
void ses_readiness_look(const struct ses_board *board, uint64_t now_mono_ns, struct ses_readiness *ret);
bool ses_readiness_degraded(const struct ses_readiness *readiness);
/* Names of what is amiss while the server serves on, those of sessiond_degraded{reason=..}; their number. */
#define SES_READINESS_REASONS_MAX 6
size_t ses_readiness_reasons(const struct ses_readiness *readiness,
                             const char *ret_names[SES_READINESS_REASONS_MAX]);
/* "ready", "degraded" (and ready), "draining", "not ready". */
const char *ses_readiness_name(const struct ses_readiness *readiness);

#endif
