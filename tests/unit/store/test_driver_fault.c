/* What a caller is told of disks that are full or broken, and where that leaves a lease. This program's
 * fdatasync, pwrite, writev and pwritev stand before libc's, LMDB calls them. */
#include "driver_fixture.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static _Atomic int sync_error;
static _Atomic int page_write_error;

static int fail_with(int error)
{
    errno = error;
    return -1;
}

int fdatasync(int fd)
{
    return sync_error != 0 ? fail_with(sync_error) : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return len >= 4096 && page_write_error != 0 ? fail_with(page_write_error)
                                                : syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    return page_write_error != 0 ? fail_with(page_write_error) : syscall(SYS_writev, fd, vectors, count);
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t at)
{
    return page_write_error != 0 ? fail_with(page_write_error)
                                 : syscall(SYS_pwritev, fd, vectors, count, at, 0);
}

static int setup(void **state)
{
    sync_error = page_write_error = 0;
    return rig_setup(state);
}

/* Nobody knows of the one that was under way; the next ones are surely not written. */
static void test_a_failed_sync_is_unknown(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    sync_error = EIO;
    assert_int_equal(put_over(rig, store, 1, SES_RECORD_SESSION, "perhaps", 1), SES_UNKNOWN);
    assert_false(ses_store_health(&store->base).writes);
    assert_int_equal(put_over(rig, store, 1, SES_RECORD_SESSION, "again", 1), SES_BUSY);
    assert_int_equal(put_over(rig, store, 2, SES_RECORD_SESSION, "surely not", 1), SES_UNAVAILABLE);
    assert_nothing(rig, store, 2, false);
    ses_store_close(&store->base);
    sync_error = 0;
    store = rig_open(rig, 0);
    assert_nothing(rig, store, 1, false); /* LMDB's last page had not been written */
    ses_store_close(&store->base);
}

static void test_a_lease_that_nobody_knows_of(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_lease lease;

    sync_error = EIO;
    assert_int_equal(lease_over(rig, store, 1, 1, &lease), SES_UNKNOWN);
    assert_nothing(rig, store, 1, false);
    ses_store_close(&store->base);
}

/* The call was made, the outcome may be on disk: whoever opens the shard next finds out. */
static void test_an_outcome_that_nobody_knows_of(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record outcome = record_at(1, SES_RECORD_SESSION, "outcome");
    struct ses_store_lease lease;

    assert_ok(lease_over(rig, store, 1, 1, &lease));
    sync_error = EIO;
    assert_int_equal(put_leased(rig, store, &lease, &outcome, 1), SES_UNKNOWN);
    assert_nothing(rig, store, 1, true);
    ses_store_close(&store->base);
    sync_error = 0;
    store = rig_open(rig, 0);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 1, false);
    ses_store_close(&store->base);
}

/* All were accepted before the first of them, a transaction by itself, met the disk. What was never tried is
 * surely not written: whoever waits for it may say so, and its key is free. */
static void test_what_waited_behind_it_is_known(void **state)
{
    struct rig *rig = *state;
    struct ses_record intent = record_at(3, SES_RECORD_INTENT, "announced");
    struct ses_record outcome = record_at(4, SES_RECORD_SESSION, "outcome");
    struct call calls[4] = {call_new(), call_new(), call_new(), call_new()};
    struct ses_store_lease asked;
    struct ses_store_lease leased;
    struct ses_lmdb *store;

    rig->options.batch_max = 1;
    store = rig_open(rig, 0);
    assert_ok(lease_over(rig, store, 4, 1, &leased));
    sync_error = EIO;
    for (unsigned i = 0; i < 2; i++) {
        struct ses_record session = record_at(1 + i, SES_RECORD_SESSION, "session");

        assert_int_equal(ses_store_put(&store->base, &calls[i].op, &SES_VERSION_ABSENT, &session, 1),
                         SES_PENDING);
    }
    assert_int_equal(
        ses_store_lease(&store->base, &calls[2].op, &SES_VERSION_ABSENT, &intent, 1, 1000, &asked),
        SES_PENDING);
    assert_int_equal(ses_store_put_leased(&store->base, &calls[3].op, &leased, &outcome, 1), SES_PENDING);
    rig_wait(rig, store);
    assert_int_equal(calls[0].status, SES_UNKNOWN);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(calls[i].ends, 1);
        assert_int_equal(calls[i].status, SES_UNAVAILABLE);
    }
    assert_false(asked.held);
    assert_nothing(rig, store, 1, true);
    assert_nothing(rig, store, 2, false);
    assert_nothing(rig, store, 3, false);
    assert_seen(rig, store, 4, SES_RECORD_INTENT, "calling", 1, false);
    ses_store_close(&store->base);
}

static void test_a_full_disk(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record outcome = record_at(1, SES_RECORD_SESSION, "outcome");
    struct ses_store_lease lease;

    page_write_error = ENOSPC;
    assert_int_equal(put_over(rig, store, 1, SES_RECORD_SESSION, "refused", 1), SES_FULL);
    assert_nothing(rig, store, 1, false);
    assert_true(ses_store_health(&store->base).full);
    assert_int_equal(lease_over(rig, store, 1, 1, &lease), SES_FULL);
    assert_nothing(rig, store, 1, false);
    page_write_error = 0;
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    page_write_error = ENOSPC;
    assert_int_equal(put_leased(rig, store, &lease, &outcome, 1), SES_FULL);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 1, false);
    page_write_error = 0;
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "settled", 1));
    assert_false(ses_store_health(&store->base).full);
    ses_store_close(&store->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_failed_sync_is_unknown, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_that_nobody_knows_of, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_outcome_that_nobody_knows_of, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_waited_behind_it_is_known, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk, setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
