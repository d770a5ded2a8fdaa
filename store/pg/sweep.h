/* sweep.h - removing rows whose time is over: sessions, reservations, whatever has no lease that still runs.
 *
 * Without an index on that time (each update would pay for it) the table is looked through, a range of row addresses a step,
 * all of it once in PG_SWEEP_ROUND_MS. Measured: 0.3 us of the primary a row looked at, 1.2 us a row removed.
 *
 * A step waits for nobody: one that meets a locked row gives up after 10 ms and is made again later, and its commit waits for
 * no standby. A removal that a failover takes back is done again; nobody was promised that a row is gone. It is no write by
 * which anything else may be judged: it travels on a connection for reads, where no answer counts as an acknowledgement.
 *
 * One process sweeps a shard: who finds another one at it (pg_try_advisory_xact_lock) rests for a round. Steps are short,
 * so that two may go on beside each other for a while before they meet: that is work done twice and no harm.
 */
#ifndef SESSIOND_STORE_SWEEP_H
#define SESSIOND_STORE_SWEEP_H

#include "link.h"

#define PG_SWEEP_ROUND_MS   600000
#define PG_SWEEP_STEP_PAGES 200

#define PG_SWEEP_PARAMS    3
#define PG_SWEEP_TID_BYTES 6

struct pg_sweep {
    struct pg_link *link;
    unsigned shard;              /* its number */
    struct ses_metrics *metrics; /* may be NULL */
    bool flying;
    uint32_t page;          /* the step that is next, or flies, begins there */
    uint32_t pages;         /* of the table, as the last step told; 0: not known yet */
    uint64_t round_mono_ms; /* when this round began, pushed back by what was missed */
    uint64_t rest_mono_ms;  /* nothing before that */
    uint64_t known_mono_ms; /* when the table was last known as swept, or being swept by another */
    /* of the step that flies */
    struct pg_request request;
    uint8_t epoch[8];
    uint8_t from[PG_SWEEP_TID_BYTES];
    uint8_t to[PG_SWEEP_TID_BYTES];
    const char *values[PG_SWEEP_PARAMS];
};

/* The statement: epoch (int8), first and last-but-one row address (tid); one row: whose turn (bool), rows removed (int8),
 * pages of the table (int8). */
extern const struct pg_statement ses_pg_sweep_statement;

/* [loop] delay_ms: until the first step, a different one in each process, so that they do not begin together. The link's
 * life is longer; where it lies it stays until no step flies, which ses_pg_link_free sees to. */
void ses_pg_sweep_init(struct pg_sweep *sweep, struct pg_link *link, unsigned shard,
                       struct ses_metrics *metrics, uint64_t delay_ms);
/* [loop] Begins a step if one is due and the shard is open; cheap otherwise. Called with each ses_store_maintain, and may
 * be whenever a connection for reads is free: what is due goes on by itself while there is one. */
void ses_pg_sweep_turn(struct pg_sweep *sweep);

#endif
