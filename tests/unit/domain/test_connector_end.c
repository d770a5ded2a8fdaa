/* A session ends with its connector's session: domain/session_machine.c, session.c. */
#include "session_rig.h"

static void with_connector_until(struct ses_session *s, uint64_t end_ms)
{
    struct ses_connector_session given = {.token = SES_STR("t"), .expires_ms = end_ms};

    (void)ses_connector_session_merge(s, &given);
}

/* Session and step end with the connector's session, whatever renews them. */
static void test_it_ends_with_the_connectors_session(void **state)
{
    struct ses_session s = begin();

    (void)state;
    with_connector_until(&s, T0 + 300000);
    assert_int_equal(s.expires_ms, T0 + 300000);
    assert_int_equal(apply(&s, SES_EVENT_REDIRECT_STARTED, T0 + 100000), SES_EVENT_APPLIED);
    assert_int_equal(s.step.expires_ms, T0 + 300000);
    assert_int_equal(s.expires_ms, T0 + 300000);
    assert_int_equal(apply(&s, SES_EVENT_CHALLENGE_PASSED, T0 + 200000), SES_EVENT_APPLIED);
    assert_int_equal(s.expires_ms, T0 + 300000);
    assert_false(ses_session_settle(&s, T0 + 299999));
    assert_true(ses_session_settle(&s, T0 + 300000));
    assert_int_equal(s.status, SES_SESSION_EXPIRED);
}

static void test_a_step_ends_with_it_and_so_does_the_session(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)apply(&s, SES_EVENT_REDIRECT_STARTED, T0);
    with_connector_until(&s, T0 + 300000); /* told while the step is open */
    assert_int_equal(s.step.expires_ms, T0 + 300000);
    assert_true(ses_session_settle(&s, T0 + 300000));
    assert_int_equal(s.status, SES_SESSION_EXPIRED);
    assert_int_equal(s.events_count, 3);
    assert_int_equal(s.events[1].event, SES_EVENT_STEP_TIMED_OUT);
}

static void test_a_later_end_gives_the_own_one_back(void **state)
{
    struct ses_session s = begin();

    (void)state;
    with_connector_until(&s, T0 + 300000);
    with_connector_until(&s, T0 + 600000);
    assert_int_equal(s.expires_ms, T0 + 600000);
    with_connector_until(&s, T0 + 9000000);
    assert_int_equal(s.expires_ms, T0 + 900000);
    assert_false(ses_session_settle(&s, T0 + 899999));
}

/* Its outcome is awaited, and kept, for as long as ever. */
static void test_processing_and_closed_do_not_end_with_it(void **state)
{
    struct ses_session s = begin();

    (void)state;
    with_connector_until(&s, T0 + 300000);
    (void)apply(&s, SES_EVENT_PROCESSING_STARTED, T0 + 1);
    assert_true(s.expires_ms == SES_NEVER_MS);
    with_connector_until(&s, T0 + 200000);
    assert_true(s.expires_ms == SES_NEVER_MS);
    assert_false(ses_session_settle(&s, T0 + 400000));
    (void)apply(&s, SES_EVENT_COMPLETED, T0 + 400000);
    assert_int_equal(s.expires_ms, T0 + 400000 + rules.closed_ms);
    assert_false(ses_session_settle(&s, T0 + 500000));
}

/* Former versions kept seconds as milliseconds: such sessions go on. */
static void test_an_end_before_the_beginning_says_nothing(void **state)
{
    struct ses_session s = begin();

    (void)state;
    with_connector_until(&s, T0 / 1000);
    assert_int_equal(s.expires_ms, T0 + 900000);
    assert_false(ses_session_settle(&s, T0 + 1));
}

static void test_the_same_end_is_no_change(void **state)
{
    struct ses_session s = begin();
    struct ses_connector_session given = {.expires_ms = T0 + 300000};

    (void)state;
    assert_true(ses_connector_session_merge(&s, &given));
    given.expires_ms += 3; /* told and given back, and the clock was set in between */
    assert_false(ses_connector_session_merge(&s, &given));
    assert_int_equal(s.connector_session.expires_ms, T0 + 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_ends_with_the_connectors_session),
        cmocka_unit_test(test_a_step_ends_with_it_and_so_does_the_session),
        cmocka_unit_test(test_a_later_end_gives_the_own_one_back),
        cmocka_unit_test(test_processing_and_closed_do_not_end_with_it),
        cmocka_unit_test(test_an_end_before_the_beginning_says_nothing),
        cmocka_unit_test(test_the_same_end_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
