/* OperatorService: what an operator is told of a payment and what not, how he ends it, and who is none. What the server
 * does with it stands in tests/integration/test_operator.py. */
#include "method/session_calls.h"

#include <sessiond/method/operator_gate.h>
#include <sessiond/v1/operator.pb-c.h>

#define OPERATOR "/sessiond.v1.OperatorService/"

static Sessiond__V1__SessionStory *shown(struct call *call)
{
    return ((Sessiond__V1__ShowSessionResponse *)durable_answer(
                call, &sessiond__v1__show_session_response__descriptor))
        ->story;
}

static struct call *show(struct core *core, const char *id)
{
    struct call *call = call_new(core, OPERATOR "ShowSession", 0);
    Sessiond__V1__ShowSessionRequest m;

    sessiond__v1__show_session_request__init(&m);
    m.merchant_session_id = text(id);
    m.test_mode = true;
    call_body(call, &m.base);
    call_start(call);
    return call;
}

static struct call *end_session(struct core *core, const char *reason, uint64_t expected)
{
    struct call *call = call_new(core, OPERATOR "RevokeSession", 0);
    Sessiond__V1__OperatorRevokeSessionRequest m;

    sessiond__v1__operator_revoke_session_request__init(&m);
    m.merchant_session_id = text("session_001");
    m.test_mode = true;
    m.reason = text(reason);
    m.expected_version = expected;
    call_body(call, &m.base);
    call_start(call);
    return call;
}

static Sessiond__V1__SessionStory *revoked_story(struct call *call)
{
    return ((Sessiond__V1__OperatorRevokeSessionResponse *)durable_answer(
                call, &sessiond__v1__operator_revoke_session_response__descriptor))
        ->story;
}

static void test_a_session_is_told_without_its_secrets(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000, .customer = "cus_1", .metadata = "CANARY"});
    struct call *call = show(core, "session_001");
    Sessiond__V1__SessionStory *story = shown(call);

    assert_int_equal(story->kind, SESSIOND__V1__STORY_KIND__STORY_KIND_SESSION);
    assert_string_equal(story->pseudonym, call->x->session_pseudonym);
    assert_int_equal(strlen(story->pseudonym), 16);
    assert_string_equal(story->session->merchant_session_id, "session_001");
    assert_int_equal(story->session->amount->minor_amount, 10000);
    assert_null(story->session->state);
    assert_null(story->session->connector_session);
    assert_null(story->session->browser_verdict);
    assert_null(story->session->redirect_result);
    assert_int_equal(story->session->_metadata_case, 0);
    assert_true(story->connector_state->connector_customer_id_stored);
    assert_false(story->connector_state->access_token_stored);
    assert_int_equal(story->metadata_bytes, strlen("CANARY"));
    assert_null(memmem(call->door.message[0], call->door.message_len[0], "CANARY", 6));
    assert_null(memmem(call->door.message[0], call->door.message_len[0], "cus_1", 5));
    call_free(call);
    free(token);
}

static void test_reading_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);
    struct call *call = show(core, "session_001");

    (void)shown(call);
    call_free(call);
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static void test_what_is_not_there_is_not_found(void **state)
{
    refused(show(*state, "session_001"), SES_NOT_FOUND, "SESSION_NOT_FOUND");
    refused(end_session(*state, "because", 0), SES_NOT_FOUND, "SESSION_NOT_FOUND");
    violates(show(*state, ""), "merchant_session_id");
}

static void test_the_reason_is_kept_and_told_to_operators_alone(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = end_session(core, "because", 0);
    Sessiond__V1__SessionStory *story = revoked_story(call);

    assert_int_equal(story->session->status, SES_SESSION_REVOKED);
    assert_string_equal(story->revoke_reason, "because");
    assert_slice_equal(call->x->audit_reason, "because");
    call_free(call);
    assert_slice_equal(stored_session(core).revoke_reason, "because");
    call = revoke_session(core, token, 0); /* a revoked one may be revoked again, and is told */
    assert_int_equal(revoked(call)->status, SES_SESSION_REVOKED);
    assert_null(memmem(call->door.message[0], call->door.message_len[0], "because", 7));
    call_free(call);
    free(token);
}

static void test_a_second_time_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = end_session(core, "because", 1);

    (void)revoked_story(call);
    call_free(call);
    uint64_t puts = core_puts(core);

    call = end_session(core, "another", 1);
    assert_string_equal(revoked_story(call)->revoke_reason, "because");
    call_free(call);
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static void test_what_may_not_be_revoked(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char longest[202];

    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    violates(end_session(core, "", 0), "reason");
    violates(end_session(core, " ", 0), "reason");
    violates(end_session(core, "a\nb", 0), "reason");
    violates(end_session(core, longest, 0), "reason");
    refused_with(end_session(core, "because", 7), SES_ABORTED, "VERSION_MISMATCH", "current_version", "1");
    tell(core, token, SES_EVENT_PROCESSING_STARTED, SES_EVENT_APPLIED);
    refused(end_session(core, "because", 0), SES_FAILED_PRECONDITION, "SESSION_PROCESSING");
    tell(core, token, SES_EVENT_COMPLETED, SES_EVENT_APPLIED);
    refused(end_session(core, "because", 0), SES_FAILED_PRECONDITION, "SESSION_CLOSED");
    assert_int_equal(stored_session(core).revoke_reason.len, 0);
    free(token);
}

/* Nobody has looked at a token, whose time would be over too. */
static void test_a_session_that_ran_out_is_shown_and_not_revoked(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    unit_clock_pass_ms(SES_USUAL_session_ttl_seconds * UINT64_C(1000) + 1);
    refused(end_session(core, "because", 0), SES_FAILED_PRECONDITION, "SESSION_EXPIRED");
    struct call *call = show(core, "session_001");

    assert_int_equal(shown(call)->session->status, SES_SESSION_EXPIRED);
    call_free(call);
    free(token);
}

/* ---- the gates ------------------------------------------------------------------------------- */

static void test_a_port_without_callers_lets_nobody_operate(void **state)
{
    struct core *core = *state;
    static const char *const others[] = {OLD_PATH, SERVICE "RevokeSession", "/health"};
    struct call *call = call_new(core, OPERATOR "ShowSession", 0);
    struct ses_error error = {.status = SES_OK};

    assert_int_equal(ses_operator_gate_closed(NULL, call->x, NULL, &error), SES_PERMISSION_DENIED);
    assert_string_equal(ses_reason_name(error.reason), "OPERATOR_ONLY");
    call_free(call);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        call = call_new(core, others[i], 0);
        assert_ok(ses_operator_gate_closed(NULL, call->x, NULL, &error));
        call_free(call);
    }
}

static void test_who_has_no_name_at_the_socket_is_refused(void **state)
{
    struct call *call = call_new(*state, OPERATOR "ShowSession", 0);
    struct ses_error error = {.status = SES_OK};

    assert_int_equal(ses_operator_gate_local(NULL, call->x, NULL, &error), SES_PERMISSION_DENIED);
    assert_false(call->x->operator_known);
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_session_is_told_without_its_secrets),
        T(test_reading_writes_nothing),
        T(test_what_is_not_there_is_not_found),
        T(test_the_reason_is_kept_and_told_to_operators_alone),
        T(test_a_second_time_writes_nothing),
        T(test_what_may_not_be_revoked),
        T(test_a_session_that_ran_out_is_shown_and_not_revoked),
        T(test_a_port_without_callers_lets_nobody_operate),
        T(test_who_has_no_name_at_the_socket_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
