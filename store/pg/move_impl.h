/* move_impl.h - one run of a mover: both sides, what is known of them, how long nothing has gone on.
 *
 * A side that is lost is opened again and tells what holds. Two things have to be known of slots that are LEAVING before they
 * get an owner: that the target has not become it already, and that no third shard has.
 *
 * The target is not the owner if it was not when it was last read and no OWN was sent since, as long as one of the two
 * locks was ours all the time: who else would make it the owner needs both. Else it is to be read.
 * A third shard: an earlier run may have moved the slots there and died. So where the source's lock was not ours, those shards are
 * asked too, under their locks.
 */
#ifndef SESSIOND_STORE_MOVE_IMPL_H
#define SESSIOND_STORE_MOVE_IMPL_H

#include "move_copy.h"
#include "move_side.h"

struct pg_move {
    const struct ses_pg_move *asked;
    struct pg_side from;
    struct pg_side to;
    struct pg_columns columns;
    bool to_known;               /* to.slot is right, see above */
    bool third_known;            /* third is right */
    bool third[SES_PG_SLOTS];    /* another shard than the two owns it */
    uint64_t rows[SES_PG_SLOTS]; /* of the source's slots below counted_to */
    unsigned counted_to;
    bool given_up;               /* by a group, for good */
    uint64_t went_on_ms;         /* when something last did (ses_clock_mono_ms) */
    char awaits[SES_FAULT_SIZE]; /* what was told last */
};

struct pg_group {
    unsigned first;
    unsigned last;
};

/* ---- move_sides.c ---- */

void ses_pg_move_tell(struct pg_move *move, const struct ses_pg_move_event *event);
bool ses_pg_move_is_stopped(const struct pg_move *move);
/* Whether what failed may be tried again: it is of a kind that passes, and something went on within the patience. */
bool ses_pg_move_may_wait(const struct pg_move *move, enum ses_status status);
/* Tells what is waited for, once, and waits. */
void ses_pg_move_await(struct pg_move *move, uint64_t ms, const struct ses_fault *fault);

/* Both sides open, and known what is said above. As ses_pg_side_open. */
SES_MUST_CHECK enum ses_status ses_pg_move_open(struct pg_move *move, struct ses_fault *fault);
void ses_pg_move_close(struct pg_move *move);

/* ---- move_group.c ---- */

/* Slots first..last, all of them wanted and in one state at each side, to the end of it. SES_OK: done.
 * SES_CANCELLED: stopped before it was begun, or given back. SES_ABORTED: they are in several states now, look
 * again. Else as ses_pg_move. */
SES_MUST_CHECK enum ses_status ses_pg_move_group(struct pg_move *move, const struct pg_group *group,
                                                 struct ses_fault *fault);

#endif
