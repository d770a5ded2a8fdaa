#include "unit.h"

#include <string.h>

#include <sessiond/base/clock.h>

#include "commit_trace.h"

static void test_a_slow_one_is_told_once(void **state)
{
    struct commit_trace trace = {.slow_ns = 1};
    struct commit_slow slow = {.puts = 3, .bytes = 700, .grown_bytes = 8};
    struct commit_slow told;

    (void)state;
    assert_false(ses_commit_trace_take(&trace, &told));
    ses_commit_trace_begin(&trace, ses_clock_mono_ns() - 5000);
    ses_commit_trace_mark(&trace, SES_COMMIT_SYNC);
    (void)ses_commit_trace_end(&trace, &slow, true);
    slow.puts = 4; /* nobody has taken the first one yet: it stays */
    ses_commit_trace_begin(&trace, 0);
    ses_commit_trace_mark(&trace, SES_COMMIT_FILL);
    (void)ses_commit_trace_end(&trace, &slow, true);
    assert_true(ses_commit_trace_take(&trace, &told));
    assert_int_equal(told.puts, 3);
    assert_int_equal(told.bytes, 700);
    assert_int_equal(told.grown_bytes, 8);
    assert_true(told.phase_ns[SES_COMMIT_WAKE] >= 5000);
    assert_int_equal(told.phase_ns[SES_COMMIT_FILL], 0);
    assert_false(ses_commit_trace_take(&trace, &told));
    ses_commit_trace_begin(&trace, 0);
    ses_commit_trace_mark(&trace, SES_COMMIT_FILL);
    (void)ses_commit_trace_end(&trace, &slow, true);
    assert_true(ses_commit_trace_take(&trace, &told));
    assert_int_equal(told.puts, 4);
    ses_commit_trace_done(&trace);
}

static void test_nothing_is_slow_by_default(void **state)
{
    struct commit_trace trace = {.slow_ns = 0};
    struct commit_slow slow = {.puts = 1};
    struct commit_slow told;

    (void)state;
    ses_commit_trace_begin(&trace, 1); /* since the machine's start */
    ses_commit_trace_mark(&trace, SES_COMMIT_SYNC);
    (void)ses_commit_trace_end(&trace, &slow, true);
    assert_false(ses_commit_trace_take(&trace, &told));
}

/* What a transaction waits behind the one before it is that one's time, and was told as such. */
static void test_the_wait_begins_with_the_end_of_the_one_before(void **state)
{
    struct commit_trace trace = {.slow_ns = 0};
    struct commit_slow slow = {.puts = 1};
    uint64_t handed_ns = 1; /* since the machine's start */
    uint64_t began_ns = ses_clock_mono_ns();
    uint64_t took_ns;

    (void)state;
    ses_commit_trace_begin(&trace, 0);
    ses_commit_trace_mark(&trace, SES_COMMIT_SYNC);
    took_ns = ses_commit_trace_end(&trace, &slow, true);
    assert_int_equal(took_ns, trace.phase_ns[SES_COMMIT_SYNC]);
    ses_commit_trace_begin(&trace, handed_ns);
    assert_true(trace.phase_ns[SES_COMMIT_WAKE] <= ses_clock_mono_ns() - began_ns);
}

static uint64_t in_all(const struct ses_hist *hist)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < SES_HIST_BUCKETS; i++)
        sum += atomic_load(&hist->bucket[i]);
    return sum;
}

static void test_what_counts(void **state)
{
    static struct ses_metrics metrics;
    struct commit_trace trace = {.metrics = &metrics, .slow_ns = 1};
    struct commit_slow slow = {.puts = 1};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        ses_commit_trace_begin(&trace, 0);
        ses_commit_trace_mark(&trace, SES_COMMIT_SYNC);
        (void)ses_commit_trace_end(&trace, &slow, i == 0);
    }
    for (unsigned i = 0; i < SES_COMMIT_PHASES; i++)
        assert_int_equal(in_all(&metrics.commit_phase_ns[i]), 1);
    assert_int_equal(atomic_load(&metrics.counter[SES_C_STORE_SLOW_COMMITS]), 2);
    ses_commit_trace_done(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_one_is_told_once),
        cmocka_unit_test(test_nothing_is_slow_by_default),
        cmocka_unit_test(test_the_wait_begins_with_the_end_of_the_one_before),
        cmocka_unit_test(test_what_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
