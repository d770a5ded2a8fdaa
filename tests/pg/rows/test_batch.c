/* When a batch goes, what is in it, and what its answer says. */
#include "pg_fake.h"

#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit_clock.h"

static struct fake fake;
static struct fake_call calls[FAKE_KEYS_MAX * 2];

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    memset(calls, 0, sizeof(calls));
    fake_open(&fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

static void create(unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++)
        assert_int_equal(fake_put(&fake, &calls[i], PG_CREATE, i, 100), SES_PENDING);
}

/* ---- what goes ---- */

static void test_a_free_connection_takes_all_that_waits(void **state)
{
    (void)state;
    create(0, 20);
    assert_int_equal(fake.sent_count, 0);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1);
    assert_int_equal(fake.sent[0].use, PG_USE_WRITE);
    assert_string_equal(fake_name(&fake, 0), "create");
    assert_int_equal(fake.sent[0].count, 20);
    for (unsigned i = 1; i < 20; i++) /* sorted: two batches never wait for each other in a circle */
        assert_true(memcmp(&fake.sent[0].keys[i - 1], &fake.sent[0].keys[i], SES_STORE_KEY_BYTES) < 0);
    fake_changed(&fake, 0, 20);
    fake_turn(&fake);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(calls[i].ends, 1);
        assert_ok(calls[i].status);
    }
    assert_int_equal(fake.rows->pending, 0);
    assert_int_equal(fake.changes, 20);
}

static void test_a_batch_is_bounded(void **state)
{
    (void)state;
    create(0, 300);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 2); /* both connections */
    assert_int_equal(fake.sent[0].count, 256);
    assert_int_equal(fake.sent[1].count, 44);
}

static void test_its_bytes_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(fake_put(&fake, &calls[i], PG_CREATE, i, SES_STORE_BODY_MAX), SES_PENDING);
    fake_turn(&fake);
    assert_int_equal(fake.sent[0].count, 7);
    assert_int_equal(fake.sent[1].count, 5);
}

static void test_what_comes_meanwhile_waits(void **state)
{
    (void)state;
    fake.free[PG_USE_WRITE] = 1;
    create(0, 1);
    fake_turn(&fake);
    create(1, 10);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1);
    fake_changed(&fake, 0, 1);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 2);
    assert_int_equal(fake.sent[1].count, 10);
}

static void test_kinds_go_apart(void **state)
{
    (void)state;
    create(0, 2);
    assert_int_equal(fake_put(&fake, &calls[2], PG_CHANGE, 2, 100), SES_PENDING);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 2);
    assert_string_equal(fake_name(&fake, 0), "create");
    assert_string_equal(fake_name(&fake, 1), "change");
}

/* A small batch lingers while rows come fast, half a millisecond. */
static void test_it_lingers_while_that_pays(void **state)
{
    (void)state;
    create(0, 3);
    fake_turn(&fake); /* nobody knows yet how fast they come */
    assert_int_equal(fake.sent_count, 1);
    create(3, 200);
    unit_clock_pass_ms(100);
    fake_turn(&fake); /* 2,000 a second, and too many to linger for */
    assert_int_equal(fake.sent_count, 2);
    fake_changed(&fake, 0, 3);
    fake_changed(&fake, 1, 200);
    create(203, 1);
    fake.rows->last_batch = 7;
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 2);
    create(204, 6);
    unit_clock_pass_ms(1);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 3);
    assert_int_equal(fake.sent[2].count, 7);
    fake_changed(&fake, 2, 7);
    unit_clock_pass_ms(1000);
    fake_turn(&fake);
    create(211, 1);
    fake_turn(&fake); /* not any more */
    assert_int_equal(fake.sent_count, 4);
}

/* ---- who is refused at once ---- */

static void test_a_key_is_in_flight_once(void **state)
{
    (void)state;
    create(1, 1);
    assert_int_equal(fake_put(&fake, &calls[2], PG_CHANGE, 1, 10), SES_BUSY);
    fake_turn(&fake);
    assert_int_equal(fake_put(&fake, &calls[2], PG_CHANGE, 1, 10), SES_BUSY);
    fake_changed(&fake, 0, 1);
    assert_int_equal(fake_put(&fake, &calls[2], PG_CHANGE, 1, 10), SES_PENDING);
}

