/* The session table as a list of keys: of what lives here, without what was moved. The table knows 64 bits of a key; the
 * row in the index of its shard has the whole.
 */
#include "shared.h"
#include "store_lmdb_impl.h"

static uint64_t next_of_part(const struct ses_lmdb_cursor *cursor, uint64_t bucket)
{
    uint64_t part = bucket % cursor->parts;

    return part <= cursor->part ? bucket - part + cursor->part : bucket - part + cursor->parts + cursor->part;
}

static bool is_here(uint64_t word)
{
    return word_state(word) == WORD_LIVE || word_state(word) == WORD_LIVE_INTENT;
}

static enum ses_status key_of_word(struct ses_lmdb *store, uint64_t word, struct ses_store_key *ret_key)
{
    struct record_row row;
    enum ses_status status;
    struct ses_env *env;
    MDB_txn *txn;

    SES_TRY(ses_lmdb_env(store, word_shard(word), &env));
    SES_TRY(ses_env_read_begin(env, &txn));
    status = ses_env_row(env, txn, word_low(word), &row);
    ses_env_read_end(env);
    if (status == SES_OK)
        *ret_key = row.key;
    return status;
}

/* One that moves, or goes, while we look is met by the next pass. */
static enum ses_status list_bucket(struct ses_lmdb *store, uint64_t bucket, struct ses_store_key *keys,
                                   size_t *ret_count, size_t *ret_passed)
{
    for (uint64_t i = 0; i < TABLE_BUCKET_SLOTS; i++) {
        uint64_t slot = bucket * TABLE_BUCKET_SLOTS + i;
        uint64_t word = atomic_load_explicit(table_word(store->table, slot), memory_order_acquire);
        enum ses_status status;

        if (!is_here(word)) {
            *ret_passed += word_state(word) == WORD_CLAIMED || word_state(word) == WORD_TENTATIVE;
            continue;
        }
        status = key_of_word(store, word, &keys[*ret_count]);
        if (status == SES_OK)
            (*ret_count)++;
        else if (status == SES_NOT_FOUND || status == SES_DATA_LOSS)
            (*ret_passed)++;
        else
            return status;
    }
    return SES_OK;
}

enum ses_status ses_lmdb_list_keys(struct ses_store *base, struct ses_lmdb_cursor *cursor, uint64_t slots_max,
                                   struct ses_store_key *keys, size_t max, size_t *ret_count,
                                   size_t *ret_passed, bool *ret_over)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    uint64_t end = cursor->slot + slots_max;

    *ret_count = 0;
    *ret_passed = 0;
    *ret_over = false;
    for (;;) {
        uint64_t bucket = next_of_part(cursor, cursor->slot / TABLE_BUCKET_SLOTS);

        cursor->slot = bucket * TABLE_BUCKET_SLOTS;
        if (bucket >= store->table->buckets_count) {
            cursor->slot = 0;
            *ret_over = true;
            return SES_OK;
        }
        if (cursor->slot >= end || *ret_count + TABLE_BUCKET_SLOTS > max)
            return SES_OK;
        SES_TRY(list_bucket(store, bucket, keys, ret_count, ret_passed));
        cursor->slot += TABLE_BUCKET_SLOTS;
    }
}

void ses_store_count_left(const struct ses_store_shared *shared, uint64_t now_ms,
                          struct ses_store_left *ret_left)
{
    const struct ses_table *table = shared->table;
    uint32_t old_inbox = atomic_load(&table->head->old_inbox_retain);
    struct ses_store_left left = {.old_inboxes = old_inbox != 0 && !retain_is_over(old_inbox, now_ms)};

    for (uint64_t slot = 0; slot < table_slots(table); slot++) {
        uint64_t word = atomic_load_explicit(table_word(table, slot), memory_order_acquire);
        uint64_t previous;

        previous = word_is_live(word) ? word : atomic_load(table_previous(table, slot));
        if (word == 0 || previous == 0) /* nobody's, or of somebody who has published nothing yet */
            continue;
        if (word_state(previous) == WORD_LIVE_MOVED)
            left.moved++;
        else if (!retain_is_over(meta_retain(atomic_load(table_meta(table, slot))), now_ms) ||
                 !word_is_live(word))
            left.live++;
    }
    *ret_left = left;
}
