/* move_side.h - one of the shards between which slots move: a connection to its primary that has the mover's lock, and what it
 * says of its slots.
 *
 * The lock is the connection's (an advisory lock of its session): as long as a side is open, nobody else moves slots of that
 * shard. A commit whose answer was lost keeps its backend, and that the lock, until it is decided; so a side that is
 * opened anew reads what holds.
 */
#ifndef SESSIOND_STORE_MOVE_SIDE_H
#define SESSIOND_STORE_MOVE_SIDE_H

#include <sessiond/store/store_pg_move.h>

#include "admin.h"

struct pg_side {
    const struct ses_pg_place *place;
    unsigned shard;
    enum ses_durability durability;
    struct pg_admin admin;
    int64_t touched_us;         /* the primary's clock when it was touched last, Unix microseconds */
    uint8_t slot[SES_PG_SLOTS]; /* as last read or changed */
};

void ses_pg_side_init(struct pg_side *side, const struct ses_pg_place *place, unsigned shard,
                      enum ses_durability durability);
bool ses_pg_side_is_open(const struct pg_side *side);
void ses_pg_side_close(struct pg_side *side);

/* Finds the primary, takes the lock, writes something that has to be acknowledged (so this is the primary, nothing of a
 * connection that was lost is under way there, and no row is visible that a failover takes away), and reads the slots.
 * SES_BUSY: another mover has the lock, the fault says who. A pooler in between is refused: two movers
 * could have the lock of one session. Else as ses_pg_shard_look. */
SES_MUST_CHECK enum ses_status ses_pg_side_open(struct pg_side *side, struct ses_fault *fault);

/* A write that is acknowledged, or SES_UNAVAILABLE and the side is closed. */
SES_MUST_CHECK enum ses_status ses_pg_side_touch(struct pg_side *side, struct ses_fault *fault);

/* All of the slots first..last from one state to another, in one transaction with the epoch. SES_UNAVAILABLE: it is not
 * acknowledged; whether it happened the next opening tells, and the side is closed. SES_ABORTED: they are not all in
 * that state, or the lock is gone; closed too. */
SES_MUST_CHECK enum ses_status ses_pg_side_change(struct pg_side *side, unsigned first, unsigned last,
                                                  enum ses_pg_slot from, enum ses_pg_slot to,
                                                  uint64_t timeout_ms, struct ses_fault *fault);

/* Removes rows of slots that are all GONE there, at most PG_SIDE_CLEAN_ROWS, and waits for no standby. ret_rows: 0 when there
 * are none. Else as ses_pg_side_change. */
#define PG_SIDE_CLEAN_ROWS 1000
SES_MUST_CHECK enum ses_status ses_pg_side_clean(struct pg_side *side, unsigned first, unsigned last,
                                                 uint64_t *ret_rows, struct ses_fault *fault);

/* Rows of each of the slots first..last. */
SES_MUST_CHECK enum ses_status ses_pg_side_count(struct pg_side *side, unsigned first, unsigned last,
                                                 uint64_t *ret_rows, struct ses_fault *fault);

/* ---- pieces of SQL, here and in move_copy.c ---- */

#define PG_RANGE_SIZE 192
/* "key BETWEEN .. AND ..": all keys of the slots first..last. */
void ses_pg_range_text(unsigned first, unsigned last, char ret_text[PG_RANGE_SIZE]);

/* What a shard says of all its slots, from a query's "states"; false: that is not what a whole table says. */
bool ses_pg_slots_read(const char *states, uint8_t ret_slot[SES_PG_SLOTS]);
#define PG_SLOTS_STATES                                                                                      \
    "(SELECT string_agg(CASE WHEN state BETWEEN 0 AND 2 THEN state::text ELSE '?' END, '' ORDER BY slot)"    \
    " FROM slot WHERE slot BETWEEN 0 AND 4095) AS states"

/* The lock's two numbers: "sess", and 2 (1 is the sweep's). */
#define PG_MOVE_LOCK "1936028531, 2"
/* Who has it: of pg_locks. */
#define PG_MOVE_LOCK_ROWS                                                                                    \
    "pg_locks WHERE locktype = 'advisory' AND classid = 1936028531 AND objid = 2 AND objsubid = 2"           \
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted"
/* Words for who that is. */
#define PG_MOVE_HOLDER                                                                                       \
    "SELECT format('process %s there, connected %ss ago%s', a.pid,"                                          \
    " coalesce(floor(extract(epoch FROM clock_timestamp() - a.backend_start))::text, '?'),"                  \
    " coalesce(' from ' || host(a.client_addr), '')) AS holder FROM pg_stat_activity a"                      \
    " WHERE a.pid = (SELECT pid FROM " PG_MOVE_LOCK_ROWS " LIMIT 1)"

#endif
