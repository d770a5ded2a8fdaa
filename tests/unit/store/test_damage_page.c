/* Garbage pages of records, made by construction: each kind that LMDB would answer in another way. One page
 * costs the records on it, and nothing else: not the transaction, not what lies beside it. */
#include "gc_fixture.h"

#include <fcntl.h>

#include "env_check.h"
#include "garbage_page.h"
#include "env_tree.h"

#define FEW  400
#define MANY 6000 /* more leaves than a branch page has room for */
#define BODY                                                                                                 \
    "a body that is long enough to fill some pages, so that there are branch pages too: 0123456789abcdef"

/* One page of the shard's file, as it was before it was damaged. */
struct hurt {
    uint64_t number;
    uint8_t before[PAGE_BYTES];
};

/* ---- which page, and what is on it ---- */

static int open_data(const struct rig *rig)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static uint64_t page_number_of(struct ses_env *env, const char *name, uint64_t locator)
{
    struct env_tree tree;
    MDB_val value;
    MDB_txn *txn;
    uint64_t number;

    assert_ok(ses_env_read_begin(env, &txn));
    assert_int_equal(ses_env_tree_begin(&tree, env, txn, name), 0);
    assert_int_equal(ses_env_tree_get(&tree, locator, &value), 0);
    number = (uint64_t)((const uint8_t *)value.mv_data - tree.map) / tree.page_bytes;
    ses_env_read_end(env);
    return number;
}

static void hurt_page(struct rig *rig, struct hurt *hurt, uint64_t number, garbage_fn *garbage)
{
    uint8_t page[PAGE_BYTES];
    int fd = open_data(rig);

    hurt->number = number;
    assert_int_equal(pread(fd, hurt->before, PAGE_BYTES, (off_t)number * PAGE_BYTES), PAGE_BYTES);
    memcpy(page, hurt->before, PAGE_BYTES);
    garbage(page, number);
    assert_int_equal(pwrite(fd, page, PAGE_BYTES, (off_t)number * PAGE_BYTES), PAGE_BYTES);
    (void)close(fd);
}

static void heal_page(struct rig *rig, const struct hurt *hurt)
{
    int fd = open_data(rig);

    assert_int_equal(pwrite(fd, hurt->before, PAGE_BYTES, (off_t)hurt->number * PAGE_BYTES), PAGE_BYTES);
    (void)close(fd);
}

/* Entries of the trees of records and of the index. */
static void count_entries(struct ses_env *env, size_t *ret_records, size_t *ret_rows)
{
    MDB_stat stat;
    MDB_txn *txn;

    assert_ok(ses_env_read_begin(env, &txn));
    assert_int_equal(mdb_stat(txn, env->records, &stat), 0);
    *ret_records = stat.ms_entries;
    assert_int_equal(mdb_stat(txn, env->index, &stat), 0);
    *ret_rows = stat.ms_entries;
    ses_env_read_end(env);
}

/* ---- reading ---- */

static void test_each_kind_costs_its_page(void **state)
{
    struct rig *rig = *state;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    rig_fill(rig, FEW, BODY);
    for (size_t i = 0; i < GARBAGE_KINDS; i++) {
        struct ses_lmdb *store = rig_open(rig, 0);
        struct hurt hurt;

        hurt_page(rig, &hurt, page_number_of(store->shard.env, ENV_RECORDS, locator_of(rig, store, 0)),
                  garbage_kinds[i]);
        for (unsigned again = 0; again < 2; again++)
            assert_int_equal(get(rig, store, 0, &record, &ref, &claimed), SES_DATA_LOSS);
        assert_stored(rig, store, FEW - 1, BODY, 1);
        assert_true(collect_keeps(store, ses_clock_wall_ms() + HOUR_MS, FEW + i));
        create(rig, store, 1000 + i, "still writing");
        heal_page(rig, &hurt);
        assert_stored(rig, store, 0, BODY, 1);
        ses_lmdb_close(store);
    }
}

static void test_snapshot_outlives_a_damaged_page(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t damaged;
    uint64_t sound;

    rig_fill(rig, FEW, BODY);
    store = rig_open(rig, 0);
    damaged = locator_of(rig, store, 0);
    sound = locator_of(rig, store, FEW - 1);
    for (size_t i = 0; i < GARBAGE_KINDS; i++) {
        struct ses_env *env = store->shard.env;
        struct record_row row;
        struct hurt hurt;
        MDB_val value;
        MDB_txn *txn;

        hurt_page(rig, &hurt, page_number_of(env, ENV_RECORDS, damaged), garbage_kinds[i]);
        assert_ok(ses_env_read_begin(env, &txn));
        assert_int_equal(ses_env_get(env, txn, damaged, &value), MDB_CORRUPTED);
        assert_int_equal(ses_env_get(env, txn, sound, &value), 0);
        assert_ok(ses_env_row(env, txn, damaged, &row));
        ses_env_read_end(env);
        heal_page(rig, &hurt);
    }
    ses_lmdb_close(store);
}

