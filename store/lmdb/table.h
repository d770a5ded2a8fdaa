/* table.h - the session table in shared memory: key -> {state, shard, locator}, lock-free, of fixed size.
 *
 * Memory: one head page, one page of per-shard lines, the owners' counts, then buckets of 8 entries, each
 * bucket four cache lines (tags | words | previous | meta), and behind them the owner of each slot: 34 bytes
 * an entry. A key has three candidate buckets, an insert takes the emptiest. Measured by simulation over 20
 * full turnovers: with two candidates 1 insert in 580 finds no room at 70 % load, with three none in 33
 * million; hence three, and 65 % load at sessions_max (52 bytes a session).
 *
 * The three lie in one region of 4096 buckets (1 MiB): a load can fill region by region, in the cache and by
 * several threads (load_batch.h). Regions of that size cost no room: over ten turnovers at 65 % load none of
 * 15 million inserts is refused, as without regions; with 256 KiB 6 are, with 128 KiB 627.
 *
 * Fields of an entry
 *   tag        first 8 bytes of the key; 0 while the entry is empty. Two keys with one tag and a common
 *              bucket (24 x 2^-64 for each lookup) are told apart when the record is read: the second one
 *              gets SES_ABORTED
 *   word       see word.h; the only field that changes hands, by compare-and-swap
 *   previous   the newest published word. LIVE: equal to word. CLAIMED: what a release puts back, what
 *              readers use. It is written before word, so a claim never has to save it
 *   meta       {retain, revision} of previous; while CLAIMED, once an intent is on disk, that intent's word
 *
 * Who may write: an entry whose word names a shard belongs to the process that holds that shard's writer lock
 * (loop or committer thread, never both at once for one claim). LIVE and EMPTY entries belong to whoever wins
 * the compare-and-swap. All accesses are sequentially consistent where uniqueness needs it (table_entry.c).
 */
#ifndef SESSIOND_STORE_TABLE_H
#define SESSIOND_STORE_TABLE_H

#include <stdatomic.h>

#include <sessiond/store/store_lmdb.h>

#include "word.h"

#define TABLE_MAGIC           UINT64_C(0x31656c6261547353) /* "SsTable1" in memory */
#define TABLE_VERSION         3u
#define TABLE_BUCKET_SLOTS    8
#define TABLE_CANDIDATES      3
#define TABLE_PROBE_SLOTS     (TABLE_BUCKET_SLOTS * TABLE_CANDIDATES)
#define TABLE_LOAD_PERCENT    65
#define TABLE_PRESSED_PERCENT 80    /* in use: collection does not wait */
#define TABLE_REGION_BUCKETS  4096u /* a table of several regions has no other ones */
#define TABLE_BUCKETS_MIN     8
#define TABLE_OWNERS          16384u              /* numbers of a ses_store_owner, with SES_OWNER_EARLY */
#define TABLE_SESSIONS_MAX    (UINT64_C(1) << 34) /* 900 GB: a mistyped size is refused, not tried */

struct table_head {
    uint64_t magic;
    uint32_t version;
    uint32_t bucket_bytes;
    uint64_t buckets;
    uint64_t sessions_max;
    /* When the last inbox of earlier versions that was loaded is over, in seconds as meta's retain; 0: none was
     * loaded. Written by the loader (old_inbox.h). */
    _Atomic uint32_t old_inbox_retain;
    uint8_t reserved[4096 - 36];
};

/* One line for each shard; written by that shard's writer process, but for what is said. */
struct table_shard {
    /* Never reset: a claim word is unique for the table's life. */
    _Alignas(64) _Atomic uint64_t claim_sequence;
    _Atomic uint64_t published; /* locator up to which every record is published or settled */
    _Atomic int64_t entries;    /* made minus freed by this shard; only the sum means anything */
    /* Below this locator no readable record is on disk, but those that are over and wait (gc.h); 0: none at
     * all. Others lower it too (ses_gc_supersede). */
    _Atomic uint64_t oldest;
    _Atomic uint64_t wanted; /* room is short here: others may move what lives below it; 0: not */
    uint64_t reserved[3];
};

