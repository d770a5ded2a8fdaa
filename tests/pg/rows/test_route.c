/* Keys of several shards: each goes to the one that has it, and with it when it moves. */
#include "pg_fakes.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit_clock.h"

#define MOVED 7 /* the slot that is moved */

static struct fakes fakes;
static struct fake_call call;
static struct fake_call other;
static struct ses_store_key moved = {{MOVED >> 4, MOVED << 4, 1}};
static struct ses_store_key resting = {{0x80, 0, 1}};

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    memset(&call, 0, sizeof(call));
    memset(&other, 0, sizeof(other));
    fakes_open(&fakes, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fakes_close(&fakes);
    ses_arena_done(&call.arena);
    ses_arena_done(&other.arena);
    return 0;
}

static unsigned find(unsigned shard, const char *name)
{
    return fakes_find(&fakes, shard, name);
}

static bool has(unsigned shard, const char *name)
{
    return fakes_has(&fakes, shard, name);
}

/* What flies tells nothing new. */
static void same(unsigned shard)
{
    if (has(shard, "map"))
        fake_map(&fakes.shard[shard], find(shard, "map"), fakes.shard[shard].rows->map.epoch, FAKE_SAME, 0,
                 0);
    unit_clock_pass_ms(1);
    fakes_turn(&fakes);
}

/* Its map is asked for, now or soon, and is that. */
static void map(unsigned shard, int64_t epoch, char state, char of_moved)
{
    if (!has(shard, "map")) {
        unit_clock_pass_ms(20);
        fakes_turn(&fakes);
    }
    fake_map(&fakes.shard[shard], find(shard, "map"), epoch, state, MOVED, of_moved);
    unit_clock_pass_ms(1);
    fakes_turn(&fakes);
}

/* Shard 0 has everything, in epoch 5; shard 1 nothing, in epoch 3. */
static void begin(void)
{
    fakes_turn(&fakes);
    map(0, 5, '1', '1');
    map(1, 3, '0', '0');
    same(0);
    same(1);
}

/* The slot has gone from shard 0 to shard 1, which nobody has told us. */
static void move_away(void)
{
    fakes.shard[0].epoch = 7;
}

static void tell_moved(void)
{
    map(0, 7, '1', '0');
    map(1, 4, '0', '1');
}

/* ---- routing ---- */

static void test_each_key_goes_to_its_shard(void **state)
{
    (void)state;
    fakes_turn(&fakes);
    map(0, 5, '1', '0');
    map(1, 3, '0', '1');
    assert_true(fakes.shard[0].serves && fakes.shard[1].serves);
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    assert_int_equal(fakes_get(&fakes, &other, &resting), SES_PENDING);
    fakes_turn(&fakes);
    assert_memory_equal(fakes.shard[1].sent[find(1, "create")].keys, &moved, sizeof(moved));
    assert_memory_equal(fakes.shard[0].sent[find(0, "read")].keys, &resting, sizeof(resting));
    fake_changed(&fakes.shard[1], find(1, "create"), 1);
    fake_nothing(&fakes.shard[0], find(0, "read"));
    fakes_turn(&fakes);
    assert_ok(call.status);
    assert_int_equal(other.status, SES_NOT_FOUND);
}

/* A statement goes with the epoch of the map by which its key was routed, not with one that a beat has told. */
static void test_the_epoch_is_the_maps(void **state)
{
    (void)state;
    begin();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    assert_int_equal(fakes.shard[0].sent[find(0, "create")].request->values[0][7], 5);
    assert_int_equal(fakes_create(&fakes, &other, &resting), SES_PENDING);
    move_away(); /* a beat says so */
    fake_changed(&fakes.shard[0], find(0, "create"), 1);
    fakes_turn(&fakes);
    assert_false(has(0, "create")); /* it waits for the map */
    fake_map(&fakes.shard[0], find(0, "map"), 7, '1', MOVED, '0');
    fakes.shard[0].epoch = 6; /* as a beat from before has told */
    fakes_turn(&fakes);
    assert_int_equal(fakes.shard[0].sent[find(0, "create")].request->values[0][7], 7);
}

static void test_without_a_map_nothing_is_taken(void **state)
{
    (void)state;
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_UNAVAILABLE);
    assert_int_equal(fakes_get(&fakes, &call, &moved), SES_UNAVAILABLE);
    ses_arena_done(&call.arena);
    fakes_turn(&fakes);
    map(0, 5, '1', '0'); /* who has it may be the other one, of which nothing is known */
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_UNAVAILABLE);
    assert_int_equal(fakes_get(&fakes, &call, &resting), SES_PENDING);
    assert_false(fakes.shard[1].serves);
}