static void test_the_queue_is_bounded(void **state)
{
    (void)state;
    create(0, 600);
    assert_int_equal(fake_put(&fake, &calls[0], PG_CREATE, 4000, 10), SES_RESOURCE_EXHAUSTED);
}

static void test_no_primary_no_waiting(void **state)
{
    (void)state;
    fake.free[PG_USE_WRITE] = 0;
    create(0, 1);
    fake_turn(&fake);
    fake.state = PG_STATE_STALLED;
    assert_int_equal(fake_put(&fake, &calls[1], PG_CREATE, 1, 10), SES_UNAVAILABLE);
    assert_int_equal(fake_get(&fake, &calls[2], 1), SES_PENDING); /* reads go on */
    fake_turn(&fake);
    assert_int_equal(calls[0].ends, 1);
    assert_int_equal(calls[0].status, SES_UNAVAILABLE);
    assert_int_equal(calls[2].ends, 0);
    fake.state = PG_STATE_SEARCHING;
    fake.may_read = false;
    assert_int_equal(fake_get(&fake, &calls[3], 1), SES_UNAVAILABLE);
}

/* ---- what an answer says ---- */

/* Of a write of that kind whose row did not change: what is told, as that was found. */
static enum ses_status judged(enum pg_kind kind, const struct pg_found *found)
{
    unsigned n = fake.sent_count;

    assert_int_equal(fake_put(&fake, &calls[0], kind, 1, 10), SES_PENDING);
    fake_turn(&fake);
    fake_changed(&fake, n, 0);
    fake_turn(&fake);
    assert_int_equal(fake.sent[n + 1].use, PG_USE_READ);
    fake_found(&fake, n + 1, found);
    fake_turn(&fake);
    assert_int_equal(calls[0].ends, 1);
    return calls[0].status;
}

static void test_what_did_not_change_is_looked_at(void **state)
{
    struct pg_found found = {.row = true, .record = true, .revision = 4};

    (void)state;
    assert_int_equal(judged(PG_CREATE, &found), SES_CONFLICT);
    assert_int_equal(judged(PG_CREATE, NULL), SES_BUSY); /* it went meanwhile, or the slots have moved */
    assert_int_equal(judged(PG_CHANGE, &found), SES_CONFLICT);
    assert_int_equal(judged(PG_CHANGE, NULL), SES_CONFLICT);
    memset(found.write_id, 1, PG_ID_BYTES); /* what was expected is there: somebody had it locked */
    assert_int_equal(judged(PG_CHANGE, &found), SES_BUSY);
    assert_int_equal(judged(PG_LEASE, &found), SES_BUSY);
    found.leased = true;
    assert_int_equal(judged(PG_CHANGE, &found), SES_BUSY);
    assert_int_equal(judged(PG_CREATE, &found), SES_BUSY);
    assert_int_equal(judged(PG_PUT_LEASED, &found), SES_CONFLICT); /* another one's */
    memset(found.owner, 1, PG_OWNER_BYTES);
    assert_int_equal(judged(PG_PUT_LEASED, &found), SES_BUSY);
    assert_true(calls[0].lease.held);
    found.leased = false;
    found.intent = true; /* current now */
    assert_int_equal(judged(PG_CHANGE, &found), SES_CONFLICT);
}

/* A row that a reservation left is changed, not created. */
static void test_a_row_without_a_record_is_changed(void **state)
{
    struct pg_found found = {.row = true};

    (void)state;
    create(1, 1);
    fake_turn(&fake);
    fake_changed(&fake, 0, 0);
    fake_turn(&fake);
    fake_found(&fake, 1, &found);
    fake_turn(&fake);
    assert_string_equal(fake_name(&fake, 2), "change");
    fake_changed(&fake, 2, 1);
    fake_turn(&fake);
    assert_ok(calls[1].status);
}

