/* The table of status and event, the limits in time and generations. */
#include "session_rig.h"

/* Written from the public table in session.proto, not from the code: '-' is late. */
static void test_the_whole_table(void **state)
{
    static const char *const rows[SES_SESSION_STATUS_COUNT] = {
        /* A R B P S C F X T V E D Q N */
        [0] = "--------------",
        [SES_SESSION_OPEN] = "23--567--98---",
        [SES_SESSION_AUTHENTICATING] = "-34156711981--",
        [SES_SESSION_REDIRECTED] = "-34156711981--",
        [SES_SESSION_RETURNED] = "23-15671-981--",
        [SES_SESSION_PROCESSING] = "-----67----121",
        [SES_SESSION_COMPLETED] = "--------------",
        [SES_SESSION_FAILED] = "-----6--------",
        [SES_SESSION_EXPIRED] = "--------------",
        [SES_SESSION_REVOKED] = "--------------",
    };

    (void)state;
    for (unsigned status = 0; status < SES_SESSION_STATUS_COUNT; status++) {
        for (unsigned event = 1; event < SES_EVENT_COUNT; event++) {
            char cell = rows[status][event - 1];
            unsigned wanted = cell == '-' ? 0 : (unsigned)(cell - '0');

            /* EXPIRED is 8 and REVOKED 9, as in the protocol. */
            assert_int_equal(ses_session_next((enum ses_session_status)status, (enum ses_event)event),
                             wanted);
        }
    }
    assert_int_equal(ses_session_next(SES_SESSION_STATUS_COUNT, SES_EVENT_COMPLETED), 0);
    assert_int_equal(ses_session_next(SES_SESSION_OPEN, SES_EVENT_COUNT), 0);
}

static void test_next_events_are_those_that_move(void **state)
{
    (void)state;
    assert_int_equal(ses_session_next_events(SES_SESSION_PROCESSING),
                     1u << SES_EVENT_COMPLETED | 1u << SES_EVENT_FAILED | 1u << SES_EVENT_ATTEMPT_FAILED);
    assert_int_equal(ses_session_next_events(SES_SESSION_COMPLETED), 0);
    assert_int_equal(ses_session_next_events(SES_SESSION_FAILED), 1u << SES_EVENT_COMPLETED);
    assert_int_equal(ses_session_next_events(SES_SESSION_REDIRECTED) &
                         (1u << SES_EVENT_STEP_TIMED_OUT | 1u << SES_EVENT_REVOKED | 1u << SES_EVENT_EXPIRED),
                     0);
    assert_true(ses_session_next_events(SES_SESSION_REDIRECTED) & 1u << SES_EVENT_BROWSER_RETURNED);
    assert_false(ses_event_from_caller(SES_EVENT_NONE));
    assert_false(ses_event_from_caller(SES_EVENT_REVOKED));
    assert_string_equal(ses_event_name(SES_EVENT_STEP_TIMED_OUT), "STEP_TIMED_OUT");
    assert_string_equal(ses_event_name(SES_EVENT_COUNT), "NONE");
}

static void test_terminal_never_moves_and_late_changes_nothing(void **state)
{
    struct ses_session s = begin();
    struct ses_session before;

    (void)state;
    assert_int_equal(apply(&s, SES_EVENT_COMPLETED, T0 + 1), SES_EVENT_APPLIED);
    before = s;
    for (unsigned event = 1; event < SES_EVENT_COUNT; event++) {
        assert_int_equal(ses_session_late_unrecorded(&s, (enum ses_event)event),
                         event > SES_SESSION_LATE_MAX);
        assert_int_equal(apply(&s, (enum ses_event)event, T0 + 2), SES_EVENT_LATE);
    }
    assert_int_equal(s.status, SES_SESSION_COMPLETED);
    assert_int_equal(s.version, before.version);
    assert_int_equal(s.generation, before.generation);
    assert_int_equal(s.expires_ms, before.expires_ms);
    assert_int_equal(s.expires_ms, T0 + 1 + rules.closed_ms);
    assert_int_equal(s.updated_ms, T0 + 1);
    assert_int_equal(s.events_count, 1 + SES_SESSION_LATE_MAX);
    assert_int_equal(s.events[8].outcome, SES_EVENT_LATE);
    assert_int_equal(s.events[8].version, s.version);
}

