/* Watching keys: within a process, across processes, over the death of a writer. */
#include "store_fixture.h"

#include <signal.h>
#include <time.h>

#include "store_lmdb_impl.h"
#include "table.h"
#include "watch_board.h"

struct seen {
    unsigned calls;
    struct ses_lmdb *store;
    struct ses_store_watch *end; /* watches to end when called */
    struct ses_store_watch *end_too;
};

static void on_changed(void *arg)
{
    struct seen *seen = arg;

    seen->calls++;
    if (seen->end != NULL)
        ses_lmdb_unwatch(seen->store, seen->end);
    if (seen->end_too != NULL)
        ses_lmdb_unwatch(seen->store, seen->end_too);
}

static void watch(struct ses_lmdb *store, uint64_t number, struct ses_store_watch *w, struct seen *seen)
{
    struct ses_store_key key = key_of(number);

    *w = (struct ses_store_watch){.changed = on_changed, .arg = seen};
    assert_ok(ses_lmdb_watch(store, &key, w));
}

static int setup(void **state)
{
    (void)rig_setup(state);
    struct rig *rig = *state;

    return ses_watch_board_create(4, &rig->shared->watch_board) == SES_OK ? 0 : -1;
}

static bool readable_within(struct rig *rig, unsigned slot, int timeout_ms)
{
    struct pollfd ready = {.fd = ses_watch_board_fd(rig->shared->watch_board, slot), .events = POLLIN};

    return poll(&ready, 1, timeout_ms) == 1;
}

/* Whoever told has returned, or ended: the event is there now or will never be. */
static bool readable(struct rig *rig, unsigned slot)
{
    return readable_within(rig, slot, 0);
}

static void test_tells_of_creation_and_change(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct seen seen = {0};
    struct ses_store_watch w;

    watch(store, 1, &w, &seen);
    create(rig, store, 1, "one");
    assert_true(readable(rig, 0));
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 1);
    assert_false(readable(rig, 0));
    update(rig, store, 1, "two", ses_clock_wall_ms() + HOUR_MS);
    update(rig, store, 1, "three", ses_clock_wall_ms() + HOUR_MS);
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 2); /* coalesced */
    ses_lmdb_unwatch(store, &w);
    update(rig, store, 1, "four", ses_clock_wall_ms() + HOUR_MS);
    assert_false(readable(rig, 0)); /* nobody watches: nobody is woken */
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 2);
    ses_lmdb_close(store);
}

#define WATCHED 12

static void test_what_one_commit_publishes_is_one_wake_up(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of("body", UINT64_MAX);
    struct ses_store_watch watches[WATCHED];
    struct wait_one wait = {.calls = 0};
    struct seen seen = {0};
    uint64_t words = 0;
    uint64_t writes;

    for (uint64_t i = 0; i < WATCHED; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        words |= UINT64_C(1) << watch_bucket(ses_table_tag(&key)) / 64;
        watch(store, i, &watches[i], &seen);
        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    assert_true((words & (words - 1)) != 0); /* several words: each would be a write */
    rig_wait(rig, store);
    assert_int_equal(read(ses_watch_board_fd(rig->shared->watch_board, 0), &writes, sizeof(writes)),
                     sizeof(writes));
    assert_int_equal(writes, 1);
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, WATCHED);
    ses_lmdb_close(store);
}

static void test_other_keys_are_silent(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct seen seen = {0};
    struct ses_store_watch w;

    watch(store, 1, &w, &seen);
    create(rig, store, 2, "another");
    ses_watch_board_wake(rig->shared->watch_board, /* as a neighbour in its bucket would */
                         ses_watch_board_mark(rig->shared->watch_board, ses_table_tag(&key)));
    assert_true(readable(rig, 0));
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 0);
    ses_lmdb_close(store);
}

static void test_claims_and_intents_are_no_news(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct seen seen = {0};
    struct ses_store_watch w;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create(rig, store, 1, "one");
    watch(store, 1, &w, &seen);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, record.revision, &claim));
    assert_ok(intent_wait(rig, store, &claim, "intent"));
    ses_claim_release(store, &claim);
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 0);
    ses_lmdb_close(store);
}

/* Two watchers of one key: the first one called ends both, or only itself. */
static void test_a_watch_may_end_others(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct seen seen[3] = {{0}};
    struct ses_store_watch w[3];

    for (unsigned i = 0; i < 3; i++)
        watch(store, 1, &w[i], &seen[i]);
    seen[0].store = store;
    seen[0].end = &w[0];
    seen[0].end_too = &w[1];
    create(rig, store, 1, "one");
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen[0].calls, 1);
    assert_int_equal(seen[1].calls, 0);
    assert_int_equal(seen[2].calls, 1);
    assert_int_equal(store->watches->count, 1);
    update(rig, store, 1, "two", ses_clock_wall_ms() + HOUR_MS); /* the bucket is still watched */
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen[0].calls, 1);
    assert_int_equal(seen[2].calls, 2);
    ses_lmdb_unwatch(store, &w[2]);
    ses_lmdb_unwatch(store, &w[2]); /* twice is harmless */
    assert_int_equal(store->watches->count, 0);
    ses_lmdb_close(store);
}

