/* admit.h - before anything of a shard is served: this machine's keys are compared with those that the shard's machines
 * have in common (fingerprints.h). A machine with another natural.key would make second sessions for the same payments.
 *
 * The start asks every shard that answers (keys_gate.h). One that was away then, or that a reload brings, is asked here, by
 * each process, and stays closed while it says no; the other shards serve.
 */
#ifndef SESSIOND_STORE_ADMIT_H
#define SESSIOND_STORE_ADMIT_H

#include "rows.h"

#define PG_ADMIT_VALUES 2

struct pg_admission {
    bool admitted;
    bool flying;
    uint64_t again_ns;      /* not asked before */
    struct ses_fault fault; /* told last */
    struct pg_request request;
    struct ses_buf fresh; /* what is written .. */
    struct ses_buf read;  /* .. where that is, which was read */
    const char *values[PG_ADMIT_VALUES];
    int lengths[PG_ADMIT_VALUES];
    struct pg_rows *rows;
    /* It is known: NONE, or why the shard stays closed. */
    void (*told)(void *arg, enum ses_pg_cause cause);
    void *told_arg;
};

/* Without keys in the options whoever asks is admitted. rows' life is longer. */
void ses_pg_admission_init(struct pg_admission *admission, struct pg_rows *rows,
                           void (*told)(void *arg, enum ses_pg_cause cause), void *told_arg);
/* With nothing on its way. */
void ses_pg_admission_done(struct pg_admission *admission);
/* Asks if that is due. As ses_pg_rows_turn. */
uint64_t ses_pg_admission_turn(struct pg_admission *admission, uint64_t now_ns);

#endif
