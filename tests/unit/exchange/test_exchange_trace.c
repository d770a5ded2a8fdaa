#include <sessiond/exchange/exchange_trace.h>

#include "exchange/door.h"

#include <unistd.h>

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN   "00f067aa0ba902b7"
#define PARENT "00-" TRACE "-" SPAN "-01"

static const struct ses_route route = {.path = "/s/m", .flow = "CreateSessionToken", .metric = 3};
static struct door door;

struct header {
    const char *name, *value;
};

static struct ses_exchange *settled(struct ses_exchange_pool *pool, const struct header *headers,
                                    size_t count)
{
    struct ses_exchange *x = door_exchange(pool, &door, &route);

    for (size_t i = 0; i < count; i++)
        assert_ok(
            ses_exchange_add_header(x, ses_slice_str(headers[i].name), ses_slice_str(headers[i].value)));
    ses_exchange_settle_request_id(x);
    return x;
}

static void end(struct ses_exchange_pool *pool, struct ses_exchange *x)
{
    ses_exchange_fail_status(x, SES_INTERNAL, "over");
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static bool is_trace(const struct ses_exchange *x, const char *trace)
{
    char text[SES_TRACE_ID_SIZE];

    (void)ses_hex_encode(ses_slice(x->trace.trace_id, SES_TRACE_ID_BYTES), text);
    return strcmp(text, trace) == 0;
}

static void test_no_header_no_trace(void **state)
{
    (void)state;
    static const struct header headers[] = {{"x-tenant-id", "t"}, {"tracestate", "a=b"}};
    struct ses_exchange_pool *pool = door_pool(0);
    struct ses_exchange *x = settled(pool, headers, 2);

    assert_false(x->trace.present);
    end(pool, x);
}

static void test_a_callers_trace_is_gone_on_with(void **state)
{
    (void)state;
    static const struct header headers[] = {{"TraceParent", PARENT}}; /* HTTP/1.1 has names in any case */
    struct ses_exchange_pool *pool = door_pool(0);
    struct ses_exchange *x = settled(pool, headers, 1);

    assert_true(x->trace.present && x->trace.sampled && is_trace(x, TRACE));
    end(pool, x);
}

/* Neither of two counts, even if they say the same; what was said wrongly is not half believed. */
static void test_a_bad_header_begins_a_new_trace(void **state)
{
    (void)state;
    static const struct header twice[] = {
        {"traceparent", PARENT}, {"traceparent", PARENT}, {"tracestate", "a=b"}};
    static const struct header bad[] = {{"traceparent", "00-" TRACE "-" SPAN}, {"tracestate", "a=b"}};

    for (int i = 0; i < 2; i++) {
        struct ses_exchange_pool *pool = door_pool(0);
        struct ses_exchange *x = i == 0 ? settled(pool, twice, 3) : settled(pool, bad, 2);
        struct ses_trace_headers made;
        static const uint8_t none[SES_SPAN_ID_BYTES];

        assert_true(x->trace.present && !x->trace.sampled && !is_trace(x, TRACE));
        assert_memory_equal(x->trace.parent_id, none, sizeof(none));
        assert_ok(ses_exchange_trace_call(x, &made));
        assert_int_equal(made.tracestate.len, 0);
        end(pool, x);
    }
}

static void test_a_connector_gets_a_child(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {"tracestate", "a=1"}, {"traceparent", PARENT}, {"baggage", "user=canary"}, {"tracestate", "b=2"}};
    struct ses_exchange_pool *pool = door_pool(0);
    struct ses_exchange *x = settled(pool, headers, 4);
    struct ses_trace_headers made;
    struct ses_trace_context seen;

    assert_ok(ses_exchange_trace_call(x, &made));
    assert_slice_equal(made.tracestate, "a=1,b=2");
    assert_ok(ses_traceparent_decode(made.traceparent, &seen));
    assert_memory_equal(seen.trace_id, x->trace.trace_id, SES_TRACE_ID_BYTES);
    assert_memory_equal(seen.parent_id, x->call_span_id, SES_SPAN_ID_BYTES);
    assert_memory_not_equal(seen.parent_id, x->trace.span_id, SES_SPAN_ID_BYTES);
    assert_memory_not_equal(seen.parent_id, x->trace.parent_id, SES_SPAN_ID_BYTES);
    assert_true(seen.sampled);
    end(pool, x);
}