static void write_two(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 1);

    create(rig, store, 7, "by another process");
    create(rig, store, 8, "unwatched");
    ses_lmdb_close(store);
}

static void test_another_process(void **state)
{
    struct rig *rig = *state;
    struct child writer = child_new(write_two, rig);
    struct ses_lmdb *store = rig_open(rig, 0);
    struct seen seen = {0};
    struct ses_store_watch w;

    watch(store, 7, &w, &seen);
    child_run(&writer);
    assert_true(readable(rig, 0));
    assert_false(readable(rig, 1)); /* slot 1 watches nothing */
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 1);
    assert_stored(rig, store, 7, "by another process", 1);
    ses_lmdb_close(store);
}

#define CHANGES 50

static void write_many(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 1);

    for (uint64_t i = 0; i < CHANGES; i++) {
        update(rig, store, 1, "changed", ses_clock_wall_ms() + HOUR_MS);
        (void)usleep(1000);
    }
    ses_lmdb_close(store);
}

/* The last change is never lost: nothing comes behind it to make up for it. */
static void test_the_last_change_is_heard(void **state)
{
    struct rig *rig = *state;
    struct child writer = child_new(write_many, rig);
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = {.revision = 0};
    struct seen seen = {0};
    struct ses_store_watch w;
    struct ses_lmdb_ref ref;
    bool claimed;

    create(rig, store, 1, "0");
    watch(store, 1, &w, &seen);
    child_go(&writer);
    while (record.revision < CHANGES + 1) {
        assert_true(readable_within(rig, 0, UNIT_PATIENCE_MS));
        ses_lmdb_watch_dispatch(store);
        ses_arena_reset(&rig->arena);
        assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    }
    child_wait(&writer);
    ses_lmdb_close(store);
}

static void die_untold(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store;

    rig->shared->watch_board = NULL; /* publishes, and is gone before telling */
    store = rig_open(rig, 1);
    create(rig, store, 7, "untold");
    (void)kill(getpid(), SIGKILL);
    ses_lmdb_close(store);
}

static void open_again(void *arg)
{
    struct rig *rig = arg;

    ses_lmdb_close(rig_open(rig, 1));
}

static void test_a_successor_tells(void **state)
{
    struct rig *rig = *state;
    struct child first = child_new(die_untold, rig);
    struct child successor = child_new(open_again, rig);
    struct ses_lmdb *store = rig_open(rig, 0);
    struct seen seen = {0};
    struct ses_store_watch w;

    watch(store, 7, &w, &seen);
    child_run(&first);
    assert_false(readable(rig, 0));
    child_run(&successor);
    assert_true(readable(rig, 0));
    ses_lmdb_watch_dispatch(store);
    assert_int_equal(seen.calls, 1);
    ses_lmdb_close(store);
}

static void watch_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 1);
    struct seen seen = {0};
    struct ses_store_watch w;

    watch(store, 9, &w, &seen);
    (void)kill(getpid(), SIGKILL);
}

/* A dead watcher's eventfd is written once, not for every change; its successor starts with nothing. */
static void test_a_dead_watcher_is_forgotten(void **state)
{
    struct rig *rig = *state;
    struct child watcher = child_new(watch_and_die, rig);
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_lmdb *successor;
    struct ses_store_key key = key_of(9);
    unsigned bucket = watch_bucket(ses_table_tag(&key));

    child_run(&watcher);
    assert_int_equal(rig->shared->watch_board->shared->watchers[bucket], 2);
    create(rig, store, 9, "one");
    assert_true(readable(rig, 1));
    successor = rig_open(rig, 1);
    assert_int_equal(rig->shared->watch_board->shared->watchers[bucket], 0);
    assert_false(readable(rig, 1));
    ses_lmdb_watch_dispatch(successor);
    ses_lmdb_close(successor);
    ses_lmdb_close(store);
}

static void test_refusals(void **state)
{
    struct rig *rig = *state;
    struct ses_watch_board *board;
    struct ses_store_key key = key_of(1);
    struct ses_store_watch w = {.changed = on_changed};
    struct ses_watch_board *kept = rig->shared->watch_board;
    struct ses_lmdb *store;

    assert_int_equal(ses_watch_board_create(0, &board), SES_INVALID_ARGUMENT);
    assert_int_equal(ses_watch_board_create(SES_STORE_SHARDS_MAX + 1, &board), SES_INVALID_ARGUMENT);
    rig->shared->watch_board = NULL;
    store = rig_open(rig, 0);
    assert_int_equal(ses_lmdb_watch(store, &key, &w), SES_UNAVAILABLE);
    ses_lmdb_watch_dispatch(store);
    ses_lmdb_close(store);
    rig->shared->watch_board = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tells_of_creation_and_change, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_one_commit_publishes_is_one_wake_up, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_other_keys_are_silent, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_claims_and_intents_are_no_news, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_watch_may_end_others, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_another_process, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_last_change_is_heard, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_successor_tells, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_dead_watcher_is_forgotten, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
