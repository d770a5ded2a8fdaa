/* Cuckoo hashing's walk, but breadth first and with a path that is kept: each bucket that was reached knows
 * the bucket and the entry from which it was, so the way back is one copy a step and nothing moves before an
 * empty slot is found.
 */
#include "load_room.h"

uint64_t ses_load_place(const struct table_probe *probe)
{
    uint64_t place = probe->bucket[0] / TABLE_REGION_BUCKETS;

    for (unsigned i = 0; i < TABLE_CANDIDATES; i++)
        place = place << LOAD_BUCKET_BITS | probe->bucket[i] % TABLE_REGION_BUCKETS;
    return place;
}

void ses_load_place_probe(uint64_t tag, uint64_t place, struct table_probe *ret_probe)
{
    uint64_t base = (place >> (TABLE_CANDIDATES * LOAD_BUCKET_BITS)) * TABLE_REGION_BUCKETS;

    ret_probe->tag = tag;
    for (unsigned i = TABLE_CANDIDATES; i-- > 0; place >>= LOAD_BUCKET_BITS)
        ret_probe->bucket[i] = base + place % TABLE_REGION_BUCKETS;
}

/* The region is this thread's: no order with anybody is needed. */
static uint64_t read_relaxed(_Atomic uint64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static uint64_t empty_slot(const struct ses_table *table, uint64_t bucket)
{
    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++)
        if (read_relaxed(table_tag(table, bucket * TABLE_BUCKET_SLOTS + i)) == 0)
            return bucket * TABLE_BUCKET_SLOTS + i;
    return TABLE_SLOT_NONE;
}

static void copy_entry(struct ses_table *table, uint64_t from, uint64_t to)
{
    ses_table_fill(table, to, read_relaxed(table_tag(table, from)), read_relaxed(table_word(table, from)),
                   read_relaxed(table_previous(table, from)), read_relaxed(table_meta(table, from)),
                   table_owner(table, from));
}

/* The empty slot wanders back along the path, to a bucket of the new key. */
static uint64_t move_along(struct ses_table *table, const struct load_room *room, uint64_t base,
                           uint16_t last, uint64_t empty)
{
    while (room->from[last] != last) {
        uint64_t slot = (base + room->from[last]) * TABLE_BUCKET_SLOTS + room->entry[last];

        copy_entry(table, slot, empty);
        empty = slot;
        last = room->from[last];
    }
    return empty;
}

/* True: bucket was not reached before and is at the end of the queue now. */
static bool reach(struct load_room *room, unsigned *count, uint16_t bucket, uint16_t from, uint64_t entry)
{
    if ((room->seen[bucket / 64] >> bucket % 64 & 1) != 0)
        return false;
    room->seen[bucket / 64] |= UINT64_C(1) << bucket % 64;
    room->from[bucket] = from;
    room->entry[bucket] = (uint8_t)entry;
    room->queue[(*count)++] = bucket;
    return true;
}

/* Where the entry at slot could go: an empty slot there, or its buckets are queued. */
static uint64_t look_beyond(struct ses_table *table, uint64_t base, struct load_room *room, unsigned *count,
                            uint64_t slot)
{
    uint16_t from = (uint16_t)(slot / TABLE_BUCKET_SLOTS - base);
    struct table_probe probe;

    ses_load_place_probe(0, read_relaxed(table_previous(table, slot)), &probe);
    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        uint16_t bucket = (uint16_t)(probe.bucket[i] - base);
        uint64_t empty;

        if (!reach(room, count, bucket, from, slot % TABLE_BUCKET_SLOTS))
            continue;
        empty = empty_slot(table, probe.bucket[i]);
        if (empty != TABLE_SLOT_NONE)
            return move_along(table, room, base, bucket, empty);
    }
    return TABLE_SLOT_NONE;
}

uint64_t ses_load_room_make(struct ses_table *table, const struct table_probe *probe, struct load_room *room)
{
    uint64_t base = probe->bucket[0] / TABLE_REGION_BUCKETS * TABLE_REGION_BUCKETS;
    uint64_t empty = TABLE_SLOT_NONE;
    unsigned count = 0;

    memset(room->seen, 0, sizeof(room->seen));
    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        uint16_t bucket = (uint16_t)(probe->bucket[i] - base);

        (void)reach(room, &count, bucket, bucket, 0);
    }
    for (unsigned at = 0; at < count && empty == TABLE_SLOT_NONE; at++)
        for (unsigned i = 0; i < TABLE_BUCKET_SLOTS && empty == TABLE_SLOT_NONE; i++)
            empty = look_beyond(table, base, room, &count, (base + room->queue[at]) * TABLE_BUCKET_SLOTS + i);
    return empty;
}

void ses_load_room_finish(struct ses_table *table)
{
    for (uint64_t slot = 0; slot < table_slots(table); slot++)
        if (read_relaxed(table_tag(table, slot)) != 0)
            atomic_store_explicit(table_previous(table, slot), read_relaxed(table_word(table, slot)),
                                  memory_order_relaxed);
}
