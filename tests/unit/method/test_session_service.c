/* SessionService on a whole worker: real store, real keys; the rules that the protocol's comments promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sessiond/v1/session.pb-c.h>

#include "method/core_fixture.h"
#include "step.h"

#define SERVICE "/sessiond.v1.SessionService/"

static char *text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

/* The token of a fresh session; outlives its call. */
static char *create(struct core *core, struct order order)
{
    struct call *call = core_call(core, order);
    char *token = strdup(call_response(call)->session_token);

    call_free(call);
    return token;
}

static struct call *ask(struct core *core, const char *method, const ProtobufCMessage *message)
{
    char path[96];
    struct call *call;

    (void)snprintf(path, sizeof(path), SERVICE "%s", method);
    call = call_new(core, path, 0);
    call_body(call, message);
    call_start(call);
    return call;
}

static ProtobufCMessage *answer(struct call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = NULL;

    call_wait(call);
    if (call->door.failed)
        fail_msg("failed: %s", call->door.error_message);
    assert_ok(ses_codec_unpack(descriptor, door_message(&call->door, 0), &call->x->arena, &message));
    return message;
}

static struct call *get(struct core *core, const char *token)
{
    Sessiond__V1__GetSessionRequest m;

    sessiond__v1__get_session_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    return ask(core, "GetSession", &m.base);
}

static Sessiond__V1__Session *got(struct call *call)
{
    return ((Sessiond__V1__GetSessionResponse *)answer(call, &sessiond__v1__get_session_response__descriptor))
        ->session;
}

struct advance {
    const char *token;
    int event;
    const char *id;
    uint64_t expected;
    const char *customer;
    const char *transaction;
};

static struct call *advance(struct core *core, struct advance what)
{
    Sessiond__V1__AdvanceSessionRequest m;
    Types__ConnectorState state = TYPES__CONNECTOR_STATE__INIT;
    Sessiond__V1__ConnectorSession connector;

    sessiond__v1__advance_session_request__init(&m);
    sessiond__v1__connector_session__init(&connector);
    m.session_token = text(what.token == NULL ? "" : what.token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.event = (Sessiond__V1__SessionEvent)what.event;
    m.event_id = text(what.id == NULL ? "" : what.id);
    m.expected_version = what.expected;
    if (what.customer != NULL) {
        state._connector_customer_id_case = 2;
        state.connector_customer_id = text(what.customer);
        m._state_case = 8;
        m.state = &state;
    }
    if (what.transaction != NULL) {
        connector.transaction_id = text(what.transaction);
        m.connector_session = &connector;
    }
    return ask(core, "AdvanceSession", &m.base);
}

static Sessiond__V1__AdvanceSessionResponse *advanced(struct call *call)
{
    return (Sessiond__V1__AdvanceSessionResponse *)answer(
        call, &sessiond__v1__advance_session_response__descriptor);
}

static struct call *begin(struct core *core, const char *token, const char *url)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.name = text("challenge");
    m.return_url = text(url);
    return ask(core, "BeginStep", &m.base);
}

static struct call *update(struct core *core, const char *token, const char *metadata)
{
    Sessiond__V1__UpdateSessionRequest m;
    Types__SecretString secret;

    sessiond__v1__update_session_request__init(&m);
    types__secret_string__init(&secret);
    secret.value = text(metadata);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m._metadata_case = 7;
    m.metadata = &secret;
    return ask(core, "UpdateSession", &m.base);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void test_get_twice_is_the_same_and_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.customer = "cus_1"});
    uint64_t puts = core_count(core, SES_C_STORE_PUTS);

    for (int i = 0; i < 2; i++) { /* the second time from the cache of verified tokens */
        struct call *call = get(core, token);
        Sessiond__V1__Session *session = got(call);

        assert_int_equal(session->status, SES_SESSION_OPEN);
        assert_int_equal(session->version, 1);
        assert_int_equal(session->generation, 1);
        assert_int_equal(session->amount->minor_amount, 10000);
        assert_string_equal(session->merchant_session_id, "session_001");
        assert_string_equal(session->state->connector_customer_id, "cus_1");
        assert_int_equal(session->browser_verdict->mode, SES_BINDING_ENFORCE);
        assert_in_range(session->expires_in_seconds, 1, 900);
        call_free(call);
    }
    assert_int_equal(core_count(core, SES_C_STORE_PUTS), puts);
    free(token);
}