static void test_step_lives_to_its_own_limit(void **state)
{
    struct ses_session s = begin();

    (void)state;
    /* Begun 5 minutes before the session's own end: lives on to the step's. */
    assert_int_equal(
        ses_session_apply(&s, SES_EVENT_REDIRECT_STARTED, SES_STR("e"), 3600000, &rules, T0 + 600000),
        SES_EVENT_APPLIED);
    assert_int_equal(s.expires_ms, T0 + 600000 + 3600000);
    assert_false(ses_session_settle(&s, T0 + 600000 + 3599999));
    assert_int_equal(s.status, SES_SESSION_REDIRECTED);
    /* The return renews the session's own time. */
    assert_int_equal(apply(&s, SES_EVENT_BROWSER_RETURNED, T0 + 4000000), SES_EVENT_APPLIED);
    assert_false(s.step_open);
    assert_int_equal(s.expires_ms, T0 + 4000000 + rules.ttl_ms);
}

static void test_step_that_runs_out(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)ses_session_apply(&s, SES_EVENT_REDIRECT_STARTED, SES_SLICE_EMPTY, 60000, &rules, T0);
    assert_false(ses_session_settle(&s, T0 + 59999));
    assert_true(ses_session_settle(&s, T0 + 60000));
    assert_int_equal(s.status, SES_SESSION_OPEN);
    assert_int_equal(s.version, 3);
    assert_int_equal(s.updated_ms, T0 + 60000); /* the same in every process, whenever it looks */
    assert_int_equal(s.events[1].event, SES_EVENT_STEP_TIMED_OUT);
    assert_int_equal(s.expires_ms, T0 + 900000);
    assert_false(ses_session_settle(&s, T0 + 60001));
    /* The return comes late. */
    assert_int_equal(apply(&s, SES_EVENT_BROWSER_RETURNED, T0 + 60001), SES_EVENT_LATE);
}

static void test_step_that_outlives_the_session_ends_both(void **state)
{
    struct ses_session s = begin();
    struct ses_session again;

    (void)state;
    (void)ses_session_apply(&s, SES_EVENT_AUTHENTICATION_STARTED, SES_SLICE_EMPTY, 3600000, &rules, T0);
    again = s;
    assert_true(ses_session_settle(&s, T0 + 3600000));
    assert_int_equal(s.status, SES_SESSION_EXPIRED);
    assert_int_equal(s.version, 4);
    assert_int_equal(s.events[1].event, SES_EVENT_STEP_TIMED_OUT);
    assert_int_equal(s.events[2].event, SES_EVENT_EXPIRED);
    assert_true(ses_session_settle(&again, T0 + 9999999)); /* looked at much later: the same */
    assert_int_equal(again.version, s.version);
    assert_int_equal(again.updated_ms, s.updated_ms);
}

static void test_expiry(void **state)
{
    struct ses_session s = begin();

    (void)state;
    assert_false(ses_session_settle(&s, T0 + 899999));
    assert_true(ses_session_settle(&s, T0 + 900000));
    assert_int_equal(s.status, SES_SESSION_EXPIRED);
    assert_false(ses_session_settle(&s, T0 + 900001));
}

static void test_processing_never_expires(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)apply(&s, SES_EVENT_PROCESSING_STARTED, T0);
    assert_int_equal(s.expires_ms, SES_NEVER_MS);
    assert_false(ses_session_settle(&s, T0 + UINT64_C(1000) * 365 * 86400000));
    assert_int_equal(s.status, SES_SESSION_PROCESSING);
    assert_int_equal(apply(&s, SES_EVENT_REVOKED, T0 + 1), SES_EVENT_LATE);
    assert_int_equal(apply(&s, SES_EVENT_COMPLETED, T0 + 2), SES_EVENT_APPLIED);
    assert_int_equal(s.expires_ms, T0 + 2 + rules.closed_ms);
}

static void test_rotation_overlaps_and_fencing_does_not(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)apply(&s, SES_EVENT_AUTHENTICATION_STARTED, T0);
    (void)apply(&s, SES_EVENT_CHALLENGE_PASSED, T0 + 1000);
    assert_int_equal(s.status, SES_SESSION_OPEN);
    assert_int_equal(s.generation, 2);
    assert_int_equal(s.token_issued_ms, T0 + 1000);
    assert_true(ses_session_accepts(&s, 2, T0 + 1000));
    assert_true(ses_session_accepts(&s, 1, T0 + 30999));
    assert_false(ses_session_accepts(&s, 1, T0 + 31000));
    assert_false(ses_session_accepts(&s, 0, T0 + 1000));
    assert_false(ses_session_accepts(&s, 3, T0 + 1000));
    ses_session_fence(&s, T0 + 2000);
    assert_int_equal(s.generation, 3);
    assert_false(ses_session_accepts(&s, 2, T0 + 2000));
    assert_false(ses_session_accepts(&s, 1, T0 + 2000));
}

