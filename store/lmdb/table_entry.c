/* Uniqueness without a lock.
 *
 * Insert
 *   1  look for the tag
 *   2  word 0 -> TENTATIVE (compare-and-swap)
 *   3  store the tag
 *   4  look again at all other slots
 *   5  TENTATIVE -> CLAIMED, or withdraw
 *
 * Steps 3 and 4 are sequentially consistent: of two inserts of one key at least one sees the other's tag
 * (Dekker).
 *   - Who sees a claimed, live or deleting entry withdraws.
 *   - Who sees a tentative one at a lower slot withdraws; at a higher slot it waits until that one has
 *     withdrawn (goes on) or been confirmed because it did not see us (withdraws). A bound on the wait ends
 *     in SES_BUSY.
 *
 * Take any pair, L lower, H higher. H confirms only if it did not see L at step 4, so L's tag came later, so
 * L sees H: tentative (L waits, then sees it claimed) or claimed: L withdraws. L confirms only after H is
 * gone, or if H's tag came after L's look; then H sees L and withdraws. Never both; and if neither dies nor
 * waits too long, one does.
 *
 * Free: tag = 0, previous = 0, meta = 0, word = 0, in this order. Whoever wins an empty word finds the rest
 * clean, and an owner that dies in between leaves a word that its successor recognises (tag 0) and finishes.
 *
 * Find: a reader takes the tag, the word and the tag again. A slot that changed hands twice in between gives
 * the word of another key; the record read through it does not match, and the reader starts again
 * (reader.c).
 */
#include "table.h"

#include <sched.h>

/* About 20 us of spinning, then yields: a rival's steps 2 to 5 take under a microsecond unless it is
 * preempted. */
#define RIVAL_SPINS  400
#define RIVAL_YIELDS 50
#define RIVALS_MAX   8 /* rivals met one after another in one slot */

static void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* The word of slot if the slot belongs to tag, else 0. */
static uint64_t word_if_tag(const struct ses_table *table, uint64_t slot, uint64_t tag)
{
    uint64_t word;

    if (atomic_load(table_tag(table, slot)) != tag)
        return 0;
    word = atomic_load(table_word(table, slot));
    return atomic_load(table_tag(table, slot)) == tag ? word : 0;
}

/* Which slot of a probe, from that one on, has the probe's tag; TABLE_PROBE_SLOTS: none. Usually none has, and all that
 * is looked at is one line of tags a bucket. */
static unsigned next_with_tag(const struct ses_table *table, const struct table_probe *probe, unsigned from)
{
    for (unsigned first = from - from % TABLE_BUCKET_SLOTS; first < TABLE_PROBE_SLOTS;
         first += TABLE_BUCKET_SLOTS) {
        const struct table_bucket *bucket = &table->buckets[probe->bucket[first / TABLE_BUCKET_SLOTS]];

        for (unsigned i = from > first ? from - first : 0; i < TABLE_BUCKET_SLOTS; i++)
            if (atomic_load(&bucket->tag[i]) == probe->tag)
                return first + i;
    }
    return TABLE_PROBE_SLOTS;
}

bool ses_table_find(const struct ses_table *table, const struct table_probe *probe,
                    struct table_entry *ret_entry)
{
    for (unsigned i = 0; (i = next_with_tag(table, probe, i)) < TABLE_PROBE_SLOTS; i++) {
        uint64_t slot = probe_slot(probe, i);
        uint64_t word = word_if_tag(table, slot, probe->tag);

        if (word == 0 || word_state(word) == WORD_TENTATIVE)
            continue;
        ret_entry->slot = slot;
        ret_entry->word = word;
        ret_entry->previous = atomic_load(table_previous(table, slot));
        return true;
    }
    return false;
}

uint64_t ses_table_claim_word(struct ses_table *table, unsigned shard, enum word_state state)
{
    uint64_t sequence = atomic_fetch_add(&table->shards[shard].claim_sequence, 1) + 1;

    return word_make(state, shard, sequence & WORD_LOW_MAX);
}

enum ses_status ses_table_status_of(const struct table_entry *found)
{
    if (word_is_live(found->word))
        return SES_ALREADY_EXISTS;
    if (word_state(found->word) == WORD_CLAIMED && found->previous != 0)
        return SES_ALREADY_EXISTS;
    return SES_BUSY;
}

/* By the tags, which are in the cache already; a slot whose owner has not stored its tag yet counts as empty,
 * and the compare-and-swap says no. */
static unsigned empty_slots(const struct table_bucket *bucket)
{
    unsigned count = 0;

    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++)
        count += atomic_load_explicit(&bucket->tag[i], memory_order_relaxed) == 0;
    return count;
}

static bool occupy_in_bucket(struct ses_table *table, uint64_t bucket, uint64_t word, uint64_t *ret_slot)
{
    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++) {
        uint64_t expected = 0;

        if (atomic_load_explicit(&table->buckets[bucket].tag[i], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&table->buckets[bucket].word[i], &expected, word)) {
            *ret_slot = bucket * TABLE_BUCKET_SLOTS + i;
            return true;
        }
    }
    return false;
}

