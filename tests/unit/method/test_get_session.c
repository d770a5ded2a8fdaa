/* GetSession: what a session is told as, and that nothing is written for it, whatever time has done, whoever
 * writes at the same time and however the store ends. */
#include "method/session_calls.h"
#include "service_core.h"

/* ---- what is told ---------------------------------------------------------------------------- */

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

/* It has to be told though nobody writes it: the stored one is as it was. */
static void test_a_step_that_ran_out_is_told_and_not_written(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = begin(core, (struct begin){.token = token, .step_seconds = 60});

    assert_int_equal(begun(call)->session->version, 2);
    call_free(call);
    uint64_t puts = core_puts(core);

    unit_clock_pass_ms(61000);
    for (int i = 0; i < 2; i++) {
        call = get(core, token);
        Sessiond__V1__Session *session = got(call);

        assert_int_equal(session->status, SES_SESSION_OPEN);
        assert_int_equal(session->version, 3);
        assert_null(session->step);
        assert_int_equal(session->events[1]->event, SES_EVENT_STEP_TIMED_OUT);
        call_free(call);
    }
    assert_int_equal(core_puts(core), puts);
    assert_int_equal(stored_session(core).status, SES_SESSION_REDIRECTED);
    free(token);
}

static void test_what_is_processing_never_ends(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    tell(core, token, SES_EVENT_PROCESSING_STARTED, SES_EVENT_APPLIED);
    call = get(core, token);
    Sessiond__V1__Session *session = got(call);
    assert_int_equal(session->status, SES_SESSION_PROCESSING);
    assert_int_equal(session->expires_ms, 0);
    assert_int_equal(session->expires_in_seconds, 0);
    assert_int_equal(session->n_next_events, 3); /* COMPLETED, FAILED, ATTEMPT_FAILED */
    call_free(call);
    free(token);
}

/* Nobody waits for who writes: what was there before is told. */
static void test_a_leased_session_is_told(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct ses_store_key key = core_key(core, "DefaultMerchantId", "session_001");
    struct ses_store_lease lease;
    struct call *call;

    core_lease(core, &key, &lease);
    call = get(core, token);
    assert_int_equal(got(call)->version, 1);
    assert_int_equal(core->service->waiting_count, 0);
    call_free(call);
    core_give_back(core, &lease);
    free(token);
}

/* ---- what is not told ------------------------------------------------------------------------ */

static void test_a_record_that_does_not_read_is_data_loss(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct ses_store_op read;
    struct ses_session session;

    assert_ok(core_stored(core, "session_001", &read, &session));
    read.record.body = SES_STR("\x08\x63"); /* format 99 */
    assert_ok(core_put(core, &read.version, &read.record));
    refused(get(core, token), SES_DATA_LOSS, "SESSION_UNREADABLE");
    free(token);
}

static void test_fails_with_the_store(void **state)
{
    static const struct {
        enum ses_status status, told;
        const char *reason;
    } rows[] = {
        {SES_IO, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
        {SES_UNAVAILABLE, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
        {SES_DATA_LOSS, SES_DATA_LOSS, "SESSION_UNREADABLE"},
        {SES_NO_MEMORY, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    };
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        toy_plan(core->store, TOY_GET, 0, (struct toy_fate){rows[i].status, TOY_NEVER});
        refused(get(core, token), rows[i].told, rows[i].reason);
    }
    call = get(core, token);
    (void)got(call);
    call_free(call);
    free(token);
}

/* The store still has the key to read: the exchange stays until it has answered, and hears nothing. */
static void test_a_cancelled_call_is_told_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    toy_hold(core->store, TOY_GET, TOY_BEFORE);
    call = get(core, token);
    core_turn(core);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    toy_hold(core->store, TOY_GET, TOY_OPEN);
    core_settle(core);
    assert_int_equal(call->door.sent + call->door.ended, 0);
    call_free(call);
    assert_int_equal(ses_exchange_pool_open(core->pool), 0);
    free(token);
}

/* The caller's time is the read's: a store that says nothing holds no call beyond it. */
static void test_a_read_has_the_callers_time(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = session_call(core, "GetSession", (struct caller){.token = token}, NULL);

    toy_freeze(core->store);
    call->x->deadline_mono_ns = ses_clock_mono_ns() + 1000 * MS;
    call_start(call);
    core_turn(core);
    assert_int_equal(call->door.ended, 0);
    unit_clock_pass_ms(1001);
    refused(call, SES_UNAVAILABLE, "STORE_UNAVAILABLE");
    toy_thaw(core->store);
    free(token);
}

int main(void)
{
#define T(test)   cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
#define TOY(test) cmocka_unit_test_setup_teardown(test, core_setup_toy, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_get_twice_is_the_same_and_writes_nothing),
        T(test_a_step_that_ran_out_is_told_and_not_written),
        T(test_what_is_processing_never_ends),
        T(test_a_leased_session_is_told),
        T(test_a_record_that_does_not_read_is_data_loss),
        TOY(test_fails_with_the_store),
        TOY(test_a_cancelled_call_is_told_nothing),
        TOY(test_a_read_has_the_callers_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