static void test_revocation_ends_the_overlap_an_outcome_does_not(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)apply(&s, SES_EVENT_AUTHENTICATION_STARTED, T0);
    (void)apply(&s, SES_EVENT_CHALLENGE_PASSED, T0);
    (void)apply(&s, SES_EVENT_REVOKED, T0 + 1);
    assert_false(ses_session_accepts(&s, 1, T0 + 1));
    assert_int_equal(s.status, SES_SESSION_REVOKED);
    s = begin();
    (void)apply(&s, SES_EVENT_AUTHENTICATION_STARTED, T0);
    (void)apply(&s, SES_EVENT_CHALLENGE_PASSED, T0);
    (void)apply(&s, SES_EVENT_COMPLETED, T0 + 1);
    assert_true(ses_session_accepts(&s, 1, T0 + 29999));
    assert_false(ses_session_accepts(&s, 1, T0 + 30000));
}

static void test_what_an_event_is_about(void **state)
{
    struct ses_session s = begin();
    struct ses_event_subject subject = {.payment_id = SES_STR("pi_1")};

    (void)state;
    s.minor_amount = 100;
    s.currency = 5;
    assert_null(ses_event_subject_differing(&s, &subject)); /* no connector session: nothing contradicts */
    s.connector_session_present = true;
    assert_null(ses_event_subject_differing(&s, &subject));
    s.connector_session.id = SES_STR("pi_2");
    assert_string_equal(ses_event_subject_differing(&s, &subject), "connector_payment_id");
    s.connector_session.transaction_id = SES_STR("pi_1");
    assert_null(ses_event_subject_differing(&s, &subject));
    subject = (struct ses_event_subject){.amount_present = true, .minor_amount = 100, .currency = 5};
    assert_null(ses_event_subject_differing(&s, &subject));
    subject.currency = 6;
    assert_string_equal(ses_event_subject_differing(&s, &subject), "amount");
    subject = (struct ses_event_subject){.amount_present = true, .minor_amount = 0, .currency = 5};
    assert_string_equal(ses_event_subject_differing(&s, &subject), "amount");
}

/* One that ran out is known for a while longer; a closed one has its own time, PROCESSING none. */
static void test_how_long_a_session_is_kept(void **state)
{
    struct ses_session_rules remembering = rules;
    struct ses_session s = begin();

    (void)state;
    remembering.remember_ms = 5000;
    assert_int_equal(ses_session_kept_ms(&s, &remembering), s.expires_ms + 5000);
    s.status = SES_SESSION_COMPLETED;
    assert_int_equal(ses_session_kept_ms(&s, &remembering), s.expires_ms);
    s.status = SES_SESSION_PROCESSING;
    s.expires_ms = SES_NEVER_MS;
    assert_int_equal(ses_session_kept_ms(&s, &remembering), SES_NEVER_MS);
}

static void test_connector_session_merges_field_by_field(void **state)
{
    struct ses_session s = begin();
    const struct ses_connector_session id = {.id = SES_STR_INIT("i1")};
    const struct ses_connector_session token = {.token = SES_STR_INIT("t1"), .expires_ms = T0};
    const struct ses_connector_session nothing = {.expires_ms = 0};

    (void)state;
    assert_false(ses_connector_session_merge(&s, &nothing));
    assert_false(s.connector_session_present);
    assert_true(ses_connector_session_merge(&s, &id));
    assert_true(ses_connector_session_merge(&s, &token));
    assert_false(ses_connector_session_merge(&s, &token));
    assert_true(ses_slice_eq_str(s.connector_session.id, "i1"));
    assert_true(ses_slice_eq_str(s.connector_session.token, "t1"));
    assert_int_equal(s.connector_session.expires_ms, T0);
}

