/* AdvanceSession on a session that is there: what an event and what is merged make of it, and which tokens
 * come with it. What is no event is refused in test_advance_input.c, what is known again in
 * test_advance_again.c, what waits for its session in test_advance_early.c. */
#include "method/session_calls.h"
#include "service_core.h"

/* ---- moving ---------------------------------------------------------------------------------- */

/* All start before any is committed: each is decided on the one before. */
static void test_races_merge_disjoint_fields(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *calls[3] = {
        advance(core, (struct advance){.token = token, .customer = "cus_9"}),
        advance(core, (struct advance){.token = token, .transaction = "tx_9"}),
        advance(core, (struct advance){.token = token, .event = SES_EVENT_PROCESSING_STARTED, .id = "p"}),
    };

    for (int i = 0; i < 3; i++) {
        (void)advanced(calls[i]);
        call_free(calls[i]);
    }
    struct call *call = get(core, token);
    Sessiond__V1__Session *session = got(call);
    assert_int_equal(session->version, 4);
    assert_int_equal(session->status, SES_SESSION_PROCESSING);
    assert_int_equal(session->expires_ms, 0);
    assert_string_equal(session->state->connector_customer_id, "cus_9");
    assert_string_equal(session->connector_session->transaction_id, "tx_9");
    call_free(call);
    free(token);
}

static void test_passed_challenge_rotates_with_overlap(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call =
        advance(core, (struct advance){.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED});

    (void)advanced(call);
    call_free(call);
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED});
    assert_int_equal(advanced(call)->session->generation, 2);
    assert_memory_equal(advanced(call)->session_token, "sess_", 5);
    call_free(call);
    call = get(core, token);
    (void)got(call);
    call_free(call);
    unit_clock_pass_ms(CORE_OVERLAP_MS + 100);
    call = get(core, token);
    (void)call_error(call, SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED");
    call_free(call);
    free(token);
}

/* razorpay_v2 shares its number with razorpay; every token of a session must name the one it was
 * made with. */
static void test_later_tokens_name_the_same_connector(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.connector = "razorpay_v2"});
    Sessiond__V1__AdvanceSessionResponse *passed;
    struct call *call;

    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED});
    (void)advanced(call);
    call_free(call);
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED});
    passed = advanced(call);
    assert_true(ses_slice_eq_str(token_claims(call, passed->session_token).connector, "razorpay_v2"));
    assert_int_equal(passed->session->connector, SESSIOND__V1__CONNECTOR__RAZORPAY);
    assert_string_equal(passed->session->connector_name, "razorpay_v2");
    assert_string_equal(call->x->connector, "razorpay_v2");
    call_free(call);
    call = update(core, (struct update){.token = token, .metadata = "two"});
    assert_true(ses_slice_eq_str(token_claims(call, updated(call)->session_token).connector, "razorpay_v2"));
    call_free(call);
    free(token);
}

/* The next attempt is not the token's that failed; but nobody without a token fences one. */
static void test_a_failed_attempt_brings_a_token_to_who_has_one(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    tell(core, token, SES_EVENT_PROCESSING_STARTED, SES_EVENT_APPLIED);
    call = advance(core, (struct advance){.event = SES_EVENT_ATTEMPT_FAILED, .id = "w1"});
    assert_int_equal(advanced(call)->session->status, SES_SESSION_OPEN);
    assert_int_equal(advanced(call)->session->generation, 1);
    assert_int_equal(advanced(call)->session->attempts, 1);
    assert_string_equal(advanced(call)->session_token, "");
    call_free(call);
    tell(core, token, SES_EVENT_PROCESSING_STARTED, SES_EVENT_APPLIED);
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_ATTEMPT_FAILED});
    assert_int_equal(advanced(call)->session->generation, 2);
    assert_int_equal(token_claims(call, advanced(call)->session_token).generation, 2);
    call_free(call);
    unit_clock_pass_ms(CORE_OVERLAP_MS + 100);
    refused(get(core, token), SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED");
    free(token);
}

static void test_the_last_attempt_ends_the_payment(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    core->service->rules.attempts_max = 2;
    for (int attempts = 1; attempts <= 2; attempts++) {
        tell(core, token, SES_EVENT_PROCESSING_STARTED, SES_EVENT_APPLIED);
        call = advance(core, (struct advance){.token = token, .event = SES_EVENT_ATTEMPT_FAILED});
        assert_int_equal(advanced(call)->session->attempts, attempts);
        assert_int_equal(advanced(call)->session->status,
                         attempts < 2 ? SES_SESSION_OPEN : SES_SESSION_FAILED);
        assert_int_equal(advanced(call)->session->generation,
                         2); /* there is no attempt behind the last one */
        call_free(call);
    }
    free(token);
}