struct table_bucket {
    _Alignas(64) _Atomic uint64_t tag[TABLE_BUCKET_SLOTS];
    _Atomic uint64_t word[TABLE_BUCKET_SLOTS];
    _Atomic uint64_t previous[TABLE_BUCKET_SLOTS];
    _Atomic uint64_t meta[TABLE_BUCKET_SLOTS];
};

/* Entries of each owner; at SES_OWNER_EARLY, which is no owner, all early ones. Counted by whoever makes or
 * frees one (share.h). */
struct table_owners {
    _Atomic int32_t held[TABLE_OWNERS];
};

_Static_assert((SES_OWNER_EARLY | SES_OWNER_MAX) < TABLE_OWNERS, "a count for each");
_Static_assert(sizeof(struct table_owners) == 65536, "whole pages");
_Static_assert(sizeof(struct table_head) == 4096, "the head is one page");
_Static_assert(sizeof(struct table_shard) == 64, "one line a shard");
_Static_assert(sizeof(struct table_shard) * SES_STORE_SHARDS_MAX == 4096, "the shards are one page");
_Static_assert(sizeof(struct table_bucket) == 256, "four lines a bucket");
_Static_assert(offsetof(struct table_bucket, word) == 64, "words on their own line");
_Static_assert(offsetof(struct table_bucket, previous) == 128, "previous on its own line");
_Static_assert(offsetof(struct table_bucket, meta) == 192, "meta on its own line");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared memory needs lock-free 64-bit atomics");

struct ses_table {
    struct table_head *head;
    struct table_shard *shards;
    struct table_owners *owners;
    struct table_bucket *buckets;
    _Atomic uint16_t *slot_owner; /* behind the buckets, one for each slot: a lookup needs none */
    uint64_t buckets_count;
    size_t bytes;
    int fd; /* the memory, close-on-exec */
};

/* An entry as it was read. */
struct table_entry {
    uint64_t slot;
    uint64_t word;
    uint64_t previous;
};

/* Where a key may lie. */
struct table_probe {
    uint64_t tag;
    uint64_t bucket[TABLE_CANDIDATES];
};

static inline _Atomic uint64_t *table_tag(const struct ses_table *table, uint64_t slot)
{
    return &table->buckets[slot / TABLE_BUCKET_SLOTS].tag[slot % TABLE_BUCKET_SLOTS];
}

static inline _Atomic uint64_t *table_word(const struct ses_table *table, uint64_t slot)
{
    return &table->buckets[slot / TABLE_BUCKET_SLOTS].word[slot % TABLE_BUCKET_SLOTS];
}

static inline _Atomic uint64_t *table_previous(const struct ses_table *table, uint64_t slot)
{
    return &table->buckets[slot / TABLE_BUCKET_SLOTS].previous[slot % TABLE_BUCKET_SLOTS];
}

static inline _Atomic uint64_t *table_meta(const struct ses_table *table, uint64_t slot)
{
    return &table->buckets[slot / TABLE_BUCKET_SLOTS].meta[slot % TABLE_BUCKET_SLOTS];
}

static inline ses_store_owner table_owner(const struct ses_table *table, uint64_t slot)
{
    return atomic_load_explicit(&table->slot_owner[slot], memory_order_relaxed);
}

static inline uint64_t table_slots(const struct ses_table *table)
{
    return table->buckets_count * TABLE_BUCKET_SLOTS;
}

static inline uint64_t table_regions(const struct ses_table *table)
{
    return (table->buckets_count + TABLE_REGION_BUCKETS - 1) / TABLE_REGION_BUCKETS;
}

static inline uint64_t probe_slot(const struct table_probe *probe, unsigned i)
{
    return probe->bucket[i / TABLE_BUCKET_SLOTS] * TABLE_BUCKET_SLOTS + i % TABLE_BUCKET_SLOTS;
}

/* As ses_store_shared_create, ses_store_usage and ses_store_newest_ms say. */
SES_MUST_CHECK enum ses_status ses_table_create(uint64_t sessions_max, struct ses_table **ret_table);
/* As ses_store_shared_attach says; on success fd is the table's. */
SES_MUST_CHECK enum ses_status ses_table_attach(int fd, struct ses_table **ret_table);
/* [any] Unmaps and closes in this process only. NULL is fine. */
void ses_table_close(struct ses_table *table);
void ses_table_usage(const struct ses_table *table, uint64_t *ret_used, uint64_t *ret_room);
/* Of the room that ses_table_usage tells, what is in use. */
uint64_t ses_table_percent(const struct ses_table *table);
uint64_t ses_table_newest_ms(const struct ses_table *table);

