#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>

#include <sessiond/base/status.h>

#define RECORD_BYTES 304 /* an ordinary record, sealed */

struct bed {
    MDB_env *env;
    MDB_dbi dbi;
    unsigned batch;
    uint64_t next;
};

static void put(struct bed *bed, unsigned count)
{
    static uint8_t record[RECORD_BYTES];
    MDB_txn *txn;

    SES_REQUIRE(mdb_txn_begin(bed->env, NULL, 0, &txn) == 0);
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = bed->next++;
        MDB_val key = {sizeof(number), &number}, value = {sizeof(record), record};

        SES_REQUIRE(mdb_put(txn, bed->dbi, &key, &value, MDB_APPEND) == 0);
    }
    SES_REQUIRE(mdb_txn_commit(txn) == 0);
}

/* times puts, batch a transaction. */
static void put_batches(void *arg, unsigned times)
{
    struct bed *bed = arg;

    for (unsigned left = times; left > 0;) {
        unsigned count = left < bed->batch ? left : bed->batch;

        put(bed, count);
        left -= count;
    }
}

static void get(void *arg, unsigned times)
{
    struct bed *bed = arg;
    MDB_txn *txn;

    SES_REQUIRE(mdb_txn_begin(bed->env, NULL, MDB_RDONLY, &txn) == 0);
    for (unsigned i = 0; i < times; i++) {
        uint64_t number = (uint64_t)i * 7919 % bed->next;
        MDB_val key = {sizeof(number), &number}, value;

        SES_REQUIRE(mdb_get(txn, bed->dbi, &key, &value) == 0);
    }
    mdb_txn_abort(txn);
}

static void open_bed(struct bed *bed, const char *dir, unsigned flags, unsigned batch)
{
    MDB_txn *txn;

    *bed = (struct bed){.batch = batch};
    SES_REQUIRE(mdb_env_create(&bed->env) == 0 && mdb_env_set_mapsize(bed->env, (size_t)1 << 36) == 0);
    SES_REQUIRE(mdb_env_open(bed->env, dir, flags, 0600) == 0);
    SES_REQUIRE(mdb_txn_begin(bed->env, NULL, 0, &txn) == 0);
    SES_REQUIRE(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &bed->dbi) == 0);
    SES_REQUIRE(mdb_drop(txn, bed->dbi, 0) == 0);
    SES_REQUIRE(mdb_txn_commit(txn) == 0);
}

void micro_lmdb(void)
{
    static const unsigned batches[] = {1, 16, 64, 256};
    char dir[] = "./sessiond-micro-XXXXXX", path[64], name[64];
    struct bed bed;

    SES_REQUIRE(mkdtemp(dir) != NULL);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        open_bed(&bed, dir, 0, batches[i]);
        (void)snprintf(name, sizeof(name), "LMDB: put of 304 bytes, %u a synced commit", batches[i]);
        micro_measure(name, put_batches, &bed);
        mdb_env_close(bed.env);
    }
    open_bed(&bed, dir, MDB_NOSYNC, 64);
    micro_measure("LMDB: the same, 64 a commit, not synced", put_batches, &bed);
    micro_measure("LMDB: get", get, &bed);
    mdb_env_close(bed.env);
    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/lock.mdb", dir);
    (void)unlink(path);
    (void)rmdir(dir);
}