/* A look-up of every locator, of those between them, and of what is behind, as LMDB sees them. */
static void test_reads_what_lmdb_reads(void **state)
{
    struct rig *rig = *state;
    struct env_tree tree;
    struct ses_lmdb *store;
    struct ses_env *env;
    uint64_t from = 1;
    size_t count = 0;
    MDB_val value;
    MDB_txn *txn;

    rig_fill(rig, MANY, BODY);
    store = rig_open(rig, 0);
    create(rig, store, MANY, "");
    env = store->shard.env;
    assert_ok(ses_env_read_begin(env, &txn));
    assert_int_equal(ses_env_tree_begin(&tree, env, txn, ENV_RECORDS), 0);
    assert_true(tree.depth >= 3);
    for (;;) {
        MDB_val expected;
        MDB_val key;
        uint64_t locator;
        int rc = ses_env_tree_next(&tree, from, &locator, &value);

        if (rc == MDB_NOTFOUND)
            break;
        assert_int_equal(rc, 0);
        key = env_val(&locator, sizeof(locator));
        assert_int_equal(mdb_get(txn, env->records, &key, &expected), 0);
        assert_ptr_equal(value.mv_data, expected.mv_data);
        assert_int_equal(value.mv_size, expected.mv_size);
        assert_int_equal(ses_env_tree_get(&tree, locator, &value), 0);
        assert_ptr_equal(value.mv_data, expected.mv_data);
        assert_int_equal(ses_env_tree_way(&tree, locator), ENV_WAY_CLEAR);
        from = locator + 1;
        count++;
    }
    assert_int_equal(count, MANY + 1);
    assert_int_equal(ses_env_tree_get(&tree, from, &value), MDB_NOTFOUND);
    assert_int_equal(ses_env_tree_get(&tree, 1, &value), MDB_NOTFOUND);
    ses_env_read_end(env);
    ses_lmdb_close(store);
}

/* ---- collection ---- */

/* Many that are over in ten minutes, and a last one that stays. */
static struct ses_lmdb *open_full(struct rig *rig, uint64_t locators[MANY])
{
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of(BODY, ses_clock_wall_ms() + 60000);
    struct wait_one wait = {.calls = 0};