static void test_a_dead_shard_takes_nobody_with_it(void **state)
{
    (void)state;
    fakes_turn(&fakes);
    map(0, 5, '1', '0');
    map(1, 3, '0', '1');
    fakes.shard[1].state = PG_STATE_SEARCHING;
    fakes.shard[1].may_read = false;
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_UNAVAILABLE);
    assert_int_equal(fakes_get(&fakes, &call, &moved), SES_UNAVAILABLE);
    ses_arena_done(&call.arena);
    assert_int_equal(fakes_create(&fakes, &call, &resting), SES_PENDING);
    assert_int_equal(fakes_get(&fakes, &other, &resting), SES_PENDING);
}

/* ---- what was routed by an old map ---- */

/* That it is not there says nothing: it was moved. */
static void test_a_read_of_another_epoch_is_not_used(void **state)
{
    (void)state;
    begin();
    assert_int_equal(fakes_get(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    move_away();
    fake_nothing(&fakes.shard[0], find(0, "read"));
    fakes.shard[0].epoch = 5; /* no beat has told of it */
    fakes_turn(&fakes);
    assert_int_equal(call.ends, 0);
    tell_moved();
    fake_records(&fakes.shard[1], find(1, "read"), "a body", -1);
    fakes_turn(&fakes);
    assert_ok(call.status);
}

/* Neither does what was left behind. */
static void test_a_row_that_was_left_behind_is_not_used(void **state)
{
    (void)state;
    begin();
    assert_int_equal(fakes_get(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    move_away();
    fake_records(&fakes.shard[0], find(0, "read"), "stale", -1);
    tell_moved();
    fake_records(&fakes.shard[1], find(1, "read"), "fresh", -1);
    fakes_turn(&fakes);
    assert_true(ses_slice_eq_str(call.op.record.body, "fresh"));
}

/* Found is what the copy left: no reason for a write that its epoch kept from being done. */
static void test_a_write_that_was_fenced_goes_on_where_the_key_is(void **state)
{
    const struct pg_found found = {.row = true, .record = true, .write_id = {9}};
    uint8_t id[PG_ID_BYTES];

    (void)state;
    begin();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    memcpy(id, fakes.shard[0].sent[find(0, "create")].last_id, sizeof(id));
    fake_changed(&fakes.shard[0], find(0, "create"), 0);
    fakes_turn(&fakes);
    move_away();
    fake_found(&fakes.shard[0], find(0, "ids"), &found);
    fakes_turn(&fakes);
    assert_int_equal(call.ends, 0);
    tell_moved();
    assert_memory_equal(fakes.shard[1].sent[find(1, "create")].last_id, id, sizeof(id));
    fake_changed(&fakes.shard[1], find(1, "create"), 1);
    fakes_turn(&fakes);
    assert_ok(call.status);
    assert_int_equal(call.ends, 1);
}

/* The look-up came behind the change of the map: it is of another epoch than the statement. */
static void test_a_look_up_in_a_later_epoch_judges_nothing(void **state)
{
    (void)state;
    begin();
    assert_int_equal(fakes_create(&fakes, &call, &resting), SES_PENDING);
    fakes_turn(&fakes);
    fakes.shard[0].free[PG_USE_READ] = 0;
    fake_changed(&fakes.shard[0], find(0, "create"), 0); /* by epoch 5 */
    move_away();
    fakes_turn(&fakes);
    fakes.shard[0].free[PG_USE_READ] = 1;
    ses_pg_rows_ready(fakes.shard[0].rows, PG_USE_READ);
    fakes_turn(&fakes);
    map(0, 7, '1', '0');
    fake_nothing(&fakes.shard[0], find(0, "ids"));
    fakes_turn(&fakes);
    assert_int_equal(call.ends, 0); /* nothing there would be SES_BUSY: somebody had it locked */
    fake_changed(&fakes.shard[0], find(0, "create"), 1);
    fakes_turn(&fakes);
    assert_ok(call.status);
}

/* The identical statement settles at the target. */
static void test_what_nobody_knows_is_settled_where_the_key_is(void **state)
{
    struct pg_found found = {.row = true, .record = true};

    (void)state;
    begin();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    memcpy(found.write_id, fakes.shard[0].sent[find(0, "create")].last_id, PG_ID_BYTES);
    fake_lose(&fakes.shard[0], find(0, "create"));
    fakes_turn(&fakes);
    fake_changed(&fakes.shard[0], find(0, "create"), 0); /* the repeat */
    fakes_turn(&fakes);
    move_away();
    fake_found(&fakes.shard[0], find(0, "ids"), NULL);
    tell_moved();
    assert_int_equal(fakes.shard[1].sent[find(1, "create")].use, PG_USE_SETTLE);
    assert_memory_equal(fakes.shard[1].sent[find(1, "create")].last_id, found.write_id, PG_ID_BYTES);
    fake_changed(&fakes.shard[1], find(1, "create"), 0);
    fakes_turn(&fakes);
    fake_found(&fakes.shard[1], find(1, "ids"), &found); /* the first one was done, and copied */
    fakes_turn(&fakes);
    assert_ok(call.status);
}

static void test_what_waits_goes_with_its_key(void **state)
{
    (void)state;
    begin();
    memset(fakes.shard[0].free, 0, sizeof(fakes.shard[0].free)); /* all are taken */
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    assert_int_equal(fakes_get(&fakes, &other, &moved), SES_PENDING);
    fakes_turn(&fakes);
    fakes.shard[0].free[PG_USE_READ] = 1;
    ses_pg_rows_ready(fakes.shard[0].rows, PG_USE_READ);
    move_away();
    tell_moved();
    assert_true(has(1, "create"));
    assert_true(has(1, "read"));
    assert_false(has(0, "read"));
    assert_int_equal(fakes.shard[0].rows->pending, 0);
    assert_int_equal(ses_store_pending(fakes.store), 2);
}

/* Or two statements of this process would meet. */
static void test_a_key_is_in_flight_once_wherever_it_is(void **state)
{
    (void)state;
    begin();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    move_away();
    tell_moved();
    assert_int_equal(fakes_create(&fakes, &other, &moved), SES_BUSY);
    fake_changed(&fakes.shard[0], find(0, "create"), 0);
    fakes_turn(&fakes);
    assert_true(has(1, "create"));
    fake_changed(&fakes.shard[1], find(1, "create"), 1);
    fakes_turn(&fakes);
    assert_int_equal(fakes_create(&fakes, &other, &moved), SES_PENDING);
}

static void test_a_lease_is_given_back_where_the_key_is(void **state)
{
    struct ses_store_lease lease = {.key = moved, .held = true};

    (void)state;
    begin();
    ses_store_release(fakes.store, &lease, SES_LEASE_KEEP_INTENT);
    fakes_turn(&fakes);
    fake_changed(&fakes.shard[0], find(0, "release"), 0);
    fakes_turn(&fakes);
    move_away();
    fake_nothing(&fakes.shard[0], find(0, "ids"));
    tell_moved();
    fake_changed(&fakes.shard[1], find(1, "release"), 1);
    fakes_turn(&fakes);
    assert_true(ses_pg_is_quiet(fakes.store));
}

/* ---- on the way ---- */

static void leave(void)
{
    begin();
    fakes.shard[0].epoch = 6;
    map(0, 6, '1', '2');
}

static void test_a_slot_that_leaves_is_waited_for(void **state)
{
    (void)state;
    leave();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    assert_int_equal(fakes_get(&fakes, &other, &moved), SES_PENDING);
    fakes_turn(&fakes);
    assert_false(has(0, "create") || has(1, "create"));
    map(1, 4, '0', '1'); /* it is asked again and again */
    assert_true(has(1, "create") && has(1, "read"));
}

static void test_and_not_for_ever(void **state)
{
    (void)state;
    leave();
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    assert_int_equal(fakes_get(&fakes, &other, &moved), SES_PENDING);
    fakes_turn(&fakes);
    unit_clock_pass_ms(PG_HELD_MS - 1);
    fakes_turn(&fakes);
    assert_int_equal(call.ends + other.ends, 0);
    unit_clock_pass_ms(21);
    fakes_turn(&fakes);
    assert_int_equal(call.status, SES_BUSY);
    assert_int_equal(other.status, SES_UNAVAILABLE);
}

/* What may be done already is not told as not done. */
static void test_what_nobody_knows_waits_for_its_deadline(void **state)
{
    (void)state;
    begin();
    call.op.deadline_mono_ns = ses_clock_mono_ns() + 2 * PG_HELD_MS * SES_NS_PER_MS;
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    fakes.shard[0].epoch = 6;
    map(0, 6, '1', '2');
    fake_lose(&fakes.shard[0], find(0, "create"));
    fakes_turn(&fakes);
    for (unsigned i = 0; i < 3; i++) {
        unit_clock_pass_ms(PG_HELD_MS / 2);
        fakes_turn(&fakes);
    }
    assert_int_equal(call.ends, 0);
    unit_clock_pass_ms(PG_HELD_MS);
    fakes_turn(&fakes);
    assert_int_equal(call.status, SES_UNKNOWN);
}

/* ---- two, and none ---- */

/* Two maps are of two moments: the target's may have been read behind the move, the source's before. */
static void test_two_owners_may_be_two_moments(void **state)
{
    (void)state;
    begin();
    fakes.shard[1].epoch = 4;
    map(1, 4, '0', '1');
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    assert_false(has(0, "create") || has(1, "create"));
    map(0, 7, '1', '0');
    assert_true(has(1, "create"));
}

static void test_two_owners_of_one_moment_are_none(void **state)
{
    (void)state;
    begin();
    fakes.shard[1].epoch = 4;
    map(1, 4, '0', '1');
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    same(0);
    same(1);
    unit_clock_pass_ms(20);
    fakes_turn(&fakes);
    same(0);
    same(1);
    assert_int_equal(call.status, SES_UNAVAILABLE);
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_UNAVAILABLE);
    assert_int_equal(fakes_create(&fakes, &call, &resting), SES_PENDING);
}

static void test_a_slot_of_nobody_is_looked_for(void **state)
{
    (void)state;
    begin();
    fakes.shard[0].epoch = 7;
    map(0, 7, '1', '0');
    same(1);
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    same(0);
    assert_int_equal(call.ends, 0);
    same(1);
    assert_int_equal(call.status, SES_UNAVAILABLE);
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_UNAVAILABLE);
    fakes.shard[1].epoch = 4; /* it is there later */
    map(1, 4, '0', '1');
    assert_int_equal(fakes_create(&fakes, &call, &moved), SES_PENDING);
    fakes_turn(&fakes);
    assert_true(has(1, "create"));
}

/* ---- watching ---- */

static unsigned told;

static void on_news(void *arg)
{
    (void)arg;
    told++;
}

static void test_a_watch_goes_with_its_key(void **state)
{
    struct ses_store_watch watch = {.changed = on_news};
    const struct pg_found found = {.row = true, .record = true, .write_id = {9}};

    (void)state;
    told = 0;
    begin();
    ses_list_init(&watch.node);
    assert_ok(ses_store_watch(fakes.store, &moved, &watch));
    fakes_turn(&fakes);
    move_away();
    fake_found(&fakes.shard[0], find(0, "ids"), &found); /* what was left behind tells nothing */
    fakes_turn(&fakes);
    assert_int_equal(told, 0);
    tell_moved();
    assert_int_equal(told, 1); /* what was put meanwhile nobody knows */
    unit_clock_pass_ms(1000);
    fakes_turn(&fakes);
    assert_memory_equal(fakes.shard[1].sent[find(1, "ids")].keys, &moved, sizeof(moved));
    assert_false(has(0, "ids"));
    ses_store_unwatch(fakes.store, &watch);
    assert_int_equal(ses_pg_of(fakes.store)->shards[1].watches.count, 0);
    assert_int_equal(ses_pg_of(fakes.store)->shards[0].watches.count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_each_key_goes_to_its_shard),
        TEST(test_the_epoch_is_the_maps),
        TEST(test_without_a_map_nothing_is_taken),
        TEST(test_a_dead_shard_takes_nobody_with_it),
        TEST(test_a_read_of_another_epoch_is_not_used),
        TEST(test_a_row_that_was_left_behind_is_not_used),
        TEST(test_a_write_that_was_fenced_goes_on_where_the_key_is),
        TEST(test_a_look_up_in_a_later_epoch_judges_nothing),
        TEST(test_what_nobody_knows_is_settled_where_the_key_is),
        TEST(test_what_waits_goes_with_its_key),
        TEST(test_a_key_is_in_flight_once_wherever_it_is),
        TEST(test_a_lease_is_given_back_where_the_key_is),
        TEST(test_a_slot_that_leaves_is_waited_for),
        TEST(test_and_not_for_ever),
        TEST(test_what_nobody_knows_waits_for_its_deadline),
        TEST(test_two_owners_may_be_two_moments),
        TEST(test_two_owners_of_one_moment_are_none),
        TEST(test_a_slot_of_nobody_is_looked_for),
        TEST(test_a_watch_goes_with_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
