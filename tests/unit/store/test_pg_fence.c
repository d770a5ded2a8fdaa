/* What the processes of a machine share of the shards on PostgreSQL. */
#include "fence.h"

#include <sessiond/base/boot_clock.h>

#include "unit_clock.h"

#include <fcntl.h>
#include <sys/wait.h>

static void test_timeline_only_grows(void **state)
{
    struct ses_pg_shared *shared;

    (void)state;
    assert_ok(ses_pg_shared_new(2, &shared));
    assert_int_equal(ses_pg_fence_timeline(shared, 1), 0);
    assert_int_equal(ses_pg_fence_raise(shared, 1, 7), 7);
    assert_int_equal(ses_pg_fence_raise(shared, 1, 6), 7);
    assert_int_equal(ses_pg_fence_timeline(shared, 1), 7);
    assert_int_equal(ses_pg_fence_timeline(shared, 0), 0);
    ses_pg_fence_doubt(shared, 0, 100);
    ses_pg_fence_doubt(shared, 0, 50);
    assert_int_equal(ses_pg_fence_doubted_ms(shared, 0), 100);
    ses_pg_shared_close(shared);
}

static void test_what_a_child_sees_counts(void **state)
{
    struct ses_pg_shared *shared;
    int status;
    pid_t child;

    (void)state;
    assert_ok(ses_pg_shared_new(1, &shared));
    child = unit_fork();
    if (child == 0)
        _exit(ses_pg_fence_raise(shared, 0, 9) == 9 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ses_pg_fence_timeline(shared, 0), 9);
    ses_pg_shared_close(shared);
}

static void test_the_worst_of_all(void **state)
{
    struct ses_pg_shared *shared;
    struct ses_pg_shard_status status;
    struct pg_cell cell = {
        .view = SES_PG_OPEN, .durability = SES_DURABILITY_REPLICA, .skew_ms = 3, .epoch = 4};

    (void)state;
    assert_ok(ses_pg_shared_new(1, &shared));
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.view, SES_PG_NOBODY);
    assert_int_equal(status.durability, SES_DURABILITY_DISK);
    ses_pg_fence_tell(shared, 0, 0, &cell);
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.view, SES_PG_OPEN);
    assert_int_equal(status.durability, SES_DURABILITY_REPLICA);
    assert_false(ses_pg_shard_reads(&status));
    cell.reads_until_ms = ses_clock_boot_ms() + 1000;
    ses_pg_fence_tell(shared, 0, 0, &cell);
    ses_pg_shard_status(shared, 0, &status);
    assert_true(ses_pg_shard_reads(&status));
    cell.reads_until_ms = 0;
    cell.skew_ms = -20;
    cell.durability = SES_DURABILITY_DISK;
    cell.view = SES_PG_STALLED;
    cell.cause = SES_PG_CAUSE_NO_STANDBY;
    ses_pg_fence_tell(shared, 0, SES_PG_PROCESSES_MAX - 1, &cell);
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.view, SES_PG_STALLED);
    assert_int_equal(status.cause, SES_PG_CAUSE_NO_STANDBY);
    assert_int_equal(status.durability, SES_DURABILITY_DISK);
    assert_int_equal(status.skew_ms, -20);
    assert_int_equal(status.open, 1);
    assert_int_equal(status.stalled, 1);
    assert_int_equal(status.epoch, 4);
    assert_int_equal(status.reading, 1);
    assert_false(ses_pg_shard_reads(&status));
    cell.view = SES_PG_NOBODY;
    cell.owner = 7; /* the one before it in that place leaves */
    ses_pg_fence_tell(shared, 0, SES_PG_PROCESSES_MAX - 1, &cell);
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.stalled, 1);
    cell.owner = 0; /* it leaves */
    ses_pg_fence_tell(shared, 0, SES_PG_PROCESSES_MAX - 1, &cell);
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.view, SES_PG_OPEN);
    unit_clock_pass_ms(SES_PG_CELL_MS + 1); /* it died */
    ses_pg_shard_status(shared, 0, &status);
    assert_int_equal(status.view, SES_PG_NOBODY);
    ses_pg_shared_close(shared);
}

static void test_handed_over(void **state)
{
    struct ses_pg_shared *shared, *next;

    (void)state;
    assert_ok(ses_pg_shared_new(3, &shared));
    assert_int_equal(ses_pg_fence_raise(shared, 2, 11), 11);
    assert_int_equal(ses_pg_shared_attach(ses_pg_shared_fd(shared), 2, &next), SES_FAILED_PRECONDITION);
    assert_int_equal(ses_pg_shared_attach(ses_pg_shared_fd(shared), 0, &next), SES_FAILED_PRECONDITION);
    assert_ok(ses_pg_shared_attach(fcntl(ses_pg_shared_fd(shared), F_DUPFD_CLOEXEC, 0), 3, &next));
    assert_int_equal(ses_pg_fence_timeline(next, 2), 11);
    ses_pg_shared_close(shared);
    assert_int_equal(ses_pg_fence_raise(next, 2, 12), 12);
    ses_pg_shared_close(next);
    ses_pg_shared_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_only_grows),
        cmocka_unit_test(test_what_a_child_sees_counts),
        cmocka_unit_test(test_the_worst_of_all),
        cmocka_unit_test(test_handed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
