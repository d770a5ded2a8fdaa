/* How much of itself a process uses: what is told of made-up seconds. */
#include "unit.h"

#include <sessiond/base/load.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static bool near(double value, double expected)
{
    return value > expected - 1e-3 && value < expected + 1e-3;
}

static void seconds(struct ses_load_meter *meter, struct ses_load_sample *at, unsigned count,
                    struct ses_load_sample each, struct ses_metrics *metrics)
{
    for (unsigned i = 0; i < count; i++) {
        at->mono_ns += each.mono_ns;
        at->loop_ns += each.loop_ns;
        at->cpu_ns += each.cpu_ns;
        at->calls += each.calls;
        at->errors += each.errors;
        ses_load_step(meter, at, metrics);
    }
}

static void the_first_second_is_told_as_it_was(void **state)
{
    struct ses_load_meter meter = {.started = false};
    struct ses_load_sample at = {.mono_ns = 7 * S, .loop_ns = 3 * S, .cpu_ns = 4 * S, .calls = 1000};

    (void)state;
    ses_load_step(&meter, &at, NULL);
    assert_true(meter.load.busy == 0.0);
    seconds(&meter, &at, 1, (struct ses_load_sample){S, 250 * MS, 500 * MS, 1000, 30}, NULL);
    assert_true(near(meter.load.busy, 0.25));
    assert_true(near(meter.load.cpu, 0.5));
    assert_true(near(meter.load.calls_per_second, 1000));
    assert_true(near(meter.load.errors_per_second, 30));
    assert_true(near(meter.load.call_cpu_seconds * 1e3, 0.5));
}

static void later_ones_come_to_the_new_load_within_seconds(void **state)
{
    struct ses_load_meter meter = {.started = false};
    struct ses_load_sample at = {.mono_ns = S};

    (void)state;
    seconds(&meter, &at, 30, (struct ses_load_sample){S, 100 * MS, 100 * MS, 100, 0}, NULL);
    seconds(&meter, &at, 1, (struct ses_load_sample){S, S, S, 1000, 0}, NULL);
    assert_true(near(meter.load.busy, 0.1 + 0.9 / 4));
    seconds(&meter, &at, 29, (struct ses_load_sample){S, S, S, 1000, 0}, NULL);
    assert_true(near(meter.load.busy, 1.0));
    /* A second whose thread's time came late shows more than a second. */
    seconds(&meter, &at, 1, (struct ses_load_sample){S, 2 * S, S, 1000, 0}, NULL);
    assert_true(meter.load.busy <= 1.0);
}

/* A quiet second changes what a call costs less than a full one, and one without calls not at all. */
static void the_cost_of_a_call_weighs_by_calls(void **state)
{
    struct ses_load_meter meter = {.started = false};
    struct ses_load_sample at = {.mono_ns = S};

    (void)state;
    seconds(&meter, &at, 60, (struct ses_load_sample){S, 0, 50 * MS, 1000, 0}, NULL);
    assert_true(near(meter.load.call_cpu_seconds * 1e6, 50));
    seconds(&meter, &at, 1, (struct ses_load_sample){S, 0, 1 * MS, 1, 0}, NULL);
    assert_true(meter.load.call_cpu_seconds * 1e6 < 51);
    double before = meter.load.call_cpu_seconds;
    seconds(&meter, &at, 100, (struct ses_load_sample){S, 0, 1 * MS, 0, 0}, NULL);
    assert_true(meter.load.call_cpu_seconds == before);
}

static void samples_too_close_are_joined(void **state)
{
    struct ses_load_meter meter = {.started = false};
    struct ses_load_sample at = {.mono_ns = S};

    (void)state;
    ses_load_step(&meter, &at, NULL);
    seconds(&meter, &at, 1, (struct ses_load_sample){50 * MS, 50 * MS, 50 * MS, 1, 0}, NULL);
    assert_false(meter.told);
    seconds(&meter, &at, 1, (struct ses_load_sample){950 * MS, 0, 0, 0, 0}, NULL);
    assert_true(near(meter.load.busy, 0.05));
}

static void the_board_tells_it_to_others(void **state)
{
    struct ses_metrics *metrics = calloc(1, sizeof(*metrics));
    struct ses_load_meter meter = {.started = false};
    struct ses_load_sample at = {.mono_ns = S};
    struct ses_load load;

    (void)state;
    assert_non_null(metrics);
    ses_load_read(metrics, &load);
    assert_true(load.busy == 0.0 && load.call_cpu_seconds == 0.0);
    metrics->requests[3][0] = 20;
    metrics->requests[0][14] = 22;
    assert_int_equal(ses_load_calls(metrics), 42);
    seconds(&meter, &at, 2, (struct ses_load_sample){S, 750 * MS, 1250 * MS, 5000, 7}, metrics);
    ses_load_read(metrics, &load);
    assert_true(near(load.busy, 0.75));
    assert_true(near(load.cpu, 1.25));
    assert_true(near(load.calls_per_second, 5000));
    assert_true(near(load.errors_per_second, 7));
    assert_true(near(load.call_cpu_seconds * 1e6, 250));
    ses_load_read(NULL, &load);
    assert_true(load.busy == 0.0);
    free(metrics);
}

/* By their numbers in gRPC: what a caller did wrong is not the server's error. */
static void errors_are_what_the_server_could_not_do(void **state)
{
    static const bool is_error[SES_METRIC_CODES] = {
        [2] = true, [4] = true, [8] = true, [13] = true, [14] = true, [15] = true};
    struct ses_metrics *metrics = calloc(1, sizeof(*metrics));
    uint64_t expected = 0;

    (void)state;
    assert_non_null(metrics);
    for (size_t code = 0; code < SES_METRIC_CODES; code++) {
        uint64_t count = UINT64_C(1) << code;

        metrics->requests[code % 3][code] = count;
        expected += is_error[code] ? count : 0;
    }
    assert_int_equal(ses_load_errors(metrics), expected);
    free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_second_is_told_as_it_was),
        cmocka_unit_test(later_ones_come_to_the_new_load_within_seconds),
        cmocka_unit_test(the_cost_of_a_call_weighs_by_calls),
        cmocka_unit_test(samples_too_close_are_joined),
        cmocka_unit_test(the_board_tells_it_to_others),
        cmocka_unit_test(errors_are_what_the_server_could_not_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
