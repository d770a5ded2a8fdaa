/* Disks that are full or broken. This program's fdatasync, pwrite, writev and pwritev stand before libc's,
 * LMDB calls them. */
#include "gc_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static _Atomic int sync_error;       /* errno of every fdatasync */
static _Atomic int meta_write_error; /* of small writes: LMDB's meta page */
static _Atomic int page_write_error;
static _Atomic int grow_error;
static _Atomic unsigned syncs;

static void no_faults(void)
{
    sync_error = meta_write_error = page_write_error = grow_error = 0;
    syncs = 0;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

int fdatasync(int fd)
{
    (void)atomic_fetch_add(&syncs, 1);
    return sync_error != 0 ? fail_with(sync_error) : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (len < 512 && at < 8192 && meta_write_error != 0 && len > 16)
        return fail_with(meta_write_error);
    if (len >= 4096 && page_write_error != 0)
        return fail_with(page_write_error);
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    if (page_write_error != 0)
        return fail_with(page_write_error);
    return syscall(SYS_writev, fd, vectors, count);
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t at)
{
    if (page_write_error != 0)
        return fail_with(page_write_error);
    return syscall(SYS_pwritev, fd, vectors, count, at, 0);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return grow_error != 0 ? fail_with(grow_error) : (int)syscall(SYS_fallocate, fd, mode, at, len);
}

#define OWNER 3

static uint64_t bytes_of_owner(const struct ses_lmdb *store)
{
    return atomic_load(&store->owner_bytes->of[OWNER]);
}

static enum ses_status try_sized(struct rig *rig, struct ses_lmdb *store, uint64_t number, size_t bytes)
{
    static const uint8_t body[100000];
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of("", ses_clock_wall_ms() + 60000);
    struct ses_claim claim;
    enum ses_status status;

    record.body = ses_slice(body, bytes);
    assert_ok(ses_claim_new(store, &key, OWNER, &claim));
    status = put_wait(rig, store, &claim, &record);
    if (claim.held)
        ses_claim_release(store, &claim);
    return status;
}

static enum ses_status try_create(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    return try_sized(rig, store, number, 400);
}

/* The number of the put that was refused. */
static uint64_t fill(struct rig *rig, struct ses_lmdb *store, size_t bytes)
{
    for (uint64_t number = 1; number < 100000; number++) {
        enum ses_status status = try_sized(rig, store, number, bytes);

        if (status != SES_OK) {
            assert_int_equal(status, SES_FULL);
            assert_true(ses_lmdb_health(store).writes);
            return number;
        }
    }
    return 0;
}

static void test_interposition_works(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    unsigned before;

    no_faults();
    store = rig_open(rig, 0);
    before = syncs;
    create(rig, store, 1, "one");
    assert_true(syncs > before); /* durability disk: synced before the acknowledgement */
    ses_lmdb_close(store);
}

static void test_failed_sync_poisons(void **state)
{
    struct rig *rig = *state;
    struct ses_store_key key = key_of(2);
    struct ses_lmdb *store;
    struct ses_claim claim;

    no_faults();
    store = rig_open(rig, 0);
    create(rig, store, 1, "acknowledged");
    sync_error = EIO;
    assert_int_equal(try_create(rig, store, 2), SES_UNKNOWN);
    assert_false(ses_lmdb_health(store).writes);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_POISONED]), 1);
    sync_error = 0; /* better for a moment: not to be believed */
    assert_int_equal(try_create(rig, store, 3), SES_UNAVAILABLE);
    assert_int_equal(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim),
                     SES_BUSY);                      /* outcome unknown: nobody may write it */
    assert_stored(rig, store, 1, "acknowledged", 1); /* reading goes on */
    ses_lmdb_close(store);
    store = rig_open(rig, 0);
    assert_true(ses_lmdb_health(store).writes);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_POISONED]), 0);
    assert_stored(rig, store, 1, "acknowledged", 1);
    assert_absent(rig, store, 2);
    create(rig, store, 2, "now");
    ses_lmdb_close(store);
}

static void test_failed_meta_write_poisons(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    no_faults();
    store = rig_open(rig, 0);
    create(rig, store, 1, "acknowledged");
    meta_write_error = EIO;
    assert_int_equal(try_create(rig, store, 2), SES_UNKNOWN);
    meta_write_error = 0;
    assert_false(ses_lmdb_health(store).writes);
    ses_lmdb_close(store);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "acknowledged", 1);
    create(rig, store, 3, "goes on");
    ses_lmdb_close(store);
}

/* ENOSPC where LMDB cannot go on by itself: it refuses all later transactions, so this is no mere full disk.
 */
static void test_meta_write_without_space_poisons(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    no_faults();
    store = rig_open(rig, 0);
    meta_write_error = ENOSPC;
    assert_int_equal(try_create(rig, store, 2), SES_UNKNOWN);
    meta_write_error = 0;
    assert_false(ses_lmdb_health(store).writes);
    ses_lmdb_close(store);
}

