/* Calls over sockets: places, deadlines, and what is sent once more. */
#include "upstream_rig.h"

#include "upstream_impl.h"

/* ---- one call ----------------------------------------------------------------------------------------- */

static void a_call_is_answered(void **state)
{
    struct rig *rig = *state;
    const struct peer_request *request;

    open_upstream(rig);
    start(rig, 0, true);
    assert_int_equal(ses_upstream_calls(rig->upstream), 1);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_ANSWERED);
    assert_int_equal(rig->told[0].grpc_status, 0);
    assert_slice_equal(ses_slice(rig->told[0].message, rig->told[0].message_len), "pong");
    assert_int_equal(ses_upstream_calls(rig->upstream), 0);
    request = &rig->server.connections[0]->peer.requests[0];
    assert_slice_equal(ses_buf_view(&request->body), "\0\0\0\0\4ping");
    assert_string_equal(request->headers, ":method: POST\n"
                                          ":scheme: http\n"
                                          ":path: /types.PaymentService/Authorize\n"
                                          ":authority: payments.example:8000\n"
                                          "te: trailers\n"
                                          "content-type: application/grpc\n"
                                          "user-agent: grpc-sessiond\n"
                                          "grpc-accept-encoding: identity\n"
                                          "x-merchant-id: m1\n"
                                          "x-raw-bin: AQID\n");
    assert_int_equal(request->never_indexed, 2); /* what the caller has put in: it may be a secret */
}

/* ---- places ------------------------------------------------------------------------------------------- */

static void places_are_bounded_and_shared(void **state)
{
    struct rig *rig = *state;
    struct ses_upstream_place places[3] = {{.taken = false}};
    struct ses_upstream_place one_more;

    rig->options.calls_max = 3;
    open_upstream(rig);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(ses_upstream_take(rig->upstream, 0, &places[i]));
    assert_int_equal(ses_upstream_take(rig->upstream, 0, &one_more), SES_RESOURCE_EXHAUSTED);
    ses_upstream_give_back(rig->upstream, &places[0]);
    ses_upstream_give_back(rig->upstream, &places[0]);
    assert_int_equal(ses_upstream_calls(rig->upstream), 2);
    assert_ok(ses_upstream_take(rig->upstream, 0, &places[0]));
    for (unsigned i = 0; i < 3; i++)
        ses_upstream_give_back(rig->upstream, &places[i]);
    assert_int_equal(ses_upstream_calls(rig->upstream), 0);
}

static void an_owner_has_its_share(void **state)
{
    struct rig *rig = *state;
    struct ses_upstream_place places[32] = {{.taken = false}};
    struct ses_upstream_place other;
    unsigned count = 0;

    rig->options.owner_percent = 50;
    open_upstream(rig);
    while (ses_upstream_take(rig->upstream, 7, &places[count]) == SES_OK)
        count++;
    assert_int_equal(count, 16);
    assert_int_equal(ses_upstream_take(rig->upstream, 7, &other), SES_OVER_SHARE);
    assert_ok(ses_upstream_take(rig->upstream, 8, &other));
    ses_upstream_give_back(rig->upstream, &other);
    for (unsigned i = 0; i < count; i++)
        ses_upstream_give_back(rig->upstream, &places[i]);
}

