/* AdvanceSession refused for what it says: events, ids and subjects that are none, and what is only taken
 * with a token. */
#include "method/session_calls.h"

static void test_events_that_are_not_the_callers(void **state)
{
    static const int events[] = {SES_EVENT_STEP_TIMED_OUT, SES_EVENT_REVOKED, SES_EVENT_EXPIRED,
                                 SES_EVENT_COUNT, -1};
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);

    for (size_t i = 0; i < 5; i++)
        violates(advance(core, (struct advance){.token = token, .event = events[i], .id = "e"}), "event");
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static void test_ids_that_are_none(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char id[130];
    struct advance what = {.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .id = "  "};

    violates(advance(core, what), "event_id");
    what.id = "a\tb";
    violates(advance(core, what), "event_id");
    what.id = id;
    memset(id, 'i', 129);
    id[129] = '\0';
    violates(advance(core, what), "event_id");
    what.id = NULL;
    what.payment_id = "a\tb";
    violates(advance(core, what), "connector_payment_id");
    what.payment_id = NULL;
    id[128] = '\0';
    what.id = id;
    struct call *call = advance(core, what);
    assert_int_equal(advanced(call)->outcome, SES_EVENT_APPLIED);
    call_free(call);
    free(token);
}

static void test_an_event_about_another_payment(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct advance what = {.event = SES_EVENT_COMPLETED, .id = "w1", .amount = 777, .payment_id = "tx_1"};
    struct call *call = advance(core, (struct advance){.token = token, .transaction = "tx_9"});

    (void)advanced(call);
    call_free(call);
    uint64_t puts = core_puts(core);

    refused_with(advance(core, what), SES_FAILED_PRECONDITION, "EVENT_MISMATCH", "differing", "amount");
    what.amount = 10000;
    refused_with(advance(core, what), SES_FAILED_PRECONDITION, "EVENT_MISMATCH", "differing",
                 "connector_payment_id");
    assert_int_equal(core_puts(core), puts);
    what.payment_id = "tx_9";
    call = advance(core, what);
    assert_int_equal(advanced(call)->outcome, SES_EVENT_APPLIED);
    call_free(call);
    free(token);
}

static void test_without_token_event_and_id_are_required(void **state)
{
    struct core *core = *state;
    const struct advance usual = {.event = SES_EVENT_FAILED, .id = "w1"};
    struct advance what = usual;

    what.id = NULL;
    violates(advance(core, what), "event_id");
    what = usual;
    what.event = SES_EVENT_NONE;
    violates(advance(core, what), "event");
    what.event = SES_EVENT_STEP_TIMED_OUT;
    violates(advance(core, what), "event");
    what.event = SES_EVENT_CHALLENGE_PASSED;
    violates(advance(core, what), "event");
    what = usual;
    what.customer = "cus";
    violates(advance(core, what), "state");
    what = usual;
    what.transaction = "tx_1";
    violates(advance(core, what), "connector_session");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_events_that_are_not_the_callers),
        T(test_ids_that_are_none),
        T(test_an_event_about_another_payment),
        T(test_without_token_event_and_id_are_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