static void test_no_space_in_page_write_recovers(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    no_faults();
    store = rig_open(rig, 0);
    page_write_error = ENOSPC;
    assert_int_equal(try_create(rig, store, 1), SES_FULL);
    assert_true(ses_lmdb_health(store).writes);
    assert_absent(rig, store, 1); /* the claim went back */
    page_write_error = EDQUOT;
    assert_int_equal(try_create(rig, store, 1), SES_FULL);
    assert_int_equal(bytes_of_owner(store), 0); /* what could not be written counts for nobody */
    page_write_error = 0;
    assert_ok(try_create(rig, store, 2));
    assert_true(bytes_of_owner(store) > 400);
    create(rig, store, 1, "space again");
    assert_stored(rig, store, 1, "space again", 1);
    ses_lmdb_close(store);
}

static void test_update_on_full_disk_keeps_the_record(void **state)
{
    struct rig *rig = *state;
    struct ses_store_key key = key_of(1);
    struct ses_record next = record_of("two", UINT64_MAX);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_lmdb *store;
    struct ses_claim claim;
    bool claimed;

    no_faults();
    store = rig_open(rig, 0);
    create(rig, store, 1, "one");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    page_write_error = ENOSPC;
    assert_int_equal(put_wait(rig, store, &claim, &next), SES_FULL);
    assert_stored(rig, store, 1, "one", 1);
    page_write_error = 0;
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    page_write_error = ENOSPC; /* an intent's claim stays its caller's */
    assert_int_equal(intent_wait(rig, store, &claim, "calling"), SES_FULL);
    assert_true(claim.held);
    page_write_error = 0;
    assert_ok(put_wait(rig, store, &claim, &next));
    assert_stored(rig, store, 1, "two", 3);
    ses_lmdb_close(store);
}

/* A claim on key 1 whose intent is on disk: over a record, or over nothing. */
static struct ses_claim announce(struct rig *rig, struct ses_lmdb *store, bool over)
{
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    if (over) {
        create(rig, store, 1, "before");
        assert_ok(get(rig, store, 1, &record, &ref, &claimed));
        assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    } else {
        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    }
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    return claim;
}

static void assert_intent(struct rig *rig, struct ses_lmdb *store, uint32_t revision)
{
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed = true;

    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_int_equal(record.kind, SES_RECORD_INTENT);
    assert_int_equal(record.revision, revision);
    assert_true(ses_slice_eq_str(record.body, "calling"));
    assert_false(claimed);
}

/* The disk fills between an intent and what follows it: the next call finds the intent, before and after a
 * restart, and its record takes the intent's place. */
static void test_full_disk_behind_an_intent_publishes_it(void **state)
{
    for (int over = 0; over < 2; over++) {
        struct rig *rig = *state;
        uint32_t revision = over == 1 ? 2 : 1;
        struct ses_record outcome = record_of("outcome", UINT64_MAX);
        struct ses_lmdb *store;
        struct ses_claim claim;

        no_faults();
        store = rig_open(rig, 0);
        claim = announce(rig, store, over == 1);
        page_write_error = ENOSPC;
        assert_int_equal(put_wait(rig, store, &claim, &outcome), SES_FULL);
        assert_intent(rig, store, revision);
        page_write_error = 0;
        ses_lmdb_close(store);
        store = rig_open(rig, 0);
        assert_intent(rig, store, revision);
        update(rig, store, 1, "settled", UINT64_MAX);
        assert_stored(rig, store, 1, "settled", revision + 1);
        ses_lmdb_close(store);
        rig_teardown(state);
        assert_int_equal(rig_setup(state), 0);
    }
}

/* The caller knows that the call may have acted: no disk is needed for that. */
static void test_an_intent_can_be_left_behind_on_a_full_disk(void **state)
{
    struct rig *rig = *state;
    struct ses_record outcome = record_of("outcome", UINT64_MAX);
    struct ses_store_key key = key_of(2);
    struct ses_lmdb *store;
    struct ses_claim claim;

    no_faults();
    store = rig_open(rig, 0);
    claim = announce(rig, store, true);
    page_write_error = ENOSPC;
    ses_claim_release_to_intent(store, &claim);
    assert_false(claim.held);
    assert_intent(rig, store, 2);
    ses_claim_release_to_intent(store, &claim); /* nothing is held */
    assert_intent(rig, store, 2);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY,
                            &claim)); /* no intent, and one that never reached the disk */
    ses_claim_release_to_intent(store, &claim);
    assert_absent(rig, store, 2);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_int_equal(intent_wait(rig, store, &claim, "calling"), SES_FULL);
    ses_claim_release_to_intent(store, &claim);
    assert_absent(rig, store, 2);
    page_write_error = 0;
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(put_wait(rig, store, &claim, &outcome));
    ses_lmdb_close(store);
}

