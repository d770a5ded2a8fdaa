#include <sessiond/base/trace_context.h>

#include <sessiond/base/random.h>

#include "unit.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    return 0;
}

static enum ses_status decode(const char *header, struct ses_trace_context *ret_context)
{
    return ses_traceparent_decode(ses_slice_str(header), ret_context);
}

static void test_standards_example_is_read(void **state)
{
    (void)state;
    struct ses_trace_context context;
    char trace[SES_TRACE_ID_SIZE], parent[SES_SPAN_ID_SIZE], span[SES_SPAN_ID_SIZE];

    assert_ok(decode("00-" TRACE "-" SPAN "-01", &context));
    (void)ses_hex_encode(ses_slice(context.trace_id, SES_TRACE_ID_BYTES), trace);
    (void)ses_hex_encode(ses_slice(context.parent_id, SES_SPAN_ID_BYTES), parent);
    (void)ses_hex_encode(ses_slice(context.span_id, SES_SPAN_ID_BYTES), span);
    assert_string_equal(trace, TRACE);
    assert_string_equal(parent, SPAN);
    assert_string_not_equal(span, SPAN);
    assert_true(context.present && context.sampled);
}

static void test_only_the_sampled_flag_counts(void **state)
{
    (void)state;
    struct ses_trace_context context;

    assert_ok(decode("00-" TRACE "-" SPAN "-00", &context));
    assert_false(context.sampled);
    assert_ok(decode("00-" TRACE "-" SPAN "-fe", &context));
    assert_false(context.sampled);
    assert_ok(decode("00-" TRACE "-" SPAN "-ff", &context));
    assert_true(context.sampled);
}

static void test_other_forms_are_malformed(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-1",
        "00-" TRACE "-" SPAN "-0x",
        "00-" TRACE "-" SPAN "-01 ",
        " 00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-more", /* version 00 ends there */
        "00-" TRACE "-" SPAN "-011",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "0-" TRACE "-" SPAN "-01-",
        "ff-" TRACE "-" SPAN "-01", /* not a version */
        "0X-" TRACE "-" SPAN "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", /* capitals */
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-" SPAN "-0A",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "cc-" TRACE "-" SPAN "-01.more",
        "cc-" TRACE "-" SPAN "-01more",
    };
    struct ses_trace_context context;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (decode(headers[i], &context) != SES_MALFORMED)
            fail_msg("taken: %s", headers[i]);
    }
}

static void test_a_later_version_is_read_as_far_as_it_is_known(void **state)
{
    (void)state;
    struct ses_trace_context context;

    assert_ok(decode("cc-" TRACE "-" SPAN "-01", &context));
    assert_true(context.sampled);
    assert_ok(decode("01-" TRACE "-" SPAN "-00-what-the-future-will-be-like", &context));
    assert_false(context.sampled);
}

static void test_a_childs_header_names_the_trace_and_the_child(void **state)
{
    (void)state;
    static const uint8_t child[SES_SPAN_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 0xaf};
    struct ses_trace_context context;
    char header[SES_TRACEPARENT_SIZE];

    assert_ok(decode("cc-" TRACE "-" SPAN "-ff-more", &context));
    ses_traceparent_encode(&context, child, header);
    assert_string_equal(header, "00-" TRACE "-01020304050607af-01");
    context.sampled = false;
    ses_traceparent_encode(&context, child, header);
    assert_string_equal(header, "00-" TRACE "-01020304050607af-00");
}

static void test_a_new_trace_is_like_no_other(void **state)
{
    (void)state;
    struct ses_trace_context a, b;
    char header[SES_TRACEPARENT_SIZE];

    ses_trace_begin(true, &a);
    ses_trace_begin(false, &b);
    assert_memory_not_equal(a.trace_id, b.trace_id, SES_TRACE_ID_BYTES);
    assert_memory_not_equal(a.span_id, b.span_id, SES_SPAN_ID_BYTES);
    assert_true(a.present && a.sampled && b.present && !b.sampled);
    ses_traceparent_encode(&a, a.span_id, header);
    assert_ok(decode(header, &b));
    assert_memory_equal(a.trace_id, b.trace_id, SES_TRACE_ID_BYTES);
    assert_memory_equal(a.span_id, b.parent_id, SES_SPAN_ID_BYTES);
}

