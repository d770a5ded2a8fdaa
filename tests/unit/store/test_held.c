/* Snapshots that somebody holds: when they are told of, and what they cost then. */
#include "store_fixture.h"

#include <fcntl.h>

#include "store_lmdb_impl.h"
#include "unit_clock.h"

#define QUOTA_BYTES (UINT64_C(8) << 20)

struct holder {
    struct rig *rig;
    struct ses_lmdb *store;
    MDB_txn *txn;
    int log_fd;
};

static void begin(struct holder *holder, struct rig *rig, uint64_t quota_bytes)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/log", rig->dir);
    holder->rig = rig;
    holder->log_fd = open(path, O_RDWR | O_CREAT, 0600);
    ses_log_init(&rig->log, holder->log_fd, SES_LOG_INFO, "test");
    rig->options.log = &rig->log;
    rig->options.quota_bytes = quota_bytes;
    unit_clock_stop();
    holder->store = rig_open(rig, 0);
    create(rig, holder->store, 1, "before");
    assert_int_equal(mdb_txn_begin(holder->store->shard.env->mdb, NULL, MDB_RDONLY, &holder->txn), 0);
}

static void end(struct holder *holder)
{
    if (holder->txn != NULL)
        mdb_txn_abort(holder->txn);
    ses_lmdb_close(holder->store);
    unit_clock_run();
    (void)close(holder->log_fd);
    holder->rig->log.fd = -1;
}

static void pass(struct holder *holder, uint64_t ms)
{
    unit_clock_pass_ms(ms);
    ses_lmdb_tick(holder->store);
}

static uint64_t seconds_of(struct holder *holder)
{
    return atomic_load(&holder->rig->metrics->counter[SES_C_STORE_SNAPSHOT_SECONDS]);
}

static unsigned times_told(struct holder *holder, const char *event)
{
    static char text[1 << 16];
    ssize_t len;
    unsigned times = 0;

    ses_log_flush(&holder->rig->log);
    len = pread(holder->log_fd, text, sizeof(text) - 1, 0);
    assert_true(len >= 0);
    text[len] = '\0';
    for (const char *at = text; (at = strstr(at, event)) != NULL; at++)
        times++;
    return times;
}

static uint64_t bound_of(struct holder *holder)
{
    return atomic_load(&holder->store->shard.held_bytes_max);
}

/* Nothing was written since: it costs nothing. */
static void test_newest_snapshot_is_not_held(void **state)
{
    struct holder holder;

    begin(&holder, *state, QUOTA_BYTES);
    for (unsigned i = 0; i < 3; i++)
        pass(&holder, 2 * STORE_HELD_TELL_MS);
    assert_int_equal(seconds_of(&holder), 0);
    assert_int_equal(times_told(&holder, "store_snapshot_held"), 0);
    assert_int_equal(bound_of(&holder), 0);
    end(&holder);
}

static void test_told_once_and_bounded(void **state)
{
    struct holder holder;

    begin(&holder, *state, QUOTA_BYTES);
    create(holder.rig, holder.store, 2, "behind it");
    pass(&holder, 0); /* seen */
    pass(&holder, STORE_HELD_TELL_MS - 1000);
    assert_int_equal(seconds_of(&holder), STORE_HELD_TELL_MS / 1000 - 1);
    assert_int_equal(times_told(&holder, "store_snapshot_held"), 0);
    assert_int_equal(bound_of(&holder), 0);
    pass(&holder, 1000);
    pass(&holder, 1000);
    assert_int_equal(seconds_of(&holder), STORE_HELD_TELL_MS / 1000 + 1);
    assert_int_equal(times_told(&holder, "store_snapshot_held"), 1);
    assert_int_equal(bound_of(&holder), STORE_HELD_FILE_BYTES(QUOTA_BYTES));

    mdb_txn_abort(holder.txn);
    holder.txn = NULL;
    pass(&holder, 1000);
    assert_int_equal(seconds_of(&holder), 0);
    assert_int_equal(times_told(&holder, "store_snapshot_ended"), 1);
    assert_int_equal(bound_of(&holder), 0);
    end(&holder);
}

/* One after another, each for a moment, as readers do. */
static void test_snapshots_in_turn_are_not_held(void **state)
{
    struct holder holder;

    begin(&holder, *state, QUOTA_BYTES);
    for (uint64_t i = 2; i < 20; i++) {
        create(holder.rig, holder.store, i, "behind it");
        pass(&holder, 5000);
        mdb_txn_abort(holder.txn);
        assert_int_equal(mdb_txn_begin(holder.store->shard.env->mdb, NULL, MDB_RDONLY, &holder.txn), 0);
    }
    assert_int_equal(times_told(&holder, "store_snapshot_held"), 0);
    end(&holder);
}

static void test_without_a_quota_it_is_told_only(void **state)
{
    struct holder holder;

    begin(&holder, *state, 0);
    create(holder.rig, holder.store, 2, "behind it");
    pass(&holder, 0);
    pass(&holder, STORE_HELD_TELL_MS);
    assert_int_equal(times_told(&holder, "store_snapshot_held"), 1);
    assert_int_equal(bound_of(&holder), 0);
    end(&holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newest_snapshot_is_not_held, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_told_once_and_bounded, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_snapshots_in_turn_are_not_held, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_without_a_quota_it_is_told_only, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
