/* Damage that hides what it damages: LMDB itself would say nothing. And shards that were never finished. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>

#include "env_check.h"
#include "env_meta.h"
#include "store_lmdb_impl.h"

#define SESSIONS  400
#define PAGE      4096
#define TXNID_AT  (16 + 128)
#define LOWER_AT  12
#define FLAGS_AT  10
#define LEAF_FLAG 0x02

static int open_data(struct rig *rig)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void fill_shard(struct rig *rig, uint64_t sessions)
{
    rig_fill(rig, sessions, "a body that is long enough to fill some pages");
}

static bool ignore_row(void *arg, const struct ses_scan_row *row)
{
    (void)arg;
    (void)row;
    return true;
}

static enum ses_status scan(struct rig *rig)
{
    return ses_store_scan(rig->dir, &rig->seal_key, 1, ignore_row, NULL);
}

/* Each leaf page in turn says that it has one entry less. A load finds it, or has lost nothing. */
static void test_hidden_entries(void **state)
{
    struct rig *rig = *state;
    unsigned found_by_load = 0;
    unsigned found_by_scan = 0;
    uint64_t sessions;
    off_t end;
    int fd;

    fill_shard(rig, SESSIONS);
    fd = open_data(rig);
    end = lseek(fd, 0, SEEK_END);
    for (off_t at = 2 * PAGE; at < end; at += PAGE) {
        uint16_t flags = 0;
        uint16_t lower = 0;
        uint16_t less;
        bool refused;

        assert_int_equal(pread(fd, &flags, 2, at + FLAGS_AT), 2);
        assert_int_equal(pread(fd, &lower, 2, at + LOWER_AT), 2);
        if (flags != LEAF_FLAG || lower < 16 + 2 * 2)
            continue;
        less = (uint16_t)(lower - 2);
        assert_int_equal(pwrite(fd, &less, 2, at + LOWER_AT), 2);
        refused = rig_load(rig, &sessions) != SES_OK;
        assert_true(refused || sessions == SESSIONS);
        found_by_load += refused;
        found_by_scan += scan(rig) != SES_OK;
        assert_int_equal(pwrite(fd, &lower, 2, at + LOWER_AT), 2);
    }
    (void)close(fd);
    assert_in_range(found_by_load, 5, 1000); /* the index alone has more pages */
    assert_true(found_by_scan > found_by_load);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
}

/* One bit makes the older meta page the newer one: the last transaction would be rolled back. */
static void test_older_meta_page_looks_newer(void **state)
{
    struct rig *rig = *state;
    uint64_t txnid[2];
    uint64_t sessions;
    int fd;

    fill_shard(rig, SESSIONS);
    fd = open_data(rig);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pread(fd, &txnid[i], 8, (off_t)i * PAGE + TXNID_AT), 8);
    for (unsigned bit = 1; bit < 64; bit += 3) {
        unsigned older = txnid[0] < txnid[1] ? 0 : 1;
        uint64_t flipped = txnid[older] ^ UINT64_C(1) << bit;
        struct ses_lmdb *store;

        assert_int_equal(pwrite(fd, &flipped, 8, (off_t)older * PAGE + TXNID_AT), 8);
        assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
        assert_int_equal(scan(rig), SES_DATA_LOSS);
        assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
        assert_int_equal(pwrite(fd, &txnid[older], 8, (off_t)older * PAGE + TXNID_AT), 8);
    }
    (void)close(fd);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
}

/* Without syncs the power may take either page's last version: that is no damage. */
static void test_unsynced_metas_need_not_follow(void **state)
{
    struct rig *rig = *state;
    const char *reason = NULL;
    enum env_check check;
    char path[128];
    uint64_t txnid;
    int fd;

    rig->options.durability = SES_DURABILITY_PROCESS;
    fill_shard(rig, 10);
    fd = open_data(rig);
    assert_int_equal(pread(fd, &txnid, 8, TXNID_AT), 8);
    txnid += 2;
    assert_int_equal(pwrite(fd, &txnid, 8, TXNID_AT), 8);
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    assert_ok(ses_env_check_meta(path, &check, &reason));
    assert_int_equal(check, ENV_CHECK_OK);
    rig->options.durability = SES_DURABILITY_DISK;
}

