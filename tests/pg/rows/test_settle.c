/* What nobody knows the outcome of: repeated as it was until it is known, or the deadline. */
#include "pg_fake.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit_clock.h"

#define DEADLINE_MS 1000

static struct fake fake;
static struct fake_call call;

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    memset(&call, 0, sizeof(call));
    fake_open(&fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

/* A write of that kind was sent, and its connection died. */
static void lose(enum pg_kind kind)
{
    unsigned n = fake.sent_count;

    call.op.deadline_mono_ns = ses_clock_mono_ns() + DEADLINE_MS * SES_NS_PER_MS;
    assert_int_equal(fake_put(&fake, &call, kind, 1, 10), SES_PENDING);
    fake_turn(&fake);
    fake_lose(&fake, n);
    fake_turn(&fake);
}

static void test_the_same_is_repeated_and_waits(void **state)
{
    static const struct {
        enum pg_kind kind;
        const char *name;
    } kinds[] = {{PG_CREATE, "create"},
                 {PG_CHANGE, "change_plain"},
                 {PG_LEASE_NEW, "lease_new"},
                 {PG_LEASE, "lease_plain"},
                 {PG_PUT_LEASED, "put_leased_plain"}};

    (void)state;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        lose(kinds[i].kind);
        assert_int_equal(call.ends, 0);
        assert_int_equal(fake.sent[2 * i + 1].use, PG_USE_SETTLE);
        assert_string_equal(fake_name(&fake, 2 * i + 1), kinds[i].name);
        assert_memory_equal(fake.sent[2 * i + 1].last_id, fake.sent[2 * i].last_id, PG_ID_BYTES);
        fake_changed(&fake, 2 * i + 1, 1);
        fake_turn(&fake);
        assert_int_equal(call.ends, 1);
        assert_ok(call.status);
    }
}

/* Repeated once more without an effect, and that lies there. 0 ends: it is tried again. */
static enum ses_status settled(enum pg_kind kind, struct pg_found *found, bool as_write, bool as_parent)
{
    unsigned n = fake.sent_count;

    lose(kind);
    if (as_write)
        memcpy(found->write_id, fake.sent[n].last_id, PG_ID_BYTES);
    if (as_parent)
        memcpy(found->parent_id, fake.sent[n].last_id, PG_ID_BYTES);
    fake_changed(&fake, n + 1, 0);
    fake_turn(&fake);
    fake_found(&fake, n + 2, found);
    fake_turn(&fake);
    if (call.ends > 0)
        return call.status;
    unit_clock_pass_ms(DEADLINE_MS / 2);
    fake_turn(&fake);
    assert_int_equal(fake.sent[n + 3].use, PG_USE_SETTLE); /* again */
    unit_clock_pass_ms(DEADLINE_MS / 2);
    fake_turn(&fake);
    assert_int_equal(call.ends, 1);
    fake_changed(&fake, n + 3, 0);
    fake_turn(&fake);
    return call.status;
}

static void test_what_lies_there_tells(void **state)
{
    struct pg_found found = {.row = true, .record = true, .revision = 5};

    (void)state;
    assert_ok(settled(PG_CHANGE, &found, true, false));
    found = (struct pg_found){.row = true, .record = true, .revision = 9};
    assert_ok(settled(PG_CHANGE, &found, false, true));
    found = (struct pg_found){.row = true, .record = true, .revision = 5}; /* another one has that place */
    assert_int_equal(settled(PG_CHANGE, &found, false, false), SES_CONFLICT);
    found.revision = 6; /* written on another one */
    assert_int_equal(settled(PG_CHANGE, &found, false, false), SES_CONFLICT);
    found.revision = 7; /* ours may lie beneath its parent */
    assert_int_equal(settled(PG_CHANGE, &found, false, false), SES_UNKNOWN);
    assert_int_equal(settled(PG_CREATE, &found, false, false), SES_UNKNOWN);
    memset(found.owner, 1, PG_OWNER_BYTES); /* 1 is the caller's */
    assert_ok(settled(PG_LEASE, &found, false, false));
    assert_true(call.lease.held);
}

/* A lease, a lock end: what is refused then must not happen later. */
static void test_what_may_still_happen_is_tried_until_the_deadline(void **state)
{
    struct pg_found found = {.row = true, .record = true, .leased = true, .revision = 4};

    (void)state;
    assert_int_equal(settled(PG_CHANGE, &found, false, false), SES_UNKNOWN);
    assert_int_equal(settled(PG_CREATE, &found, false, false), SES_UNKNOWN);
    found.leased = false;
    memset(found.write_id, 1, PG_ID_BYTES); /* as expected */
    assert_int_equal(settled(PG_CHANGE, &found, false, false), SES_UNKNOWN);
    memset(found.owner, 1, PG_OWNER_BYTES); /* our lease stands */
    assert_int_equal(settled(PG_PUT_LEASED, &found, false, false), SES_UNKNOWN);
    assert_false(call.lease.held);
}

