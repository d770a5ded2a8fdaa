/* Spans as a collector reads them, and the queue that they wait in. */
#include "unit.h"

#include <sessiond/base/random.h>

#include <jansson.h>

#include "otlp.h"

static const struct ses_otlp_resource resource = {
    .service_name = "shop \"a\"", .instance = "worker-3", .wall_ahead_ns = 1000};

static struct ses_span a_span(void)
{
    return (struct ses_span){
        .trace_id = {0x4b, 0xf9, [15] = 0x36},
        .span_id = {1, [7] = 0xff},
        .parent_id = {2},
        .kind = SES_SPAN_SERVER,
        .began_mono_ns = 5,
        .ended_mono_ns = 7,
        .name = "sessiond.v1.SessionService/GetSession",
        .rpc_system = "grpc",
        .http_method = "POST",
        .connector = "stripe",
        .grpc_code = 13,
        .http_status = 200,
        .failed = true,
        .session = "0123456789abcdef",
    };
}

static json_t *encoded(struct ses_spans *spans, size_t count)
{
    struct ses_arena arena;
    struct ses_slice text;
    json_t *root;

    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_otlp_encode(&resource, spans, count, &arena, &text));
    root = json_loadb((const char *)text.data, text.len, 0, NULL);
    assert_non_null(root);
    ses_arena_done(&arena);
    return root;
}

static json_t *first_of(const json_t *object, const char *key)
{
    return json_array_get(json_object_get(object, key), 0);
}

static const char *attribute(const json_t *holder, const char *name, const char *kind)
{
    size_t i;
    const json_t *row;

    json_array_foreach(json_object_get(holder, "attributes"), i, row) {
        if (strcmp(json_string_value(json_object_get(row, "key")), name) == 0)
            return json_string_value(json_object_get(json_object_get(row, "value"), kind));
    }
    return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_a_span_by_the_protocol(void **state)
{
    (void)state;
    struct ses_spans *spans;
    struct ses_span span = a_span();

    assert_ok(ses_spans_new(2, 0, NULL, &spans));
    ses_spans_add(spans, &span);
    json_t *root = encoded(spans, 1);
    const json_t *row = first_of(root, "resourceSpans");
    const json_t *told = first_of(first_of(row, "scopeSpans"), "spans");

    assert_string_equal(attribute(json_object_get(row, "resource"), "service.name", "stringValue"),
                        "shop \"a\"");
    assert_string_equal(text_of(told, "traceId"), "4bf90000000000000000000000000036");
    assert_string_equal(text_of(told, "spanId"), "01000000000000ff");
    assert_string_equal(text_of(told, "parentSpanId"), "0200000000000000");
    assert_string_equal(text_of(told, "startTimeUnixNano"), "1005");
    assert_string_equal(text_of(told, "endTimeUnixNano"), "1007");
    assert_int_equal(json_integer_value(json_object_get(told, "kind")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "status"), "code")), 2);
    assert_string_equal(attribute(told, "rpc.service", "stringValue"), "sessiond.v1.SessionService");
    assert_string_equal(attribute(told, "rpc.method", "stringValue"), "GetSession");
    assert_string_equal(attribute(told, "rpc.grpc.status_code", "intValue"), "13");
    assert_string_equal(attribute(told, "http.response.status_code", "intValue"), "200");
    assert_string_equal(attribute(told, "sessiond.connector", "stringValue"), "stripe");
    assert_string_equal(attribute(told, "sessiond.session", "stringValue"), "0123456789abcdef");
    assert_null(attribute(told, "http.route", "stringValue"));
    json_decref(root);
    ses_spans_free(spans);
}

static void test_what_is_not_there_is_not_told(void **state)
{
    (void)state;
    struct ses_spans *spans;
    struct ses_span span = {.kind = SES_SPAN_SERVER, .name = "/r/"};

    assert_ok(ses_spans_new(2, 0, NULL, &spans));
    ses_spans_add(spans, &span);
    json_t *root = encoded(spans, 1);
    const json_t *told = first_of(first_of(first_of(root, "resourceSpans"), "scopeSpans"), "spans");

    assert_null(json_object_get(told, "parentSpanId"));
    assert_null(json_object_get(told, "status"));
    assert_int_equal(json_array_size(json_object_get(told, "attributes")), 1);
    assert_string_equal(attribute(told, "http.route", "stringValue"), "/r/");
    json_decref(root);
    ses_spans_free(spans);
}

/* A request of the driver has 64 KiB for URL and body. */
static void test_the_largest_batch_fits(void **state)
{
    (void)state;
    struct ses_spans *spans;
    struct ses_span span = a_span();
    struct ses_arena arena;
    struct ses_slice text;

    span.name = "types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken";
    span.began_mono_ns = span.ended_mono_ns = UINT64_MAX / 2;
    assert_ok(ses_spans_new(64, 0, NULL, &spans));
    for (int i = 0; i < 64; i++)
        ses_spans_add(spans, &span);
    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_otlp_encode(&resource, spans, 64, &arena, &text));
    assert_true(text.len < 63 * 1024);
    ses_arena_done(&arena);
    ses_spans_free(spans);
}

static void test_the_queue_is_bounded_and_counts(void **state)
{
    (void)state;
    static struct ses_metrics metrics;
    struct ses_spans *spans;
    struct ses_span span = a_span();

    assert_ok(ses_spans_new(3, 0, &metrics, &spans));
    for (uint32_t i = 0; i < 5; i++) {
        span.grpc_code = i;
        ses_spans_add(spans, &span);
    }
    assert_int_equal(ses_spans_count(spans), 3);
    assert_int_equal(metrics.counter[SES_C_TRACE_SPANS_DROPPED], 2);
    ses_spans_drop(spans, 2);
    span.grpc_code = 9;
    ses_spans_add(spans, &span);
    assert_int_equal(ses_spans_at(spans, 0)->grpc_code, 2);
    assert_int_equal(ses_spans_at(spans, 1)->grpc_code, 9);
    ses_spans_free(spans);
}

static void test_sampling(void **state)
{
    (void)state;
    struct ses_spans *all, *none, *half;
    unsigned taken = 0;

    ses_random_init();
    assert_ok(ses_spans_new(1, 100, NULL, &all));
    assert_ok(ses_spans_new(1, 0, NULL, &none));
    assert_ok(ses_spans_new(1, 50, NULL, &half));
    for (int i = 0; i < 1000; i++) {
        assert_true(ses_spans_sample(all));
        assert_false(ses_spans_sample(none));
        taken += ses_spans_sample(half);
    }
    assert_in_range(taken, 300, 700); /* 12 standard deviations */
    ses_spans_free(all);
    ses_spans_free(none);
    ses_spans_free(half);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct ses_spans *spans;
    struct ses_span span = a_span();
    struct ses_slice text;

    assert_ok(ses_spans_new(1, 0, NULL, &spans));
    ses_spans_add(spans, &span);
    for (size_t ceiling = 64; ceiling < 4096; ceiling *= 2) {
        struct ses_arena arena;

        ses_arena_init(&arena, ceiling);
        enum ses_status status = ses_otlp_encode(&resource, spans, 1, &arena, &text);

        assert_true(status == SES_OK || status == SES_NO_MEMORY);
        ses_arena_done(&arena);
    }
    ses_spans_free(spans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_span_by_the_protocol),
        cmocka_unit_test(test_what_is_not_there_is_not_told),
        cmocka_unit_test(test_the_largest_batch_fits),
        cmocka_unit_test(test_the_queue_is_bounded_and_counts),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
