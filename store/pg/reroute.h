/* reroute.h - what waits for a key goes where the key is: to another shard's rows, with its state. What was sent and may still
 * be executed (row.h: unknown) is repeated there as it was, and settles as it would have: the row was copied with the ids
 * of its writes, and no statement by the map of before can take effect behind the copy.
 */
#ifndef SESSIOND_STORE_REROUTE_H
#define SESSIOND_STORE_REROUTE_H

#include "rows.h"

#define PG_HELD_MS 500 /* that an operation waits for somebody to have its key */

enum pg_way {
    PG_WAY_THERE,   /* that shard has it */
    PG_WAY_MOVING,  /* it is being moved: held, and then SES_BUSY, of a get SES_UNAVAILABLE */
    PG_WAY_SEEKING, /* the shards are being asked: held, and then SES_UNAVAILABLE */
    PG_WAY_NOWHERE  /* SES_UNAVAILABLE, but for what is unknown: that waits for its deadline */
};

/* ret_rows: PG_WAY_THERE only. */
typedef enum pg_way pg_way_fn(void *arg, const struct ses_store_key *key, struct pg_rows **ret_rows);

/* Takes out what has gone astray, and with held_too what nobody took before. */
void ses_pg_rows_reroute(struct pg_rows *rows, bool held_too, pg_way_fn *way, void *arg, uint64_t now_ns);
static inline bool ses_pg_rows_astray(const struct pg_rows *rows)
{
    return rows->astray.count > 0 || !ses_list_empty(&rows->gets_astray);
}
static inline bool ses_pg_rows_hold(const struct pg_rows *rows)
{
    return rows->held.count > 0 || !ses_list_empty(&rows->gets_held);
}

#endif
