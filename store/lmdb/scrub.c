/* Bit rot is found before somebody needs the record: every record of a shard is read and opened, slowly and again and
 * again. By the shard's worker, since it has the keys, and by records a second, since a pass must cost nothing that is
 * felt; a snapshot lasts for 64 records, so no page is kept from being used again for longer. Shards without a slot are
 * shared out among the workers. Where a pass is, is not kept over a restart: it begins anew. */
#include "env_tree.h"
#include "store_lmdb_impl.h"

#define SCRUB_BLOCK 64

void ses_lmdb_scrub_init(struct store_scrub *scrub, unsigned per_second, uint64_t now_ms, uint64_t mono_ms)
{
    *scrub = (struct store_scrub){.per_second = per_second, .looked_ms = mono_ms, .began_ms = now_ms};
    ses_arena_init(&scrub->arena, 2 * (size_t)SES_STORE_BODY_MAX);
}

void ses_lmdb_scrub_done(struct store_scrub *scrub)
{
    ses_arena_done(&scrub->arena);
}

static bool is_ours(const struct ses_lmdb *store, unsigned shard)
{
    SES_REQUIRE(store->shards != 0);
    return shard == store->number || (shard >= store->shards && shard % store->shards == store->number);
}

static void found_damage(struct ses_lmdb *store, uint64_t locator)
{
    store->scrub.damaged++;
    ses_lmdb_tell_damaged(store, word_make(WORD_LIVE, store->scrub.shard, locator), "scrub");
}

static void check(struct ses_lmdb *store, const struct env_tree *records, uint64_t locator,
                  const MDB_val *row)
{
    struct ses_record record;
    MDB_val value;

    ses_arena_reset(&store->scrub.arena);
    if (ses_env_tree_get(records, locator, &value) != 0 ||
        !ses_record_row_agrees(env_slice(row), locator, env_slice(&value)) ||
        ses_record_open(&store->keys, &store->sealer, env_slice(&value), &store->scrub.arena, &record) ==
            SES_DATA_LOSS)
        found_damage(store, locator);
}

/* At most so many, from where the shard was left. MDB_NOTFOUND: nothing lies behind them, or nobody can tell. */
static int check_some(struct ses_lmdb *store, const struct env_tree *index, const struct env_tree *records,
                      unsigned count, unsigned *ret_checked)
{
    struct store_scrub *scrub = &store->scrub;

    while (*ret_checked < count) {
        uint64_t locator = 0;
        MDB_val row;
        int rc = ses_env_tree_next(index, scrub->from, &locator, &row);

        if (rc == MDB_CORRUPTED) /* a page of the index: told by where it begins */
            found_damage(store, scrub->from);
        if (rc == MDB_CORRUPTED && locator > scrub->from) {
            scrub->from = locator;
            (*ret_checked)++;
            continue;
        }
        if (rc != 0)
            return MDB_NOTFOUND;
        check(store, records, locator, &row);
        scrub->from = locator + 1;
        (*ret_checked)++;
    }
    return 0;
}

/* One short transaction. False: this shard is done, or cannot be read now. */
static bool scrub_block(struct ses_lmdb *store, unsigned count, unsigned *ret_checked)
{
    struct env_tree index;
    struct env_tree records;
    struct ses_env *env;
    MDB_txn *txn;
    int rc;

    *ret_checked = 0;
    if (ses_lmdb_env(store, store->scrub.shard, &env) != SES_OK || ses_env_read_begin(env, &txn) != SES_OK)
        return false;
    rc = ses_env_tree_begin(&index, env, txn, ENV_INDEX);
    if (rc == 0)
        rc = ses_env_tree_begin(&records, env, txn, ENV_RECORDS);
    if (rc == 0)
        rc = check_some(store, &index, &records, count, ret_checked);
    ses_env_read_end(env);
    if (store->metrics != NULL)
        ses_count(store->metrics, SES_C_STORE_SCRUBBED, *ret_checked);
    return rc == 0;
}

/* The next shard of ours behind this one; false: there is none. */
static bool next_shard(struct ses_lmdb *store, unsigned from)
{
    struct store_scrub *scrub = &store->scrub;

    for (scrub->shard = from; scrub->shard < SES_STORE_SHARDS_MAX; scrub->shard++) {
        if (is_ours(store, scrub->shard)) {
            scrub->from = 1;
            return true;
        }
    }
    return false;
}

static void begin_pass(struct ses_lmdb *store, uint64_t now_ms)
{
    struct store_scrub *scrub = &store->scrub;

    if (scrub->ended_ms != 0 && now_ms - scrub->began_ms < STORE_SCRUB_PASS_MS)
        return;
    scrub->passing = next_shard(store, 0);
    scrub->began_ms = now_ms;
    scrub->damaged = 0;
}

static void end_pass(struct ses_lmdb *store, uint64_t now_ms)
{
    store->scrub.passing = false;
    store->scrub.ended_ms = now_ms;
    store->scrub.damaged_before = store->scrub.damaged;
}

/* While a pass runs, what the one before it found stands, unless this one has found more. */
static void tell(const struct ses_lmdb *store, uint64_t now_ms)
{
    const struct store_scrub *scrub = &store->scrub;
    uint64_t since_ms = scrub->ended_ms != 0 ? scrub->ended_ms : scrub->began_ms;

    if (store->metrics == NULL)
        return;
    ses_gauge_set(store->metrics, SES_C_STORE_SCRUB_SECONDS, (now_ms - since_ms) / 1000);
    ses_gauge_set(store->metrics, SES_C_STORE_SCRUB_DAMAGED,
                  scrub->damaged > scrub->damaged_before ? scrub->damaged : scrub->damaged_before);
}

void ses_lmdb_scrub(struct ses_store *base, uint64_t now_ms, uint64_t mono_ms)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct store_scrub *scrub = &store->scrub;
    uint64_t due = (mono_ms - scrub->looked_ms) * scrub->per_second / 1000;

    if (scrub->per_second == 0 || due == 0)
        return;
    scrub->looked_ms = mono_ms;
    due = due < STORE_SCRUB_SLICE_MAX ? due : STORE_SCRUB_SLICE_MAX;
    if (!scrub->passing)
        begin_pass(store, now_ms);
    while (due > 0 && scrub->passing) {
        unsigned checked;

        if (!scrub_block(store, due < SCRUB_BLOCK ? (unsigned)due : SCRUB_BLOCK, &checked) &&
            !next_shard(store, scrub->shard + 1))
            end_pass(store, now_ms);
        due -= checked;
    }
    tell(store, now_ms);
}
