/* fence.h - what this process reads and writes of the memory that the machine's processes share (store_pg.h): the
 * highest timeline of each shard, the moment since which an unanswered write forbids reading, and its own cell.
 */
#ifndef SESSIOND_STORE_FENCE_H
#define SESSIOND_STORE_FENCE_H

#include <sessiond/store/store_pg.h>

/* Raises the shard's timeline to at least this one; what it is then. */
uint32_t ses_pg_fence_raise(struct ses_pg_shared *shared, unsigned shard, uint32_t timeline);
uint32_t ses_pg_fence_timeline(const struct ses_pg_shared *shared, unsigned shard);

/* A write was lost on its way at that moment (ses_clock_boot_ms): what it wrote may be seen although no
 * standby has it (a backend that is ended while it waits commits here alone). No read is answered until a
 * write sent later is acknowledged. */
void ses_pg_fence_doubt(struct ses_pg_shared *shared, unsigned shard, uint64_t boot_ms);
uint64_t ses_pg_fence_doubted_ms(const struct ses_pg_shared *shared, unsigned shard);

struct pg_cell {
    /* pid: a worker and its successor have one cell, and the one that leaves clears its own only */
    uint32_t owner;
    enum ses_pg_view view; /* SES_PG_NOBODY: it leaves */
    enum ses_pg_cause cause;
    enum ses_durability durability;
    int64_t skew_ms;
    int64_t epoch;
    uint64_t reads_until_ms; /* ses_clock_boot_ms; 0: they are closed */
};

void ses_pg_fence_tell(struct ses_pg_shared *shared, unsigned shard, unsigned process,
                       const struct pg_cell *cell);

#endif