static void test_failed_attempts_are_counted_and_bounded(void **state)
{
    struct ses_session_rules bounded = rules;
    struct ses_session s = begin();

    (void)state;
    bounded.attempts_max = 3;
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        (void)apply(&s, SES_EVENT_PROCESSING_STARTED, T0 + attempt);
        assert_int_equal(s.expires_ms, SES_NEVER_MS);
        assert_int_equal(
            ses_session_apply(&s, SES_EVENT_ATTEMPT_FAILED, SES_SLICE_EMPTY, 0, &bounded, T0 + attempt),
            SES_EVENT_APPLIED);
        assert_int_equal(s.attempts, attempt);
        assert_int_equal(s.status, attempt < 3 ? SES_SESSION_OPEN : SES_SESSION_FAILED);
        assert_int_equal(s.expires_ms, T0 + attempt + (attempt < 3 ? bounded.ttl_ms : bounded.closed_ms));
    }
    assert_int_equal(s.generation, 1); /* whose it is to renew is the caller's */
    assert_int_equal(apply(&s, SES_EVENT_ATTEMPT_FAILED, T0 + 9), SES_EVENT_LATE);
    assert_int_equal(s.attempts, 3);
}

static void test_a_success_after_a_failure(void **state)
{
    struct ses_session s = begin();

    (void)state;
    (void)apply(&s, SES_EVENT_FAILED, T0);
    assert_false(s.late_success);
    assert_int_equal(apply(&s, SES_EVENT_COMPLETED, T0 + 1), SES_EVENT_APPLIED);
    assert_true(s.late_success && s.status == SES_SESSION_COMPLETED);
    assert_int_equal(s.expires_ms, T0 + 1 + rules.closed_ms);
    s = begin();
    (void)apply(&s, SES_EVENT_COMPLETED, T0);
    assert_int_equal(apply(&s, SES_EVENT_FAILED, T0 + 1), SES_EVENT_LATE);
    assert_true(!s.late_success && s.status == SES_SESSION_COMPLETED);
}

static void test_what_may_be_told_without_a_token(void **state)
{
    (void)state;
    for (unsigned event = 0; event < SES_EVENT_COUNT + 1; event++)
        assert_int_equal(ses_event_without_token((enum ses_event)event),
                         event == SES_EVENT_PROCESSING_STARTED || event == SES_EVENT_COMPLETED ||
                             event == SES_EVENT_FAILED || event == SES_EVENT_ATTEMPT_FAILED);
}

static void begin_return_step(struct ses_session *s, uint8_t id, uint64_t at_ms)
{
    ses_session_end_step(s);
    assert_int_equal(apply(s, SES_EVENT_REDIRECT_STARTED, at_ms), SES_EVENT_APPLIED);
    memset(s->step.id, id, sizeof(s->step.id));
    s->step.return_url = SES_STR("https://shop.example/");
}

/* The newest few, each with how it ended; steps without a handle need no memory. */
static void test_past_steps(void **state)
{
    struct ses_session s = begin();
    uint8_t id[SES_STEP_ID_SIZE];

    (void)state;
    assert_int_equal(apply(&s, SES_EVENT_REDIRECT_STARTED, T0), SES_EVENT_APPLIED);
    for (uint8_t i = 1; i <= SES_PAST_STEPS_MAX + 2; i++)
        begin_return_step(&s, i, T0 + i);
    assert_int_equal(s.past_steps_count, SES_PAST_STEPS_MAX);
    memset(id, 1, sizeof(id));
    assert_null(ses_session_past_step(&s, id));
    memset(id, 2, sizeof(id));
    assert_non_null(ses_session_past_step(&s, id));
    memset(id, SES_PAST_STEPS_MAX + 2, sizeof(id));
    assert_null(ses_session_past_step(&s, id));                                          /* it is open */
    assert_int_equal(apply(&s, SES_EVENT_REDIRECT_STARTED, T0 + 50), SES_EVENT_APPLIED); /* told of it, too */
    assert_null(ses_session_past_step(&s, id));
    assert_memory_equal(s.step.id, id, sizeof(id));
    assert_int_equal(s.step.started_ms, T0 + SES_PAST_STEPS_MAX + 2);
    assert_true(ses_session_settle(&s, s.step.expires_ms));
    assert_true(ses_session_past_step(&s, id)->timed_out);
    assert_false(s.past_steps[0].timed_out);
}

static void pay_in_a_step(struct ses_session *s)
{
    *s = begin();
    begin_return_step(s, 1, T0);
    assert_int_equal(apply(s, SES_EVENT_PROCESSING_STARTED, T0 + 1), SES_EVENT_APPLIED);
    assert_false(s->step_open);
}