static void test_a_call_to_a_connector_begins_a_trace(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    struct ses_exchange *x = settled(pool, NULL, 0);
    struct ses_trace_headers made;
    struct ses_trace_context seen;

    assert_ok(ses_exchange_trace_call(x, &made));
    assert_ok(ses_traceparent_decode(made.traceparent, &seen));
    assert_true(x->trace.present && !seen.sampled);
    assert_memory_equal(seen.trace_id, x->trace.trace_id, SES_TRACE_ID_BYTES);
    assert_int_equal(made.tracestate.len, 0);
    end(pool, x);
}

static void test_without_memory_there_are_no_headers(void **state)
{
    (void)state;
    static const struct header headers[] = {{"traceparent", PARENT}, {"tracestate", "a=1"}};

    for (size_t ceiling = 600; ceiling < 1200; ceiling += 8) {
        struct ses_exchange_pool *pool = door_pool(ceiling);
        struct ses_exchange *x = door_exchange(pool, &door, &route);
        struct ses_trace_headers made = {.tracestate = SES_SLICE_EMPTY};
        enum ses_status status = SES_OK;

        for (size_t i = 0; i < 2 && status == SES_OK; i++)
            status =
                ses_exchange_add_header(x, ses_slice_str(headers[i].name), ses_slice_str(headers[i].value));
        ses_exchange_settle_request_id(x);
        if (status == SES_OK)
            status = ses_exchange_trace_call(x, &made);
        assert_true(status == SES_OK || status == SES_NO_MEMORY);
        assert_int_equal(made.traceparent.len, status == SES_OK ? SES_TRACEPARENT_SIZE - 1 : 0);
        end(pool, x);
    }
}

/* The line of an exchange; what it says of its trace. */
static void test_the_log_line_names_the_trace(void **state)
{
    (void)state;
    static const struct header headers[] = {{"traceparent", PARENT}, {"baggage", "user=canary"}};
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;
    struct ses_trace_headers made;
    struct ses_log log;
    char text[4096] = {0}, span[SES_SPAN_ID_SIZE], call[SES_SPAN_ID_SIZE], wanted[256];
    int pipes[2];

    assert_int_equal(pipe(pipes), 0);
    ses_log_init(&log, pipes[1], SES_LOG_INFO, "test");
    options.log = &log;
    assert_ok(ses_exchange_pool_new(&options, &pool));
    struct ses_exchange *x = settled(pool, headers, 2);
    (void)ses_hex_encode(ses_slice(x->trace.span_id, SES_SPAN_ID_BYTES), span);
    assert_ok(ses_exchange_trace_call(x, &made));
    (void)ses_hex_encode(ses_slice(x->call_span_id, SES_SPAN_ID_BYTES), call);
    end(pool, x);
    ses_log_done(&log);
    (void)close(pipes[1]);
    assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
    (void)close(pipes[0]);
    (void)snprintf(wanted, sizeof(wanted),
                   "\"trace_id\":\"" TRACE "\",\"span_id\":\"%s\",\"parent_span_id\":\"" SPAN
                   "\",\"connector_span_id\":\"%s\"",
                   span, call);
    if (strstr(text, wanted) == NULL)
        fail_msg("%s is not in %s", wanted, text);
    assert_null(strstr(text, "canary"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_header_no_trace),
        cmocka_unit_test(test_a_callers_trace_is_gone_on_with),
        cmocka_unit_test(test_a_bad_header_begins_a_new_trace),
        cmocka_unit_test(test_a_connector_gets_a_child),
        cmocka_unit_test(test_a_call_to_a_connector_begins_a_trace),
        cmocka_unit_test(test_without_memory_there_are_no_headers),
        cmocka_unit_test(test_the_log_line_names_the_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
