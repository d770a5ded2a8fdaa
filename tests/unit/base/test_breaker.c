#include <stdbool.h>
#include "unit.h"

#include <sessiond/base/breaker.h>

#define FAILURES 3
#define OPEN_MS  1000

static void open_it(struct ses_breaker *breaker, uint64_t now_ms)
{
    *breaker = (struct ses_breaker){0};
    assert_false(ses_breaker_failure(breaker, now_ms, FAILURES, OPEN_MS));
    assert_false(ses_breaker_failure(breaker, now_ms, FAILURES, OPEN_MS));
    assert_true(ses_breaker_failure(breaker, now_ms, FAILURES, OPEN_MS));
    assert_int_equal(breaker->state, SES_BREAKER_OPEN);
}

static void failures_in_a_row_open_it(void **state)
{
    struct ses_breaker breaker;
    bool probe = true;

    (void)state;
    open_it(&breaker, 5000);
    assert_false(ses_breaker_allow(&breaker, 5000, &probe));
    assert_false(ses_breaker_allow(&breaker, 5999, &probe));
    assert_false(probe);
}

static void a_success_between_starts_the_count_again(void **state)
{
    struct ses_breaker breaker = {0};
    bool probe;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_false(ses_breaker_failure(&breaker, 0, FAILURES, OPEN_MS));
        assert_false(ses_breaker_failure(&breaker, 0, FAILURES, OPEN_MS));
        assert_false(ses_breaker_success(&breaker));
    }
    assert_true(ses_breaker_allow(&breaker, 0, &probe));
    assert_false(probe);
}

static void one_probe_decides(void **state)
{
    struct ses_breaker breaker;
    bool probe;

    (void)state;
    open_it(&breaker, 0);
    assert_true(ses_breaker_allow(&breaker, OPEN_MS, &probe));
    assert_true(probe);
    assert_false(ses_breaker_allow(&breaker, OPEN_MS, &probe)); /* one at a time */
    assert_true(ses_breaker_failure(&breaker, OPEN_MS, FAILURES, OPEN_MS));
    assert_false(ses_breaker_allow(&breaker, 2 * OPEN_MS - 1, &probe));
    assert_true(ses_breaker_allow(&breaker, 2 * OPEN_MS, &probe));
    assert_true(ses_breaker_success(&breaker));
    assert_true(ses_breaker_allow(&breaker, 2 * OPEN_MS, &probe));
    assert_false(probe);
}

static void a_probe_without_verdict_is_followed_by_another(void **state)
{
    struct ses_breaker breaker;
    bool probe;

    (void)state;
    open_it(&breaker, 0);
    assert_true(ses_breaker_allow(&breaker, OPEN_MS, &probe));
    ses_breaker_release(&breaker, OPEN_MS);
    assert_true(ses_breaker_allow(&breaker, OPEN_MS, &probe));
    assert_true(probe);
    ses_breaker_success(&breaker);
    ses_breaker_release(&breaker, OPEN_MS); /* nothing to release */
    assert_int_equal(breaker.state, SES_BREAKER_CLOSED);
}

static void late_results_of_older_calls(void **state)
{
    struct ses_breaker breaker;
    bool probe;

    (void)state;
    open_it(&breaker, 0);
    assert_false(ses_breaker_failure(&breaker, 500, FAILURES, OPEN_MS)); /* does not prolong it */
    assert_true(ses_breaker_allow(&breaker, OPEN_MS, &probe));
    ses_breaker_release(&breaker, OPEN_MS);
    assert_true(ses_breaker_success(&breaker)); /* an answer is an answer */
    assert_true(ses_breaker_allow(&breaker, OPEN_MS, &probe));
    assert_false(probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_open_it),
        cmocka_unit_test(a_success_between_starts_the_count_again),
        cmocka_unit_test(one_probe_decides),
        cmocka_unit_test(a_probe_without_verdict_is_followed_by_another),
        cmocka_unit_test(late_results_of_older_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
