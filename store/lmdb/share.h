/* share.h - how much of the common room one owner may hold: places in the session table, and bytes of a
 * shard.
 *
 * The rule is base/share.h's: more while it holds less than S / (100 - S) times what is free.
 *
 * A pool is what an owner's holdings are compared within: all of the room, or that part of it which waits for
 * sessions that do not exist yet (SES_OWNER_EARLY).
 *
 * Places are counted in the table's memory by whoever makes or frees an entry; a process that dies between an
 * entry and its count leaves a count wrong by one until the next full start. Bytes are counted by the shard's
 * writer for itself, from the index when it opens.
 */
#ifndef SESSIOND_STORE_SHARE_H
#define SESSIOND_STORE_SHARE_H

#include <sessiond/base/share.h>

#include "table.h"

struct share_rule {
    unsigned owner_percent; /* S; 100: no bound */
    unsigned early_percent; /* of the room for the early pool; 100: no bound of its own */
};

/* Bytes of the records on disk in one shard, of each owner. Puts that are under way count. */
struct share_bytes {
    _Atomic uint64_t of[TABLE_OWNERS];
};

/* [any] May owner have one more place in the table, of which used are taken? */
bool ses_share_has_place(const struct ses_table *table, const struct share_rule *rule, ses_store_owner owner,
                         uint64_t used, uint64_t room);
/* [any] May owner put bytes more, of a shard with used of room bytes? A change of what exists may also have
 * half of what a creation has to leave to others. */
bool ses_share_has_bytes(const struct share_bytes *bytes, const struct share_rule *rule,
                         ses_store_owner owner, bool creates, uint64_t used, uint64_t room);

/* [whoever puts] */
void ses_share_add(struct share_bytes *bytes, ses_store_owner owner, uint64_t more);
/* [whoever removes, or put in vain] */
void ses_share_remove(struct share_bytes *bytes, ses_store_owner owner, uint64_t less);

#endif