    for (uint64_t i = 0; i < MANY; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
    create_until(rig, store, MANY, UINT64_MAX);
    for (uint64_t i = 0; i < MANY; i++)
        locators[i] = locator_of(rig, store, i);
    return store;
}

/* What lies before and behind the damaged page goes, with row and record; on it the rows go; what is beside
 * it stays with both, kept leaves of it, until the page is whole again. at: the record whose page is damaged.
 */
static void collect_around(struct rig *rig, uint64_t at, garbage_fn *garbage, size_t kept)
{
    static uint64_t locators[MANY];
    struct ses_lmdb *store = open_full(rig, locators);
    struct ses_env *env = store->shard.env;
    const char *reason = "";
    struct hurt hurt;
    size_t records;
    size_t rows;
    size_t a_leaf;
    char path[128];

    hurt_page(rig, &hurt, page_number_of(env, ENV_RECORDS, locators[at]), garbage);
    a_leaf = page_nodes(hurt.before);
    WAIT_DOING(collect_begin(store, LATER),
               (count_entries(env, &records, &rows), rows <= 1 + kept * (a_leaf + 1)));
    (void)collect_keeps(store, LATER, 0);
    count_entries(env, &records, &rows);
    assert_true(rows >= 1 + kept * a_leaf / 4);
    assert_int_equal(records - rows, a_leaf);
    create(rig, store, MANY + 1, "still writing");
    heal_page(rig, &hurt);
    WAIT_DOING(collect_begin(store, LATER), (count_entries(env, &records, &rows), rows == 2));
    assert_int_equal(records - rows, a_leaf);
    assert_stored(rig, store, MANY, "short-lived", 1);
    ses_lmdb_close(store);
    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    assert_ok(ses_env_check_pages(path, ENV_CHECK_ALL, &reason));
    assert_null(reason);
}

static void test_collection_beside_a_loop(void **state)
{
    collect_around(*state, MANY / 3, lead_to_itself, 2);
}

static void test_collection_beside_a_way_out(void **state)
{
    collect_around(*state, MANY / 3, lead_beyond_the_end, 2);
}

static void test_collection_beside_noise(void **state)
{
    collect_around(*state, MANY / 3, be_noise, 2);
}

/* Looks like a leaf, and LMDB would take entries from it. */
static void test_collection_beside_entries_outside(void **state)
{
    collect_around(*state, MANY / 3, have_entries_outside, 2);
}

static void test_collection_behind_the_first_page(void **state)
{
    collect_around(*state, 0, be_noise, 1);
}

/* The first locator below the root's second entry. */
static uint64_t begin_of_second_branch(struct ses_env *env)
{
    struct env_tree tree;
    MDB_txn *txn;
    uint64_t begin;

    assert_ok(ses_env_read_begin(env, &txn));
    assert_int_equal(ses_env_tree_begin(&tree, env, txn, ENV_RECORDS), 0);
    assert_true(tree.depth >= 3);
    begin = page_u64(ses_page_node(tree.map + tree.root * tree.page_bytes, tree.page_bytes, 1) + PAGE_NODE);
    ses_env_read_end(env);
    return begin;
}

/* LMDB reads the first leaf of a branch page that it merges: the leaves before it keep what they have. */
static void test_collection_before_a_branch_that_begins_with_damage(void **state)
{
    static uint64_t locators[MANY];
    struct rig *rig = *state;
    struct ses_lmdb *store = open_full(rig, locators);
    struct ses_env *env = store->shard.env;
    uint64_t begin = begin_of_second_branch(env);
    size_t before = 0;
    struct hurt hurt;
    size_t records;
    size_t rows;

    while (locators[before] < begin)
        before++;
    hurt_page(rig, &hurt, page_number_of(env, ENV_RECORDS, begin), be_noise);
    WAIT_DOING(collect_begin(store, LATER),
               (count_entries(env, &records, &rows), rows <= before + 3 * page_nodes(hurt.before)));
    assert_true(rows >= before);
    heal_page(rig, &hurt);
    WAIT_DOING(collect_begin(store, LATER), (count_entries(env, &records, &rows), rows == 1));
    ses_lmdb_close(store);
}

/* ---- copying and scanning ---- */

static bool count_row(void *arg, const struct ses_scan_row *row)
{
    size_t *counts = arg;

    counts[row->opened == SES_OK ? 0 : 1]++;
    return true;
}

static void test_copies_step_over_it(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t locator;

    rig_fill(rig, FEW, BODY);
    store = rig_open(rig, 0);
    locator = locator_of(rig, store, FEW / 2);
    for (size_t i = 0; i < GARBAGE_KINDS; i++) {
        struct ses_backup_report report;
        size_t counts[2] = {0, 0};
        struct hurt hurt;
        char target[128];

        (void)snprintf(target, sizeof(target), "%s/backup-%zu", rig->dir, i);
        assert_int_equal(mkdir(target, 0700), 0);
        hurt_page(rig, &hurt, page_number_of(store->shard.env, ENV_RECORDS, locator), garbage_kinds[i]);
        assert_ok(ses_store_backup(rig->dir, target, NULL, &report));
        assert_int_equal(report.lost, page_nodes(hurt.before));
        assert_int_equal(report.copied + report.lost, FEW);
        assert_int_equal(ses_store_scan(rig->dir, &rig->seal_key, 1, count_row, counts), SES_DATA_LOSS);
        assert_int_equal(counts[0] + page_nodes(hurt.before), FEW);
        heal_page(rig, &hurt);
        counts[0] = counts[1] = 0;
        assert_ok(ses_store_scan(target, &rig->seal_key, 1, count_row, counts));
        assert_int_equal(counts[0], report.copied);
        assert_int_equal(counts[1], 0);
    }
    ses_lmdb_close(store);
}

/* How many sessions a page of the index hides nobody can tell: that is no backup. */
static void test_damaged_index_is_not_copied(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t locator;

    rig_fill(rig, FEW, BODY);
    store = rig_open(rig, 0);
    locator = locator_of(rig, store, FEW / 2);
    for (size_t i = 0; i < GARBAGE_KINDS; i++) {
        struct ses_backup_report report;
        struct hurt hurt;
        char target[128];

        (void)snprintf(target, sizeof(target), "%s/backup-%zu", rig->dir, i);
        assert_int_equal(mkdir(target, 0700), 0);
        hurt_page(rig, &hurt, page_number_of(store->shard.env, ENV_INDEX, locator), garbage_kinds[i]);
        assert_int_equal(ses_store_backup(rig->dir, target, NULL, &report), SES_DATA_LOSS);
        heal_page(rig, &hurt);
    }
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_kind_costs_its_page, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_snapshot_outlives_a_damaged_page, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_reads_what_lmdb_reads, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_beside_a_loop, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_beside_a_way_out, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_beside_noise, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_beside_entries_outside, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_behind_the_first_page, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_before_a_branch_that_begins_with_damage, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_copies_step_over_it, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_index_is_not_copied, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