static unsigned emptiest(const struct ses_table *table, const struct table_probe *probe)
{
    unsigned best = 0;
    unsigned best_empty = 0;

    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        unsigned empty = empty_slots(&table->buckets[probe->bucket[i]]);

        if (empty > best_empty) {
            best = i;
            best_empty = empty;
        }
    }
    return best;
}

/* Step 2: the emptiest bucket first; when that fills meanwhile, any. */
static bool occupy(struct ses_table *table, const struct table_probe *probe, uint64_t word,
                   uint64_t *ret_slot)
{
    unsigned best = emptiest(table, probe);

    for (unsigned i = 0; i < TABLE_CANDIDATES; i++)
        if (occupy_in_bucket(table, probe->bucket[(best + i) % TABLE_CANDIDATES], word, ret_slot))
            return true;
    return false;
}

/* Waits while slot still holds the rival's tentative word; its tag or word is different afterwards. */
static bool wait_for_rival(const struct ses_table *table, uint64_t slot, uint64_t word)
{
    for (unsigned i = 0; i < RIVAL_SPINS + RIVAL_YIELDS; i++) {
        if (atomic_load(table_word(table, slot)) != word)
            return true;
        if (i < RIVAL_SPINS)
            cpu_relax();
        else
            (void)sched_yield();
    }
    return false;
}

/* Step 4 for one other slot. */
static enum ses_status meet_rival(const struct ses_table *table, uint64_t tag, uint64_t own_slot,
                                  uint64_t slot)
{
    for (unsigned i = 0; i < RIVALS_MAX; i++) {
        struct table_entry rival = {.slot = slot, .word = word_if_tag(table, slot, tag)};

        if (rival.word == 0)
            return SES_OK;
        if (word_state(rival.word) != WORD_TENTATIVE) {
            rival.previous = atomic_load(table_previous(table, slot));
            return ses_table_status_of(&rival);
        }
        if (slot < own_slot || !wait_for_rival(table, slot, rival.word))
            return SES_BUSY;
    }
    return SES_BUSY;
}

static enum ses_status meet_rivals(const struct ses_table *table, const struct table_probe *probe,
                                   uint64_t own_slot)
{
    for (unsigned i = 0; (i = next_with_tag(table, probe, i)) < TABLE_PROBE_SLOTS; i++) {
        uint64_t slot = probe_slot(probe, i);

        if (slot != own_slot)
            SES_TRY(meet_rival(table, probe->tag, own_slot, slot));
    }
    return SES_OK;
}

static void count_owner(struct ses_table *table, ses_store_owner owner, int32_t entries)
{
    (void)atomic_fetch_add_explicit(&table->owners->held[owner], entries, memory_order_relaxed);
    if ((owner & SES_OWNER_EARLY) != 0)
        (void)atomic_fetch_add_explicit(&table->owners->held[SES_OWNER_EARLY], entries, memory_order_relaxed);
}

enum ses_status ses_table_insert(struct ses_table *table, const struct table_probe *probe, unsigned shard,
                                 ses_store_owner owner, uint64_t *ret_slot, uint64_t *ret_word)
{
    struct table_entry found;
    enum ses_status status;
    uint64_t tentative;
    uint64_t slot;
    uint64_t word;

    if (ses_table_find(table, probe, &found))
        return ses_table_status_of(&found);
    /* Its sequence number is new: a rival that waits for this word cannot mistake a later one for it. */
    tentative = ses_table_claim_word(table, shard, WORD_TENTATIVE);
    if (!occupy(table, probe, tentative, &slot))
        return SES_FULL;
    (void)atomic_fetch_add_explicit(&table->shards[shard].entries, 1, memory_order_relaxed);
    atomic_store_explicit(&table->slot_owner[slot], owner, memory_order_relaxed);
    count_owner(table, owner, 1);
    atomic_store(table_tag(table, slot), probe->tag);
    status = meet_rivals(table, probe, slot);
    if (status != SES_OK) {
        ses_table_free_slot(table, shard, slot);
        return status;
    }
    word = word_make(WORD_CLAIMED, shard, word_low(tentative));
    atomic_store(table_word(table, slot), word);
    *ret_slot = slot;
    *ret_word = word;
    return SES_OK;
}

/* The tags of a bucket as plain words: nobody else is here, and a compiler may compare eight at once. */
static void copy_tags(const struct ses_table *table, uint64_t bucket, uint64_t ret_tags[TABLE_BUCKET_SLOTS])
{
    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++)
        ret_tags[i] = atomic_load_explicit(&table->buckets[bucket].tag[i], memory_order_relaxed);
}

static uint64_t slots_with(const uint64_t tags[TABLE_BUCKET_SLOTS], uint64_t tag)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++)
        mask |= (uint64_t)(tags[i] == tag) << i;
    return mask;
}

