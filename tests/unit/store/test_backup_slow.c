/* Backups to a target that takes its time, while sessions are written, superseded and collected. This
 * program's writev, pwritev and pwrite stand before libc's, LMDB calls them: each write of the thread that
 * copies is a moment at which anything may happen in the source. */
#include "gc_fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "unit_clock.h"

#define SESSIONS   12000 /* some blocks */
#define SHORT      500   /* of them, at the old end, that are soon over */
#define FIRST      20    /* write of the target at which changes begin: the first block is being written */
#define LAST       35    /* .. and end */
#define BODY_BYTES 700

static struct {
    pthread_t thread; /* that copies */
    bool on;
    bool inside; /* the changes write too */
    struct rig *rig;
    struct ses_lmdb *source[2];
    void (*meanwhile)(void);
    unsigned writes;
} slow;

static void on_write(void)
{
    if (!slow.on || slow.inside || !pthread_equal(pthread_self(), slow.thread))
        return;
    slow.inside = true;
    slow.writes++;
    slow.meanwhile();
    slow.inside = false;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    on_write();
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    on_write();
    return syscall(SYS_writev, fd, vectors, count);
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t at)
{
    on_write();
    return syscall(SYS_pwritev, fd, vectors, count, at, 0);
}

/* ---- what happens meanwhile */

static int count_snapshot(const char *line, void *arg)
{
    unsigned *count = arg;
    uint64_t txnid;

    *count += sscanf(line, "%*d %*x %" SCNu64, &txnid) == 1;
    return 0;
}

/* Something comes at each write, so that there are writes of the target to the very end. */
static void expect_no_snapshot(void)
{
    for (unsigned i = 0; i < 2; i++) {
        unsigned count = 0;

        assert_true(mdb_reader_list(slow.source[i]->shard.env->mdb, count_snapshot, &count) >= 0);
        assert_int_equal(count, 0);
    }
    create(slow.rig, slow.source[slow.writes % 2], SESSIONS + slow.writes, "new");
}

static void change(unsigned n)
{
    unsigned first = (n - FIRST) * 10;

    unit_clock_pass_ms(60000);
    create(slow.rig, slow.source[n % 2], SESSIONS + n, "new");
    for (unsigned i = first; i < first + 10; i++) {
        update(slow.rig, slow.source[n % 2], SHORT + i, "was at the first one's old end", UINT64_MAX);
        update(slow.rig, slow.source[n % 2], SESSIONS / 2 + i, "was at the second one's old end", UINT64_MAX);
        update(slow.rig, slow.source[n % 2], SESSIONS - 1 - i, "was at the new end", UINT64_MAX);
    }
    ses_lmdb_collect(slow.source[0], ses_clock_now_ms());
    ses_lmdb_collect(slow.source[1], ses_clock_now_ms());
}

/* Collection runs beside the first of two puts at the latest, and is over before the second. */
static void let_collection_end(void)
{
    for (unsigned i = 0; i < 4; i++)
        create(slow.rig, slow.source[i % 2], 2 * SESSIONS + i, "the last");
}

/* Time passes: what was superseded or is over goes while it is copied. */
static void supersede_and_collect(void)
{
    if (slow.writes >= FIRST && slow.writes <= LAST)
        change(slow.writes);
    else if (slow.writes == LAST + 1)
        let_collection_end();
}

/* ---- the copy against the source */

struct seen {
    unsigned count;
    struct ses_scan_row row[2 * SESSIONS];
};

static bool see(void *arg, const struct ses_scan_row *row)
{
    struct seen *seen = arg;

    assert_int_equal(row->opened, SES_OK);
    assert_true(seen->count < 2 * SESSIONS);
    seen->row[seen->count] = *row;
    seen->row[seen->count++].record = NULL;
    return true;
}

static struct seen *scan(struct rig *rig, const char *dir)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    assert_non_null(seen);
    assert_ok(ses_store_scan(dir, &rig->seal_key, 1, see, seen));
    return seen;
}

static void fill(struct rig *rig, struct ses_lmdb *store, uint64_t from, uint64_t to, uint64_t expires_ms)
{
    static char body[BODY_BYTES + 1];
    struct ses_record record;
    struct wait_one wait = {.calls = 0};

    memset(body, 'x', BODY_BYTES);
    record = record_of(body, expires_ms);
    for (uint64_t i = from; i < to; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
}

static void copy_slowly(struct rig *rig, void (*meanwhile)(void), struct ses_backup_report *report)
{
    char target[128];

    slow.rig = rig;
    slow.thread = pthread_self();
    slow.meanwhile = meanwhile;
    slow.writes = 0;
    slow.source[0] = rig_open(rig, 0);
    slow.source[1] = rig_open(rig, 2);
    fill(rig, slow.source[0], 0, SHORT, ses_clock_now_ms() + 100000);
    fill(rig, slow.source[0], SHORT, SESSIONS / 2, UINT64_MAX);
    fill(rig, slow.source[1], SESSIONS / 2, SESSIONS, UINT64_MAX);
    (void)snprintf(target, sizeof(target), "%s/backup", rig->dir);
    assert_int_equal(mkdir(target, 0700), 0);
    slow.on = true;
    assert_ok(ses_store_backup(rig->dir, target, NULL, report));
    slow.on = false;
}

static void test_no_snapshot_while_it_writes(void **state)
{
    struct ses_backup_report report;

    copy_slowly(*state, expect_no_snapshot, &report);
    assert_true(slow.writes > LAST + 10);
    assert_true(report.copied > SESSIONS);
    assert_int_equal(report.lost, 0);
    ses_lmdb_close(slow.source[0]);
    ses_lmdb_close(slow.source[1]);
}

/* What was copied and has gone meanwhile is not in the copy, what has come is. */
static void test_copy_is_what_was_pinned(void **state)
{
    struct rig *rig = *state;
    struct ses_backup_report report;
    struct seen *source;
    struct seen *copy;
    char target[128];

    copy_slowly(rig, supersede_and_collect, &report);
    (void)snprintf(target, sizeof(target), "%s/backup", rig->dir);
    source = scan(rig, rig->dir);
    copy = scan(rig, target);
    assert_true(slow.writes > LAST + 10);
    assert_true(atomic_load(&rig->metrics->counter[SES_C_STORE_COLLECTED]) > SHORT);
    assert_int_equal(copy->count, source->count);
    assert_int_equal(copy->count, report.copied);
    for (unsigned i = 0; i < copy->count; i++) {
        assert_int_equal(copy->row[i].shard, source->row[i].shard);
        assert_int_equal(copy->row[i].locator, source->row[i].locator);
    }
    free(source);
    free(copy);
    ses_lmdb_close(slow.source[0]);
    ses_lmdb_close(slow.source[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_snapshot_while_it_writes, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_copy_is_what_was_pinned, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
