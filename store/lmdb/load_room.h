/* load_room.h - a place for every row that a load brings.
 *
 * An insert of a running table takes the emptiest of a key's three buckets and never moves another entry.
 * What stands in a table depends on the order in which it came then, and rows come from the disk in another
 * one: above 90 % of the slots some find their buckets full. While a table is loaded nobody else uses it, so
 * entries may be moved: an entry goes to another bucket of its own, whose entry goes to another, and so on to
 * an empty slot. The search goes through all buckets that can be reached, breadth first. If all keys have a
 * place in some arrangement it finds one (an augmenting path of a bipartite matching: the arrangement that
 * exists and the one at hand differ in a path from the new key to an empty slot), so what fitted before fits
 * again.
 *
 * An entry does not know its buckets, the tag is a third of them. During a load they are kept where nobody
 * looks yet: in previous, which is set right by ses_load_room_finish. */
#ifndef SESSIOND_STORE_LOAD_ROOM_H
#define SESSIOND_STORE_LOAD_ROOM_H

#include "table.h"

#define LOAD_BUCKET_BITS 12

_Static_assert(TABLE_REGION_BUCKETS == 1u << LOAD_BUCKET_BITS, "a bucket within its region");

/* The buckets that one search has come to; 29 KiB. */
struct load_room {
    uint64_t seen[TABLE_REGION_BUCKETS / 64];
    uint16_t queue[TABLE_REGION_BUCKETS];
    uint16_t from[TABLE_REGION_BUCKETS]; /* the bucket whose entry would move here; itself: of the new key */
    uint8_t entry[TABLE_REGION_BUCKETS]; /* which entry of that bucket */
};

/* region, then each candidate bucket within it */
uint64_t ses_load_place(const struct table_probe *probe);
void ses_load_place_probe(uint64_t tag, uint64_t place, struct table_probe *ret_probe);

/* [loader, the only one in probe's region] All buckets of probe are full: moves entries until one of them has
 * an empty slot, or TABLE_SLOT_NONE when there is no arrangement. */
uint64_t ses_load_room_make(struct ses_table *table, const struct table_probe *probe, struct load_room *room);
/* [loader] Everything is placed: previous is what it is in a running table. */
void ses_load_room_finish(struct ses_table *table);

#endif