/* [any] The first 8 bytes of key, never 0. */
uint64_t ses_table_tag(const struct ses_store_key *key);
/* [any] The candidate buckets of key, all different, all in one region. */
void ses_table_probe(const struct ses_table *table, const struct ses_store_key *key,
                     struct table_probe *ret_probe);
/* [any] Starts loading the tags that a lookup or an insert of probe will read. */
void ses_table_prefetch(const struct ses_table *table, const struct table_probe *probe);
/* [any] The entry of probe's tag that is claimed, live or being deleted; false: there is none. Tentative
 * entries do not count. */
bool ses_table_find(const struct ses_table *table, const struct table_probe *probe,
                    struct table_entry *ret_entry);
/* [any] A new claim word of shard. */
uint64_t ses_table_claim_word(struct ses_table *table, unsigned shard, enum word_state state);

/* [writer of shard] Makes a claimed entry for a key that has none. SES_ALREADY_EXISTS, SES_BUSY, SES_FULL as
 * ses_claim_new. */
SES_MUST_CHECK enum ses_status ses_table_insert(struct ses_table *table, const struct table_probe *probe,
                                                unsigned shard, ses_store_owner owner, uint64_t *ret_slot,
                                                uint64_t *ret_word);
/* [any] What an entry of the same key that is there means for an insert. */
SES_MUST_CHECK enum ses_status ses_table_status_of(const struct table_entry *found);
#define TABLE_SLOT_NONE UINT64_MAX

/* [loader] Where nobody else uses the region: true and the slot of probe's tag, else false and an empty slot
 * of its emptiest bucket, or TABLE_SLOT_NONE. */
bool ses_table_place_of(const struct ses_table *table, const struct table_probe *probe, uint64_t *ret_slot);
/* [loader] The same: writes a live entry into slot. A new one is not counted yet. previous is the load's own
 * until its end (load_room.h). */
void ses_table_fill(struct ses_table *table, uint64_t slot, uint64_t tag, uint64_t live, uint64_t previous,
                    uint64_t meta, ses_store_owner owner);
/* [loader] Counts every entry for its owner, once, at the end. */
void ses_table_count_owners(struct ses_table *table);
/* [loader] Counts entries that were filled in. */
void ses_table_count_filled(struct ses_table *table, uint64_t entries);
/* [writer of shard] LIVE word -> {state, shard}; false: the entry is not word any more. */
bool ses_table_take(struct ses_table *table, uint64_t slot, uint64_t word, enum word_state state,
                    unsigned shard, uint64_t *ret_word);
/* [owner of the entry] Its place counts for owner from now on. Before the record of that owner is published:
 * afterwards the entry is anybody's. The same again does nothing. */
void ses_table_hand_over(struct ses_table *table, uint64_t slot, ses_store_owner owner);
/* [owner of the entry] The record at live is on disk: readers see it from now on. */
void ses_table_publish(struct ses_table *table, uint64_t slot, uint64_t live, uint64_t meta);
/* [owner] An intent is on disk; whoever settles this claim publishes it. */
void ses_table_note_intent(struct ses_table *table, uint64_t slot, uint64_t live_intent);
/* [owner] Gives the entry back: the published word again, or free if there never was one. meta is what it was
 * when the claim began. */
void ses_table_release(struct ses_table *table, unsigned shard, uint64_t slot, uint64_t meta);
/* [owner] The same, but an intent that was noted is published, and the entry is intent_owner's; intent is its
 * meta, 0 when none was put. */
void ses_table_release_to_intent(struct ses_table *table, unsigned shard, uint64_t slot, uint64_t meta,
                                 uint64_t intent, ses_store_owner intent_owner);
/* [owner] Empties the entry. */
void ses_table_free_slot(struct ses_table *table, unsigned shard, uint64_t slot);

#endif
