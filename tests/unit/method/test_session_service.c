/* SessionService on a whole worker: real store, real keys; the rules that the protocol's comments promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "method/session_calls.h"
#include "step_return.h"

/* ---- reading --------------------------------------------------------------------------------- */

static void test_get_twice_is_the_same_and_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.customer = "cus_1"});
    uint64_t puts = core_puts(core);

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
    assert_int_equal(core_puts(core), puts);
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

/* The time of a finished session is over and its name in use again: a token that is still good is the other
 * session's. */
static void test_a_token_of_the_session_before_is_refused(void **state)
{
    struct core *core = *state;

    ses_service_free(core->service);
    core->ttl_ms = 2 * SES_USUAL_session_closed_seconds * UINT64_C(1000);
    core_open_service(core);
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = advance(core, (struct advance){.token = token, .event = SES_EVENT_COMPLETED});

    (void)advanced(call);
    call_free(call);
    unit_clock_pass_ms(SES_USUAL_session_closed_seconds * UINT64_C(1000) + 1000);
    free(create(core, (struct order){.amount = 10000}));
    call = get(core, token);
    (void)call_error(call, SES_FAILED_PRECONDITION, "SESSION_REPLACED");
    call_free(call);
    free(token);
}

/* A token of the version before, without its tenant's tag: good while it lives. Under another tenant it finds
 * nothing, as it did. */
static void test_tokens_that_do_not_name_their_tenant(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = get(core, token);
    struct ses_claims claims = token_claims(call, token);
    char older[SES_TOKEN_SIZE_MAX + 1];
    size_t len = 0;

    assert_int_equal(claims.tenant_tag.len, 16);
    claims.tenant_tag = SES_SLICE_EMPTY;
    assert_ok(ses_token_mint(core->ring, &claims, older, &len));
    older[len] = '\0';
    assert_true(len < strlen(token));
    call_free(call);
    call = get(core, older);
    assert_int_equal(got(call)->version, 1);
    call_free(call);
    call = get_as(core, older, "another");
    (void)call_error(call, SES_NOT_FOUND, "SESSION_NOT_FOUND");
    call_free(call);
    call = get_as(core, token, "another");
    (void)call_error(call, SES_PERMISSION_DENIED, "TOKEN_MISMATCH");
    call_free(call);
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

/* A late event makes no version: whose repetition is known stays as it was. */
static void test_a_late_event_is_no_other_version(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *first = update(core, token, "two");
    const Sessiond__V1__UpdateSessionResponse *updated;
    struct call *call;

    updated = (const Sessiond__V1__UpdateSessionResponse *)answer(
        first, &sessiond__v1__update_session_response__descriptor);
    call = advance(core,
                   (struct advance){updated->session_token, SES_EVENT_BROWSER_RETURNED, "e1", 2, NULL, NULL});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
    call_free(call);
    call = update(core, token, "two");
    (void)answer(call, &sessiond__v1__update_session_response__descriptor);
    call_free(call);
    call_free(first);
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

/* razorpay_v2 shares its number with razorpay; every token of a session must name the one it was made with.
 */
static void advance_to(struct core *core, const char *token, int event)
{
    struct call *call = advance(core, (struct advance){token, event, NULL, 0, NULL, NULL});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_APPLIED);
    call_free(call);
}

static struct call *revoke_version(struct core *core, const char *token, uint64_t expected)
{
    Sessiond__V1__RevokeSessionRequest m;

    sessiond__v1__revoke_session_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.expected_version = expected;
    return ask(core, "RevokeSession", &m.base);
}

/* Field 5 is AdvanceSession's event and RevokeSession's expected_version: two calls of the same bytes. */
static void test_another_method_is_another_call(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    advance_to(core, token, SES_EVENT_AUTHENTICATION_STARTED);
    advance_to(core, token, SES_EVENT_CHALLENGE_PASSED);
    advance_to(core, token, SES_EVENT_AUTHENTICATION_STARTED); /* the token is accepted beside the new one */
    call = revoke_version(core, token, SES_EVENT_AUTHENTICATION_STARTED);
    call_error(call, SES_ABORTED, "VERSION_MISMATCH");
    call_free(call);
    free(token);
}

static struct call *begin_named(struct core *core, const char *token, const char *event_id)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.name = text("challenge");
    m.return_url = text("http://localhost:3000/back");
    m.event_id = text(event_id);
    return ask(core, "BeginStep", &m.base);
}

/* The first one is over, though its place was taken within its millisecond and by one of the same name. */
static void test_two_steps_of_one_instant_are_two(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    unit_clock_stop();
    for (int i = 0; i < 2; i++) {
        call = begin_named(core, token, i == 0 ? "b1" : "b2");
        (void)answer(call, &sessiond__v1__begin_step_response__descriptor);
        call_free(call);
    }
    call = begin_named(core, token, "b1");
    call_error(call, SES_FAILED_PRECONDITION, "STEP_OVER");
    call_free(call);
    call = begin_named(core, token, "b2");
    (void)answer(call, &sessiond__v1__begin_step_response__descriptor);
    call_free(call);
    unit_clock_run();
    free(token);
}

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

/* ---- steps ----------------------------------------------------------------------------------- */

#define BACK_URL "http://localhost:3000/back"

static struct ses_slice location_of(const struct call *call)
{
    for (size_t i = 0; i < call->x->reply_headers_count; i++) {
        if (ses_slice_eq_str(call->x->reply_headers[i].name, "location"))
            return call->x->reply_headers[i].value;
    }
    return SES_SLICE_EMPTY;
}

/* A return, the page that answers it, and whether it was written down. */
static void come_back(struct core *core, const char *handle, const char *cres, int page, bool written)
{
    struct call *call =
        call_new(core, "/health", 0); /* any plain route: the door of a return is another's matter */
    struct ses_return_parameter parameter = {SES_STR("cres"), ses_slice_str(cres)};
    struct ses_step_return what = {.handle = ses_slice_str(handle),
                                   .http_method = SES_STR("POST"),
                                   .query = SES_SLICE_EMPTY,
                                   .parameters = &parameter,
                                   .parameters_count = 1};
    uint64_t puts = core_puts(core);

    ses_step_return_start(core->service, call->x, &what);
    call_wait(call);
    assert_int_equal(call->door.raws, 1);
    assert_int_equal(call->door.http_status, page);
    assert_int_equal(core_puts(core) - puts, written);
    if (page == 303)
        assert_true(ses_slice_eq_str(location_of(call), BACK_URL));
    call_free(call);
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
    char *first = handle_of(begin(core, token, BACK_URL));
    char *second = handle_of(begin(core, token, BACK_URL));

    come_back(core, first, "abc", 410, false); /* replaced */
    come_back(core, second, "abc", 303, true);
    come_back(core, second, "abc", 303, false); /* again */
    come_back(core, second, "abd", 409, false);
    second[20] = second[20] == 'A' ? 'B' : 'A';
    come_back(core, second, "abc", 404, false);
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
        cmocka_unit_test_setup_teardown(test_a_token_of_the_session_before_is_refused, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_tokens_that_do_not_name_their_tenant, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_closed_is_closed_for_create_too, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_compare_and_set_and_duplicates, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_races_merge_disjoint_fields, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_late_event_is_no_other_version, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_passed_challenge_rotates_with_overlap, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_two_steps_of_one_instant_are_two, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_another_method_is_another_call, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_later_tokens_name_the_same_connector, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_step_and_its_returns, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_return_urls_are_checked, core_setup, core_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
