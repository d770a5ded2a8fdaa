/* Rates: the algorithm against a bucket that is counted by hand, the table under names that strangers invent, and
 * workers that share it. */
#include <sessiond/admission/rates.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit.h"

#define START_NS (1000 * SES_NS_PER_S)

static struct ses_rates *rates;

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    assert_ok(ses_rates_new(&rates));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_rates_free(rates);
    return 0;
}

static uint64_t merchant(const char *name)
{
    return ses_rates_name(rates, SES_RATE_MERCHANT, SES_STR("tenant"), ses_slice_str(name));
}

static bool goes(uint64_t name, const struct ses_rate *rate, uint64_t now_ns)
{
    bool untracked;

    return ses_rates_take(rates, name, rate, now_ns, &untracked) == 0 && !untracked;
}

static void test_burst_and_rate(void **state)
{
    struct ses_rate rate = ses_rate_make(10, 3);
    uint64_t word = 0;

    (void)state;
    assert_int_equal(rate.interval_ns, SES_NS_PER_S / 10);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ses_rate_step(&rate, word, START_NS, &word), 0);
    /* Told exactly how long: a nanosecond sooner is too soon. */
    assert_int_equal(ses_rate_step(&rate, word, START_NS, &word), SES_NS_PER_S / 10);
    assert_int_equal(ses_rate_step(&rate, word, START_NS + SES_NS_PER_S / 10 - 1, &word), 1);
    assert_int_equal(ses_rate_step(&rate, word, START_NS + SES_NS_PER_S / 10, &word), 0);
}

static void test_none_and_usual_burst(void **state)
{
    struct ses_rate none = ses_rate_make(0, 5);
    struct ses_rate second = ses_rate_make(4, 0);

    (void)state;
    assert_int_equal(none.interval_ns, 0);
    assert_int_equal(second.burst_ns, SES_NS_PER_S);
}

/* The other way to say it: a bucket of burst calls that is filled at the rate, in whole intervals. */
static void test_is_a_bucket(void **state)
{
    struct ses_rate rate = ses_rate_make(1000, 7);
    uint64_t word = 0, now_ns = START_NS, filled_ns = START_NS;
    double bucket = 7;

    (void)state;
    srand(11);
    for (int i = 0; i < 20000; i++) {
        now_ns += (uint64_t)(rand() % 3) * (rate.interval_ns / 2);
        bucket += (double)(now_ns - filled_ns) / (double)rate.interval_ns;
        bucket = bucket > 7 ? 7 : bucket;
        filled_ns = now_ns;
        bool admitted = ses_rate_step(&rate, word, now_ns, &word) == 0;

        assert_int_equal(admitted, bucket >= 1);
        bucket -= admitted ? 1 : 0;
    }
}

static void test_names_are_apart(void **state)
{
    struct ses_rate rate = ses_rate_make(1, 1);

    (void)state;
    assert_true(goes(merchant("a"), &rate, START_NS));
    assert_false(goes(merchant("a"), &rate, START_NS));
    assert_true(goes(merchant("b"), &rate, START_NS));
    assert_true(
        goes(ses_rates_name(rates, SES_RATE_CALLER, SES_STR("tenant"), SES_STR("a")), &rate, START_NS));
    /* What stands in one half cannot be moved into the other. */
    assert_true(
        goes(ses_rates_name(rates, SES_RATE_MERCHANT, SES_STR("tenanta"), SES_STR("")), &rate, START_NS));
    assert_true(
        goes(ses_rates_name(rates, SES_RATE_MERCHANT, SES_STR("a"), SES_STR("tenant")), &rate, START_NS));
}

static void test_given_back(void **state)
{
    struct ses_rate rate = ses_rate_make(1, 1);
    uint64_t name = merchant("a");

    (void)state;
    assert_true(goes(name, &rate, START_NS));
    ses_rates_give_back(rates, name, &rate);
    assert_true(goes(name, &rate, START_NS));
    assert_false(goes(name, &rate, START_NS));
    ses_rates_give_back(rates, merchant("never seen"), &rate); /* harmless */
}

/* Ten times as many names as there are places, each of which calls once and is full again a millisecond later:
 * who has used up his rate is still held to it. */
static void test_strangers_do_not_push_out(void **state)
{
    struct ses_rate rate = ses_rate_make(1, 5), strangers = ses_rate_make(1000, 1);
    uint64_t name = merchant("greedy"), now_ns = START_NS;
    bool untracked;
    char text[32];

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(goes(name, &rate, now_ns));
    for (unsigned i = 0; i < 10 * SES_RATES_NAMES; i++) {
        (void)snprintf(text, sizeof(text), "stranger-%u", i);
        now_ns += SES_NS_PER_MS / 64;
        assert_int_equal(ses_rates_take(rates, merchant(text), &strangers, now_ns, &untracked), 0);
    }
    assert_true(now_ns - START_NS < 2 * SES_NS_PER_S);
    assert_true(goes(name, &rate, now_ns)); /* the one that has come back meanwhile */
    assert_false(goes(name, &rate, now_ns));
}

/* Every place taken by names that are not full again: a newcomer does not pay for them. */
static void test_newcomer_in_a_full_table(void **state)
{
    struct ses_rate rate = ses_rate_make(1, 1);
    unsigned without = 0;
    bool untracked;
    char text[32];

    (void)state;
    for (unsigned i = 0; i < 4 * SES_RATES_NAMES; i++) {
        (void)snprintf(text, sizeof(text), "stranger-%u", i);
        assert_int_equal(ses_rates_take(rates, merchant(text), &rate, START_NS, &untracked), 0);
        without += untracked ? 1 : 0;
    }
    assert_true(without > 2 * SES_RATES_NAMES);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ses_rates_take(rates, merchant("honest"), &rate, START_NS, &untracked), 0);
    /* A second later the places are free again. */
    assert_true(goes(merchant("honest"), &rate, START_NS + SES_NS_PER_S));
    assert_false(goes(merchant("honest"), &rate, START_NS + SES_NS_PER_S));
}

/* Processes that share the table have one rate together. */
static void test_shared_by_processes(void **state)
{
    enum { CHILDREN = 4, BURST = 100 };
    struct ses_rate rate = ses_rate_make(1, BURST);
    uint64_t name = merchant("a");
    int sum = 0;

    (void)state;
    assert_true(goes(name, &rate, START_NS)); /* has its place */
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = unit_fork();

        if (child != 0)
            continue;
        int count = 0;

        for (int call = 0; call < 2 * BURST; call++)
            count += goes(name, &rate, START_NS) ? 1 : 0;
        _exit(count);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    assert_int_equal(sum, BURST - 1);
}

static void test_server(void **state)
{
    struct ses_rate rate = ses_rate_make(2, 2);

    (void)state;
    assert_int_equal(ses_rates_take_server(rates, &rate, START_NS), 0);
    assert_int_equal(ses_rates_take_server(rates, &rate, START_NS), 0);
    assert_int_equal(ses_rates_take_server(rates, &rate, START_NS), SES_NS_PER_S / 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_burst_and_rate),
        TEST(test_none_and_usual_burst),
        TEST(test_is_a_bucket),
        TEST(test_names_are_apart),
        TEST(test_given_back),
        TEST(test_strangers_do_not_push_out),
        TEST(test_newcomer_in_a_full_table),
        TEST(test_shared_by_processes),
        TEST(test_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