static void test_superseded_and_revoked_are_refused_though_cached(void **state)
{
    struct core *core = *state;
    char *old = create(core, (struct order){.amount = 10000});
    struct call *call = get(core, old);
    Sessiond__V1__RevokeSessionRequest revoke;

    sessiond__v1__revoke_session_request__init(&revoke);
    (void)got(call);
    call_free(call);
    char *new = create(core, (struct order){.customer = "cus_1"}); /* a continuation: generation 2 */
    call = get(core, old);
    assert_true(ses_slice_eq_str(
        call_error(call, SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED")->metadata[0].value, "2"));
    call_free(call);
    call = get(core, new);
    (void)got(call);
    call_free(call);
    revoke.session_token = new;
    revoke.merchant_session_id = text("session_001");
    revoke._test_mode_case = 4;
    revoke.test_mode = true;
    for (int i = 0; i < 2; i++) { /* again: the same */
        call = ask(core, "RevokeSession", &revoke.base);
        (void)answer(call, &sessiond__v1__revoke_session_response__descriptor);
        call_free(call);
    }
    call = get(core, new);
    (void)call_error(call, SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    call_free(call);
    free(old);
    free(new);
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

/* ---- moving ---------------------------------------------------------------------------------- */

static void test_compare_and_set_and_duplicates(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call =
        advance(core, (struct advance){token, SES_EVENT_AUTHENTICATION_STARTED, "e1", 1, NULL, NULL});

    assert_int_equal(advanced(call)->session->version, 2);
    call_free(call);
    /* The repetition of a success is not a stale version. */
    call = advance(core, (struct advance){token, SES_EVENT_AUTHENTICATION_STARTED, "e1", 1, NULL, NULL});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_DUPLICATE);
    assert_int_equal(advanced(call)->session->version, 2);
    call_free(call);
    call = advance(core, (struct advance){token, SES_EVENT_COMPLETED, "e2", 1, NULL, NULL});
    assert_true(ses_slice_eq_str(call_error(call, SES_ABORTED, "VERSION_MISMATCH")->metadata[0].value, "2"));
    call_free(call);
    free(token);
}

/* All start before any is committed: each is decided on the one before. */
static void test_races_merge_disjoint_fields(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *calls[3] = {
        advance(core, (struct advance){token, 0, NULL, 0, "cus_9", NULL}),
        advance(core, (struct advance){token, 0, NULL, 0, NULL, "tx_9"}),
        advance(core, (struct advance){token, SES_EVENT_PROCESSING_STARTED, "p", 0, NULL, NULL}),
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
    usleep(1100 * 1000); /* the fixture's overlap is a second */
    call = get(core, token);
    (void)call_error(call, SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED");
    call_free(call);
    free(token);
}

/* razorpay_v2 shares its number with razorpay; every token of a session must name the one it was made with.
 */
static void test_later_tokens_name_the_same_connector(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.connector = "razorpay_v2"});
    Sessiond__V1__AdvanceSessionResponse *passed;
    Sessiond__V1__UpdateSessionResponse *updated;
    struct call *call;

    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED});
    (void)advanced(call);
    call_free(call);
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED});
    passed = advanced(call);
    assert_true(ses_slice_eq_str(token_claims(call, passed->session_token).connector, "razorpay_v2"));
    assert_int_equal(passed->session->connector, TYPES__CONNECTOR__RAZORPAY);
    assert_string_equal(passed->session->connector_name, "razorpay_v2");
    assert_string_equal(call->x->connector, "razorpay_v2");
    call_free(call);
    call = update(core, token, "two");
    updated = (Sessiond__V1__UpdateSessionResponse *)answer(
        call, &sessiond__v1__update_session_response__descriptor);
    assert_true(ses_slice_eq_str(token_claims(call, updated->session_token).connector, "razorpay_v2"));
    call_free(call);
    free(token);
}

/* ---- inbox ----------------------------------------------------------------------------------- */

static void test_event_before_its_session(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, "tx_1"});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    assert_null(advanced(call)->session);
    call_free(call);
    char *token = create(core, (struct order){.amount = 10000});
    call = get(core, token);
    assert_int_equal(got(call)->status, SES_SESSION_COMPLETED);
    assert_string_equal(got(call)->connector_session->transaction_id, "tx_1");
    call_free(call);
    call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, NULL});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_DUPLICATE);
    assert_null(advanced(call)->session->connector_session); /* no secrets without a token */
    call_free(call);
    core_settle(core);
    free(token);
}

