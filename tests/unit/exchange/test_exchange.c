#include "exchange/door.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void on_cancel(struct ses_exchange *x, void *arg)
{
    (*(unsigned *)arg)++;
    ses_exchange_release(x);
}

static const struct ses_route route = {.path = "/s/m", .flow = "CreateSessionToken", .metric = 3};

static void test_answers_once(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    ses_exchange_reply(x, SES_STR("one"));
    ses_exchange_reply(x, SES_STR("two"));
    ses_exchange_send(x, SES_STR("three"));
    ses_exchange_end(x);
    ses_exchange_fail_status(x, SES_INTERNAL, "late");
    ses_exchange_reply_raw(x, 200, "text/plain", SES_STR("late"));
    assert_int_equal(door.sent, 1);
    assert_int_equal(door.ended, 1);
    assert_int_equal(door.raws, 0);
    assert_false(door.failed);
    assert_slice_equal(door_message(&door, 0), "one");
    ses_exchange_release(x);
    assert_int_equal(ses_exchange_pool_open(pool), 0);
    ses_exchange_pool_free(pool);
}

static void test_stream_sends_until_its_end(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    ses_exchange_send(x, SES_STR("a"));
    ses_exchange_send(x, SES_STR("b"));
    assert_int_equal(door.ended, 0);
    ses_exchange_fail_status(x, SES_UNAVAILABLE, "draining");
    ses_exchange_send(x, SES_STR("c"));
    assert_int_equal(door.sent, 2);
    assert_true(door.failed);
    assert_int_equal(door.error.status, SES_UNAVAILABLE);
    assert_string_equal(door.error_message, "draining");
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_door_may_let_go_inside_end(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door = {.drop_on_end = true};

    ses_exchange_reply(door_exchange(pool, &door, &route), SES_STR("x"));
    ses_exchange_end(door_exchange(pool, &door, &route));
    ses_exchange_fail_status(door_exchange(pool, &door, &route), SES_ABORTED, "busy");
    assert_int_equal(door.ended, 3);
    assert_int_equal(ses_exchange_pool_open(pool), 0);
    ses_exchange_pool_free(pool);
}

static void test_cancel_runs_once_and_silences(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);
    unsigned cancels = 0;

    ses_exchange_hold(x);
    x->cancel = on_cancel;
    x->cancel_arg = &cancels;
    ses_exchange_cancel(x, SES_DEADLINE_EXCEEDED);
    ses_exchange_cancel(x, SES_CANCELLED);
    assert_int_equal(cancels, 1);
    assert_true(x->cancelled);
    assert_int_equal(x->cancel_status, SES_DEADLINE_EXCEEDED);
    ses_exchange_reply(x, SES_STR("late"));
    assert_int_equal(door.sent + door.ended, 0);
    ses_exchange_release(x);
    assert_int_equal(ses_exchange_pool_open(pool), 0);
    ses_exchange_pool_free(pool);
}

static void test_cancel_after_answer_does_nothing(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);
    unsigned cancels = 0;

    x->cancel = on_cancel;
    x->cancel_arg = &cancels;
    ses_exchange_reply(x, SES_STR("x"));
    ses_exchange_cancel(x, SES_CANCELLED);
    assert_int_equal(cancels, 0);
    assert_false(x->cancelled);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_pool_is_bounded_and_recycles(void **state)
{
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;
    struct ses_exchange *a, *b, *c;

    (void)state;
    options.exchanges_max = 2;
    options.keep = 1;
    assert_ok(ses_exchange_pool_new(&options, &pool));
    assert_ok(ses_exchange_new(pool, &a));
    assert_ok(ses_exchange_new(pool, &b));
    assert_int_equal(ses_exchange_new(pool, &c), SES_RESOURCE_EXHAUSTED);
    assert_non_null(ses_arena_alloc(&a->arena, 100));
    struct ses_arena_chunk *chunk = a->arena.first;
    a->answered = true;
    a->connector_status = 7;
    ses_exchange_release(a);
    ses_exchange_release(b); /* one is kept, this one freed */
    assert_ok(ses_exchange_new(pool, &c));
    assert_ptr_equal(c, a);
    assert_ptr_equal(c->arena.first, chunk);
    assert_false(c->answered);
    assert_int_equal(c->connector_status, 0);
    assert_int_equal(c->headers_count, 0);
    ses_exchange_release(c);
    ses_exchange_pool_free(pool);
}

