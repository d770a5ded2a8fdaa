/* The load report against bytes that protobuf's own encoder made (python3-protobuf, fields 1, 6, 7 and 9), and the trailer on
 * every gRPC answer where it is asked for, on none where not. */
#include "http/h2_rig.h"

#include "orca.h"

static void report_bytes(void **state)
{
    static const uint8_t wanted[SES_ORCA_BYTES] = {
        0x09, 0, 0, 0, 0, 0, 0,    0xf4, 0x3f, 0x31, 0, 0, 0, 0, 0, 0x4c, 0xcd, 0x40,
        0x39, 0, 0, 0, 0, 0, 0x80, 0x44, 0x40, 0x49, 0, 0, 0, 0, 0, 0,    0xe8, 0x3f};
    struct ses_load load = {.cpu = 1.25, .calls_per_second = 15000, .errors_per_second = 41, .busy = 0.75};
    uint8_t bytes[SES_ORCA_BYTES];

    (void)state;
    ses_orca_encode(&load, bytes);
    assert_memory_equal(bytes, wanted, sizeof(wanted));
}

static void report(bool load_reports)
{
    rig.doors->options.limits.load_reports = load_reports;
}

static void on_answers(void **state)
{
    int32_t right, wrong;

    (void)state;
    report(true);
    right = rig_call("/t.T/Echo", NULL, SES_STR("x"));
    wrong = rig_call("/t.T/Fail", NULL, SES_STR("x"));
    rig_pump();
    /* Nothing was measured yet: four zeros. */
    rig_expect_line(rig_stream(right)->trailers,
                    "endpoint-load-metrics-bin: CQAAAAAAAAAAMQAAAAAAAAAAOQAAAAAAAAAASQAAAAAAAAAA");
    rig_expect_line(rig_stream(wrong)->headers,
                    "endpoint-load-metrics-bin: CQAAAAAAAAAAMQAAAAAAAAAAOQAAAAAAAAAASQAAAAAAAAAA");
}

static void only_where_it_is_wanted(void **state)
{
    int32_t id;

    (void)state;
    report(false);
    id = rig_call("/t.T/Echo", NULL, SES_STR("x"));
    rig_pump();
    assert_null(strstr(rig_stream(id)->trailers, "endpoint-load"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_bytes),
        cmocka_unit_test_setup_teardown(on_answers, rig_setup_client, rig_teardown),
        cmocka_unit_test_setup_teardown(only_where_it_is_wanted, rig_setup_client, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
