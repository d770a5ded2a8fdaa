/* share.h - how much of the common room one owner may hold: places in the session table, and bytes of a
 * shard.
 *
 * The rule is that of dynamic thresholds (Choudhury and Hahne, 1998, for the shared memory of switches): an
 * owner gets more while it holds less than S / (100 - S) times what is free. Alone it comes to S percent of
 * the room; n greedy ones come to a n-th part of S n / (100 - S + S n) each, so that there is always
 * something free for one that comes later, and nobody has to know how many there are. What an owner holds
 * already it keeps.
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

#include "table.h"

/* So much counts as free even where the room is used up, which it is a little too late (several processes
 * look, and not at each claim): what others are kept from is not kept from one that has next to nothing. A
 * table has slots beyond its room; a shard has not, and is full then. */
#define SHARE_ALWAYS_PART 1024

struct share_rule {
    unsigned owner_percent; /* S; 100: no bound */
    unsigned early_percent; /* of the room for the early pool; 100: no bound of its own */
};

/* Bytes of the records on disk in one shard, of each owner. Puts that are under way count. */
struct share_bytes {
    _Atomic uint64_t of[TABLE_OWNERS];
};

/* [any] held and used are of one pool whose size is room. */
bool ses_share_is_left(unsigned owner_percent, uint64_t held, uint64_t used, uint64_t room);

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
