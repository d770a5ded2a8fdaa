#include "store_fixture.h"

#include <sys/resource.h>

static void test_room_and_descriptors(void **state)
{
    struct ses_store_shared *shared;
    uint64_t used;
    uint64_t room;

    (void)state;
    assert_ok(ses_store_shared_create(1000, 3, &shared));
    ses_store_usage(shared, &used, &room);
    assert_int_equal(used, 0);
    assert_true(room >= 1000);
    assert_false(ses_store_is_pressed(shared));
    assert_int_equal(ses_store_newest_ms(shared), 0);
    assert_true(ses_store_wake_fd(shared, 0) >= 0);
    assert_true(ses_store_wake_fd(shared, 2) != ses_store_wake_fd(shared, 0));
    ses_store_shared_close(shared);
}

/* What fails first tells why by errno, and a table that cannot be had leaves the one that is there. */
static void test_refusals(void **state)
{
    struct ses_store_shared *shared;
    uint64_t used;
    uint64_t before;
    uint64_t room;

    (void)state;
    assert_int_equal(ses_store_shared_create(1000, SES_STORE_SHARDS_MAX + 1, &shared), SES_INVALID_ARGUMENT);
    assert_int_equal(ses_store_shared_create(UINT64_MAX, 1, &shared), SES_NO_MEMORY);
    assert_ok(ses_store_shared_create(1000, 0, &shared));
    ses_store_usage(shared, &used, &before);
    assert_int_equal(ses_store_shared_resize(shared, UINT64_MAX), SES_NO_MEMORY);
    ses_store_usage(shared, &used, &room);
    assert_true(room == before);
    ses_store_shared_close(shared);
}

static void test_no_descriptors(void **state)
{
    struct rlimit kept;
    struct rlimit none;
    struct ses_store_shared *shared;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &kept), 0);
    none = kept;
    none.rlim_cur = (rlim_t)dup(STDERR_FILENO) + 1; /* the table's, while it is made, and one more */
    assert_int_equal(close((int)none.rlim_cur - 1), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(ses_store_shared_create(1000, 2, &shared), SES_UNAVAILABLE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &kept), 0);
}

static void test_resize(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t used;
    uint64_t room;
    int fd;

    assert_ok(ses_watch_board_create(4, &rig->shared->watch_board));
    fd = ses_store_wake_fd(rig->shared, 3);
    rig_fill(rig, 10, "body");
    assert_ok(ses_store_shared_resize(rig->shared, 100000));
    ses_store_usage(rig->shared, &used, &room);
    assert_int_equal(used, 0);
    assert_true(room >= 100000);
    assert_int_equal(ses_store_wake_fd(rig->shared, 3), fd);
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &used));
    assert_int_equal(used, 10);
    assert_true(ses_store_newest_ms(rig->shared) != 0);
    store = rig_open(rig, 0);
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_and_descriptors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test_setup_teardown(test_resize, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
