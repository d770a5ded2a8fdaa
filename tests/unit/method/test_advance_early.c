/* AdvanceSession before the session exists: which events wait for it, in an inbox or in the intent of a call
 * at a connector, for how long, and what the session makes of them. */
#include <sessiond/domain/session_machine.h>

#include "method/session_calls.h"

/* ---- before its session ---------------------------------------------------------------------- */

static void test_event_before_its_session(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    assert_null(advanced(call)->session);
    call_free(call);
    char *token = create(core, (struct order){.amount = 10000});
    call = get(core, token);
    assert_int_equal(got(call)->status, SES_SESSION_COMPLETED);
    call_free(call);
    call = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
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
        struct call *call = advance(core, (struct advance){.event = SES_EVENT_FAILED, .id = id});

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
    struct call *call = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = id});

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

/* ---- while a connector is asked, or was ------------------------------------------------------- */

static void ask_one(struct core *core, const char *connector, int http_status, const char *body,
                    uint32_t status_code)
{
    struct call *call;

    atomic_store(&core->stub.status, http_status);
    atomic_store(&core->stub.body, body);
    call = core_call(core, (struct order){.connector = connector});
    assert_int_equal(call_response(call)->status_code, status_code);
    call_free(call);
}

static void ask_connector(struct core *core, int http_status, const char *body, uint32_t status_code)
{
    ask_one(core, "stripe", http_status, body, status_code);
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

/* Without an intent they stay in their inbox, whatever comes of the call, until there is a session. */
static void test_events_wait_beside_a_call_that_leaves_nothing(void **state)
{
    struct core *core = *state;
    uint64_t puts;

    ses_service_free(core->service);
    core->url.connector = ses_connector_by_name(SES_STR("nuvei"));
    core_open_service(core);
    (void)keep(core, "w1");
    puts = core_puts(core);
    ask_one(core, "nuvei", 500, "{}", 500);
    WAIT_DOING(core_turn(core), kind_of(core) == SES_RECORD_INBOX);
    assert_int_equal(core_puts(core), puts);
    ask_one(core, "nuvei", 200, "{\"sessionToken\":\"t\",\"status\":\"SUCCESS\",\"errCode\":0}", 200);
    assert_completed_by(core, "w1");
}

/* ---- what does not wait ------------------------------------------------------------------------ */

static struct call *webhook(struct core *core, int event, const char *id)
{
    return advance(core, (struct advance){.event = event, .id = id});
}

static void test_an_id_that_waits_for_another_event(void **state)
{
    struct core *core = *state;

    (void)keep(core, "w1");
    uint64_t puts = core_puts(core);

    refused_with(webhook(core, SES_EVENT_FAILED, "w1"), SES_ALREADY_EXISTS, "EVENT_CONFLICT", "event",
                 "COMPLETED");
    assert_int_equal(core_puts(core), puts);
}

/* A webhook of the payment before, under the same name: the session takes it for what it is. */
static void test_an_event_about_another_payment_is_late(void **state)
{
    struct core *core = *state;
    struct call *call =
        advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1", .amount = 777});
    struct ses_session session;

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    call_free(call);
    free(create(core, (struct order){.amount = 10000}));
    session = stored_session(core);
    assert_int_equal(session.status, SES_SESSION_OPEN);
    assert_int_equal(session.version, 1);
    assert_int_equal(session.events_count, 1);
    assert_int_equal(session.events[0].outcome, SES_EVENT_LATE);
}

static void test_an_event_waits_for_so_long(void **state)
{
    struct core *core = *state;

    (void)keep(core, "w1");
    unit_clock_pass_ms(400000);
    (void)keep(core, "w2");
    unit_clock_pass_ms(200001); /* 600 s since the first one */
    free(create(core, (struct order){.amount = 10000}));
    struct ses_session session = stored_session(core);

    assert_int_equal(session.status, SES_SESSION_COMPLETED);
    assert_int_equal(session.events_count, 1);
    assert_true(ses_slice_eq_str(session.events[0].id, "w2"));
}

/* So long as the session that ran out is remembered: it is not the next one's. */
static void test_an_event_after_the_end_is_late_and_not_kept(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);
    struct call *call;

    unit_clock_pass_ms(901000);
    call = webhook(core, SES_EVENT_COMPLETED, "w1");
    assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
    assert_int_equal(advanced(call)->session->status, SES_SESSION_EXPIRED);
    assert_int_equal(core_puts(core), puts);
    call_free(call);
    free(token);
}

static void test_several_wait_in_their_order(void **state)
{
    static const int events[] = {SES_EVENT_PROCESSING_STARTED, SES_EVENT_ATTEMPT_FAILED, SES_EVENT_FAILED,
                                 SES_EVENT_COMPLETED};
    struct core *core = *state;
    char id[2] = "a";
    struct ses_session session;

    for (size_t i = 0; i < 4; i++, id[0]++) {
        struct call *call = webhook(core, events[i], id);

        assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
        call_free(call);
    }
    free(create(core, (struct order){.amount = 10000}));
    session = stored_session(core);
    assert_int_equal(session.events_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(session.events[i].event, events[i]);
    assert_int_equal(session.attempts, 1);
    assert_true(session.late_success);
    assert_int_equal(session.generation, 1); /* nobody who cannot prove anything fences a token */
    assert_int_equal(core_count(core, SES_C_SESSIONS_LATE_SUCCESS), 1);
}

/* Of a newer version, which will read them again: no other event takes their place. A payment is not kept from
 * being made for them. */
static void test_events_that_cannot_be_read_stay(void **state)
{
    struct core *core = *state;
    struct ses_record record = {.key = core_key(core, "DefaultMerchantId", "session_001"),
                                .kind = SES_RECORD_INBOX,
                                .expires_ms = ses_clock_now_ms() + 60000,
                                .body = SES_STR("\x08\x63")}; /* format 99 */
    struct ses_store_op read;
    struct call *call;

    assert_ok(core_put(core, &SES_VERSION_ABSENT, &record));
    call = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
    (void)call_error(call, SES_DATA_LOSS, "SESSION_UNREADABLE");
    call_free(call);
    assert_ok(core_read(core, &record.key, &read));
    assert_int_equal(read.record.revision, 1);
    free(create(core, (struct order){.amount = 10000}));
    assert_int_equal(stored_session(core).status, SES_SESSION_OPEN);
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
        T(test_events_wait_beside_a_call_that_leaves_nothing),
        T(test_an_id_that_waits_for_another_event),
        T(test_an_event_about_another_payment_is_late),
        T(test_an_event_waits_for_so_long),
        T(test_an_event_after_the_end_is_late_and_not_kept),
        T(test_several_wait_in_their_order),
        T(test_events_that_cannot_be_read_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
