#include "store_fixture.h"

#include <fcntl.h>
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

static struct ses_store_shared_files files_of(const struct ses_store_shared *shared)
{
    struct ses_store_shared_files files;

    ses_store_shared_files(shared, &files);
    return files;
}

/* What one program has written is the other's too. */
static void test_attach(void **state)
{
    struct ses_store_shared_files files;
    struct ses_store_shared *first;
    struct ses_store_shared *second;
    uint64_t count;

    (void)state;
    assert_ok(ses_store_shared_create(1000, 3, &first));
    files = files_of(first);
    files.table = dup(files.table);
    files.watch_board = dup(files.watch_board);
    for (unsigned i = 0; i < 3; i++)
        files.wake[i] = dup(files.wake[i]);
    assert_ok(ses_store_shared_attach(&files, 3, &second));
    assert_true(second->table->buckets_count == first->table->buckets_count);
    atomic_store(&first->table->shards[1].entries, 7);
    atomic_store(&first->watch_board->shared->watchers[9], 1u << 2);
    ses_watch_board_wake(second->watch_board,
                         ses_watch_board_mark(second->watch_board, UINT64_C(9) << WATCH_BUCKET_SHIFT));
    assert_int_equal(read(ses_store_wake_fd(first, 2), &count, sizeof(count)), sizeof(count));
    ses_store_shared_close(first);
    ses_store_usage(second, &count, &(uint64_t){0});
    assert_int_equal(count, 7);
    ses_store_shared_close(second);
}

/* A table of another version, one that is not as large as its head says, and what is none: refused, and the
 * descriptors are as they were. */
static void test_attach_refused(void **state)
{
    struct ses_store_shared_files files;
    struct ses_store_shared_files wrong;
    struct ses_store_shared *shared;
    struct ses_store_shared *none = NULL;
    struct table_head *head;

    (void)state;
    assert_ok(ses_store_shared_create(1000, 2, &shared));
    files = files_of(shared);
    head = shared->table->head;
    head->version++;
    assert_int_equal(ses_store_shared_attach(&files, 2, &none), SES_FAILED_PRECONDITION);
    head->version--;
    head->magic++;
    assert_int_equal(ses_store_shared_attach(&files, 2, &none), SES_FAILED_PRECONDITION);
    head->magic--;
    head->buckets++;
    assert_int_equal(ses_store_shared_attach(&files, 2, &none), SES_FAILED_PRECONDITION);
    head->buckets = UINT64_MAX;
    assert_int_equal(ses_store_shared_attach(&files, 2, &none), SES_FAILED_PRECONDITION);
    head->buckets = shared->table->buckets_count;
    wrong = files;
    wrong.table = files.watch_board;
    assert_int_equal(ses_store_shared_attach(&wrong, 2, &none), SES_FAILED_PRECONDITION);
    wrong = files;
    wrong.watch_board = files.table;
    assert_int_equal(ses_store_shared_attach(&wrong, 2, &none), SES_FAILED_PRECONDITION);
    assert_null(none);
    assert_true(fcntl(files.table, F_GETFD) >= 0 && fcntl(files.watch_board, F_GETFD) >= 0);
    assert_true(fcntl(ses_store_wake_fd(shared, 1), F_GETFD) >= 0);
    ses_store_shared_close(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_and_descriptors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_attach_refused),
        cmocka_unit_test_setup_teardown(test_resize, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
