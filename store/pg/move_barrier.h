/* move_barrier.h - until no write that began before is under way in a shard.
 *
 * Who writes rows of a table holds its lock ROW EXCLUSIVE from before his statement takes the snapshot by which it reads
 * the epoch (it is planned and locked first, then executed; README.md, "Moving slots") until his commit is over, the wait for the
 * standby included. So whoever has that lock, looked at after an epoch was acknowledged, may have read the epoch before it;
 * who takes it later has not. Those that have it are waited for, by looking again: no lock is asked for, so nobody queues up
 * behind one, and a vacuum, which no lock that conflicts with writers gets past, does not matter.
 */
#ifndef SESSIOND_STORE_MOVE_BARRIER_H
#define SESSIOND_STORE_MOVE_BARRIER_H

#include "move_side.h"

/* SES_UNAVAILABLE: some write is still under way at deadline_ms (ses_clock_mono_ms), the fault says whose, the side stays open; or
 * the connection is lost. */
SES_MUST_CHECK enum ses_status ses_pg_move_barrier(struct pg_side *side, uint64_t deadline_ms,
                                                   struct ses_fault *fault);

#endif
