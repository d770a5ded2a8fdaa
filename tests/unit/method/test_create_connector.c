/* Creates that ask a connector: the call is made once and kept, its refusals are answers, and whoever goes
 * away or dies in between leaves an intent that the same call settles. */
#include "create.h"

#include "method/core_fixture.h"

static struct call *stripe_call(struct core *core, const char *id, uint64_t deadline_ms)
{
    return core_call(core, (struct order){.id = id, .connector = "stripe", .deadline_ms = deadline_ms});
}

static unsigned calls_of(struct core *core)
{
    return atomic_load(&core->stub.calls);
}

static void answer_with(struct core *core, int status, const char *body)
{
    atomic_store(&core->stub.status, status);
    atomic_store(&core->stub.body, body);
}

static void wait_for_calls(struct core *core, unsigned calls)
{
    WAIT_DOING(core_turn(core), calls_of(core) >= calls);
}

/* ---- success --------------------------------------------------------------------------------- */

static void test_the_connectors_session_is_kept_in_the_record(void **state)
{
    struct core *core = *state;
    struct call *call = stripe_call(core, "a", 0);
    struct ses_claims claims = call_claims(call);
    struct ses_store_op read;
    struct ses_session session;
    int call_metric = ses_connector_by_name(SES_STR("stripe"))->metric;

    assert_true(ses_slice_eq_str(claims.connector, "stripe"));
    assert_int_equal(calls_of(core), 1);
    assert_non_null(strstr(core->stub.last_request, "amount=10000&currency=usd"));
    assert_int_equal(strlen(core->stub.last_key), 64);
    assert_ok(core_stored(core, "a", &read, &session));
    assert_int_equal(read.record.kind, SES_RECORD_SESSION);
    assert_int_equal(read.record.revision, 2); /* behind the intent */
    assert_memory_equal(read.record.session_id, claims.session_id, 16);
    assert_true(session.connector_session_present);
    assert_true(ses_slice_eq_str(session.connector_session.token, "pi_1_secret_x"));
    assert_int_equal(session.version, 1);
    assert_int_equal(call->x->connector_status, 200);
    assert_int_equal(atomic_load(&core->metrics.connector_calls[call_metric][SES_OUTCOME_SUCCESS]), 1);
    call_free(call);
}

static void test_a_repetition_makes_no_second_call(void **state)
{
    struct core *core = *state;
    struct call *first = stripe_call(core, "a", 0);
    struct ses_claims a = call_claims(first);
    struct call *again = stripe_call(core, "a", 0);
    struct ses_claims b = call_claims(again);

    assert_memory_equal(a.session_id, b.session_id, 16);
    assert_true(call_replayed(again));
    assert_int_equal(calls_of(core), 1);
    call_free(first);
    call_free(again);
}

static void test_a_continuation_makes_no_second_call(void **state)
{
    struct core *core = *state;
    struct call *first = stripe_call(core, "a", 0);
    struct call *second;
    struct ses_claims b;
    struct ses_store_op read;
    struct ses_session session;

    (void)call_claims(first);
    second = core_call(core, (struct order){.id = "a", .connector = "stripe", .customer = "cus_1"});
    b = call_claims(second);
    assert_int_equal(b.generation, 2);
    assert_int_equal(calls_of(core), 1);
    assert_ok(core_stored(core, "a", &read, &session));
    assert_true(ses_slice_eq_str(session.connector_session.token, "pi_1_secret_x"));
    call_free(first);
    call_free(second);
}

/* However long the connector takes, a second call waits for that one answer. */
static void test_a_call_in_flight_is_never_doubled(void **state)
{
    struct core *core = *state;
    struct call *first, *second;

    atomic_store(&core->stub.held, true);
    first = stripe_call(core, "a", 0);
    wait_for_calls(core, 1);
    second = stripe_call(core, "a", 0);
    assert_one_answer(core, first, second);
    assert_int_equal(calls_of(core), 1);
    call_free(first);
    call_free(second);
}

/* ---- the connector says no ------------------------------------------------------------------- */

static void expect_failure(struct core *core, const char *id, uint32_t status_code, const char *unified,
                           const char *code)
{
    struct call *call = stripe_call(core, id, 0);
    old_response *response = call_response(call);

    assert_int_equal(response->status_code, status_code);
    assert_string_equal(response->session_token, "");
    assert_int_not_equal(response->_error_case, 0);
    assert_string_equal(response->error->unified_details->code, unified);
    assert_true(strlen(response->error->unified_details->message) > 0);
    if (code != NULL)
        assert_string_equal(response->error->connector_details->code, code);
    assert_int_equal(call->x->connector_status, status_code);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    call_free(call);
}

