/* What a dead writer left in the table.
 *
 * At any instant of its death each of its claims is in one of these states, and this is what becomes of it:
 *
 *   TENTATIVE, tag stored or not              freed
 *   CLAIMED, nothing committed                released: previous again, or freed
 *   CLAIMED, committed, not published         published: its record lies behind the shard's watermark
 *   CLAIMED, published in part (meta,         the same; publishing is idempotent
 *            previous written)
 *   CLAIMED, intent committed, noted or not   the intent is published
 *   DELETING, not committed                   the record is there: live again
 *   DELETING, committed                       the record is gone: freed
 *   any, tag already 0                        it was being freed: finished
 *
 * First the records behind the watermark are walked, oldest first, and each claim is pointed at the newest of
 * its own; then every entry that still names this shard is decided. Nobody else may touch these entries: the
 * shard's lock is held.
 */
#include "store_lmdb_impl.h"

struct settle {
    struct ses_table *table;
    struct ses_shard *shard;
    MDB_txn *txn;
    settle_env_fn read_env;
    void *arg;
};

/* What a claimed entry would become now: its intent, or what was published before. */
struct standing {
    bool known;
    uint64_t locator;
    struct record_row row;
};

static enum ses_status row_of_word(struct settle *s, uint64_t word, struct record_row *ret_row)
{
    enum ses_status status;
    struct ses_env *env;
    MDB_txn *txn;

    if (word_shard(word) == s->shard->number)
        return ses_env_row(s->shard->env, s->txn, word_low(word), ret_row);
    SES_TRY(s->read_env(s->arg, word_shard(word), &env));
    SES_TRY(ses_env_read_begin(env, &txn));
    status = ses_env_row(env, txn, word_low(word), ret_row);
    ses_env_read_end(env);
    return status;
}

/* An intent in meta stands before previous: it was committed after what previous names. */
static enum ses_status standing_of(struct settle *s, uint64_t slot, struct standing *ret_standing)
{
    uint64_t meta = atomic_load(table_meta(s->table, slot));
    uint64_t word = meta_is_intent(meta) ? meta : atomic_load(table_previous(s->table, slot));
    enum ses_status status;

    ret_standing->known = false;
    if (word == 0)
        return SES_OK;
    status = row_of_word(s, word, &ret_standing->row);
    if (status != SES_OK && status != SES_NOT_FOUND && status != SES_DATA_LOSS)
        return status;
    ret_standing->known = status == SES_OK; /* a record that cannot be read stands for nothing */
    ret_standing->locator = word_low(word);
    return SES_OK;
}

/* Points the claim at a record of its own: not published yet, so that the second pass finds all claims
 * alike. */
static void point_at(struct settle *s, uint64_t slot, uint64_t locator, const struct record_row *row)
{
    unsigned shard = s->shard->number;

    if (row->kind == SES_RECORD_INTENT) {
        ses_table_note_intent(s->table, slot, word_make(WORD_LIVE_INTENT, shard, locator));
        return;
    }
    ses_table_hand_over(s->table, slot, row->owner);
    atomic_store(table_meta(s->table, slot), meta_make(row->retain, row->revision));
    atomic_store(table_previous(s->table, slot), word_make(word_state_of(row->kind), shard, locator));
}

static enum ses_status settle_row(struct settle *s, uint64_t locator, const struct record_row *row)
{
    struct standing standing;
    struct table_entry entry;
    struct table_probe probe;

    ses_table_probe(s->table, &row->key, &probe);
    if (!ses_table_find(s->table, &probe, &entry))
        return SES_OK;
    if (word_state(entry.word) != WORD_CLAIMED || word_shard(entry.word) != s->shard->number)
        return SES_OK; /* published already, whoever has the key now */
    SES_TRY(standing_of(s, entry.slot, &standing));
    if (!standing.known || ses_record_row_beats(row, locator, &standing.row, standing.locator))
        point_at(s, entry.slot, locator, row);
    return SES_OK;
}

/* The records that may not have been published. */
static enum ses_status settle_tail(struct settle *s, uint64_t published)
{
    uint64_t from = published + 1;
    enum ses_status status = SES_OK;
    MDB_cursor *cursor;
    MDB_val value;
    MDB_val key = env_val(&from, sizeof(from));
    int rc = mdb_cursor_open(s->txn, s->shard->env->index, &cursor);

    if (rc != 0)
        return ses_env_status(rc);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && status == SES_OK) {
        uint64_t locator = env_locator(&key);
        struct record_row row;

        if (ses_env_row_of(s->shard->env, s->txn, locator, env_slice(&value), &row) == SES_OK)
            status = settle_row(s, locator, &row);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (status == SES_OK && rc != MDB_NOTFOUND)
        status = ses_env_status(rc);
    return status;
}

static enum ses_status settle_claimed(struct settle *s, uint64_t slot)
{
    uint64_t meta = atomic_load(table_meta(s->table, slot));
    struct record_row row;

    if (!meta_is_intent(meta)) {
        ses_table_release(s->table, s->shard->number, slot, meta);
        return SES_OK;
    }
    if (row_of_word(s, meta, &row) != SES_OK)
        return SES_DATA_LOSS;
    ses_table_hand_over(s->table, slot, row.owner);
    ses_table_publish(s->table, slot, meta, meta_make(row.retain, row.revision));
    return SES_OK;
}

static enum ses_status settle_deleting(struct settle *s, uint64_t slot)
{
    uint64_t previous = atomic_load(table_previous(s->table, slot));
    struct record_row row;
    enum ses_status status = row_of_word(s, previous, &row);

    if (status == SES_NOT_FOUND)
        ses_table_free_slot(s->table, s->shard->number, slot);
    else if (status == SES_OK || status == SES_DATA_LOSS)
        ses_table_release(s->table, s->shard->number, slot, atomic_load(table_meta(s->table, slot)));
    else
        return status;
    return SES_OK;
}

static enum ses_status settle_entry(struct settle *s, uint64_t slot, uint64_t word)
{
    enum word_state state = word_state(word);

    if (state == WORD_TENTATIVE || atomic_load(table_tag(s->table, slot)) == 0) {
        ses_table_free_slot(s->table, s->shard->number, slot);
        return SES_OK;
    }
    return state == WORD_CLAIMED ? settle_claimed(s, slot) : settle_deleting(s, slot);
}

/* Every entry of the table: 64 bytes in 256, 30 ms for a million sessions' table when it is not in the
 * cache. */
static enum ses_status settle_entries(struct settle *s)
{
    for (uint64_t slot = 0; slot < table_slots(s->table); slot++) {
        uint64_t word = atomic_load_explicit(table_word(s->table, slot), memory_order_acquire);

        if (word != 0 && !word_is_live(word) && word_shard(word) == s->shard->number)
            SES_TRY(settle_entry(s, slot, word));
    }
    return SES_OK;
}

enum ses_status ses_settle(struct ses_table *table, struct ses_shard *shard, settle_env_fn read_env,
                           void *arg)
{
    struct settle s = {.table = table, .shard = shard, .read_env = read_env, .arg = arg};
    _Atomic uint64_t *published = &table->shards[shard->number].published;
    enum ses_status status;

    SES_TRY(ses_env_read_begin(shard->env, &s.txn));
    status = settle_tail(&s, atomic_load(published));
    if (status == SES_OK)
        status = settle_entries(&s);
    ses_env_read_end(shard->env);
    if (status == SES_OK)
        atomic_store(published, shard->last_locator);
    return status;
}
