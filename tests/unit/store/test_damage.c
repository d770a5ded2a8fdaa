/* Files that rotted, were cut, exchanged or removed. Never a crash, never a silent loss. */
#include "store_fixture.h"

#include <fcntl.h>

#include "env_check.h"
#include "page.h"
#include "store_lmdb_impl.h"

#define SESSIONS 400
#define BODY                                                                                                 \
    "a body that is long enough to fill some pages, so that there are branch pages too: 0123456789abcdef"

static const char *data_path(struct rig *rig)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    return path;
}

static void fill_shard(struct rig *rig)
{
    rig_fill(rig, SESSIONS, BODY);
}

static bool count_row(void *arg, const struct ses_scan_row *row)
{
    unsigned *counts = arg;

    counts[row->opened == SES_OK ? 0 : 1]++;
    return true;
}

static enum ses_status scan(struct rig *rig, unsigned counts[2])
{
    counts[0] = counts[1] = 0;
    return ses_store_scan(rig->dir, &rig->seal_key, 1, count_row, counts);
}

static void test_whole(void **state)
{
    struct rig *rig = *state;
    const char *reason = "";
    unsigned counts[2];
    uint64_t sessions;

    fill_shard(rig);
    assert_ok(ses_env_check_pages(data_path(rig), ENV_CHECK_ALL, &reason));
    assert_null(reason);
    assert_ok(scan(rig, counts));
    assert_int_equal(counts[0], SESSIONS);
    assert_int_equal(counts[1], 0);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
}

static void test_truncated(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    unsigned counts[2];
    uint64_t sessions;
    char text[2048] = "";
    char path[128];
    int fd;

    fill_shard(rig);
    for (off_t bytes = 20 * 4096; bytes > 0; bytes = bytes > 4096 ? bytes / 2 : bytes - 1365) {
        assert_int_equal(truncate(data_path(rig), bytes), 0);
        assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
        assert_int_equal(scan(rig, counts), SES_DATA_LOSS);
        rig->options.shard = 0;
        assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
    }
    (void)snprintf(path, sizeof(path), "%s/log", rig->dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ses_log_init(&rig->log, fd, SES_LOG_INFO, "test");
    rig->options.log = &rig->log;
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, "store_damaged")); /* which file, and what to do */
    assert_non_null(strstr(text, "/000"));
    assert_non_null(strstr(text, "backup"));
    (void)close(fd);
    rig->log.fd = -1;
}

static void test_removed_or_emptied(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;

    fill_shard(rig);
    assert_int_equal(truncate(data_path(rig), 0), 0);
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
    assert_int_equal(unlink(data_path(rig)), 0);
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
}

static void test_not_lmdb(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;
    uint8_t noise[8192];
    int fd;

    fill_shard(rig);
    ses_random_bytes(noise, sizeof(noise));
    fd = open(data_path(rig), O_RDWR);
    assert_int_equal(pwrite(fd, noise, sizeof(noise), 0), sizeof(noise));
    (void)close(fd);
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
}

static void test_other_format(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint32_t version = SHARD_FORMAT_VERSION + 1;
    MDB_val key = env_val("format", 6);
    MDB_val value = env_val(&version, sizeof(version));
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    ses_lmdb_close(store);
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
}

/* Changes bytes of one record or row in place. */
static void overwrite(struct rig *rig, uint64_t locator, bool index, size_t at, uint8_t flip)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    MDB_dbi dbi = index ? store->shard.env->index : store->shard.env->records;
    MDB_val key = env_val(&locator, sizeof(locator));
    uint8_t bytes[4096];
    MDB_val value;
    MDB_txn *txn;

    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
    assert_true(at < value.mv_size && value.mv_size <= sizeof(bytes));
    memcpy(bytes, value.mv_data, value.mv_size);
    bytes[at] ^= flip;
    value.mv_data = bytes;
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    ses_lmdb_close(store);
}

static uint64_t locator_of(struct rig *rig, uint64_t number)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    ses_lmdb_close(store);
    return word_low(ref.driver[REF_WORD]);
}