static void test_failures_are_answers(void **state)
{
    struct core *core = *state;

    answer_with(
        core, 402,
        "{\"error\":{\"code\":\"card_declined\",\"message\":\"no\",\"decline_code\":\"do_not_honor\"}}");
    expect_failure(core, "a", 402, "CONNECTOR_DECLINED", "card_declined");
    answer_with(core, 401, "{\"error\":{\"message\":\"Invalid API Key\"}}");
    expect_failure(core, "a", 401, "CONNECTOR_AUTH_FAILED", NULL);
    answer_with(core, 429, "{\"error\":{\"code\":\"rate_limit\",\"message\":\"slow down\"}}");
    expect_failure(core, "a", 429, "CONNECTOR_RATE_LIMITED", "rate_limit");
    answer_with(core, 500, "{}");
    expect_failure(core, "a", 500, "CONNECTOR_ERROR", NULL);
    answer_with(core, 200, "rubbish");
    expect_failure(core, "a", 502, "CONNECTOR_BAD_RESPONSE", NULL);
}

static void test_network_decline_code_is_told(void **state)
{
    struct core *core = *state;
    struct call *call;
    old_response *response;

    answer_with(core, 402,
                "{\"error\":{\"code\":\"card_declined\",\"message\":\"no\",\"network_decline_code\":\"05\","
                "\"decline_code\":\"do_not_honor\",\"payment_intent\":{\"id\":\"pi_9\"}}}");
    call = stripe_call(core, "a", 0);
    response = call_response(call);
    assert_string_equal(response->error->connector_details->connector_transaction_id, "pi_9");
    assert_int_not_equal(response->error->_issuer_details_case, 0);
    call_free(call);
}

/* After a failure nothing is stored: the next call asks again, under the same idempotency key. */
static void test_after_a_failure_the_next_call_asks_again(void **state)
{
    struct core *core = *state;
    struct call *call;

    answer_with(core, 402, "{\"error\":{\"code\":\"card_declined\",\"message\":\"no\"}}");
    expect_failure(core, "a", 402, "CONNECTOR_DECLINED", "card_declined");
    answer_with(core, 200, STRIPE_OK);
    call = stripe_call(core, "a", 0);
    (void)call_claims(call);
    assert_false(call_replayed(call));
    assert_int_equal(calls_of(core), 2);
    assert_string_equal(core->stub.first_key, core->stub.last_key);
    call_free(call);
}

static void test_unreachable(void **state)
{
    struct core *core = *state;

    ses_service_free(core->service);
    core->url.sandbox = core->url.production = "http://127.0.0.1:1/";
    core_open_service(core);
    expect_failure(core, "a", 502, "CONNECTOR_UNREACHABLE", NULL);
}

static void turn_later(struct core *core)
{
    unit_clock_pass_ms(5);
    core_turn(core);
}

/* The connector's time ends before the caller's: the caller hears of it. */
static void test_a_slow_connector_is_a_timeout(void **state)
{
    struct core *core = *state;
    struct call *call;
    old_response *response;

    atomic_store(&core->stub.held, true);
    unit_clock_stop();
    call = stripe_call(core, "a", 300);
    wait_for_calls(core, 1);
    WAIT_DOING(turn_later(core), call->door.ended != 0);
    response = call_response(call);
    assert_int_equal(response->status_code, 504);
    assert_string_equal(response->error->unified_details->code, "CONNECTOR_TIMEOUT");
    assert_true(ses_clock_mono_ns() < call->x->deadline_mono_ns);
    call_free(call);
    unit_clock_run();
}

/* It is too short by its length, not because it has passed: time stands. */
static void test_a_deadline_too_short_for_any_call(void **state)
{
    struct core *core = *state;
    struct call *call;
    uint64_t puts = core_puts(core);

    unit_clock_stop();
    call = stripe_call(core, "a", 40);
    (void)call_error(call, SES_DEADLINE_EXCEEDED, "");
    unit_clock_run();
    assert_int_equal(calls_of(core), 0);
    assert_int_equal(core_puts(core), puts);
    call_free(call);
}

/* ---- clients and workers that go away -------------------------------------------------------- */

