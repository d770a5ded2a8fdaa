/* Gets: many keys in one statement, each with an end of its own. */
#include "pg_fake.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit_clock.h"

static struct fake fake;
static struct fake_call calls[8];

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
    for (unsigned i = 0; i < 8; i++)
        ses_arena_done(&calls[i].arena);
    return 0;
}

static void get(unsigned call, unsigned number)
{
    assert_int_equal(fake_get(&fake, &calls[call], number), SES_PENDING);
}

static void test_all_that_wait_go_together(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        get(i, i / 2); /* two ask for each key */
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1);
    assert_int_equal(fake.sent[0].use, PG_USE_READ);
    assert_int_equal(fake.sent[0].count, 6);
    get(6, 9);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1); /* it waits for the connection */
    fake_records(&fake, 0, "a body", -1);
    fake_turn(&fake);
    for (unsigned i = 0; i < 6; i++) {
        assert_ok(calls[i].status);
        assert_true(ses_slice_eq_str(calls[i].op.record.body, "a body"));
        assert_int_equal(calls[i].op.version.driver[PG_VERSION_REVISION], 2);
    }
    assert_int_equal(fake.sent_count, 2);
    assert_int_equal(fake.sent[1].count, 1);
    fake_nothing(&fake, 1);
    fake_turn(&fake);
    assert_int_equal(calls[6].status, SES_NOT_FOUND);
}

/* What does not open is one key's loss. */
static void test_a_damaged_record_is_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        get(i, i);
    fake_turn(&fake);
    fake_records(&fake, 0, "a body", 1);
    fake_turn(&fake);
    for (unsigned i = 0; i < 3; i++) {
        struct ses_store_key key = fake_key(i);
        bool damaged = memcmp(&key, &fake.sent[0].keys[1], sizeof(key)) == 0;

        assert_int_equal(calls[i].status, damaged ? SES_DATA_LOSS : SES_OK);
    }
}

/* Whatever an old primary says comes from one that has lost its lease. */
static void test_an_answer_behind_the_lease_is_not_used(void **state)
{
    (void)state;
    get(0, 1);
    fake_turn(&fake);
    fake.may_read = false;
    fake_records(&fake, 0, "a body", -1);
    fake_turn(&fake);
    assert_int_equal(calls[0].ends, 0);
    fake.may_read = true;
    fake_turn(&fake);
    fake_records(&fake, 1, "another body", -1);
    fake_turn(&fake);
    assert_true(ses_slice_eq_str(calls[0].op.record.body, "another body"));
}

/* There is a primary, and its beat may open reads in a moment. */
static void test_closed_reads_wait_a_moment(void **state)
{
    (void)state;
    fake.may_read = false;
    get(0, 1);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 0);
    unit_clock_pass_ms(199);
    fake_turn(&fake);
    assert_int_equal(calls[0].ends, 0);
    unit_clock_pass_ms(1);
    fake_turn(&fake);
    assert_int_equal(calls[0].status, SES_UNAVAILABLE);
    get(1, 1);
    fake.state = PG_STATE_STALLED;
    fake_turn(&fake);
    assert_int_equal(calls[1].status, SES_UNAVAILABLE);
    assert_int_equal(fake_get(&fake, &calls[2], 1), SES_UNAVAILABLE);
}

static void test_a_lost_read_is_asked_again(void **state)
{
    (void)state;
    get(0, 1);
    for (unsigned n = 0; n < 3; n++) {
        fake_turn(&fake);
        assert_int_equal(calls[0].ends, 0);
        fake_lose(&fake, n);
    }
    fake_turn(&fake);
    assert_int_equal(calls[0].status, SES_UNAVAILABLE);
    get(1, 1);
    fake_turn(&fake);
    fake_refuse(&fake, 3, "57P01");
    fake_turn(&fake);
    assert_int_equal(calls[1].status, SES_UNAVAILABLE);
    assert_int_equal(fake.sent_count, 4);
}

static void test_deadlines(void **state)
{
    struct fake_call *gone = calloc(1, sizeof(*gone));

    (void)state;
    gone->op.deadline_mono_ns = ses_clock_mono_ns() + SES_NS_PER_MS;
    assert_int_equal(fake_get(&fake, gone, 1), SES_PENDING);
    fake_turn(&fake);
    calls[1].op.deadline_mono_ns = gone->op.deadline_mono_ns;
    get(1, 2);
    unit_clock_pass_ms(1);
    fake_turn(&fake);
    assert_int_equal(gone->status, SES_UNAVAILABLE);
    assert_int_equal(calls[1].status, SES_UNAVAILABLE);
    ses_arena_done(&gone->arena);
    free(gone);
    fake_records(&fake, 0, "late", -1);
    fake_turn(&fake);
    assert_int_equal(fake.sent_count, 1);
    assert_int_equal(fake.rows->gets_count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_all_that_wait_go_together),
        TEST(test_a_damaged_record_is_alone),
        TEST(test_an_answer_behind_the_lease_is_not_used),
        TEST(test_closed_reads_wait_a_moment),
        TEST(test_a_lost_read_is_asked_again),
        TEST(test_deadlines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