static void a_request_that_cannot_be_sent_takes_no_place(void **state)
{
    static uint8_t long_value[SES_UPSTREAM_HEADERS_MAX];
    static const struct ses_upstream_pair bad[] = {
        {SES_STR_INIT("Upper"), SES_STR_INIT("x")},
        {SES_STR_INIT("grpc-timeout"), SES_STR_INIT("1S")},
        {SES_STR_INIT(":path"), SES_STR_INIT("/a/b")},
        {SES_STR_INIT("te"), SES_STR_INIT("x")},
        {SES_STR_INIT("content-type"), SES_STR_INIT("x")},
        {SES_STR_INIT("host"), SES_STR_INIT("x")},
        {SES_STR_INIT(""), SES_STR_INIT("x")},
        {SES_STR_INIT("x"), SES_STR_INIT("a\nb")},
        {SES_STR_INIT("x"), SES_STR_INIT(" a")},
        {SES_STR_INIT("x"), SES_STR_INIT("\xc3\xa4")},
    };
    static const char *const paths[] = {"", "/", "a/b", "/a b", "/a\nb"};
    struct rig *rig = *state;
    struct ses_upstream_request request = {.path = SES_STR("/a.B/C"), .metadata_count = 1};
    struct ses_upstream_pair too_long = {SES_STR("x"), SES_STR("")};
    struct ses_upstream_place place;

    open_upstream(rig);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        request.metadata = &bad[i];
        assert_ok(ses_upstream_take(rig->upstream, 0, &place));
        assert_int_equal(
            ses_upstream_start(rig->upstream, &place, &request, UINT64_MAX, on_told, &rig->told[0]),
            SES_INVALID_ARGUMENT);
        assert_int_equal(ses_upstream_calls(rig->upstream), 0);
    }
    memset(long_value, 'x', sizeof(long_value));
    too_long.value = ses_slice(long_value, sizeof(long_value) - 200);
    request.metadata = &too_long;
    assert_ok(ses_upstream_take(rig->upstream, 0, &place));
    assert_int_equal(ses_upstream_start(rig->upstream, &place, &request, UINT64_MAX, on_told, &rig->told[0]),
                     SES_TOO_LARGE);
    request.metadata_count = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        request.path = ses_slice_str(paths[i]);
        assert_ok(ses_upstream_take(rig->upstream, 0, &place));
        assert_int_equal(
            ses_upstream_start(rig->upstream, &place, &request, UINT64_MAX, on_told, &rig->told[0]),
            SES_INVALID_ARGUMENT);
    }
    assert_int_equal(rig->told[0].times, 0);
}

/* What the server says that it takes is known only when it is there. */
static void more_headers_than_the_server_takes_are_not_sent(void **state)
{
    struct rig *rig = *state;

    rig->server.headers_max = 100;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_int_equal(rig->told[0].grpc_status, 8);
    assert_string_equal(rig->told[0].why, "the headers are larger than the server takes");
    assert_int_equal(rig->server.requests, 0);
}

static void a_deadline_is_told_to_the_server_only_when_asked(void **state)
{
    struct rig *rig = *state;
    struct ses_upstream_request request = {.path = SES_STR("/a.B/C"), .timeout_ms = 1500};
    struct ses_upstream_place place;

    open_upstream(rig);
    assert_ok(ses_upstream_take(rig->upstream, 0, &place));
    assert_ok(ses_upstream_start(rig->upstream, &place, &request, UINT64_MAX, on_told, &rig->told[0]));
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_non_null(last_headers);
    assert_non_null(strstr(last_headers, "grpc-timeout: 1500m\n"));
}

/* ---- deadlines ---------------------------------------------------------------------------------------- */

static void an_effect_is_not_cancelled_at_its_deadline(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start_within(rig, 0, true, 1000);
    start_within(rig, 1, false, 1000);
    RUN_UNTIL(rig, kept_count == 2);
    unit_clock_pass_ms(1010);
    RUN_UNTIL(rig, rig->told[0].times == 1 && rig->told[1].times == 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rig->told[i].outcome, SES_UPSTREAM_UNKNOWN);
        assert_int_equal(rig->told[i].grpc_status, 4);
        assert_string_equal(rig->told[i].why, "no answer came in time");
    }
    assert_int_equal(ses_upstream_calls(rig->upstream), 0);
    RUN_UNTIL(rig, kept[1]->closed);
    assert_int_equal(kept[1]->code, NGHTTP2_CANCEL);
    assert_false(kept[0]->closed);
    /* Only when it has had time enough. */
    unit_clock_pass_ms(SES_UPSTREAM_LATE_MS + 10);
    RUN_UNTIL(rig, kept[0]->closed);
    unit_clock_run();
    assert_int_equal(rig->told[0].times, 1);
}

