/* The level against its definition: nobody gets more than he asks for, all of the room is used, and who gets less than he
 * asks for gets as much as anybody. */
#include "fair.h"

#include <math.h>
#include <stdlib.h>

#include "unit.h"

#define COUNT_MAX 200

static double given(const double *asked, size_t count, double level)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += asked[i] < level ? asked[i] : level;
    return sum;
}

static void test_examples(void **state)
{
    double fits[] = {0.1, 0.2}, greedy[] = {0.8, 0.05, 0.05}, alone[] = {3}, equal[] = {2, 2, 2, 2};

    (void)state;
    assert_true(isinf(ses_fair_level(fits, 2, 0.31)));
    assert_true(isinf(ses_fair_level(NULL, 0, 0)));
    assert_true(fabs(ses_fair_level(greedy, 3, 0.5) - 0.4) < 1e-12);
    assert_true(fabs(ses_fair_level(alone, 1, 0.9) - 0.9) < 1e-12);
    assert_true(fabs(ses_fair_level(equal, 4, 1) - 0.25) < 1e-12);
}

static void test_is_max_min(void **state)
{
    double asked[COUNT_MAX], copy[COUNT_MAX];

    (void)state;
    srand(5);
    for (int round = 0; round < 5000; round++) {
        size_t count = 1 + (size_t)rand() % COUNT_MAX;
        double sum = 0;

        for (size_t i = 0; i < count; i++) {
            double part = (double)(1 + rand() % 1000) / 1000;

            asked[i] = part * part * part * part * part * part; /* few ask for much */
            copy[i] = asked[i];
            sum += asked[i];
        }
        double room = sum * (double)(rand() % 1200) / 1000, level = ses_fair_level(copy, count, room);

        if (sum <= room)
            assert_true(isinf(level));
        else
            assert_true(fabs(given(asked, count, level) - room) < 1e-9 * (1 + sum));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_is_max_min),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