static void test_money_that_moved_after_all(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    tell(core, token, SES_EVENT_FAILED, SES_EVENT_APPLIED);
    call = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_APPLIED);
    assert_true(advanced(call)->session->late_success);
    assert_int_equal(core_count(core, SES_C_SESSIONS_LATE_SUCCESS), 1);
    call_free(call);
    free(token);
}

/* The first two of a kind are recorded, which is no version; then there is nothing to write. */
static void test_late_events_change_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    for (int i = 0; i < 3; i++) {
        uint64_t puts = core_puts(core);
        struct call *call = advance(
            core, (struct advance){.token = token, .event = SES_EVENT_BROWSER_RETURNED, .customer = "cus_1"});

        assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
        assert_int_equal(advanced(call)->session->version, 1);
        assert_null(advanced(call)->session->state); /* what came with it is not merged */
        assert_int_equal(core_puts(core) - puts, i < 2);
        call_free(call);
    }
    assert_int_equal(core_count(core, SES_C_EVENTS_LATE), 3);
    free(token);
}

static void test_closed_is_closed_for_create_too(void **state)
{
    static const int events[] = {SES_EVENT_COMPLETED, SES_EVENT_FAILED};
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = advance(core, (struct advance){.token = token, .event = events[0]});

    assert_int_equal(advanced(call)->session->status, SES_SESSION_COMPLETED);
    call_free(call);
    call = core_call(core, (struct order){.amount = 10000});
    assert_true(ses_slice_eq_str(
        call_error(call, SES_FAILED_PRECONDITION, "SESSION_CLOSED")->metadata[0].value, "COMPLETED"));
    call_free(call);
    call = advance(core, (struct advance){.token = token, .event = events[1], .id = "late"});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
    call_free(call);
    free(token);
}

static void test_a_step_has_its_seconds(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct advance what = {.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .step_seconds = 86401};
    struct call *call;

    violates(advance(core, what), "step_seconds");
    what.step_seconds = 86400;
    call = advance(core, what);
    const Sessiond__V1__Step *step = advanced(call)->session->step;
    assert_int_equal(step->expires_ms - step->started_ms, 86400000);
    assert_true(strlen(advanced(call)->session_token) > 0); /* its end is another one */
    call_free(call);
    free(token);
}

/* ---- merging --------------------------------------------------------------------------------- */

static void test_what_is_stored_already_is_not_written(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.customer = "cus_1"});
    uint64_t puts = core_puts(core);

    for (int i = 0; i < 2; i++) {
        struct call *call =
            advance(core, (struct advance){.token = token, .customer = i == 0 ? "cus_1" : "cus_2"});

        assert_int_equal(advanced(call)->outcome, SES_EVENT_NO_OUTCOME);
        assert_int_equal(advanced(call)->session->version, 1 + i);
        assert_string_equal(advanced(call)->session_token, "");
        assert_int_equal(core_puts(core) - puts, i);
        call_free(call);
    }
    tell(core, token, SES_EVENT_FAILED, SES_EVENT_APPLIED);
    refused_with(advance(core, (struct advance){.token = token, .customer = "cus_3"}),
                 SES_FAILED_PRECONDITION, "SESSION_CLOSED", "status", "FAILED");
    free(token);
}

static void test_the_connectors_session_has_its_end(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    int64_t now_ms = (int64_t)ses_clock_wall_ms();
    const int64_t wrong[] = {-1, now_ms / 1000, now_ms * 1000, now_ms - 1000};
    struct call *call;

    for (size_t i = 0; i < 4; i++)
        violates(advance(core, (struct advance){.token = token, .connector_end_ms = wrong[i]}),
                 "connector_session.expires_ms");
    for (int i = 0; i < 2; i++) { /* again when it is past: the one that is stored */
        call = advance(core, (struct advance){.token = token,
                                              .event = i == 0 ? SES_EVENT_PROCESSING_STARTED : 0,
                                              .connector_end_ms = now_ms + 60000});
        assert_int_equal(advanced(call)->session->connector_session->expires_ms, now_ms + 60000);
        call_free(call);
        unit_clock_pass_ms(61000);
    }
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_races_merge_disjoint_fields),
        T(test_passed_challenge_rotates_with_overlap),
        T(test_later_tokens_name_the_same_connector),
        T(test_a_failed_attempt_brings_a_token_to_who_has_one),
        T(test_the_last_attempt_ends_the_payment),
        T(test_money_that_moved_after_all),
        T(test_late_events_change_nothing),
        T(test_closed_is_closed_for_create_too),
        T(test_a_step_has_its_seconds),
        T(test_what_is_stored_already_is_not_written),
        T(test_the_connectors_session_has_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