/* What a burst leaves behind is let go but for a few, of which the next ones are made. */
static void test_rest_after_a_burst(void **state)
{
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange *open[100];
    struct ses_exchange_pool *pool;

    (void)state;
    options.keep = 90;
    assert_ok(ses_exchange_pool_new(&options, &pool));
    for (size_t i = 0; i < 100; i++) {
        assert_ok(ses_exchange_new(pool, &open[i]));
        assert_non_null(ses_arena_alloc(&open[i]->arena, 3000));
    }
    for (size_t i = 1; i < 100; i++)
        ses_exchange_release(open[i]);
    assert_int_equal(ses_exchange_pool_peak(pool), 100);
    assert_int_equal(ses_exchange_pool_kept(pool), 90);
    ses_exchange_pool_rest(pool);
    assert_int_equal(ses_exchange_pool_kept(pool), SES_EXCHANGE_POOL_REST);
    assert_int_equal(ses_exchange_pool_peak(pool), 1);
    assert_ok(ses_exchange_new(pool, &open[1]));
    assert_int_equal(ses_exchange_pool_kept(pool), SES_EXCHANGE_POOL_REST - 1);
    assert_int_equal(ses_exchange_pool_peak(pool), 2);
    ses_exchange_pool_rest(pool); /* nothing more to let go */
    assert_int_equal(ses_exchange_pool_kept(pool), SES_EXCHANGE_POOL_REST - 1);
    ses_exchange_release(open[0]);
    ses_exchange_release(open[1]);
    ses_exchange_pool_free(pool);
}

