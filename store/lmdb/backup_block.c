/* A block is filled in a snapshot and written after it: nothing is held while the target takes its time. */
#include "backup_block.h"

#include <stdlib.h>

int ses_backup_source_begin(struct backup_source *source, struct ses_env *env, MDB_txn *snapshot)
{
    int rc = ses_env_tree_begin(&source->index, env, snapshot, ENV_INDEX);

    return rc == 0 ? ses_env_tree_begin(&source->records, env, snapshot, ENV_RECORDS) : rc;
}

struct backup_block *ses_backup_block_new(void)
{
    struct backup_block *block = malloc(sizeof(*block));

    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->count = 0;
    block->used = 0;
    block->lost = 0;
    return block;
}

void ses_backup_block_free(struct backup_block *block)
{
    while (block != NULL) {
        struct backup_block *next = block->next;

        free(block);
        block = next;
    }
}

/* False: it does not fit any more. */
static bool take(struct backup_block *block, uint64_t locator, const MDB_val *row, const MDB_val *record)
{
    struct backup_item *item = &block->item[block->count];

    if (block->used + record->mv_size > BACKUP_BLOCK_BYTES)
        return false;
    item->locator = locator;
    item->at = block->used;
    item->bytes = (uint32_t)record->mv_size;
    memcpy(item->row, row->mv_data, RECORD_ROW_BYTES);
    memcpy(block->bytes + block->used, record->mv_data, record->mv_size);
    block->used += record->mv_size;
    block->count++;
    return true;
}

int ses_backup_block_fill(struct backup_block *block, const struct backup_source *source, uint64_t *from)
{
    while (block->count < BACKUP_BLOCK_ROWS) {
        uint64_t locator;
        MDB_val record;
        MDB_val row;
        int rc = ses_env_tree_next(&source->index, *from, &locator, &row);

        if (rc != 0)
            return rc;
        if (row.mv_size != RECORD_ROW_BYTES || ses_env_tree_get(&source->records, locator, &record) != 0)
            block->lost++;
        else if (!take(block, locator, &row, &record))
            return 0;
        *from = locator + 1;
    }
    return 0;
}

static int put_all(const struct backup_block *block, struct ses_env *to, MDB_txn *txn)
{
    int rc = 0;

    for (unsigned i = 0; i < block->count && rc == 0; i++) {
        const struct backup_item *item = &block->item[i];
        MDB_val key = env_val(&item->locator, sizeof(item->locator));
        MDB_val record = env_val(block->bytes + item->at, item->bytes);
        MDB_val row = env_val(item->row, sizeof(item->row));

        rc = mdb_put(txn, to->records, &key, &record, MDB_APPEND);
        if (rc == 0)
            rc = mdb_put(txn, to->index, &key, &row, MDB_APPEND);
    }
    return rc;
}

int ses_backup_block_write(const struct backup_block *block, struct ses_env *to)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(to->mdb, NULL, 0, &txn);

    if (rc != 0)
        return rc;
    rc = put_all(block, to, txn);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}
