/* Events on a whole worker: who may tell which, before the session exists and after its end. */
#include <sessiond/domain/session_machine.h>

#include "method/session_calls.h"

/* ---- inbox ----------------------------------------------------------------------------------- */

static void test_event_before_its_session(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, NULL});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    assert_null(advanced(call)->session);
    call_free(call);
    char *token = create(core, (struct order){.amount = 10000});
    call = get(core, token);
    assert_int_equal(got(call)->status, SES_SESSION_COMPLETED);
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

static unsigned keep(struct core *core, const char *id)
{
    uint64_t puts = core_puts(core);
    struct call *call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, id, 0, NULL, NULL});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    assert_null(advanced(call)->session);
    call_free(call);
    return (unsigned)(core_puts(core) - puts);
}

static void test_an_event_that_waits_already_is_not_written_again(void **state)
{
    struct core *core = *state;

    assert_int_equal(keep(core, "w1"), 1);
    assert_int_equal(keep(core, "w1"), 0);
    assert_int_equal(keep(core, "w2"), 1);
}

static void ask_connector(struct core *core, int http_status, const char *body, uint32_t status_code)
{
    struct call *call;

    atomic_store(&core->stub.status, http_status);
    atomic_store(&core->stub.body, body);
    call = core_call(core, (struct order){.connector = "stripe"});
    assert_int_equal(call_response(call)->status_code, status_code);
    call_free(call);
}

static enum ses_record_kind kind_of(struct core *core)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", "session_001");
    struct ses_store_op read;

    assert_ok(core_read(core, &key, &read));
    return read.record.kind;
}

/* Completed, and once: the event's id is in the history, the second one's too. */
static void assert_completed_by(struct core *core, const char *id)
{
    struct ses_store_op read;
    struct ses_session session;
    struct ses_session_event known;

    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_int_equal(session.status, SES_SESSION_COMPLETED);
    assert_true(ses_session_knows_event(&session, ses_slice_str(id), &known));
    assert_int_equal(session.version, 2);
}

#define UNKNOWN_BODY "{\"error\":{\"message\":\"try later\"}}"

/* The intent takes the inbox's place and its events with it; what it was made for settles with them. */
static void test_events_wait_in_an_intent(void **state)
{
    struct core *core = *state;

    (void)keep(core, "w1");
    ask_connector(core, 500, UNKNOWN_BODY, 500);
    WAIT_DOING(core_turn(core), kind_of(core) == SES_RECORD_INTENT);
    ask_connector(core, 200, STRIPE_OK, 200);
    assert_string_equal(core->stub.last_key, core->stub.first_key);
    assert_completed_by(core, "w1");
}

/* An intent is no session, but must not be forgotten for an event: both are there. */
static void test_an_event_beside_an_unknown_outcome(void **state)
{
    struct core *core = *state;
    struct call *call;

    ask_connector(core, 500, UNKNOWN_BODY, 500);
    assert_int_equal(keep(core, "w1"), 1);
    assert_int_equal(keep(core, "w1"), 0);
    assert_int_equal(kind_of(core), SES_RECORD_INTENT);
    call = core_call(core, (struct order){.connector = "stripe", .amount = 777});
    (void)call_error(call, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
    call_free(call);
    ask_connector(core, 200, STRIPE_OK, 200);
    assert_string_equal(core->stub.last_key, core->stub.first_key);
    assert_completed_by(core, "w1");
}

/* A connector that did nothing leaves the key as it was: with what waits for the session. */
static void test_a_refusal_leaves_the_inbox(void **state)
{
    struct core *core = *state;

    (void)keep(core, "w1");
    ask_connector(core, 402, "{\"error\":{\"message\":\"no\",\"type\":\"card_error\"}}", 402);
    WAIT_DOING(core_turn(core), kind_of(core) == SES_RECORD_INBOX);
    ask_connector(core, 200, STRIPE_OK, 200);
    assert_completed_by(core, "w1");
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
    call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, "w1", 0, NULL, "tx_1"});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_event_before_its_session),
        T(test_inbox_is_bounded),
        T(test_an_event_that_waits_already_is_not_written_again),
        T(test_events_wait_in_an_intent),
        T(test_an_event_beside_an_unknown_outcome),
        T(test_a_refusal_leaves_the_inbox),
        T(test_without_token_event_and_id_are_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