static void test_large_arena_is_not_kept(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    assert_non_null(ses_arena_alloc(&x->arena, 500000));
    ses_exchange_release(x);
    assert_ok(ses_exchange_new(pool, &x));
    assert_null(x->arena.first);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_headers(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);
    bool present;

    for (int i = 0; i < 70; i++) {
        char name[16], value[16];
        snprintf(name, sizeof(name), "X-H-%d", i);
        snprintf(value, sizeof(value), "V%d", i);
        assert_ok(ses_exchange_add_header(x, ses_slice_str(name), ses_slice_str(value)));
    }
    assert_ok(ses_exchange_add_header(x, SES_STR("x-h-3"), SES_STR("second")));
    assert_ok(ses_exchange_add_header(x, SES_STR("empty"), SES_SLICE_EMPTY));
    assert_slice_equal(ses_exchange_header(x, "x-h-69", &present), "V69");
    assert_true(present);
    assert_slice_equal(ses_exchange_header(x, "x-h-3", NULL), "V3");
    assert_int_equal(ses_exchange_header(x, "empty", &present).len, 0);
    assert_true(present);
    assert_int_equal(ses_exchange_header(x, "absent", &present).len, 0);
    assert_false(present);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_headers_meet_the_ceiling(void **state)
{
    (void)state;
    for (size_t ceiling = 0; ceiling < 2000; ceiling += 7) {
        struct ses_exchange_pool_options options = usual_pool();
        struct ses_exchange_pool *pool;
        struct ses_exchange *x;
        enum ses_status status = SES_OK;

        options.arena_bytes_max = ceiling == 0 ? 1 : ceiling;
        assert_ok(ses_exchange_pool_new(&options, &pool));
        assert_ok(ses_exchange_new(pool, &x));
        for (int i = 0; i < 20 && status == SES_OK; i++)
            status = ses_exchange_add_header(x, SES_STR("name"), SES_STR("value"));
        assert_true(status == SES_NO_MEMORY || ceiling > 500);
        for (size_t i = 0; i < x->headers_count; i++)
            assert_slice_equal(x->headers[i].value, "value");
        ses_exchange_release(x);
        ses_exchange_pool_free(pool);
    }
}

static void expect_fields(const struct ses_header *fields, size_t count)
{
    assert_int_equal(count, SES_EXCHANGE_REPLY_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(ses_slice_eq_str(fields[i].name, i % 2 == 0 ? "even" : "odd"));
        assert_int_equal(fields[i].value.len, i + 1);
    }
}

static void test_reply_fields(void **state)
{
    static const char value[SES_EXCHANGE_REPLY_FIELDS_MAX];
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    (void)state;
    for (size_t i = 0; i < SES_EXCHANGE_REPLY_FIELDS_MAX; i++) {
        struct ses_slice name = i % 2 == 0 ? SES_STR("even") : SES_STR("odd");

        ses_exchange_reply_header(x, name, ses_slice(value, i + 1));
        ses_exchange_reply_trailer(x, name, ses_slice(value, i + 1));
    }
    expect_fields(x->reply_headers, x->reply_headers_count);
    expect_fields(x->reply_trailers, x->reply_trailers_count);
    ses_exchange_release(x);
    x = door_exchange(pool, &door, &route); /* the same one, recycled */
    assert_int_equal(x->reply_headers_count + x->reply_trailers_count, 0);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

/* The headers that a page's reader is protected by are never left out. */
static void test_reply_fields_meet_the_ceiling(void **state)
{
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;
    struct ses_exchange *x;

    (void)state;
    options.arena_bytes_max = 1;
    assert_ok(ses_exchange_pool_new(&options, &pool));
    assert_ok(ses_exchange_new(pool, &x));
    for (int i = 0; i < 20; i++) {
        ses_exchange_reply_header(x, SES_STR("name"), SES_STR("value"));
        ses_exchange_reply_trailer(x, SES_STR("name"), SES_STR("value"));
    }
    assert_int_equal(x->reply_headers_count, SES_EXCHANGE_REPLY_FIELDS_FEW);
    assert_int_equal(x->reply_trailers_count, 0);
    assert_slice_equal(x->reply_headers[SES_EXCHANGE_REPLY_FIELDS_FEW - 1].value, "value");
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void settle(const char *id, char *ret_id)
{
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    if (id != NULL)
        assert_ok(ses_exchange_add_header(x, SES_STR("X-Request-Id"), ses_slice_str(id)));
    ses_exchange_settle_request_id(x);
    memcpy(ret_id, x->request_id, sizeof(x->request_id));
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_request_id(void **state)
{
    (void)state;
    char id[SES_REQUEST_ID_MAX + 1], other[SES_REQUEST_ID_MAX + 1], longest[SES_REQUEST_ID_MAX + 2];

    settle("req-1_A.b~", id);
    assert_string_equal(id, "req-1_A.b~");
    memset(longest, 'a', SES_REQUEST_ID_MAX);
    longest[SES_REQUEST_ID_MAX] = '\0';
    settle(longest, id);
    assert_string_equal(id, longest);

    memset(longest, 'a', SES_REQUEST_ID_MAX + 1);
    longest[SES_REQUEST_ID_MAX + 1] = '\0';
    const char *refused[] = {NULL, "", "a b", "a\tb", "a\nb", "\x7f", "gr\xc3\xbc", longest};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        settle(refused[i], id);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(id[14], '4');
        settle(refused[i], other);
        assert_string_not_equal(id, other);
    }
}

static void test_counters(void **state)
{
    static struct ses_metrics metrics;
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;
    static struct door door;

    (void)state;
    options.metrics = &metrics;
    options.unknown_metric = 7;
    assert_ok(ses_exchange_pool_new(&options, &pool));
    struct ses_exchange *ok = door_exchange(pool, &door, &route), *bad = door_exchange(pool, &door, &route),
                        *gone = door_exchange(pool, &door, &route),
                        *unrouted = door_exchange(pool, &door, NULL);
    assert_int_equal(metrics.counter[SES_C_STREAMS_OPEN], 4);
    ses_exchange_reply(ok, SES_STR("x"));
    ses_exchange_fail_status(bad, SES_CONFLICT, "moved on"); /* counted under its gRPC code, ABORTED */
    ses_exchange_cancel(gone, SES_CANCELLED);
    ses_exchange_fail_status(unrouted, SES_UNIMPLEMENTED, "no such method");
    assert_int_equal(metrics.requests[3][0], 1);
    assert_int_equal(metrics.requests[3][10], 1);
    assert_int_equal(metrics.requests[3][1], 1);
    assert_int_equal(metrics.requests[7][12], 1);
    uint64_t counted = 0;
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++)
        counted += metrics.request_ns[3].bucket[i];
    assert_int_equal(counted, 3);
    ses_exchange_release(ok);
    ses_exchange_release(bad);
    ses_exchange_release(gone);
    ses_exchange_release(unrouted);
    assert_int_equal(metrics.counter[SES_C_STREAMS_OPEN], 0);
    ses_exchange_pool_free(pool);
}

static void test_log_line(void **state)
{
    int pipes[2];
    struct ses_log log;
    static struct door door;
    char text[8192] = {0}, merchant[1000];
    struct ses_exchange_pool *pool;
    struct ses_exchange_pool_options options = usual_pool();

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    ses_log_init(&log, pipes[1], SES_LOG_INFO, "test");
    options.log = &log;
    assert_ok(ses_exchange_pool_new(&options, &pool));

    struct ses_exchange *x = door_exchange(pool, &door, &route);
    assert_ok(ses_exchange_add_header(x, SES_STR("x-request-id"), SES_STR("req-77")));
    assert_ok(ses_exchange_add_header(x, SES_STR("x-api-key"), SES_STR("CANARY-1")));
    ses_exchange_settle_request_id(x);
    x->body = SES_STR("CANARY-2");
    x->tenant = SES_STR("public");
    memset(merchant, 'm', sizeof(merchant));
    x->merchant = ses_slice(merchant, sizeof(merchant));
    x->connector = "nuvei";
    x->connector_status = 503;
    x->peer = "10.0.0.9:4711";
    memcpy(x->session_pseudonym, "0123456789abcdef", 17);
    struct ses_error error;
    ses_error_set(&error, SES_INVALID_ARGUMENT, SES_STR("CANARY-3"));
    ses_exchange_fail(x, &error);
    ses_exchange_cancel(x, SES_CANCELLED);
    ses_exchange_release(x);
    x = door_exchange(pool, &door, NULL);
    x->door = SES_DOOR_PLAIN;
    ses_exchange_reply_raw(x, 404, "text/plain", SES_STR("no"));
    ses_exchange_release(x);
    ses_log_done(&log);
    close(pipes[1]);
    assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
    close(pipes[0]);

    static const char *const wanted[] = {
        "\"event\":\"request\"",
        "\"request_id\":\"req-77\"",
        "\"door\":\"grpc\"",
        "\"flow\":\"CreateSessionToken\"",
        "\"tenant\":\"public\"",
        "\"connector\":\"nuvei\"",
        "\"grpc_status\":\"INVALID_ARGUMENT\"",
        "\"connector_status\":503",
        "\"latency_us\":",
        "\"session\":\"0123456789abcdef\"",
        "\"peer\":\"10.0.0.9:4711\"",
        "\"http_status\":404",
        "\"door\":\"plain\"",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("%s is not in %s", wanted[i], text);
    }
    assert_null(strstr(text, "CANARY"));
    assert_true(strlen(text) < 1500); /* the long merchant is cut */
    char *second = strchr(text, '\n') + 1;
    assert_int_equal(strchr(second, '\n') - text + 1, strlen(text)); /* exactly two lines */
    ses_exchange_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_once),
        cmocka_unit_test(test_stream_sends_until_its_end),
        cmocka_unit_test(test_door_may_let_go_inside_end),
        cmocka_unit_test(test_cancel_runs_once_and_silences),
        cmocka_unit_test(test_cancel_after_answer_does_nothing),
        cmocka_unit_test(test_pool_is_bounded_and_recycles),
        cmocka_unit_test(test_rest_after_a_burst),
        cmocka_unit_test(test_large_arena_is_not_kept),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_headers_meet_the_ceiling),
        cmocka_unit_test(test_reply_fields),
        cmocka_unit_test(test_reply_fields_meet_the_ceiling),
        cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_log_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
