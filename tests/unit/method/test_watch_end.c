/* WatchSession: what of a session is told on a stream, and what ends it. */
#include "watch_session.h"

#include "method/watch_streams.h"

/* The last of two that were told, and a good end. */
static void ends_with(struct call *call, enum ses_session_status status)
{
    call_wait(call);
    assert_false(call->door.failed);
    assert_int_equal(call->door.sent, 2);
    assert_int_equal(status_told(call, 1), status);
    assert_int_equal(call->core->service->watch_streams_count, 0);
    call_free(call);
}

/* Before it tells what that token must not see; a good one goes on. */
static void test_a_superseded_token_ends_its_stream(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *old = watch_now(core, token);
    struct call *call = update(core, (struct update){.token = token, .amount = 777});
    struct call *new = watch_now(core, updated(call)->session_token);

    call_free(call);
    refused_with(old, SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED", "generation", "2");
    assert_int_equal(new->door.ended, 0);
    stream_cancel(new);
    free(token);
}

static void test_a_revoked_session_is_told_as_such(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *stream = watch_now(core, token);
    struct call *call = revoke_session(core, token, 0);

    (void)revoked(call);
    call_free(call);
    ends_with(stream, SES_SESSION_REVOKED);
    free(token);
}

/* Also to a token that was in its overlap, and is refused to every call from now on. */
static void test_a_revoked_session_is_told_to_older_tokens(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *stream, *call;

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    tell(core, token, SES_EVENT_CHALLENGE_PASSED, SES_EVENT_APPLIED);
    stream = watch_now(core, token);
    call = revoke_session(core, token, 0);
    (void)revoked(call);
    call_free(call);
    ends_with(stream, SES_SESSION_REVOKED);
    free(token);
}

/* By time alone: nobody has written, and the token's own time does not count any more. */
static void test_a_session_that_runs_out_is_told_as_such(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *stream;

    unit_clock_pass_ms(899000);
    stream = watch_now(core, token);
    unit_clock_pass_ms(2000);
    ends_with(stream, SES_SESSION_EXPIRED);
    free(token);
}

static void test_what_the_caller_knows_is_not_told(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = watch(core, token, 1);

    call_start(call);
    core_settle(core);
    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    wait_sent(call, 1);
    assert_int_equal(version_told(call, 0), 2);
    stream_cancel(call);
    free(token);
}

static void test_a_record_that_does_not_read_ends_the_stream(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = watch_now(core, token);
    struct ses_store_op read;
    struct ses_session session;

    assert_ok(core_stored(core, "session_001", &read, &session));
    read.record.body = SES_STR("\x08\x63"); /* format 99 */
    assert_ok(core_put(core, &read.version, &read.record));
    refused(call, SES_DATA_LOSS, "SESSION_UNREADABLE");
    assert_int_equal(core->service->watch_streams_count, 0);
    free(token);
}

static void test_one_stream_too_many(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = watch(core, token, 0);

    core->service->watch_streams_count = SES_WATCH_STREAMS_MAX;
    call_start(call);
    refused(call, SES_RESOURCE_EXHAUSTED, "");
    core->service->watch_streams_count = 0;
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_superseded_token_ends_its_stream),
        T(test_a_revoked_session_is_told_as_such),
        T(test_a_revoked_session_is_told_to_older_tokens),
        T(test_a_session_that_runs_out_is_told_as_such),
        T(test_what_the_caller_knows_is_not_told),
        T(test_a_record_that_does_not_read_ends_the_stream),
        T(test_one_stream_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
