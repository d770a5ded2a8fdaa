/* How often loop and committer wake each other, counted, and that no wake-up is lost. sem_post is wrapped (CMakeLists.txt); this
 * program's fdatasync stands before libc's, LMDB calls it. */
#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "wakeup.h"

int __real_sem_post(sem_t *semaphore); /* NOLINT: the linker's name */
int __wrap_sem_post(sem_t *semaphore); /* NOLINT */

static _Atomic unsigned posts;
static _Atomic unsigned notices;
static _Atomic bool hold_syncs;
static _Atomic bool sync_is_held;

int __wrap_sem_post(sem_t *semaphore) /* NOLINT */
{
    (void)atomic_fetch_add(&posts, 1);
    return __real_sem_post(semaphore);
}

int fdatasync(int fd)
{
    if (hold_syncs) {
        sync_is_held = true;
        WAIT_UNTIL(!hold_syncs);
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void count_notice(void *arg)
{
    uint64_t one = 1;

    (void)atomic_fetch_add(&notices, 1);
    assert_int_equal(write(((struct rig *)arg)->wake_fd, &one, sizeof(one)), sizeof(one));
}

static struct ses_lmdb *open_counted(struct rig *rig)
{
    struct ses_lmdb *store;

    hold_syncs = sync_is_held = false;
    rig->options.notify = count_notice;
    rig->options.notify_arg = rig;
    store = rig_open(rig, 0);
    posts = notices = 0;
    return store;
}

static uint64_t commits_of(const struct rig *rig)
{
    return atomic_load(&rig->metrics->counter[SES_C_STORE_COMMITS]);
}

static void put(struct ses_lmdb *store, uint64_t number, struct wait_one *wait)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of("body", UINT64_MAX);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(ses_claim_put(store, &claim, &record, on_done, wait));
}

#define SINGLE_PUTS 20

static void check_single_puts(struct rig *rig)
{
    struct ses_lmdb *store = open_counted(rig);
    uint64_t commits = commits_of(rig);

    for (uint64_t i = 0; i < SINGLE_PUTS; i++)
        create(rig, store, i, "body");
    assert_int_equal(posts, SINGLE_PUTS);
    assert_int_equal(notices, SINGLE_PUTS);
    assert_int_equal(commits_of(rig) - commits, SINGLE_PUTS);
    ses_lmdb_close(store);
    for (uint64_t i = 0; i < SINGLE_PUTS; i++) {
        store = i == 0 ? rig_open(rig, 0) : store;
        assert_stored(rig, store, i, "body", 1);
    }
    ses_lmdb_close(store);
}

static void test_a_put_wakes_the_committer_once_and_the_loop_once(void **state)
{
    struct rig *rig = *state;

    rig->options.durability = SES_DURABILITY_DISK;
    check_single_puts(rig);
}

static void test_so_does_one_that_is_not_synced(void **state)
{
    struct rig *rig = *state;

    rig->options.durability = SES_DURABILITY_PROCESS;
    check_single_puts(rig);
}

#define PUTS_MEANWHILE 8

static void test_puts_beside_a_commit_wake_once_and_are_one_commit(void **state)
{
    struct rig *rig = *state;
    struct wait_one wait = {.calls = 0};
    struct ses_lmdb *store = open_counted(rig);
    uint64_t commits = commits_of(rig);

    hold_syncs = true;
    put(store, 0, &wait);
    ses_lmdb_flush(store);
    WAIT_UNTIL(sync_is_held);
    assert_int_equal(posts, 1);
    for (uint64_t i = 1; i <= PUTS_MEANWHILE; i++) {
        put(store, i, &wait);
        ses_lmdb_flush(store);
    }
    assert_int_equal(posts, 2);
    hold_syncs = false;
    rig_wait(rig, store);
    assert_int_equal(wait.calls, 1 + PUTS_MEANWHILE);
    assert_ok(wait.status);
    assert_int_equal(posts, 2);
    assert_int_equal(notices, 2);
    assert_int_equal(commits_of(rig) - commits, 2);
    ses_lmdb_close(store);
}

/* What is more than one transaction takes is gone on with, though nobody asks again. */
static void test_what_is_left_needs_no_second_asking(void **state)
{
    struct rig *rig = *state;
    struct wait_one wait = {.calls = 0};
    struct ses_lmdb *store;

    rig->options.batch_max = 1;
    store = open_counted(rig);
    for (uint64_t i = 0; i < PUTS_MEANWHILE; i++)
        put(store, i, &wait);
    rig_wait(rig, store);
    assert_int_equal(wait.calls, PUTS_MEANWHILE);
    ses_lmdb_close(store);
}

/* ---- the wake-up alone: several ask, one works */

#define ASKERS 3
#define TASKS  20000

struct work {
    struct ses_wakeup wakeup;
    _Atomic unsigned given;
};

static void *ask_often(void *arg)
{
    struct work *work = arg;

    for (unsigned i = 0; i < TASKS; i++) {
        atomic_fetch_add_explicit(&work->given, 1, memory_order_relaxed);
        ses_wakeup_ask(&work->wakeup);
    }
    return NULL;
}

static void test_no_wake_up_is_lost(void **state)
{
    pthread_t askers[ASKERS];
    struct work work = {.given = 0};
    unsigned returns = 0;
    unsigned seen = 0;

    (void)state;
    ses_wakeup_init(&work.wakeup);
    posts = 0;
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_often, &work), 0);
    while (seen < ASKERS * TASKS) { /* hangs where one is lost */
        ses_wakeup_wait(&work.wakeup);
        seen = atomic_load_explicit(&work.given, memory_order_relaxed);
        returns++;
    }
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(askers[i], NULL), 0);
    assert_in_range(posts, returns, returns + 1); /* the last one's, that found all done */
    ses_wakeup_done(&work.wakeup);
}

static void test_an_asking_beside_a_time_that_runs_out_is_the_next_waits(void **state)
{
    struct ses_wakeup wakeup;

    (void)state;
    ses_wakeup_init(&wakeup);
    posts = 0;
    ses_wakeup_wait_for(&wakeup, 0);
    ses_wakeup_ask(&wakeup);
    ses_wakeup_ask(&wakeup);
    assert_int_equal(posts, 1);
    ses_wakeup_wait(&wakeup);
    ses_wakeup_ask(&wakeup);
    ses_wakeup_wait_for(&wakeup, 0);
    ses_wakeup_ask(&wakeup);
    assert_int_equal(posts, 3);
    ses_wakeup_wait(&wakeup);
    ses_wakeup_done(&wakeup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_put_wakes_the_committer_once_and_the_loop_once, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_so_does_one_that_is_not_synced, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_puts_beside_a_commit_wake_once_and_are_one_commit, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_left_needs_no_second_asking, rig_setup, rig_teardown),
        cmocka_unit_test(test_no_wake_up_is_lost),
        cmocka_unit_test(test_an_asking_beside_a_time_that_runs_out_is_the_next_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
