#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "hist.h"

static void test_empty(void **state)
{
    static struct load_hist hist;

    (void)state;
    assert_int_equal(load_hist_quantile(&hist, 0.5), 0);
    assert_int_equal(load_hist_quantile(&hist, 1), 0);
}

static void test_one_value_is_every_quantile(void **state)
{
    static struct load_hist hist;

    (void)state;
    load_hist_add(&hist, 123456789);
    assert_int_equal(load_hist_quantile(&hist, 0.0001), 123456789);
    assert_int_equal(load_hist_quantile(&hist, 0.9999), 123456789);
    assert_int_equal(hist.max, 123456789);
}

/* Never below the true value, and at most 0.4 % above it, over the whole range of a latency in nanoseconds.
 */
static void test_relative_error(void **state)
{
    (void)state;
    for (double value = 1; value < 1e14; value *= 1.07) {
        static struct load_hist hist;
        uint64_t exact = (uint64_t)value;
        uint64_t told;

        hist = (struct load_hist){0};
        load_hist_add(&hist, exact);
        load_hist_add(&hist, UINT64_MAX); /* so that max does not bound the bucket's end */
        told = load_hist_quantile(&hist, 0.5);
        assert_true(told >= exact);
        assert_true((double)(told - exact) <= (double)exact * 0.004);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Against the sorted values: the smallest that at least that share of all does not exceed. */
static void test_quantiles_of_many(void **state)
{
    static const double shares[] = {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    static uint64_t values[20000];
    static struct load_hist hist;
    size_t count = sizeof(values) / sizeof(values[0]);

    (void)state;
    srand(7);
    for (size_t i = 0; i < count; i++) {
        values[i] = (uint64_t)exp(rand() / (double)RAND_MAX * 18);
        load_hist_add(&hist, values[i]);
    }
    qsort(values, count, sizeof(values[0]), by_value);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t exact = values[(size_t)ceil(shares[i] * (double)count) - 1];
        uint64_t told = load_hist_quantile(&hist, shares[i]);

        assert_true(told >= exact);
        assert_true((double)told <= (double)exact * 1.004);
    }
    assert_int_equal(hist.count, count);
    assert_int_equal(hist.max, values[count - 1]);
    assert_int_equal(load_hist_quantile(&hist, 1), hist.max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_one_value_is_every_quantile),
        cmocka_unit_test(test_relative_error),
        cmocka_unit_test(test_quantiles_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