static void test_a_refusal_of_the_repeat_settles_nothing(void **state)
{
    (void)state;
    lose(PG_CHANGE);
    fake_refuse(&fake, 1, "25006");
    fake_turn(&fake);
    assert_int_equal(call.ends, 0);
    unit_clock_pass_ms(100);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 3);
    fake_lose(&fake, 2);
    fake_turn(&fake);
    fake_changed(&fake, 3, 1);
    fake_turn(&fake);
    assert_ok(call.status);
}

/* ---- deadlines ---- */

static void test_what_was_not_sent_is_surely_not_written(void **state)
{
    (void)state;
    fake.free[PG_USE_WRITE] = 0;
    call.op.deadline_mono_ns = ses_clock_mono_ns() + SES_NS_PER_MS;
    assert_int_equal(fake_put(&fake, &call, PG_CREATE, 1, 10), SES_PENDING);
    fake_turn(&fake);
    assert_int_equal(call.ends, 0);
    unit_clock_pass_ms(1);
    fake_turn(&fake);
    assert_int_equal(call.status, SES_UNAVAILABLE);
    fake.free[PG_USE_WRITE] = 1;
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 0);
}

/* The operation's memory goes with its end, the statement's answer comes later. */
static void test_an_ended_operation_is_not_touched(void **state)
{
    static const enum pg_kind kinds[] = {PG_CREATE, PG_CHANGE, PG_LEASE, PG_PUT_LEASED};

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct fake_call *gone = calloc(1, sizeof(*gone));
        unsigned n = fake.sent_count;

        gone->op.deadline_mono_ns = ses_clock_mono_ns() + SES_NS_PER_MS;
        assert_int_equal(fake_put(&fake, gone, kinds[i / 3], 100 + i, 10), SES_PENDING);
        fake_turn(&fake);
        unit_clock_pass_ms(1);
        fake_turn(&fake);
        assert_int_equal(gone->ends, 1);
        assert_int_equal(gone->status, SES_UNKNOWN);
        assert_false(gone->lease.held);
        free(gone);
        if (i % 3 == 0)
            fake_changed(&fake, n, 1);
        else if (i % 3 == 1)
            fake_changed(&fake, n, 0);
        else
            fake_lose(&fake, n);
        fake_turn(&fake);
        if (kinds[i / 3] == PG_LEASE && i % 3 != 1) /* nobody was asked: given back */
            fake_changed(&fake, fake.sent_count - 1, 1);
        fake_turn(&fake);
    }
    assert_int_equal(fake.rows->pending, 0);
    assert_int_equal(fake.rows->rows_count, 0);
}

/* ---- leases ---- */

static void test_an_unknown_lease_is_given_back(void **state)
{
    unsigned tries = 0;

    (void)state;
    lose(PG_LEASE_NEW);
    unit_clock_pass_ms(DEADLINE_MS);
    fake_turn(&fake);
    assert_int_equal(call.status, SES_UNKNOWN);
    fake_lose(&fake, 1);
    fake_turn(&fake);
    while (fake.rows->rows_count > 0) { /* it is not there; it may come as long as it would last */
        unsigned n = fake.sent_count - 1;

        assert_string_equal(fake_name(&fake, n), "release_plain");
        fake_changed(&fake, n, 0);
        fake_turn(&fake);
        fake_nothing(&fake, n + 1);
        tries++;
        unit_clock_pass_ms(500);
        fake_turn(&fake);
        assert_in_range(tries, 1, 4);
    }
    assert_true(tries > 1);
}

static void test_a_refused_end_keeps_the_intent(void **state)
{
    (void)state;
    assert_int_equal(fake_put(&fake, &call, PG_PUT_LEASED, 1, 10), SES_PENDING);
    fake_turn(&fake);
    fake_refuse(&fake, 0, "53100");
    fake_turn(&fake);
    assert_int_equal(call.status, SES_FULL);
    assert_false(call.lease.held);
    assert_string_equal(fake_name(&fake, 1), "release");
    assert_int_equal(fake.sent[1].request->values[3][27], 0); /* the intent is not forgotten */
    fake_changed(&fake, 1, 1);
    assert_int_equal(fake.rows->rows_count, 0);
}

static void test_a_release_is_repeated(void **state)
{
    (void)state;
    fake_release(&fake, 1, true);
    fake_turn(&fake);
    assert_int_equal(fake.sent[0].request->values[3][27], 1);
    fake_lose(&fake, 0);
    unit_clock_pass_ms(100);
    fake_turn(&fake);
    assert_int_equal(fake.sent[1].use, PG_USE_SETTLE);
    fake_changed(&fake, 1, 0);
    fake_turn(&fake);
    fake_nothing(&fake, 2); /* it was done the first time */
    unit_clock_pass_ms(100);
    fake_turn(&fake);
    assert_int_equal(fake.rows->rows_count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_the_same_is_repeated_and_waits),
        TEST(test_what_lies_there_tells),
        TEST(test_what_may_still_happen_is_tried_until_the_deadline),
        TEST(test_a_refusal_of_the_repeat_settles_nothing),
        TEST(test_what_was_not_sent_is_surely_not_written),
        TEST(test_an_ended_operation_is_not_touched),
        TEST(test_an_unknown_lease_is_given_back),
        TEST(test_a_refused_end_keeps_the_intent),
        TEST(test_a_release_is_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