bool ses_table_place_of(const struct ses_table *table, const struct table_probe *probe, uint64_t *ret_slot)
{
    uint64_t tags[TABLE_BUCKET_SLOTS];
    int best_empty = 0;

    *ret_slot = TABLE_SLOT_NONE;
    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        uint64_t first = probe->bucket[i] * TABLE_BUCKET_SLOTS;
        uint64_t own, empty;

        copy_tags(table, probe->bucket[i], tags);
        own = slots_with(tags, probe->tag);
        if (own != 0) {
            *ret_slot = first + (unsigned)__builtin_ctzll(own);
            return true;
        }
        empty = slots_with(tags, 0);
        if (__builtin_popcountll(empty) > best_empty) {
            best_empty = __builtin_popcountll(empty);
            *ret_slot = first + (unsigned)__builtin_ctzll(empty);
        }
    }
    return false;
}

void ses_table_fill(struct ses_table *table, uint64_t slot, uint64_t tag, uint64_t live, uint64_t previous,
                    uint64_t meta, ses_store_owner owner)
{
    atomic_store_explicit(&table->slot_owner[slot], owner, memory_order_relaxed);
    atomic_store_explicit(table_tag(table, slot), tag, memory_order_relaxed);
    atomic_store_explicit(table_word(table, slot), live, memory_order_relaxed);
    atomic_store_explicit(table_previous(table, slot), previous, memory_order_relaxed);
    atomic_store_explicit(table_meta(table, slot), meta, memory_order_relaxed);
}

void ses_table_count_filled(struct ses_table *table, uint64_t entries)
{
    /* Whichever shard: only the sum over all means anything. */
    (void)atomic_fetch_add_explicit(&table->shards[0].entries, (int64_t)entries, memory_order_relaxed);
}

void ses_table_count_owners(struct ses_table *table)
{
    for (uint64_t slot = 0; slot < table_slots(table); slot++)
        if (atomic_load_explicit(table_tag(table, slot), memory_order_relaxed) != 0)
            count_owner(table, table_owner(table, slot), 1);
}

bool ses_table_take(struct ses_table *table, uint64_t slot, uint64_t word, enum word_state state,
                    unsigned shard, uint64_t *ret_word)
{
    uint64_t claimed = ses_table_claim_word(table, shard, state);

    if (!atomic_compare_exchange_strong(table_word(table, slot), &word, claimed))
        return false;
    *ret_word = claimed;
    return true;
}

/* Usually nothing changes, and nothing is written. As in ses_table_free_slot the entry is changed before it is
 * counted: whoever does it again for one that died counts nothing twice. */
void ses_table_hand_over(struct ses_table *table, uint64_t slot, ses_store_owner owner)
{
    ses_store_owner before = table_owner(table, slot);

    if (before == owner)
        return;
    before = atomic_exchange(&table->slot_owner[slot], owner);
    count_owner(table, before, -1);
    count_owner(table, owner, 1);
}

/* word last, and sequentially consistent: whoever sees it sees the other two, and watch_board.h's order of
 * publishing and telling rests on it. */
void ses_table_publish(struct ses_table *table, uint64_t slot, uint64_t live, uint64_t meta)
{
    atomic_store_explicit(table_meta(table, slot), meta, memory_order_release);
    atomic_store_explicit(table_previous(table, slot), live, memory_order_release);
    atomic_store(table_word(table, slot), live);
}

void ses_table_note_intent(struct ses_table *table, uint64_t slot, uint64_t live_intent)
{
    atomic_store(table_meta(table, slot), live_intent);
}

void ses_table_release(struct ses_table *table, unsigned shard, uint64_t slot, uint64_t meta)
{
    uint64_t previous = atomic_load(table_previous(table, slot));

    if (previous == 0) {
        ses_table_free_slot(table, shard, slot);
        return;
    }
    atomic_store_explicit(table_meta(table, slot), meta, memory_order_release);
    atomic_store(table_word(table, slot), previous);
}

void ses_table_free_slot(struct ses_table *table, unsigned shard, uint64_t slot)
{
    ses_store_owner owner;

    atomic_store(table_tag(table, slot), 0);
    atomic_store_explicit(table_previous(table, slot), 0, memory_order_release);
    atomic_store_explicit(table_meta(table, slot), 0, memory_order_release);
    /* Taken out before it is counted: whoever frees this slot again, for an owner that died here, counts
     * nothing. */
    owner = atomic_exchange(&table->slot_owner[slot], SES_OWNER_NOBODY);
    count_owner(table, owner, -1);
    atomic_store(table_word(table, slot), 0);
    (void)atomic_fetch_sub_explicit(&table->shards[shard].entries, 1, memory_order_relaxed);
}

void ses_table_release_to_intent(struct ses_table *table, unsigned shard, uint64_t slot, uint64_t meta,
                                 uint64_t intent, ses_store_owner intent_owner)
{
    uint64_t noted = atomic_load(table_meta(table, slot));

    if (intent == 0 || !meta_is_intent(noted)) {
        ses_table_release(table, shard, slot, meta);
        return;
    }
    ses_table_hand_over(table, slot, intent_owner);
    ses_table_publish(table, slot, noted, intent);
}
