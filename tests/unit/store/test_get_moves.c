/* A record that is somewhere else at each look, as under a collector that moves without end. This program's
 * mdb_txn_renew stands before LMDB's: a get begins each try with it, between the look at the table and the
 * look at the shard. */
#include "driver_fixture.h"

#include <dlfcn.h>

#include "version.h"

/* What lies where nothing is. */
#define NOWHERE 1000u

static struct mover {
    struct ses_table *table; /* NULL: nobody moves */
    uint64_t slot;
    uint64_t word;  /* where the record is */
    unsigned moves; /* that are still to come; the last one is to where it is */
    unsigned tries;
} mover;

static void move(void)
{
    if (mover.table == NULL)
        return;
    mover.tries++;
    if (mover.moves == 0)
        return;
    mover.moves--;
    atomic_store(table_word(mover.table, mover.slot),
                 mover.moves == 0 ? mover.word : word_make(WORD_LIVE, 0, NOWHERE + mover.moves));
}

/* POSIX gives dlsym no type for functions. */
int mdb_txn_renew(MDB_txn *txn)
{
    void *found = dlsym(RTLD_NEXT, "mdb_txn_renew");
    int (*real)(MDB_txn *);

    memcpy(&real, &found, sizeof(real));
    move();
    return real(txn);
}

/* The record of key 1, which a get finds after moves. */
static struct ses_lmdb *open_moving(struct rig *rig, unsigned moves)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_version version;

    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "body", 1));
    version = version_at(rig, store, 1); /* the first read of an environment begins, the next ones renew */
    mover = (struct mover){
        .table = rig->table, .slot = version.driver[VERSION_SLOT], .word = version.driver[VERSION_WORD]};
    mover.moves = moves;
    atomic_store(table_word(mover.table, mover.slot), word_make(WORD_LIVE, 0, NOWHERE));
    return store;
}

static int teardown(void **state)
{
    mover = (struct mover){.table = NULL};
    return rig_teardown(state);
}

static void test_it_is_followed(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_moving(rig, STORE_GET_TRIES - 1);

    assert_seen(rig, store, 1, SES_RECORD_SESSION, "body", 1, false);
    assert_int_equal(mover.tries, STORE_GET_TRIES);
    ses_store_close(&store->base);
}

/* Not for ever; and nobody calls it damage. */
static void test_a_get_gives_up(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_moving(rig, STORE_GET_TRIES);
    struct call call;

    assert_int_equal(look(rig, store, 1, &call), SES_UNAVAILABLE);
    assert_int_equal(mover.tries, STORE_GET_TRIES);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_UNREADABLE]), 0);
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "body", 1, false);
    ses_store_close(&store->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_is_followed, rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_get_gives_up, rig_setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