static void test_inbox_is_bounded(void **state)
{
    struct core *core = *state;
    char id[2] = "a";

    for (int i = 0; i < 9; i++, id[0]++) {
        struct call *call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, id, 0, NULL, NULL});

        if (i < 8)
            assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
        else
            (void)call_error(call, SES_RESOURCE_EXHAUSTED, "INBOX_FULL");
        call_free(call);
    }
}

static void test_without_token_event_and_id_are_required(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){.event = SES_EVENT_FAILED});

    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){.id = "w1"});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){.id = "w1", .event = SES_EVENT_STEP_TIMED_OUT});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, "w1", 0, "cus", NULL});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
}

/* ---- steps ----------------------------------------------------------------------------------- */

struct told {
    struct ses_step_answer answer;
    int times;
};

static void on_told(struct ses_exchange *x, void *arg, const struct ses_step_answer *given)
{
    struct told *told = arg;

    told->answer = *given;
    told->times++;
    ses_exchange_reply_raw(x, 200, "text/plain", SES_SLICE_EMPTY);
}

static enum ses_step_outcome come_back(struct core *core, const char *handle, const char *cres)
{
    struct call *call =
        call_new(core, "/health", 0); /* any plain route: the door of a return is another's matter */
    struct ses_return_parameter parameter = {SES_STR("cres"), ses_slice_str(cres)};
    struct ses_step_return what = {.handle = ses_slice_str(handle),
                                   .http_method = SES_STR("POST"),
                                   .query = SES_SLICE_EMPTY,
                                   .parameters = &parameter,
                                   .parameters_count = 1};
    struct told told = {.times = 0};

    ses_step_return_start(core->service, call->x, &what, on_told, &told);
    call_wait(call);
    assert_int_equal(told.times, 1);
    if (told.answer.outcome == SES_STEP_FIRST || told.answer.outcome == SES_STEP_AGAIN) {
        assert_true(ses_slice_eq_str(told.answer.location, "http://localhost:3000/back"));
        assert_string_equal(told.answer.step_name, "challenge");
    }
    call_free(call);
    return told.answer.outcome;
}

static char *handle_of(struct call *call)
{
    Sessiond__V1__BeginStepResponse *response =
        (Sessiond__V1__BeginStepResponse *)answer(call, &sessiond__v1__begin_step_response__descriptor);
    char *handle = strdup(response->step_handle);

    assert_true(strlen(handle) <= 1024);
    assert_null(strstr(response->return_url, "sess_"));
    assert_non_null(strstr(response->return_url, handle));
    assert_int_equal(response->session->status, SES_SESSION_REDIRECTED);
    call_free(call);
    return handle;
}

static void test_a_step_and_its_returns(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *first = handle_of(begin(core, token, "http://localhost:3000/back"));
    char *second = handle_of(begin(core, token, "http://localhost:3000/back"));

    assert_int_equal(come_back(core, first, "abc"), SES_STEP_EXPIRED); /* replaced */
    assert_int_equal(come_back(core, second, "abc"), SES_STEP_FIRST);
    assert_int_equal(come_back(core, second, "abc"), SES_STEP_AGAIN);
    assert_int_equal(come_back(core, second, "abd"), SES_STEP_OTHER_PAYLOAD);
    second[20] = second[20] == 'A' ? 'B' : 'A';
    assert_int_equal(come_back(core, second, "abc"), SES_STEP_UNKNOWN);
    struct call *call = get(core, token);
    Sessiond__V1__Session *session = got(call);
    assert_int_equal(session->status, SES_SESSION_RETURNED);
    assert_string_equal(session->redirect_result->method, "POST");
    assert_int_equal(session->redirect_result->n_payload, 1);
    assert_string_equal(session->redirect_result->payload[0]->key, "cres");
    assert_string_equal(session->redirect_result->payload[0]->value, "abc");
    assert_string_equal(session->redirect_result->step_name, "challenge");
    call_free(call);
    free(first);
    free(second);
    free(token);
}

static void test_return_urls_are_checked(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = begin(core, token, "https://evil.example/");

    (void)call_error(call, SES_PERMISSION_DENIED, "RETURN_URL_REFUSED");
    call_free(call);
    call = begin(core, token, "javascript:alert(1)");
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get_twice_is_the_same_and_writes_nothing, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_superseded_and_revoked_are_refused_though_cached, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_closed_is_closed_for_create_too, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_compare_and_set_and_duplicates, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_races_merge_disjoint_fields, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_passed_challenge_rotates_with_overlap, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_later_tokens_name_the_same_connector, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_event_before_its_session, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_inbox_is_bounded, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_without_token_event_and_id_are_required, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_a_step_and_its_returns, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_return_urls_are_checked, core_setup, core_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
