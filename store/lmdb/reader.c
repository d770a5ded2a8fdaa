/* Reading one record: table, then the shard, then proof that it is the right one. */
#include "store_lmdb_impl.h"

_Static_assert(STORE_DAMAGED_KEPT == 256, "eight bits of a hash");

enum ses_status ses_lmdb_env(struct ses_lmdb *store, unsigned shard, struct ses_env **ret_env)
{
    char path[SHARD_PATH_MAX];

    if (shard >= SES_STORE_SHARDS_MAX)
        return SES_DATA_LOSS;
    if (store->env[shard] == NULL) {
        SES_TRY(ses_shard_path(store->dir, shard, path));
        SES_TRY(ses_env_open(path, ENV_READ, store->map_bytes, 0, store->log, &store->env[shard]));
    }
    *ret_env = store->env[shard];
    return SES_OK;
}

/* The word through which key can be read now. SES_NOT_FOUND, SES_BUSY. */
static enum ses_status look_up(struct ses_lmdb *store, const struct ses_store_key *key,
                               struct ses_lmdb_ref *ret_ref, bool *ret_claimed)
{
    struct table_entry entry = {.slot = 0};
    struct table_probe probe;

    ses_table_probe(store->table, key, &probe);
    ses_table_prefetch(store->table, &probe);
    if (!ses_table_find(store->table, &probe, &entry) || word_state(entry.word) == WORD_DELETING)
        return SES_NOT_FOUND;
    *ret_claimed = !word_is_live(entry.word);
    if (*ret_claimed && !word_is_live(entry.previous))
        return SES_BUSY;
    ret_ref->driver[REF_SLOT] = entry.slot;
    ret_ref->driver[REF_WORD] = *ret_claimed ? entry.previous : entry.word;
    return SES_OK;
}

/* A record of another key: a second key with the same tag (its own row says so), or damage. */
static enum ses_status judge_foreign(struct ses_env *env, MDB_txn *txn, uint64_t locator,
                                     const struct ses_record *record)
{
    struct record_row row;

    if (ses_env_row(env, txn, locator, &row) != SES_OK)
        return SES_DATA_LOSS;
    return memcmp(&row.key, &record->key, sizeof(row.key)) == 0 ? SES_ABORTED : SES_DATA_LOSS;
}

/* The table knows 64 bits of the key: only the header's key, which the seal covers, proves whose record it
 * is. */
static enum ses_status read_in(struct ses_lmdb *store, struct ses_env *env, MDB_txn *txn, uint64_t locator,
                               const struct ses_store_key *key, struct ses_arena *arena,
                               struct ses_record *ret_record)
{
    struct ses_record record;
    MDB_val value;
    int rc = ses_env_get(env, txn, locator, &value);

    if (rc != 0)
        return ses_env_status(rc);
    SES_TRY(ses_record_decode(env_slice(&value), &record));
    if (memcmp(&record.key, key, sizeof(*key)) != 0)
        return judge_foreign(env, txn, locator, &record);
    return ses_record_open(&store->keys, &store->sealer, env_slice(&value), arena, ret_record);
}

static enum ses_status read_at(struct ses_lmdb *store, uint64_t word, const struct ses_store_key *key,
                               struct ses_arena *arena, struct ses_record *ret_record)
{
    enum ses_status status;
    struct ses_env *env;
    MDB_txn *txn;

    SES_TRY(ses_lmdb_env(store, word_shard(word), &env));
    SES_TRY(ses_env_read_begin(env, &txn));
    status = read_in(store, env, txn, word_low(word), key, arena, ret_record);
    ses_env_read_end(env);
    return status;
}

static bool has_moved(struct ses_lmdb *store, const struct ses_store_key *key, const struct ses_lmdb_ref *ref)
{
    struct ses_lmdb_ref now;
    bool claimed;

    return look_up(store, key, &now, &claimed) != SES_OK || now.driver[REF_SLOT] != ref->driver[REF_SLOT] ||
           now.driver[REF_WORD] != ref->driver[REF_WORD];
}

/* Counted and logged once, however often it is asked for: one line for each of 256 places, chosen by the top
 * bits of a multiplication (Knuth's, 2^64 over the golden ratio). A word that drives another one out is told
 * again when the other comes back, which costs a line. */
void ses_lmdb_tell_damaged(struct ses_lmdb *store, uint64_t word, const char *found_by)
{
    uint64_t *told = &store->damaged[word * UINT64_C(0x9e3779b97f4a7c15) >> 56];
    struct ses_log_line line;

    if (*told == word)
        return;
    *told = word;
    if (store->metrics != NULL)
        ses_count(store->metrics, SES_C_STORE_UNREADABLE, 1);
    if (store->log == NULL)
        return;
    ses_log_begin(store->log, SES_LOG_ERROR, "record_unreadable", &line);
    ses_log_u64(&line, "shard", word_shard(word));
    ses_log_u64(&line, "locator", word_low(word));
    ses_log_str(&line, "found_by", found_by);
    ses_log_str(&line, "hint",
                "its session is answered DATA_LOSS; stop sessiond and run 'sessiondctl store verify'");
    ses_log_end(&line);
}

enum ses_status ses_lmdb_get(struct ses_lmdb *store, const struct ses_store_key *key, struct ses_arena *arena,
                             struct ses_record *ret_record, struct ses_lmdb_ref *ret_ref, bool *ret_claimed)
{
    for (unsigned i = 0; i < STORE_GET_TRIES; i++) {
        struct ses_lmdb_ref ref;
        enum ses_status status;
        bool claimed;

        SES_TRY(look_up(store, key, &ref, &claimed));
        status = read_at(store, ref.driver[REF_WORD], key, arena, ret_record);
        if (status == SES_OK) {
            *ret_ref = ref;
            *ret_claimed = claimed;
            return SES_OK;
        }
        if (status != SES_NOT_FOUND && status != SES_DATA_LOSS && status != SES_ABORTED)
            return status;
        /* Appended again, expired or superseded while we looked? Then look again; else it is what it
         * seems. */
        if (has_moved(store, key, &ref))
            continue;
        if (status != SES_ABORTED)
            ses_lmdb_tell_damaged(store, ref.driver[REF_WORD], "call");
        return status == SES_NOT_FOUND ? SES_DATA_LOSS : status;
    }
    return SES_UNAVAILABLE;
}