/* Poisoned before the put was tried: it is given back at once, to the intent. */
static void test_a_poisoned_writer_leaves_the_intent(void **state)
{
    struct rig *rig = *state;
    struct ses_record outcome = record_of("outcome", UINT64_MAX);
    struct ses_lmdb *store;
    struct ses_claim claim;

    no_faults();
    store = rig_open(rig, 0);
    claim = announce(rig, store, false);
    sync_error = EIO;
    assert_int_equal(try_create(rig, store, 2), SES_UNKNOWN);
    assert_int_equal(ses_claim_put(store, &claim, &outcome, NULL, NULL), SES_UNAVAILABLE);
    ses_claim_release_to_intent(store, &claim);
    assert_intent(rig, store, 1);
    ses_lmdb_close(store);
    sync_error = 0;
    store = rig_open(rig, 0);
    assert_intent(rig, store, 1);
    ses_lmdb_close(store);
}

/* The file cannot grow: puts end at what is reserved, deletions go on in the slack, and make room. */
static void test_collection_makes_room(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t refused;

    no_faults();
    store = rig_open(rig, 0);
    create(rig, store, 0, "takes the reserve");
    update(rig, store, 0, "short-lived", ses_clock_wall_ms());
    grow_error = ENOSPC;
    refused = fill(rig, store, 50000);
    assert_in_range(refused, 50, 200);
    collect_to(store, ses_clock_wall_ms() + 2 * HOUR_MS, 1);
    for (uint64_t i = 0; i < refused / 3; i++) /* still no disk, but the file has free pages */
        assert_int_equal(try_sized(rig, store, 100000 + i, 50000), SES_OK);
    grow_error = 0;
    ses_lmdb_close(store);
}

/* A worker that takes another's place on a full disk knows it before it has refused anything. */
static void test_a_full_disk_is_known_at_opening(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    no_faults();
    grow_error = ENOSPC;
    store = rig_open(rig, 0);
    assert_true(ses_lmdb_health(store).full);
    grow_error = 0;
    assert_ok(try_create(rig, store, 200000));
    assert_false(ses_lmdb_health(store).full);
    ses_lmdb_close(store);
}

static void limit_file_size(void *arg)
{
    struct rig *rig = arg;
    struct rlimit limit = {.rlim_cur = 12u << 20, .rlim_max = RLIM_INFINITY};
    struct ses_lmdb *store;
    uint64_t refused;

    (void)signal(SIGXFSZ, SIG_IGN);
    no_faults();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    store = rig_open(rig, 0);
    refused = fill(rig, store, 50000);
    assert_in_range(refused, 50, 250);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(try_create(rig, store, refused), SES_OK);
    ses_lmdb_close(store);
}

static void test_file_size_limit(void **state)
{
    in_child(limit_file_size, *state);
}

static void test_small_map(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t refused;

    no_faults();
    rig->options.map_bytes = 1u << 20;
    store = rig_open(rig, 0);
    refused = fill(rig, store, 1000);
    assert_in_range(refused, 300, 1000);
    collect_to(store, ses_clock_wall_ms() + HOUR_MS, 1);
    assert_int_equal(try_create(rig, store, 200000), SES_OK);
    ses_lmdb_close(store);
}

static void test_quota(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    no_faults();
    rig->options.quota_bytes = 256u << 10;
    store = rig_open(rig, 0);
    assert_in_range(fill(rig, store, 1000), 100, 256);
    ses_lmdb_close(store);
    rig->options.quota_bytes = 1u << 30;
    store = rig_open(rig, 0);
    assert_int_equal(try_create(rig, store, 200000), SES_OK);
    ses_lmdb_close(store);
}

static void test_poison_is_logged_once(void **state)
{
    struct rig *rig = *state;
    char path[128];
    char text[4096] = "";
    struct ses_lmdb *store;
    int fd;

    no_faults();
    (void)snprintf(path, sizeof(path), "%s/log", rig->dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ses_log_init(&rig->log, fd, SES_LOG_INFO, "test");
    rig->options.log = &rig->log;
    store = rig_open(rig, 0);
    sync_error = EIO;
    assert_int_equal(try_create(rig, store, 1), SES_UNKNOWN);
    assert_int_equal(try_create(rig, store, 2), SES_UNAVAILABLE);
    sync_error = 0;
    ses_lmdb_complete(store);
    ses_log_flush(&rig->log);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, "store_poisoned"));
    assert_null(strstr(strstr(text, "store_poisoned") + 1, "store_poisoned"));
    ses_lmdb_close(store);
    (void)close(fd);
    rig->log.fd = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interposition_works, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_failed_sync_poisons, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_failed_meta_write_poisons, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_meta_write_without_space_poisons, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_no_space_in_page_write_recovers, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_update_on_full_disk_keeps_the_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_behind_an_intent_publishes_it, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_intent_can_be_left_behind_on_a_full_disk, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_poisoned_writer_leaves_the_intent, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_makes_room, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_file_size_limit, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk_is_known_at_opening, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_small_map, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_quota, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_poison_is_logged_once, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
