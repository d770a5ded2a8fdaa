/* backup_block.h - records on their way from one shard to its copy, in memory: while they are read a snapshot
 * is held, while they are written none is. */
#ifndef SESSIOND_STORE_BACKUP_BLOCK_H
#define SESSIOND_STORE_BACKUP_BLOCK_H

#include <sessiond/base/units.h>

#include "env_tree.h"

#define BACKUP_BLOCK_BYTES (4 * SES_MIB)
#define BACKUP_BLOCK_ROWS  4096

_Static_assert(BACKUP_BLOCK_BYTES >= RECORD_BYTES_MAX, "any record fits");

/* What is read from: the trees of one shard's snapshot. */
struct backup_source {
    struct env_tree index;
    struct env_tree records;
};

struct backup_item {
    uint64_t locator;
    size_t at; /* of the record's bytes */
    uint32_t bytes;
    uint8_t row[RECORD_ROW_BYTES];
};

struct backup_block {
    struct backup_block *next;
    unsigned count;
    size_t used;
    unsigned lost; /* rows passed whose records cannot be read; a row alone helps nobody */
    struct backup_item item[BACKUP_BLOCK_ROWS];
    uint8_t bytes[BACKUP_BLOCK_BYTES];
};

/* [backup, in a read transaction] An LMDB code. */
int ses_backup_source_begin(struct backup_source *source, struct ses_env *env, MDB_txn *snapshot);
/* NULL: no memory. */
struct backup_block *ses_backup_block_new(void);
/* Of a chain. */
void ses_backup_block_free(struct backup_block *block);
/* Takes what lies from *from on, and moves it behind. 0: the block is full; MDB_NOTFOUND: nothing lies
 * behind. MDB_CORRUPTED: the index is damaged, nobody can tell what is behind. */
int ses_backup_block_fill(struct backup_block *block, const struct backup_source *source, uint64_t *from);
/* Appends its records to a copy, in one transaction. An LMDB code. */
int ses_backup_block_write(const struct backup_block *block, struct ses_env *to);

#endif