/* ---- tracestate ------------------------------------------------------------------------------ */

static void assert_passed_on(const char *const *headers, size_t count, const char *expected)
{
    struct ses_tracestate list = {.count = 0};
    char text[SES_TRACESTATE_BYTES_MAX];

    for (size_t i = 0; i < count; i++)
        ses_tracestate_add(&list, ses_slice_str(headers[i]));
    size_t len = ses_tracestate_encode(&list, text);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
}

static void test_lists_are_joined_in_their_order(void **state)
{
    (void)state;
    static const char *const headers[] = {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                                          " fw529a3039@dt=a b:c \t,, ", "0a/b_c-d*e=~!"};

    assert_passed_on(headers, 3, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,fw529a3039@dt=a b:c,0a/b_c-d*e=~!");
    assert_passed_on(headers, 0, "");
}

static void test_what_is_no_list_is_not_passed_on(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "a",     "a=",      "=b",      "a=b=c",  "A=b",    "a b=c",      "_a=b", "@a=b",
        "a=b,a", "a=b,a=b", "a=b,a=c", "a=\x7f", "a=\x01", "a=\xc3\xa9", "a =b", "a=b;c=d,\"",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_passed_on(&headers[i], 1, "");
    static const char *const twice[] = {"a=1,b=2", "b=3"};

    assert_passed_on(twice, 2, "");
}

static void test_members_are_bounded(void **state)
{
    (void)state;
    char text[33 * 6 + 1], large[300], *at = text;
    const char *header = text;

    for (unsigned i = 0; i < SES_TRACESTATE_MEMBERS_MAX; i++)
        at += snprintf(at, 8, "%sk%02u=v", i == 0 ? "" : ",", i);
    assert_passed_on(&header, 1, text);
    (void)snprintf(at, 8, ",k32=v");
    assert_passed_on(&header, 1, "");
    (void)snprintf(large, sizeof(large), "%0*d=v", 256, 0);
    header = large;
    assert_passed_on(&header, 1, large);
    (void)snprintf(large, sizeof(large), "%0*d=v", 257, 0);
    assert_passed_on(&header, 1, "");
    (void)snprintf(large, sizeof(large), "k=%0*d", 256, 0);
    assert_passed_on(&header, 1, large);
    (void)snprintf(large, sizeof(large), "k=%0*d", 257, 0);
    assert_passed_on(&header, 1, "");
}

/* 3 x 126 and 132 bytes are 4 too many: the one above 128 goes, then nothing has to. */
static void test_long_members_go_first_then_the_last(void **state)
{
    (void)state;
    char text[1200], expected[1200];
    const char *header = text;

    (void)snprintf(text, sizeof(text), "a=%0*d,long=%0*d,b=%0*d,c=%0*d", 124, 1, 127, 2, 124, 3, 124, 4);
    (void)snprintf(expected, sizeof(expected), "a=%0*d,b=%0*d,c=%0*d", 124, 1, 124, 3, 124, 4);
    assert_passed_on(&header, 1, expected);
    (void)snprintf(text, sizeof(text), "a=%0*d,b=%0*d,c=%0*d,d=%0*d,e=%0*d", 124, 1, 124, 2, 124, 3, 124, 4,
                   124, 5);
    (void)snprintf(expected, sizeof(expected), "a=%0*d,b=%0*d,c=%0*d,d=%0*d", 124, 1, 124, 2, 124, 3, 124, 4);
    assert_passed_on(&header, 1, expected);
    assert_int_equal(strlen(expected), 507);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standards_example_is_read),
        cmocka_unit_test(test_only_the_sampled_flag_counts),
        cmocka_unit_test(test_other_forms_are_malformed),
        cmocka_unit_test(test_a_later_version_is_read_as_far_as_it_is_known),
        cmocka_unit_test(test_a_childs_header_names_the_trace_and_the_child),
        cmocka_unit_test(test_a_new_trace_is_like_no_other),
        cmocka_unit_test(test_lists_are_joined_in_their_order),
        cmocka_unit_test(test_what_is_no_list_is_not_passed_on),
        cmocka_unit_test(test_members_are_bounded),
        cmocka_unit_test(test_long_members_go_first_then_the_last),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