static void test_rot_costs_one_session(void **state)
{
    struct rig *rig = *state;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_lmdb *store;
    unsigned counts[2];
    bool claimed;

    fill_shard(rig);
    overwrite(rig, locator_of(rig, 5), false, RECORD_BODY_AT + 3, 1); /* ciphertext */
    overwrite(rig, locator_of(rig, 6), false, 16, 1);                 /* key in the plain header */
    overwrite(rig, locator_of(rig, 7), false, 4, 1);                  /* revision */
    store = rig_open(rig, 0);
    for (uint64_t i = 5; i <= 7; i++)
        assert_int_equal(get(rig, store, i, &record, &ref, &claimed), SES_DATA_LOSS);
    assert_stored(rig, store, 4, BODY, 1);
    assert_stored(rig, store, 8, BODY, 1);
    ses_lmdb_close(store);
    assert_ok(scan(rig, counts));
    assert_int_equal(counts[0], SESSIONS - 3);
    assert_int_equal(counts[1], 3);
}

static void test_swapped_records(void **state)
{
    struct rig *rig = *state;
    uint64_t locators[2];
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_lmdb *store;
    uint8_t bytes[2][4096];
    MDB_val values[2];
    MDB_txn *txn;
    bool claimed;

    fill_shard(rig);
    locators[0] = locator_of(rig, 1);
    locators[1] = locator_of(rig, 2);
    store = rig_open(rig, 0);
    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    for (unsigned i = 0; i < 2; i++) {
        MDB_val key = env_val(&locators[i], sizeof(locators[i]));

        assert_int_equal(mdb_get(txn, store->shard.env->records, &key, &values[i]), 0);
        memcpy(bytes[i], values[i].mv_data, values[i].mv_size);
    }
    for (unsigned i = 0; i < 2; i++) {
        MDB_val key = env_val(&locators[i], sizeof(locators[i]));
        MDB_val value = env_val(bytes[1 - i], values[1 - i].mv_size);

        assert_int_equal(mdb_put(txn, store->shard.env->records, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(get(rig, store, 1, &record, &ref, &claimed), SES_DATA_LOSS);
    assert_int_equal(get(rig, store, 2, &record, &ref, &claimed), SES_DATA_LOSS);
    assert_stored(rig, store, 3, BODY, 1);
    ses_lmdb_close(store);
}

/* Two keys with the same first eight bytes and a common bucket: the second is refused, the first is served.
 */
static void test_tag_collision(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key first = key_of(1);
    struct ses_store_key second = first;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    second.bytes[31] ^= 1; /* the lowest bits of a part move no bucket */
    second.bytes[24] ^= 1;
    create(rig, store, 1, "first");
    assert_int_equal(ses_claim_new(store, &second, SES_OWNER_NOBODY, &claim), SES_ALREADY_EXISTS);
    assert_int_equal(ses_lmdb_get(store, &second, &rig->arena, &record, &ref, &claimed), SES_ABORTED);
    assert_stored(rig, store, 1, "first", 1);
    ses_lmdb_close(store);
}

static void test_rotten_row_is_replaced_by_the_header(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;

    fill_shard(rig);
    overwrite(rig, locator_of(rig, 9), true, 3, 0x40);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 9, BODY, 1);
    ses_lmdb_close(store);
}

static void test_rotten_row_and_record(void **state)
{
    struct rig *rig = *state;
    uint64_t sessions;
    uint64_t locator;

    fill_shard(rig);
    locator = locator_of(rig, 9);
    overwrite(rig, locator, true, 3, 0x40);
    overwrite(rig, locator, false, 0, 0x40); /* the record's version: whose it was nobody knows */
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
}

/* A missing record behind a live entry is loss, not absence. */
static void test_vanished_record(void **state)
{
    struct rig *rig = *state;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_lmdb *store;
    uint64_t locator;
    MDB_txn *txn;
    MDB_val key;
    bool claimed;

    fill_shard(rig);
    locator = locator_of(rig, 3);
    key = env_val(&locator, sizeof(locator));
    store = rig_open(rig, 0);
    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_del(txn, store->shard.env->records, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(get(rig, store, 3, &record, &ref, &claimed), SES_DATA_LOSS);
    ses_lmdb_close(store);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[1 << 20];
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT, 0600);
    off_t at = 0;
    ssize_t n;

    while ((n = pread(in, bytes, sizeof(bytes), at)) > 0) {
        assert_int_equal(pwrite(out, bytes, (size_t)n, at), n);
        at += n;
    }
    assert_int_equal(ftruncate(out, at), 0);
    (void)close(in);
    (void)close(out);
}

/* Noise in any one page: the load ends with DATA_LOSS or with all sessions (the page was free, or one of
 * records). */
static void test_noise_in_each_page(void **state)
{
    struct rig *rig = *state;
    unsigned refused = 0;
    off_t pages;
    MDB_envinfo info;
    struct ses_lmdb *store;
    uint8_t noise[4096];
    char kept[128];
    int fd;

    fill_shard(rig);
    store = rig_open(rig, 0);
    assert_int_equal(mdb_env_info(store->shard.env->mdb, &info), 0);
    ses_lmdb_close(store);
    pages = (off_t)info.me_last_pgno + 1;
    assert_true(pages > 20);
    (void)snprintf(kept, sizeof(kept), "%s/kept", rig->dir);
    copy_file(data_path(rig), kept);
    ses_random_bytes(noise, sizeof(noise));
    fd = open(data_path(rig), O_RDWR);
    for (off_t page = 2; page < pages; page++) {
        uint8_t before[4096];
        enum ses_status writable;
        const char *reason = NULL;
        enum ses_status status;
        unsigned counts[2];
        uint64_t sessions;

        assert_int_equal(pread(fd, before, sizeof(before), page * 4096), sizeof(before));
        assert_int_equal(pwrite(fd, noise, sizeof(noise), page * 4096), sizeof(noise));
        assert_ok(ses_env_check_pages(data_path(rig), ENV_CHECK_ALL, &reason));
        status = rig_load(rig, &sessions);
        refused += status == SES_DATA_LOSS;
        assert_true(status == SES_DATA_LOSS || (status == SES_OK && sessions == SESSIONS));
        assert_int_equal(scan(rig, counts) == SES_DATA_LOSS, reason != NULL);
        assert_true(reason != NULL || status == SES_OK);
        rig->options.shard = 0; /* a writer may open it, if nothing that it relies on is hurt */
        writable = rig_try_open(rig, &store);
        assert_true(writable == SES_DATA_LOSS || writable == SES_OK);
        if (writable == SES_OK) {
            ses_lmdb_close(store);
            copy_file(kept, data_path(rig));
        }
        assert_int_equal(pwrite(fd, before, sizeof(before), page * 4096), sizeof(before));
    }
    (void)close(fd);
    assert_in_range(refused, 5, (unsigned)pages / 2); /* the index and the branch pages */
}

#define LARGE (768 * 4096)

/* Two transactions: one writes a value of so many pages, the next one frees them all. */
static void free_many_pages(struct rig *rig)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    MDB_val key = env_val("large", 5);
    MDB_val value = env_val(calloc(1, LARGE), LARGE);
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    free(value.mv_data);
    ses_lmdb_close(store);
}

/* The page on which a long list of free pages begins. */
static uint64_t find_long_list(int fd)
{
    uint8_t page[4096];

    for (uint64_t i = 2; pread(fd, page, sizeof(page), (off_t)(i * 4096)) == sizeof(page); i++) {
        if (page_u64(page) == i && page_u16(page + 10) == PAGE_OVERFLOW &&
            page_u64(page + PAGE_HEADER) > 700 && page_u64(page + PAGE_HEADER) < 1000)
            return i;
    }
    fail();
    return 0;
}

static bool is_whole(struct rig *rig)
{
    const char *reason = NULL;

    assert_ok(ses_env_check_pages(data_path(rig), ENV_CHECK_ALL, &reason));
    return reason == NULL;
}

/* A list that does not fit its leaf is read too: one wrong number, and LMDB would overwrite a live page. */
static void test_a_long_free_list(void **state)
{
    static const size_t places[] = {0,    10,   PAGE_HEADER, PAGE_HEADER + 8, PAGE_HEADER + 8 * 400,
                                    4096, 5000, 6000}; /* head, length, numbers on both pages */
    struct rig *rig = *state;
    uint8_t before, after;
    off_t list;
    int fd;

    fill_shard(rig);
    free_many_pages(rig);
    assert_true(is_whole(rig));
    fd = open(data_path(rig), O_RDWR);
    list = (off_t)find_long_list(fd) * 4096;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        assert_int_equal(pread(fd, &before, 1, list + (off_t)places[i] + 1), 1);
        after = before ^ 0x40;
        assert_int_equal(pwrite(fd, &after, 1, list + (off_t)places[i] + 1), 1);
        assert_false(is_whole(rig));
        assert_int_equal(pwrite(fd, &before, 1, list + (off_t)places[i] + 1), 1);
    }
    assert_true(is_whole(rig));
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_truncated, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_removed_or_emptied, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_not_lmdb, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_other_format, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_rot_costs_one_session, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_swapped_records, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_tag_collision, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_rotten_row_is_replaced_by_the_header, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_rotten_row_and_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_vanished_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_noise_in_each_page, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_long_free_list, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
