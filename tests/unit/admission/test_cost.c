/* Costs are learned from counts and the loop's time: against made-up costs, in mixes that change and in one that does
 * not. */
#include "cost.h"

#include <math.h>
#include <stdlib.h>

#include "unit.h"

static const double truth[SES_COST_COUNT] = {52000, 160000, 9000, 5000};

static double part(void)
{
    return (double)(rand() % 1000) / 1000;
}

static double time_of(const double calls[SES_COST_COUNT], const double costs[SES_COST_COUNT])
{
    double sum = 0;

    for (int i = 0; i < SES_COST_COUNT; i++)
        sum += calls[i] * costs[i];
    return sum;
}

static void test_mixes_that_change(void **state)
{
    struct ses_costs costs;

    (void)state;
    srand(3);
    ses_costs_init(&costs);
    for (int i = 0; i < 4000; i++) {
        double calls[SES_COST_COUNT] = {1000 * part() * part(), 300 * part() * part(), 4000 * part() * part(),
                                        9000 * part() * part()};
        double noise = 0.9 + 0.2 * part();

        ses_costs_learn(&costs, calls, time_of(calls, truth) * noise);
    }
    for (int i = 0; i < SES_COST_COUNT; i++)
        assert_true(fabs(costs.ns[i] / truth[i] - 1) < 0.2);
}

/* Nothing can tell two kinds apart that always come together: but their sum is right. */
static void test_one_mix(void **state)
{
    static const double calls[SES_COST_COUNT] = {700, 0, 1500, 0};
    struct ses_costs costs, before;

    (void)state;
    ses_costs_init(&costs);
    before = costs;
    for (int i = 0; i < 200; i++)
        ses_costs_learn(&costs, calls, time_of(calls, truth));
    assert_true(fabs(time_of(calls, costs.ns) / time_of(calls, truth) - 1) < 0.01);
    assert_true(costs.ns[SES_COST_CONNECTOR] == before.ns[SES_COST_CONNECTOR]); /* nobody came */
}

/* A machine that stands still for a window, or a clock that shows nothing, does not ruin what is known. */
static void test_windows_that_are_wrong(void **state)
{
    static const double calls[SES_COST_COUNT] = {100, 0, 0, 0}, none[SES_COST_COUNT] = {0};
    struct ses_costs costs;

    (void)state;
    ses_costs_init(&costs);
    double before = costs.ns[SES_COST_CREATE];

    ses_costs_learn(&costs, none, 1e9);
    assert_true(costs.ns[SES_COST_CREATE] == before);
    ses_costs_learn(&costs, calls, 1e12);
    assert_true(costs.ns[SES_COST_CREATE] < 1.5 * before);
    for (int i = 0; i < 100; i++)
        ses_costs_learn(&costs, calls, 0);
    assert_true(costs.ns[SES_COST_CREATE] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixes_that_change),
        cmocka_unit_test(test_one_mix),
        cmocka_unit_test(test_windows_that_are_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