/* A record that rotted is told once, however often it is asked for. */
static void test_unreadable_is_counted_once(void **state)
{
    struct rig *rig = *state;
    struct ses_record record;
    struct ses_lmdb *store;
    struct ses_lmdb_ref ref;
    uint8_t noise[PAGE];
    bool claimed;
    off_t end;
    int fd;

    store = rig_open(rig, 0);
    create(rig, store, 1, "a body that is sealed and can be found by what is before it");
    ses_lmdb_close(store);
    fd = open_data(rig);
    end = lseek(fd, 0, SEEK_END);
    for (off_t at = 2 * PAGE; at < end; at += PAGE) {
        struct ses_store_key key = key_of(1);

        if (pread(fd, noise, PAGE, at) != PAGE)
            break;
        for (unsigned i = 16; i < PAGE - 112; i++) /* the sealed body lies 72 bytes behind the key */
            if (memcmp(noise + i, key.bytes, 32) == 0)
                noise[i + 80] ^= 1;
        assert_int_equal(pwrite(fd, noise, PAGE, at), PAGE);
    }
    (void)close(fd);
    store = rig_open(rig, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(get(rig, store, 1, &record, &ref, &claimed), SES_DATA_LOSS);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_UNREADABLE]), 1);
    ses_lmdb_close(store);
}

static void make_unfinished(struct rig *rig, off_t bytes, const char *mark)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/000", rig->dir);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    fd = open_data(rig);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(ftruncate(fd, bytes), 0);
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/000/writer.lock", rig->dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, mark, strlen(mark)), (int)strlen(mark));
    (void)close(fd);
}

/* The power went while the shard was made: whatever is left of it, the next start makes it. */
static void test_unfinished_shard_is_made_anew(void **state)
{
    static const off_t lengths[] = {1, 100, 4096, 5000, 8192, 16384, 65536};
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        make_unfinished(rig, lengths[i], "");
        assert_ok(rig_load(rig, &sessions));
        assert_int_equal(sessions, 0);
        assert_ok(scan(rig));
        store = rig_open(rig, 0);
        create(rig, store, i, "stays");
        ses_lmdb_close(store);
        assert_ok(rig_load(rig, &sessions));
        assert_int_equal(sessions, 1);
    }
    make_unfinished(rig, 8192, "1"); /* with its mark it held sessions */
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
}

/* A sound one without its mark may hold sessions: it is kept. */
static void test_sound_shard_without_mark_is_kept(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;
    char path[128];

    fill_shard(rig, SESSIONS);
    (void)snprintf(path, sizeof(path), "%s/000/writer.lock", rig->dir);
    assert_int_equal(truncate(path, 0), 0);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "a body that is long enough to fill some pages", 1);
    ses_lmdb_close(store);
}

/* The newest meta page's tree of free pages: LMDB's MDB_meta has it 24 bytes behind the page's head, its root
 * 40 bytes further. */
static off_t free_leaf(int fd)
{
    uint64_t txnid[2];
    uint64_t root;

    for (int i = 0; i < 2; i++)
        assert_int_equal(pread(fd, &txnid[i], 8, i * PAGE + TXNID_AT), 8);
    assert_int_equal(pread(fd, &root, 8, (txnid[1] > txnid[0] ? PAGE : 0) + 16 + 24 + 40), 8);
    return root == UINT64_MAX ? 0 : (off_t)root * PAGE;
}

/* A page that is in use stands in a list of free ones: LMDB would write over it, and nobody would know when.
 */
static void test_live_page_in_a_free_list(void **state)
{
    struct rig *rig = *state;
    const char *reason = NULL;
    char path[128];
    uint16_t node_at = 0;
    uint64_t page = 0;
    uint64_t wrong = UINT64_C(1) << 40;
    off_t leaf;
    off_t list;
    int fd;

    fill_shard(rig, SESSIONS);
    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    assert_ok(ses_env_check_pages(path, ENV_CHECK_INDEX, &reason));
    assert_null(reason);
    fd = open_data(rig);
    leaf = free_leaf(fd);
    assert_true(leaf > 0); /* commits have freed pages by now */
    assert_int_equal(pread(fd, &node_at, 2, leaf + 16), 2);
    list = leaf + node_at + 8 + 8; /* behind the node's head and its key, a transaction's id */
    assert_int_equal(pread(fd, &page, 8, list + 8), 8);
    assert_true(page >= 2);
    assert_int_equal(pwrite(fd, &wrong, 8, list + 8), 8); /* beyond the file */
    assert_ok(ses_env_check_pages(path, ENV_CHECK_INDEX, &reason));
    assert_non_null(reason);
    wrong = 1; /* a meta page */
    assert_int_equal(pwrite(fd, &wrong, 8, list + 8), 8);
    assert_ok(ses_env_check_pages(path, ENV_CHECK_INDEX, &reason));
    assert_non_null(reason);
    assert_int_equal(pwrite(fd, &page, 8, list + 8), 8);
    (void)close(fd);
    assert_ok(ses_env_check_pages(path, ENV_CHECK_INDEX, &reason));
    assert_null(reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live_page_in_a_free_list, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_hidden_entries, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_older_meta_page_looks_newer, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_unsynced_metas_need_not_follow, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_unreadable_is_counted_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_unfinished_shard_is_made_anew, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_sound_shard_without_mark_is_kept, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
