#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "respawn.h"

static const struct ses_respawn_policy policy = {
    .budget = 4, .window_ms = 60000, .delay_min_ms = 10, .delay_max_ms = 50, .healthy_ms = 30000};

static void delays_double_up_to_the_largest(void **state)
{
    static const uint64_t expected_ms[] = {10, 20, 40, 50};
    struct ses_respawn respawn;
    uint64_t now_ms = 1000;
    uint64_t delay_ms;
    size_t i;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    for (i = 0; i < 4; i++) {
        assert_true(ses_respawn_died(&respawn, now_ms, now_ms + 1, &delay_ms));
        assert_int_equal(delay_ms, expected_ms[i]);
        now_ms += 1 + delay_ms;
    }
}

static void healthy_life_starts_anew(void **state)
{
    struct ses_respawn respawn;
    uint64_t delay_ms;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    assert_true(ses_respawn_died(&respawn, 0, 1, &delay_ms));
    assert_true(ses_respawn_died(&respawn, 11, 12, &delay_ms));
    assert_int_equal(delay_ms, 20);
    assert_true(ses_respawn_died(&respawn, 40, 40 + policy.healthy_ms, &delay_ms));
    assert_int_equal(delay_ms, 10);
}

static void almost_healthy_does_not(void **state)
{
    struct ses_respawn respawn;
    uint64_t delay_ms;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    assert_true(ses_respawn_died(&respawn, 0, 1, &delay_ms));
    assert_true(ses_respawn_died(&respawn, 11, 11 + policy.healthy_ms - 1, &delay_ms));
    assert_int_equal(delay_ms, 20);
}

static void budget_ends_inside_the_window(void **state)
{
    struct ses_respawn respawn;
    uint64_t delay_ms;
    uint64_t i;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    for (i = 0; i < 4; i++)
        assert_true(ses_respawn_died(&respawn, i, 100 + i, &delay_ms));
    delay_ms = 77;
    assert_false(ses_respawn_died(&respawn, 200, 100 + policy.window_ms - 1, &delay_ms));
    assert_int_equal(delay_ms, 77);
}

static void budget_renews_when_the_oldest_death_is_old(void **state)
{
    struct ses_respawn respawn;
    uint64_t delay_ms;
    uint64_t i;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    for (i = 0; i < 4; i++)
        assert_true(ses_respawn_died(&respawn, i, 100 + i, &delay_ms));
    assert_true(ses_respawn_died(&respawn, 200, 100 + policy.window_ms, &delay_ms));
    /* The second death (at 101) is the oldest now. */
    assert_false(ses_respawn_died(&respawn, 200, 100 + policy.window_ms, &delay_ms));
    assert_true(ses_respawn_died(&respawn, 200, 101 + policy.window_ms, &delay_ms));
}

static void budget_zero_never_restarts(void **state)
{
    struct ses_respawn_policy none = policy;
    struct ses_respawn respawn;
    uint64_t delay_ms;

    (void)state;
    none.budget = 0;
    ses_respawn_init(&respawn, &none);
    assert_false(ses_respawn_died(&respawn, 0, 1000000, &delay_ms));
}

static void excused_deaths_grow_the_delay_but_spend_nothing(void **state)
{
    struct ses_respawn respawn;
    uint64_t delay_ms;
    int i;

    (void)state;
    ses_respawn_init(&respawn, &policy);
    assert_int_equal(ses_respawn_excused(&respawn, 0, 1), 10);
    assert_int_equal(ses_respawn_excused(&respawn, 2, 3), 20);
    for (i = 0; i < 100; i++)
        (void)ses_respawn_excused(&respawn, 4, 5);
    assert_int_equal(ses_respawn_excused(&respawn, 4, 5), 50);
    for (i = 0; i < 4; i++)
        assert_true(ses_respawn_died(&respawn, 6, 7, &delay_ms));
    assert_false(ses_respawn_died(&respawn, 6, 7, &delay_ms));
    assert_int_equal(ses_respawn_excused(&respawn, 0, policy.healthy_ms), 10);
}

/* Another program goes on with the history: the budget counts on, oldest deaths first. */
static void a_history_is_gone_on_with(void **state)
{
    struct ses_respawn_policy small = {
        .budget = 3, .window_ms = 1000, .delay_min_ms = 10, .delay_max_ms = 50, .healthy_ms = 500};
    static struct ses_respawn before, after;
    uint64_t deaths_ms[SES_RESPAWN_BUDGET_MAX];
    uint64_t delay_ms;
    size_t count;

    (void)state;
    ses_respawn_init(&before, &small);
    for (uint64_t now_ms = 100; now_ms <= 3300; now_ms += 800) /* the ring has gone round */
        assert_true(ses_respawn_died(&before, now_ms, now_ms, &delay_ms));
    count = ses_respawn_deaths(&before, deaths_ms);
    assert_int_equal(count, 3);
    assert_int_equal(deaths_ms[0], 1700);
    assert_int_equal(deaths_ms[2], 3300);
    ses_respawn_init(&after, &small);
    ses_respawn_resume(&after, before.delay_ms, deaths_ms, count);
    assert_false(ses_respawn_died(&after, 2600, 2600, &delay_ms)); /* 1700 is within the window */
    assert_true(ses_respawn_died(&after, 2701, 2701, &delay_ms));
    assert_int_equal(delay_ms, 50);
    /* A smaller budget: the last deaths are those that count. */
    small.budget = 2;
    ses_respawn_init(&after, &small);
    ses_respawn_resume(&after, 0, deaths_ms, count);
    assert_int_equal(ses_respawn_deaths(&after, deaths_ms), 2);
    assert_int_equal(deaths_ms[0], 2500);
    /* None at all. */
    ses_respawn_resume(&after, 0, deaths_ms, 0);
    assert_int_equal(ses_respawn_deaths(&after, deaths_ms), 0);
    assert_true(ses_respawn_died(&after, 9000, 9000, &delay_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_up_to_the_largest),
        cmocka_unit_test(healthy_life_starts_anew),
        cmocka_unit_test(almost_healthy_does_not),
        cmocka_unit_test(budget_ends_inside_the_window),
        cmocka_unit_test(budget_renews_when_the_oldest_death_is_old),
        cmocka_unit_test(budget_zero_never_restarts),
        cmocka_unit_test(excused_deaths_grow_the_delay_but_spend_nothing),
        cmocka_unit_test(a_history_is_gone_on_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