/* A payment names the step's address, so it comes behind BeginStep; only then is it known that the browser has to leave. */
static void test_a_payment_interrupts_a_step(void **state)
{
    static const enum ses_event over[] = {SES_EVENT_ATTEMPT_FAILED, SES_EVENT_COMPLETED, SES_EVENT_FAILED};
    struct ses_session s;
    uint64_t end_ms;

    (void)state;
    pay_in_a_step(&s);
    end_ms = s.past_steps[0].expires_ms;
    assert_int_equal(apply(&s, SES_EVENT_ACTION_REQUIRED, T0 + 2), SES_EVENT_APPLIED);
    assert_true(s.step_open);
    assert_int_equal(s.step.id[0], 1);
    assert_slice_equal(s.step.return_url, "https://shop.example/");
    assert_int_equal(s.step.started_ms, T0);
    assert_int_equal(s.step.expires_ms, end_ms);
    assert_int_equal(s.past_steps_count, 0);
    assert_int_equal(apply(&s, SES_EVENT_BROWSER_RETURNED, T0 + 3), SES_EVENT_APPLIED);
    assert_int_equal(s.past_steps[0].expires_ms, 0);

    pay_in_a_step(&s); /* one that was not attempted is made again */
    assert_int_equal(apply(&s, SES_EVENT_NOT_ATTEMPTED, T0 + 2), SES_EVENT_APPLIED);
    assert_int_equal(apply(&s, SES_EVENT_PROCESSING_STARTED, T0 + 3), SES_EVENT_APPLIED);
    assert_int_equal(apply(&s, SES_EVENT_ACTION_REQUIRED, T0 + 4), SES_EVENT_APPLIED);
    assert_int_equal(s.step.id[0], 1);

    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) { /* no other payment goes on with it */
        pay_in_a_step(&s);
        assert_int_equal(apply(&s, over[i], T0 + 2), SES_EVENT_APPLIED);
        assert_int_equal(s.past_steps[0].expires_ms, 0);
    }

    pay_in_a_step(&s); /* its time was over, or its browser there */
    assert_int_equal(apply(&s, SES_EVENT_ACTION_REQUIRED, end_ms), SES_EVENT_APPLIED);
    assert_int_equal(s.step.id[0], 0);
    pay_in_a_step(&s);
    s.past_steps[0].returned = true;
    assert_int_equal(apply(&s, SES_EVENT_ACTION_REQUIRED, T0 + 2), SES_EVENT_APPLIED);
    assert_int_equal(s.step.id[0], 0);
}

/* A record of an earlier version has its last return only as the result that is shown. */
static void test_a_dropped_result_is_remembered(void **state)
{
    struct ses_session s = begin();

    (void)state;
    s.redirect_present = true;
    memset(s.redirect.step_id, 9, sizeof(s.redirect.step_id));
    memset(s.redirect.payload_hash, 8, sizeof(s.redirect.payload_hash));
    ses_session_drop_redirect(&s);
    assert_false(s.redirect_present);
    assert_int_equal(s.past_steps_count, 1);
    assert_true(s.past_steps[0].returned);
    assert_memory_equal(s.past_steps[0].payload_hash, s.redirect.payload_hash,
                        sizeof(s.redirect.payload_hash));
    s.redirect_present = true;
    ses_session_drop_redirect(&s);
    assert_int_equal(s.past_steps_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_table),
        cmocka_unit_test(test_failed_attempts_are_counted_and_bounded),
        cmocka_unit_test(test_a_success_after_a_failure),
        cmocka_unit_test(test_what_may_be_told_without_a_token),
        cmocka_unit_test(test_next_events_are_those_that_move),
        cmocka_unit_test(test_terminal_never_moves_and_late_changes_nothing),
        cmocka_unit_test(test_step_lives_to_its_own_limit),
        cmocka_unit_test(test_step_that_runs_out),
        cmocka_unit_test(test_step_that_outlives_the_session_ends_both),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_processing_never_expires),
        cmocka_unit_test(test_rotation_overlaps_and_fencing_does_not),
        cmocka_unit_test(test_revocation_ends_the_overlap_an_outcome_does_not),
        cmocka_unit_test(test_what_an_event_is_about),
        cmocka_unit_test(test_how_long_a_session_is_kept),
        cmocka_unit_test(test_connector_session_merges_field_by_field),
        cmocka_unit_test(test_past_steps),
        cmocka_unit_test(test_a_payment_interrupts_a_step),
        cmocka_unit_test(test_a_dropped_result_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
