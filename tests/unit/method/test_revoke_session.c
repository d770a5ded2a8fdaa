/* RevokeSession: which sessions can be taken back, what their tokens and steps are good for then, and that it
 * is done once. */
#include "method/session_calls.h"
#include "method/step_pages.h"
#include "method/write_refusals.h"

static void take_back(struct core *core, const char *token)
{
    struct call *call = revoke_session(core, token, 0);

    assert_int_equal(revoked(call)->status, SES_SESSION_REVOKED);
    call_free(call);
}

static void test_it_is_stored_and_told(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = revoke_session(core, token, 1);
    Sessiond__V1__Session *session = revoked(call);
    struct ses_session stored = stored_session(core);

    assert_int_equal(session->status, SES_SESSION_REVOKED);
    assert_int_equal(session->version, 2);
    assert_int_equal(session->n_next_events, 0);
    assert_int_equal(session->events[0]->event, SES_EVENT_REVOKED);
    assert_int_equal(stored.status, SES_SESSION_REVOKED);
    assert_int_equal(stored.version, 2);
    call_free(call);
    free(token);
}

/* Whatever it expects: the session is as the caller wants it. */
static void test_a_second_time_is_the_same_and_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    take_back(core, token);
    uint64_t puts = core_puts(core);

    for (uint64_t expected = 0; expected < 3; expected++) {
        struct call *call = revoke_session(core, token, expected);

        assert_int_equal(revoked(call)->version, 2);
        call_free(call);
    }
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static struct call *revoke_second(struct core *core, const char *token)
{
    return revoke_session(core, token, 2);
}

static struct call *revoke_any(struct core *core, const char *token)
{
    return revoke_session(core, token, 0);
}

static void test_what_is_under_way_or_over_is_refused(void **state)
{
    what_is_under_way_or_over_is_refused(*state, revoke_any);
}

static void test_another_version_is_told(void **state)
{
    struct core *core = *state;

    another_version_is_told(core, revoke_second);
    assert_int_equal(stored_session(core).status, SES_SESSION_OPEN);
}

/* A challenge that was passed leaves the token before in its overlap: not after this. */
static void test_no_token_outlives_it(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    struct call *call = advance(core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED});
    char *newer = strdup(advanced(call)->session_token);

    call_free(call);
    take_back(core, token);
    refused(get(core, token), SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    refused(get(core, newer), SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    refused(advance(core, (struct advance){.token = newer, .event = SES_EVENT_COMPLETED}),
            SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    /* Here a token of the present generation is accepted, and the call that did it. */
    refused_with(revoke_session(core, token, 3), SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED", "generation",
                 "2");
    take_back(core, token);
    take_back(core, newer);
    free(token);
    free(newer);
}

/* Field 5 is AdvanceSession's event and RevokeSession's expected_version: two calls of the same bytes. */
static void test_another_method_is_another_call(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    tell(core, token, SES_EVENT_CHALLENGE_PASSED, SES_EVENT_APPLIED);
    /* The token is accepted beside the new one. */
    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    refused(revoke_session(core, token, SES_EVENT_AUTHENTICATION_STARTED), SES_ABORTED, "VERSION_MISMATCH");
    free(token);
}

/* The name stays taken, and the shopper who is at the bank finds the way back. */
static void test_what_remains(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begun_handle(begin(core, (struct begin){.token = token}));
    struct call *call;

    take_back(core, token);
    come_back(core, handle, "abc", 303, true);
    assert_int_equal(stored_session(core).status, SES_SESSION_REVOKED);
    call = core_call(core, (struct order){.amount = 10000});
    refused_with(call, SES_FAILED_PRECONDITION, "SESSION_CLOSED", "status", "REVOKED");
    free(handle);
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_it_is_stored_and_told),
        T(test_a_second_time_is_the_same_and_writes_nothing),
        T(test_what_is_under_way_or_over_is_refused),
        T(test_another_version_is_told),
        T(test_no_token_outlives_it),
        T(test_another_method_is_another_call),
        T(test_what_remains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
