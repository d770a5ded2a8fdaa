/* move_copy.h - the rows of some slots from one shard to the other, every column of them as it is.
 *
 * lease_until is by the primary's clock, and the two clocks differ: what is left of it goes over. It is added to a time
 * of the target's that was taken before (its last touch), so a lease may end a little sooner there, never later: what a reader saw come to
 * light at the source, because its lease was over, is not hidden again.
 */
#ifndef SESSIOND_STORE_MOVE_COPY_H
#define SESSIOND_STORE_MOVE_COPY_H

#include "admin_copy.h"
#include "move_side.h"

#define PG_COLUMNS_SIZE 1024

/* The columns that both have. */
struct pg_columns {
    char names[PG_COLUMNS_SIZE];
    char values[PG_COLUMNS_SIZE]; /* the same, lease_until as what is left of it */
};

/* SES_FAILED_PRECONDITION: they have not the same columns, since tables of different versions; the fault says which shard
 * differs. SES_UNAVAILABLE. */
SES_MUST_CHECK enum ses_status ses_pg_columns_read(struct pg_side *from, struct pg_side *to,
                                                   struct pg_columns *ret_columns, struct ses_fault *fault);

/* Into a range that nobody uses; what is there is replaced. Acknowledged by the target's standby. SES_UNAVAILABLE,
 * SES_IO: it is not, or nobody knows, and nothing depends on it: the rows are nobody's until the slots are. Sides that are
 * left in the middle of something are closed. */
SES_MUST_CHECK enum ses_status ses_pg_move_copy(struct pg_side *from, struct pg_side *to,
                                                const struct pg_columns *columns, unsigned first,
                                                unsigned last, uint64_t deadline_ms, struct ses_fault *fault,
                                                uint64_t *ret_rows);

#endif
