/* A commit behind the store's back. */
#include "settle_fixture.h"

void die(void)
{
    (void)kill(getpid(), SIGKILL);
}

void commit_unpublished(struct ses_lmdb *store, struct ses_claim *claim, const char *body,
                        enum ses_record_kind kind)
{
    struct ses_record record = record_of(body, UINT64_MAX);
    uint8_t bytes[200 + RECORD_EXTRA_BYTES];
    uint8_t row_bytes[RECORD_ROW_BYTES];
    uint64_t locator = ses_shard_next_locator(&store->shard, ses_clock_wall_ms(), 0);
    MDB_val key = env_val(&locator, sizeof(locator));
    MDB_val value = env_val(bytes, record.body.len + RECORD_EXTRA_BYTES);
    struct record_row row;
    MDB_txn *txn;

    record.key = claim->key;
    record.revision = claim->revision;
    record.kind = kind;
    ses_record_seal(&store->sealer, &record, bytes);
    ses_record_row_make(&record, (uint32_t)value.mv_size, &row);
    row.owner = claim->owner;
    ses_record_row_encode(&row, locator, row_bytes);
    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_put(txn, store->shard.env->records, &key, &value, MDB_APPEND), 0);
    value = env_val(row_bytes, sizeof(row_bytes));
    assert_int_equal(mdb_put(txn, store->shard.env->index, &key, &value, MDB_APPEND), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
}