static void the_servers_deadline_is_the_latest(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start_within(rig, 0, true, 3600000);
    RUN_UNTIL(rig, kept_count == 1);
    unit_clock_pass_ms(rig->options.deadline_ms + 10);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    unit_clock_run();
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_UNKNOWN);
}

static void no_time_left_is_not_sent(void **state)
{
    struct rig *rig = *state;

    open_upstream(rig);
    start_within(rig, 0, true, 0);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_int_equal(rig->told[0].grpc_status, 4);
    assert_int_equal(rig->server.requests, 0);
}

/* The kernel takes nothing more for a server that does not read: what is behind that has not left, and never does. */
static void what_could_not_be_written_was_not_sent(void **state)
{
    enum { LARGE = 64 << 20 };
    struct rig *rig = *state;
    uint8_t *message = calloc(1, LARGE);
    struct ses_upstream_request request = {
        .path = SES_STR("/a.B/C"), .message = {message, LARGE}, .effect = true};
    struct ses_upstream_place place;
    const struct ses_up_link *link;

    unit_clock_stop();
    rig->server.window = INT32_MAX;
    rig->server.deaf = true;
    open_upstream(rig);
    assert_ok(ses_upstream_take(rig->upstream, 0, &place));
    assert_ok(ses_upstream_start(rig->upstream, &place, &request, UINT64_MAX, on_told, &rig->told[0]));
    free(message);
    RUN_UNTIL(rig, !ses_list_empty(&rig->upstream->links));
    link = SES_CONTAINER(rig->upstream->links.next, struct ses_up_link, node);
    RUN_UNTIL(rig, link->writing);
    start_within(rig, 1, true, 1000);
    RUN_UNTIL(rig, link->session.streams_count == 3); /* with the look at its health */
    unit_clock_pass_ms(1010);
    RUN_UNTIL(rig, rig->told[1].times == 1);
    unit_clock_run();
    assert_int_equal(rig->told[1].outcome, SES_UPSTREAM_NOT_SENT);
    assert_string_equal(rig->told[1].why, "the connection took nothing in time");
    assert_int_equal(rig->told[0].times, 0);
}

static void waiting_for_a_stream_ends_too(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->options.connections = 1;
    rig->server.streams_max = 1;
    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, kept_count == 1);
    start_within(rig, 1, true, 1000);
    turn(rig);
    unit_clock_pass_ms(1010);
    RUN_UNTIL(rig, rig->told[1].times == 1);
    unit_clock_run();
    assert_int_equal(rig->told[1].outcome, SES_UPSTREAM_NOT_SENT);
    assert_string_equal(rig->told[1].why, "no connection had a stream for it in time");
}

/* ---- once more ---------------------------------------------------------------------------------------- */

static void what_was_refused_is_repeated_once_without_an_effect(void **state)
{
    struct rig *rig = *state;

    rig->server.on_request = refuse_stream;
    open_upstream(rig);
    start(rig, 0, false);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_int_equal(rig->server.requests, 2);
    rig->server.on_request = refuse_once;
    start(rig, 1, false);
    RUN_UNTIL(rig, rig->told[1].times == 1);
    assert_int_equal(rig->told[1].outcome, SES_UPSTREAM_ANSWERED);
    assert_int_equal(rig->server.requests, 4);
}

static void an_effect_is_never_sent_twice(void **state)
{
    struct rig *rig = *state;

    rig->server.on_request = refuse_stream;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_int_equal(rig->server.requests, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(a_call_is_answered),
        T(places_are_bounded_and_shared),
        T(an_owner_has_its_share),
        T(a_request_that_cannot_be_sent_takes_no_place),
        T(more_headers_than_the_server_takes_are_not_sent),
        T(a_deadline_is_told_to_the_server_only_when_asked),
        T(an_effect_is_not_cancelled_at_its_deadline),
        T(the_servers_deadline_is_the_latest),
        T(no_time_left_is_not_sent),
        T(what_could_not_be_written_was_not_sent),
        T(waiting_for_a_stream_ends_too),
        T(what_was_refused_is_repeated_once_without_an_effect),
        T(an_effect_is_never_sent_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
