/* Calls that meet another call for their session, and callers that go away. */
#include "create.h"

#include "method/core_fixture.h"

/* ---- other calls in flight ------------------------------------------------------------------- */

static void test_the_second_of_two_waits_and_replays(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.id = "a"});
    struct call *second = core_call(core, (struct order){.id = "a"});
    struct call *third = NULL;
    struct ses_claims a, b;

    if (!core_has_toy(core)) /* where the last one might be the first */
        third = core_call(core, (struct order){.id = "a", .amount = 7});
    assert_int_equal(ses_service_in_flight(core->service), third != NULL ? 3 : 2);
    a = call_claims(first);
    b = call_claims(second);
    assert_memory_equal(a.session_id, b.session_id, 16);
    assert_true(call_replayed(first) != call_replayed(second));
    if (third == NULL)
        third = core_call(core, (struct order){.id = "a", .amount = 7});
    (void)call_error(third, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
    assert_int_equal(core_count(core, SES_C_SESSIONS_CREATED), 1);
    call_free(first);
    call_free(second);
    call_free(third);
}

/* Has the key as another worker would. */
static void lease_as_other(struct core *core, const char *id, struct ses_store_lease *lease)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", id);

    core_lease(core, &key, lease);
}

static void turn_later(struct core *core)
{
    unit_clock_pass_ms(5);
    core_turn(core);
}

static void test_busy_until_the_deadline_is_aborted(void **state)
{
    struct core *core = *state;
    struct ses_store_lease lease;
    struct call *call;
    const struct ses_error *error;

    lease_as_other(core, "a", &lease);
    unit_clock_stop();
    call = core_call(core, (struct order){.id = "a", .deadline_ms = 150});
    core_turn(core);
    assert_int_equal(call->door.ended, 0);
    WAIT_DOING(turn_later(core), call->door.ended != 0);
    error = call_error(call, SES_ABORTED, "SESSION_BUSY");
    assert_true(error->retry_delay_ms > 0);
    assert_true(ses_clock_mono_ns() < call->x->deadline_mono_ns); /* before the caller gives up */
    assert_int_equal(ses_service_in_flight(core->service), 0);
    core_give_back(core, &lease);
    call_free(call);
    unit_clock_run();
}

static void test_a_key_that_is_given_back_lets_the_waiting_call_create(void **state)
{
    struct core *core = *state;
    struct ses_store_lease lease;
    struct call *call;

    lease_as_other(core, "a", &lease);
    call = core_call(core, (struct order){.id = "a"});
    for (int i = 0; i < 20; i++) {
        core_turn(core);
        usleep(1000);
    }
    assert_int_equal(call->door.ended, 0);
    core_give_back(core, &lease);
    (void)call_claims(call);
    assert_false(call_replayed(call));
    call_free(call);
}

/* A session that is there is told as it is, whoever is about to write it; what changes it waits. */
static void test_a_leased_session_is_told_and_not_changed(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.id = "a"});
    struct ses_store_lease lease;
    struct call *second, *third;

    (void)call_claims(first);
    lease_as_other(core, "a", &lease);
    second = core_call(core, (struct order){.id = "a"});
    (void)call_claims(second);
    assert_true(call_replayed(second));
    third = core_call(core, (struct order){.id = "a", .customer = "cus_1"});
    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    assert_int_equal(third->door.ended, 0);
    core_give_back(core, &lease);
    (void)call_claims(third);
    assert_false(call_replayed(third));
    call_free(first);
    call_free(second);
    call_free(third);
}

/* ---- clients that go away -------------------------------------------------------------------- */

static void test_cancel_while_waiting(void **state)
{
    struct core *core = *state;
    struct ses_store_lease lease;
    struct call *call;

    lease_as_other(core, "a", &lease);
    call = core_call(core, (struct order){.id = "a"});
    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    call_free(call);
    for (int i = 0; i < 10; i++) {
        core_turn(core);
        usleep(1000);
    }
    core_give_back(core, &lease);
}

static void test_cancel_while_committing_still_commits(void **state)
{
    struct core *core = *state;
    struct call *call = core_call(core, (struct order){.id = "a"});

    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    core_settle(core);
    call = core_call(core, (struct order){.id = "a"});
    (void)call_claims(call);
    assert_true(call_replayed(call));
    call_free(call);
}

static void test_cancel_while_signing(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.id = "a"});
    struct call *second;

    (void)call_claims(first);
    second = core_call(core, (struct order){.id = "a"});
    ses_exchange_cancel(second->x, SES_CANCELLED);
    call_free(second);
    WAIT_DOING(core_turn(core), ses_service_in_flight(core->service) == 0);
    call_free(first);
}

static void test_stopping_answers_those_who_wait(void **state)
{
    struct core *core = *state;
    struct ses_store_lease lease;
    struct call *call;

    lease_as_other(core, "a", &lease);
    call = core_call(core, (struct order){.id = "a"});
    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    ses_service_free(core->service);
    (void)call_error(call, SES_UNAVAILABLE, "");
    call_free(call);
    core_give_back(core, &lease);
    core_open_service(core);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_second_of_two_waits_and_replays),
        T(test_busy_until_the_deadline_is_aborted),
        T(test_a_key_that_is_given_back_lets_the_waiting_call_create),
        T(test_a_leased_session_is_told_and_not_changed),
        T(test_cancel_while_waiting),
        T(test_cancel_while_committing_still_commits),
        T(test_cancel_while_signing),
        T(test_stopping_answers_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