static void test_a_cancelled_call_is_finished_and_committed(void **state)
{
    struct core *core = *state;
    struct call *call;

    atomic_store(&core->stub.held, true);
    call = stripe_call(core, "a", 0);
    wait_for_calls(core, 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    atomic_store(&core->stub.held, false);
    core_settle(core);
    call = stripe_call(core, "a", 0);
    (void)call_claims(call);
    assert_true(call_replayed(call));
    assert_int_equal(calls_of(core), 1);
    call_free(call);
}

static void test_a_call_cancelled_before_the_connector_was_asked_leaves_nothing(void **state)
{
    struct core *core = *state;
    struct call *call = stripe_call(core, "a", 0);

    ses_exchange_cancel(call->x, SES_CANCELLED); /* the intent is on its way to the disk */
    call_free(call);
    core_settle(core);
    assert_int_equal(calls_of(core), 0);
    call = stripe_call(core, "a", 0);
    (void)call_claims(call);
    assert_false(call_replayed(call));
    assert_int_equal(calls_of(core), 1);
    call_free(call);
}

/* The worker dies while the connector works: the claim stays in the table, the intent on the disk. Its
 * successor publishes the intent; the next identical call settles it: same session id, same idempotency key.
 */
static void leave_intent(struct core *core, const char *id, uint8_t session_id[16])
{
    struct call *call;

    atomic_store(&core->stub.held, true); /* the answer comes too late for the dead */
    answer_with(core, 402, "{\"error\":{\"message\":\"no\"}}");
    call = stripe_call(core, id, 0);
    wait_for_calls(core, 1);
    memcpy(session_id, ((struct ses_change_loop *)call->x->cancel_arg)->found.session.id, 16);
    /* The death: driver and service vanish, nobody releases the claim. */
    ses_driver_free(core->driver);
    ses_store_close(core->store);
    ses_exchange_release(call->x); /* what the phase held */
    call->x->cancel = NULL;
    call_free(call);
    core_open_driver(core);
    core_open_store(core);
    if (core_has_toy(core)) /* in LMDB's store the lease ends with its process */
        toy_cloud_end_leases(core->cloud);
    atomic_store(&core->stub.held, false);
}

static void restart_service(struct core *core, struct ses_service *dead)
{
    core_open_service(core);
    /* The dead worker's service still counts its lost call; only its memory is given back. */
    ses_service_free(dead);
}

static void test_a_leftover_intent_is_settled_by_the_same_call(void **state)
{
    struct core *core = *state;
    struct ses_service *dead = core->service;
    uint8_t session_id[16];
    struct ses_claims claims;
    struct call *call;

    leave_intent(core, "a", session_id);
    restart_service(core, dead);
    answer_with(core, 200, STRIPE_OK);
    call = stripe_call(core, "a", 0);
    claims = call_claims(call);
    assert_false(call_replayed(call));
    assert_memory_equal(claims.session_id, session_id, 16);
    assert_string_equal(core->stub.first_key, core->stub.last_key);
    call_free(call);
}

/* Whether the connector has acted is not known: another payload would be a second effect. */
static void test_a_leftover_intent_refuses_another_payload(void **state)
{
    static const struct order others[] = {
        {.id = "a", .connector = "stripe", .amount = 777},
        {.id = "a", .connector = "stripe", .metadata = "other"},
        {.id = "a", .connector = "stripe", .metadata = "other", .customer = "a continuation"},
        {.id = "a", .connector = "adyen"},
    };
    struct core *core = *state;
    struct ses_service *dead = core->service;
    uint8_t session_id[16];
    struct call *call;

    leave_intent(core, "a", session_id);
    restart_service(core, dead);
    answer_with(core, 200, STRIPE_OK);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        call = core_call(core, others[i]);
        (void)call_error(call, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
        call_free(call);
    }
    assert_int_equal(calls_of(core), 1);
    call = core_call(core, (struct order){.id = "a", .connector = "stripe", .customer = "cus"});
    assert_memory_equal(call_claims(call).session_id, session_id, 16);
    assert_string_equal(core->stub.first_key, core->stub.last_key);
    call_free(call);
    call = core_call(core, (struct order){.id = "a", .connector = "stripe", .amount = 777});
    (void)call_error(call, SES_ALREADY_EXISTS, "SESSION_CONFLICT"); /* with the session that it is now */
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_connectors_session_is_kept_in_the_record),
        T(test_a_repetition_makes_no_second_call),
        T(test_a_continuation_makes_no_second_call),
        T(test_a_call_in_flight_is_never_doubled),
        T(test_failures_are_answers),
        T(test_network_decline_code_is_told),
        T(test_after_a_failure_the_next_call_asks_again),
        T(test_unreachable),
        T(test_a_slow_connector_is_a_timeout),
        T(test_a_deadline_too_short_for_any_call),
        T(test_a_cancelled_call_is_finished_and_committed),
        T(test_a_call_cancelled_before_the_connector_was_asked_leaves_nothing),
        T(test_a_leftover_intent_is_settled_by_the_same_call),
        T(test_a_leftover_intent_refuses_another_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