/* Where reads may not be answered nothing is believed. */
static void test_judging_waits_for_reads(void **state)
{
    struct pg_found found = {.row = true, .record = true};

    (void)state;
    create(1, 1);
    fake_turn(&fake);
    fake.may_read = false;
    fake_changed(&fake, 0, 0);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1);
    fake.may_read = true;
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 2);
    fake.may_read = false;
    fake_found(&fake, 1, &found); /* came too late */
    fake_turn(&fake);
    assert_int_equal(calls[1].ends, 0);
    fake.may_read = true;
    fake_turn(&fake);
    fake_found(&fake, 2, &found);
    fake_turn(&fake);
    assert_int_equal(calls[1].status, SES_CONFLICT);
}

static void test_what_the_server_gave_up_is_sent_again(void **state)
{
    unsigned n = 0;

    (void)state;
    fake.free[PG_USE_WRITE] = 1;
    create(0, 2);
    for (unsigned i = 0; i < 4; i++) {
        fake_turn(&fake);
        assert_int_equal(fake.sent[n].count, 2);
        fake_refuse(&fake, n++, i % 2 == 0 ? "40P01" : "40001");
    }
    fake_turn(&fake); /* one of them may be at fault */
    assert_int_equal(fake.sent[n].count, 1);
    fake_changed(&fake, n++, 1);
    fake_turn(&fake);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fake.sent[n].count, 1);
        fake_refuse(&fake, n++, "40P01");
        fake_turn(&fake);
    }
    assert_int_equal(fake.sent_count, n);
    assert_int_equal(calls[0].ends + calls[1].ends, 2);
    assert_true((calls[0].status == SES_OK && calls[1].status == SES_BUSY) ||
                (calls[1].status == SES_OK && calls[0].status == SES_BUSY));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *sqlstate;
        enum ses_status status;
    } refusals[] = {{"53100", SES_FULL},        {"25006", SES_UNAVAILABLE}, {"57P01", SES_UNAVAILABLE},
                    {"42P01", SES_UNAVAILABLE}, {"22P03", SES_UNAVAILABLE}, {"53300", SES_UNAVAILABLE}};

    (void)state;
    for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        create(i, 1);
        fake_turn(&fake);
        fake_refuse(&fake, i, refusals[i].sqlstate);
        fake_turn(&fake);
        assert_int_equal(calls[i].status, refusals[i].status);
        assert_int_equal(fake.rows->full, i == 0); /* what no disk refused says nothing of one */
        fake.rows->full = false;
    }
    assert_int_equal(fake.sent_count, sizeof(refusals) / sizeof(refusals[0])); /* nothing is tried again */
}

/* What needs no room is done meanwhile; nobody who asks for a creation may be left to find out. */
static void test_a_full_disk_is_what_creations_say(void **state)
{
    (void)state;
    create(0, 1);
    fake_turn(&fake);
    fake_refuse(&fake, 0, "53100");
    fake_turn(&fake);
    assert_true(fake.rows->full);
    assert_int_equal(fake_put(&fake, &calls[1], PG_CHANGE, 1, 100), SES_PENDING);
    fake_turn(&fake);
    fake_changed(&fake, 1, 1);
    fake_turn(&fake);
    assert_ok(calls[1].status);
    assert_true(fake.rows->full);
    create(2, 1);
    fake_turn(&fake);
    fake_changed(&fake, 2, 1);
    fake_turn(&fake);
    assert_false(fake.rows->full);

    create(3, 1);
    fake_turn(&fake);
    fake_refuse(&fake, 3, "53100");
    fake_turn(&fake);
    assert_true(fake.rows->full);
    unit_clock_pass_ms(10001);
    fake_turn(&fake);
    assert_false(fake.rows->full);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_free_connection_takes_all_that_waits),
        TEST(test_a_batch_is_bounded),
        TEST(test_its_bytes_are_bounded),
        TEST(test_what_comes_meanwhile_waits),
        TEST(test_kinds_go_apart),
        TEST(test_it_lingers_while_that_pays),
        TEST(test_a_key_is_in_flight_once),
        TEST(test_the_queue_is_bounded),
        TEST(test_no_primary_no_waiting),
        TEST(test_what_did_not_change_is_looked_at),
        TEST(test_a_row_without_a_record_is_changed),
        TEST(test_judging_waits_for_reads),
        TEST(test_what_the_server_gave_up_is_sent_again),
        TEST(test_refusals),
        TEST(test_a_full_disk_is_what_creations_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
