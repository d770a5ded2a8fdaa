/* google.protobuf.Duration in JSON, both ways. */
#include "codec/json_fixture.h"

#include <google/rpc/error_details.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#define RETRY &google__rpc__retry_info__descriptor

static void expect_round(const char *in, int64_t seconds, int32_t nanos, const char *out)
{
    const Google__Rpc__RetryInfo *info =
        admit_as(RETRY, ses_arena_printf(&sample_arena, "{\"retry_delay\":\"%s\"}", in));

    assert_int_equal(info->retry_delay->seconds, seconds);
    assert_int_equal(info->retry_delay->nanos, nanos);
    assert_written(&info->base, false, ses_arena_printf(&sample_arena, "{\"retry_delay\":\"%s\"}", out));
}

static void test_both_ways(void **state)
{
    (void)state;
    expect_round("0s", 0, 0, "0s");
    expect_round("1s", 1, 0, "1s");
    expect_round("1.5s", 1, 500000000, "1.500s");
    expect_round("1.000001s", 1, 1000, "1.000001s");
    expect_round("-0.000000001s", 0, -1, "-0.000000001s");
    expect_round("-1.5s", -1, -500000000, "-1.500s");
    expect_round("315576000000s", 315576000000, 0, "315576000000s");
    expect_round("-315576000000.999999999s", -315576000000, -999999999, "-315576000000.999999999s");
}

static void test_what_is_none(void **state)
{
    static const char *const wrong[] = {"\"\"",
                                        "\"s\"",
                                        "\"1\"",
                                        "\"1.s\"",
                                        "\".5s\"",
                                        "\"1.0000000001s\"",
                                        "\"-s\"",
                                        "\"1 s\"",
                                        "\"--1s\"",
                                        "\"+1s\"",
                                        "\"1e3s\"",
                                        "\"315576000001s\"",
                                        "7",
                                        "true",
                                        "[]",
                                        "\"1.-5s\"",
                                        "\"-315576000001s\"",
                                        "\"99999999999999999999s\""};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_string_equal(
            refuse_as(RETRY, ses_arena_printf(&sample_arena, "{\"retry_delay\":%s}", wrong[i])),
            "retry_delay");
}

static void test_what_has_no_form(void **state)
{
    static const struct {
        int64_t seconds;
        int32_t nanos;
    } rows[] = {{315576000001, 0}, {-315576000001, 0}, {1, -1},       {-1, 1},
                {0, 1000000000},   {INT64_MIN, 0},     {0, INT32_MIN}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Google__Protobuf__Duration duration;
        Google__Rpc__RetryInfo info;
        struct ses_slice text;
        struct ses_json json;

        google__protobuf__duration__init(&duration);
        google__rpc__retry_info__init(&info);
        duration.seconds = rows[i].seconds;
        duration.nanos = rows[i].nanos;
        info.retry_delay = &duration;
        ses_json_begin(&json, &sample_arena);
        ses_json_message(&json, &info.base, false);
        assert_int_equal(ses_json_end(&json, &text), SES_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_none, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_what_has_no_form, sample_setup, sample_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
