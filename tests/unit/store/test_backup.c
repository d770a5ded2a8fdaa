/* Other processes: readers, scans and backups beside a writer. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/prctl.h>

#include "store_lmdb_impl.h"

static bool count_row(void *arg, const struct ses_scan_row *row)
{
    unsigned *count = arg;

    (*count) += row->opened == SES_OK;
    return true;
}

static bool stop_at_three(void *arg, const struct ses_scan_row *row)
{
    unsigned *count = arg;

    (void)row;
    return ++*count < 3;
}

static bool check_order(void *arg, const struct ses_scan_row *row)
{
    uint64_t *last = arg;

    assert_int_equal(row->shard, 0);
    assert_true(row->locator > *last);
    assert_int_equal(row->record->body.len, 0); /* no key was given */
    assert_true(row->sealed_bytes > RECORD_EXTRA_BYTES);
    *last = row->locator;
    return true;
}

static void test_scan(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    unsigned count = 0;
    uint64_t last = 0;

    for (uint64_t i = 0; i < 50; i++)
        create(rig, store, i, "body");
    assert_ok(
        ses_store_scan(rig->dir, &rig->seal_key, 1, count_row, &count)); /* in the writer's own process */
    assert_int_equal(count, 50);
    count = 0;
    assert_ok(ses_store_scan(rig->dir, &rig->seal_key, 1, stop_at_three, &count));
    assert_int_equal(count, 3);
    assert_ok(ses_store_scan(rig->dir, NULL, 0, check_order, &last));
    create(rig, store, 100, "the writer's environment is still whole");
    ses_lmdb_close(store);
    assert_int_equal(ses_store_scan("/proc/none", NULL, 0, count_row, &count), SES_IO);
}

static void read_all(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store;

    assert_ok(rig_try_open_readonly(rig, &store));
    for (uint64_t i = 0; i < 100; i++)
        assert_stored(rig, store, i, "body", 1);
    assert_absent(rig, store, 1000);
    ses_lmdb_close(store);
}

static void test_reader_in_another_process(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    for (uint64_t i = 0; i < 100; i++)
        create(rig, store, i, "body");
    ses_lmdb_close(store);
    in_child(read_all, rig);
}

/* A shard that is made after the reader was opened, records that are written while it reads. */
static void test_lazy_and_fresh(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *reader;
    struct ses_lmdb *writer;

    assert_ok(rig_try_open_readonly(rig, &reader));
    assert_absent(rig, reader, 1);
    writer = rig_open(rig, 3);
    for (uint64_t i = 0; i < 50; i++) {
        create(rig, writer, i, "fresh");
        assert_stored(rig, reader, i, "fresh", 1);
    }
    ses_lmdb_close(writer);
    ses_lmdb_close(reader);
}

static void read_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store;

    assert_ok(rig_try_open_readonly(rig, &store));
    assert_stored(rig, store, 1, "body", 1);
    (void)kill(getpid(), SIGKILL);
}

static void test_dead_readers_are_cleared(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    int slots = 0;

    create(rig, store, 1, "body");
    ses_lmdb_close(store);
    for (unsigned i = 0; i < ENV_READERS_MAX + 10;
         i++) /* a slot each: the last ones must make room for themselves */
        in_child(read_and_die, rig);
    assert_ok(rig_try_open_readonly(rig, &store));
    ses_store_check_readers(&store->base);
    assert_int_equal(mdb_reader_check(store->env[0]->mdb, &slots), 0);
    assert_int_equal(slots, 0);
    ses_lmdb_close(store);
}

static void target_of(struct rig *rig, char path[128])
{
    (void)snprintf(path, 128, "%s/backup", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void test_backup(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 2);
    struct ses_backup_report report;
    char target[128];
    char original[RIG_DIR_SIZE];
    uint64_t sessions;

    for (uint64_t i = 0; i < 100; i++) {
        create(rig, first, i, "one");
        if (i % 3 == 0)
            update(rig, second, i, "two", UINT64_MAX);
    }
    target_of(rig, target);
    assert_ok(ses_store_backup(rig->dir, target, NULL, &report)); /* while both are open */
    assert_int_equal(ses_store_backup(rig->dir, target, NULL, &report), SES_ALREADY_EXISTS);
    create(rig, first, 1000, "after it");
    ses_lmdb_close(first);
    ses_lmdb_close(second);

    memcpy(original, rig->dir, sizeof(original));
    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(target, rig->shared, ses_clock_wall_ms(), NULL, &sessions));
    assert_int_equal(sessions, 100);
    rig->options.dir = target;
    first = rig_open(rig, 0);
    for (uint64_t i = 0; i < 100; i++)
        assert_stored(rig, first, i, i % 3 == 0 ? "two" : "one", i % 3 == 0 ? 2 : 1);
    create(rig, first, 2000, "writable");
    ses_lmdb_close(first);
}

/* A writer in another process that never stops: what it had acknowledged before the backup began is in the
 * backup. */
struct progress {
    _Atomic uint64_t acked;
};

static void write_on(struct rig *rig, struct progress *progress)
{
    struct ses_lmdb *store;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    rig->wake_fd = eventfd(0, EFD_NONBLOCK);
    store = rig_open(rig, 1);
    for (uint64_t i = 0;; i++) {
        create(rig, store, i, "body");
        atomic_store(&progress->acked, i + 1);
    }
}

static void test_backup_beside_a_writer(void **state)
{
    struct rig *rig = *state;
    struct progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct ses_backup_report report;
    char target[128];
    unsigned count = 0;
    uint64_t acked;
    pid_t pid = unit_fork();

    if (pid == 0)
        write_on(rig, progress);
    while (atomic_load(&progress->acked) < 200)
        (void)usleep(1000);
    target_of(rig, target);
    acked = atomic_load(&progress->acked);
    assert_ok(ses_store_backup(rig->dir, target, NULL, &report));
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(ses_store_scan(target, &rig->seal_key, 1, count_row, &count));
    assert_true(count >= acked);
    (void)munmap(progress, sizeof(*progress));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scan, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_reader_in_another_process, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lazy_and_fresh, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_dead_readers_are_cleared, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_backup, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_backup_beside_a_writer, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
