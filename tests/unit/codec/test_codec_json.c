#include "codec/samples.h"

#include <google/rpc/error_details.pb-c.h>
#include <google/protobuf/any.pb-c.h>
#include <grpc/health/v1/health.pb-c.h>
#include <grpc/reflection/v1/reflection.pb-c.h>
#include <sessiond/v1/session.pb-c.h>

#include "codec/json_fixture.h"
#include <sessiond/codec/codec_proto.h>

static void test_full_request(void **state)
{
    (void)state;
    uint8_t expected[SAMPLE_BYTES_MAX];
    size_t len = sample_pack(expected);
    struct ses_slice bytes;
    const SampleRequest *request = admit(sample_json);

    assert_ok(ses_proto_pack(&request->base, &sample_arena, &bytes));
    assert_int_equal(bytes.len, len);
    assert_memory_equal(bytes.data, expected, len);
    assert_written(
        &request->base, false,
        sample_json); /* the sample stands in the order of the field numbers, so it comes back as it was */
}

static void test_both_spellings(void **state)
{
    (void)state;
    const SampleRequest *request =
        admit("{\"merchantSessionId\":\"a\",\"amount\":{\"minorAmount\":5},"
              "\"browserInfo\":{\"timeZoneOffsetMinutes\":60,\"osType\":\"IOS\"},\"testMode\":true}");

    assert_string_equal(request->merchant_session_id, "a");
    assert_int_equal(request->amount->minor_amount, 5);
    assert_int_equal(request->browser_info->time_zone_offset_minutes, 60);
    assert_string_equal(request->browser_info->os_type, "IOS");
    assert_int_equal(request->test_mode, 1);
    assert_string_equal(refuse("{\"merchantSessionId\":\"a\",\"merchant_session_id\":\"a\"}"),
                        "merchant_session_id");
    assert_int_equal(admit("{\"MerchantSessionId\":\"a\"}")->_merchant_session_id_case,
                     0); /* another key: ignored */
    assert_int_equal(admit("{\"merchantsessionid\":\"a\"}")->_merchant_session_id_case, 0);
}

static void test_secret_bare_or_object(void **state)
{
    (void)state;
    assert_string_equal(admit("{\"metadata\":\"m\"}")->metadata->value, "m");
    assert_string_equal(admit("{\"metadata\":{\"value\":\"m\"}}")->metadata->value, "m");
    assert_string_equal(admit("{\"metadata\":{}}")->metadata->value, "");
    assert_string_equal(
        admit("{\"state\":{\"access_token\":{\"token\":\"t\"}}}")->state->access_token->token->value, "t");
    assert_string_equal(refuse("{\"metadata\":7}"), "metadata");
    assert_string_equal(refuse("{\"metadata\":7.5}"), "metadata");
    assert_string_equal(refuse("{\"metadata\":{\"order\":\"A-1\"}}"), "metadata");
    assert_string_equal(refuse("{\"metadata\":{\"value\":\"m\",\"order\":\"A-1\"}}"), "metadata");
    assert_string_equal(refuse("{\"metadata\":{\"Value\":\"m\"}}"), "metadata");
    assert_string_equal(refuse("{\"state\":{\"access_token\":{\"token\":{\"t\":\"x\"}}}}"),
                        "state.access_token.token");
    assert_string_equal(refuse("{\"metadata\":[\"m\"]}"), "metadata");
    assert_string_equal(refuse("{\"metadata\":{\"value\":7}}"), "metadata.value");

    const SampleRequest *request =
        admit("{\"metadata\":\"m\",\"state\":{\"access_token\":{\"token\":\"t\"}}}");
    assert_written(&request->base, true,
                   "{\"metadata\":\"m\",\"state\":{\"access_token\":{\"token\":\"t\"}}}");
    assert_written(
        &request->base, false,
        "{\"metadata\":{\"value\":\"m\"},\"state\":{\"access_token\":{\"token\":{\"value\":\"t\"}}}}");
}

/* sessiond.v1 has a SecretString of its own. */
static void test_secret_of_either_package(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *update = &sessiond__v1__update_session_request__descriptor;
    const Sessiond__V1__UpdateSessionRequest *bare = admit_as(update, "{\"metadata\":\"order=1\"}");
    const Sessiond__V1__UpdateSessionRequest *object =
        admit_as(update, "{\"metadata\":{\"value\":\"order=1\"}}");

    assert_string_equal(bare->metadata->value, "order=1");
    assert_string_equal(object->metadata->value, "order=1");
    assert_string_equal(refuse_as(update, "{\"metadata\":{\"order\":1}}"), "metadata");
}

static void test_null_is_absent(void **state)
{
    (void)state;
    const SampleRequest *request = admit("{\"merchant_session_id\":null,\"amount\":null,\"test_mode\":null}");

    assert_int_equal(request->_merchant_session_id_case, 0);
    assert_null(request->amount);
    assert_int_equal(request->_test_mode_case, 0);
}

static void test_unknown_keys_are_ignored(void **state)
{
    (void)state;
    assert_string_equal(
        admit("{\"later\":{\"x\":[1,{\"y\":null}]},\"merchant_session_id\":\"a\"}")->merchant_session_id,
        "a");
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-1", -1},
        {"10000", 10000},
        {"\"10000\"", 10000},
        {"\"-9223372036854775808\"", INT64_MIN},
        {"-9223372036854775808", INT64_MIN},
        {"9223372036854775807", INT64_MAX},
        {"5.0", 5},
        {"1e3", 1000},
        {"-2.5e1", -25},
        {"9007199254740992.0", INT64_C(1) << 53},
        {"9007199254740993.0", (INT64_C(1) << 53) + 1},
        {"9223372036854775807.000", INT64_MAX},
        {"-922337203685477580800e-2", INT64_MIN},
        {"0.00000000000000000000000012e26", 12},
        {"0e999999999999", 0},
        {"-0.0", 0},
        {"\"1e3\"", 1000},
        {"\"1.0\"", 1},
        {"\"1E+2\"", 100},
    };
    static const char *const bad[] = {"5.5",
                                      "1e300",
                                      "9007199254740993.5",
                                      "99.99999999999999999999",
                                      "1e-400",
                                      "1e999999999999",
                                      "1e-999999999999",
                                      "99999999999999999999",
                                      "9223372036854775808.0",
                                      "0.1e0",
                                      "\"\"",
                                      "\"-\"",
                                      "\"1.5\"",
                                      "\"1.\"",
                                      "\"01\"",
                                      "\"1e\"",
                                      "\" 1\"",
                                      "\"1 \"",
                                      "\"0x10\"",
                                      "true",
                                      "[]",
                                      "{}",
                                      "\"+1\"",
                                      "\"9223372036854775808\"",
                                      "\"-9223372036854775809\"",
                                      "\"99999999999999999999999\""};
    char text[128];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "{\"amount\":{\"minor_amount\":%s}}", good[i].json);
        assert_true(admit(text)->amount->minor_amount == good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "{\"amount\":{\"minor_amount\":%s}}", bad[i]);
        assert_string_equal(refuse(text), "amount.minor_amount");
    }
}

static void test_narrow_integers(void **state)
{
    (void)state;
    const SampleRequest *request =
        admit("{\"browser_info\":{\"color_depth\":4294967295,\"time_zone_offset_minutes\":-2147483648}}");

    assert_true(request->browser_info->color_depth == UINT32_MAX);
    assert_true(request->browser_info->time_zone_offset_minutes == INT32_MIN);
    assert_string_equal(refuse("{\"browser_info\":{\"color_depth\":4294967296}}"),
                        "browser_info.color_depth");
    assert_string_equal(refuse("{\"browser_info\":{\"color_depth\":-1}}"), "browser_info.color_depth");
    assert_string_equal(refuse("{\"browser_info\":{\"time_zone_offset_minutes\":2147483648}}"),
                        "browser_info.time_zone_offset_minutes");
    assert_string_equal(refuse("{\"browser_info\":{\"time_zone_offset_minutes\":-2147483649}}"),
                        "browser_info.time_zone_offset_minutes");
}

static void test_enums_and_bools(void **state)
{
    (void)state;
    assert_int_equal(admit("{\"amount\":{\"currency\":\"USD\"}}")->amount->currency, TYPES__CURRENCY__USD);
    assert_int_equal(admit("{\"amount\":{\"currency\":146}}")->amount->currency, 146);
    assert_int_equal(admit("{\"amount\":{\"currency\":9999}}")->amount->currency, 9999); /* open enum */
    assert_int_equal(admit("{\"amount\":{\"currency\":146.0}}")->amount->currency, 146);
    assert_string_equal(refuse("{\"amount\":{\"currency\":\"usd\"}}"), "amount.currency");
    assert_string_equal(refuse("{\"amount\":{\"currency\":\"146\"}}"), "amount.currency");
    assert_string_equal(refuse("{\"amount\":{\"currency\":1.5}}"), "amount.currency");
    assert_string_equal(refuse("{\"amount\":{\"currency\":99999999999}}"), "amount.currency");
    assert_string_equal(refuse("{\"test_mode\":\"true\"}"), "test_mode");
    assert_string_equal(refuse("{\"test_mode\":1}"), "test_mode");
    assert_written(&admit("{\"amount\":{\"currency\":9999}}")->base, false,
                   "{\"amount\":{\"currency\":9999}}");
}

static void test_types(void **state)
{
    (void)state;
    assert_string_equal(refuse("{\"merchant_session_id\":5}"), "merchant_session_id");
    assert_string_equal(refuse("{\"amount\":\"5\"}"), "amount");
    assert_string_equal(refuse("{\"amount\":[]}"), "amount");
    assert_string_equal(refuse("{\"state\":{\"access_token\":7}}"), "state.access_token");
}

static void test_newer_request(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "{\"payment\":{\"amount\":{\"minor_amount\":\"5\"}}}",
        "{\"domain_context\":{\"Payment\":{\"amount\":{\"minor_amount\":5}}}}",
        "{\"domainContext\":{\"payment\":{\"amount\":{\"minor_amount\":5}}}}",
    };

    for (size_t i = 0; i < 3; i++) {
        const Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest *request =
            admit_as(&SAMPLE_NEWER, forms[i]);
        assert_int_equal(request->domain_context_case, 5);
        assert_int_equal(request->payment->amount->minor_amount, 5);
        assert_written(&request->base, false, forms[0]);
    }
    const Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest *other =
        admit_as(&SAMPLE_NEWER, "{\"domain_context\":{\"Payout\":{}}}");
    assert_int_equal(other->domain_context_case, 0);
    (void)admit_as(&SAMPLE_NEWER, "{\"domain_context\":null}");
    assert_string_equal(refuse_as(&SAMPLE_NEWER, "{\"domain_context\":{\"Payment\":{}},\"payment\":{}}"),
                        "payment");
    assert_string_equal(
        refuse_as(&SAMPLE_NEWER, "{\"domain_context\":{\"Payment\":{\"amount\":{\"minor_amount\":\"x\"}}}}"),
        "payment.amount.minor_amount");
    assert_int_equal(admit("{\"domain_context\":{\"Payment\":{}}}")->_state_case,
                     0); /* the wrapper is the newer message's */
}

static void test_oneof_conflict(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *descriptor =
        &grpc__reflection__v1__server_reflection_request__descriptor;
    const Grpc__Reflection__V1__ServerReflectionRequest *request =
        admit_as(descriptor, "{\"list_services\":\"\",\"file_by_filename\":null}");

    assert_int_equal(request->message_request_case, 7);
    assert_string_equal(refuse_as(descriptor, "{\"list_services\":\"\",\"file_by_filename\":\"a\"}"),
                        "file_by_filename");
}

static void test_repeated_maps_bytes(void **state)
{
    (void)state;
    const Google__Rpc__BadRequest *bad = admit_as(&google__rpc__bad_request__descriptor,
                                                  "{\"fieldViolations\":[{\"field\":\"a\"},{\"field\":\"b\"},"
                                                  "{\"field\":\"c\"},{\"field\":\"d\"},{\"field\":\"e\"}]}");
    assert_int_equal(bad->n_field_violations, 5);
    assert_string_equal(bad->field_violations[4]->field, "e");
    assert_string_equal(refuse_as(&google__rpc__bad_request__descriptor, "{\"field_violations\":{}}"),
                        "field_violations");
    assert_string_equal(
        refuse_as(&google__rpc__bad_request__descriptor, "{\"field_violations\":[{},{\"field\":1}]}"),
        "field_violations[1].field");
    assert_string_equal(refuse_as(&google__rpc__bad_request__descriptor, "{\"field_violations\":[null]}"),
                        "field_violations[0]");

    const Google__Rpc__ErrorInfo *info =
        admit_as(&google__rpc__error_info__descriptor, "{\"reason\":\"R\",\"metadata\":{\"k\":\"v\"}}");
    assert_int_equal(info->n_metadata, 1);
    assert_string_equal(info->metadata[0]->key, "k");
    assert_written(&info->base, false, "{\"reason\":\"R\",\"metadata\":{\"k\":\"v\"}}");
    assert_string_equal(refuse_as(&google__rpc__error_info__descriptor, "{\"metadata\":{\"secretkey\":7}}"),
                        "metadata.value");
    assert_string_equal(refuse_as(&google__rpc__error_info__descriptor, "{\"metadata\":[]}"), "metadata");

    const Google__Protobuf__Any *any = admit_as(&google__protobuf__any__descriptor, "{\"value\":\"+/8=\"}");
    assert_int_equal(any->value.len, 2);
    assert_memory_equal(any->value.data, "\xfb\xff", 2);
    any = admit_as(&google__protobuf__any__descriptor, "{\"value\":\"-_8\"}");
    assert_memory_equal(any->value.data, "\xfb\xff", 2);
    any = admit_as(&google__protobuf__any__descriptor, "{\"value\":\"-_-_A_\"}"); /* bits that are nobody's */
    assert_int_equal(any->value.len, 4);
    assert_memory_equal(any->value.data, "\xfb\xff\xbf\x03", 4);
    any = admit_as(&google__protobuf__any__descriptor, "{\"value\":\"+/9\"}");
    assert_memory_equal(any->value.data, "\xfb\xff", 2);
    any = admit_as(&google__protobuf__any__descriptor, "{\"value\":\"-_8\"}");
    assert_written(&any->base, false, "{\"value\":\"+/8=\"}");
    assert_string_equal(refuse_as(&google__protobuf__any__descriptor, "{\"value\":\"+/8!\"}"), "value");
}

static void test_written_numbers_and_text(void **state)
{
    (void)state;
    static const char *const amounts[] = {"1", "-1", "9007199254740993", "9223372036854775807",
                                          "-9223372036854775808"};
    char number[80], text[80];

    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        snprintf(number, sizeof(number), "{\"amount\":{\"minor_amount\":%s}}", amounts[i]);
        snprintf(text, sizeof(text), "{\"amount\":{\"minor_amount\":\"%s\"}}", amounts[i]);
        assert_written(&admit(number)->base, false, text); /* one type, whatever the value is */
        assert_written(&admit(text)->base, true, number);  /* the plain routes' form */
    }
    assert_written(&admit("{\"browser_info\":{\"color_depth\":4294967295}}")->base, false,
                   "{\"browser_info\":{\"color_depth\":4294967295}}"); /* of 32 bits: a number */
    assert_written(&admit("{\"amount\":{},\"test_mode\":false,\"merchant_session_id\":\"\"}")->base, false,
                   "{\"merchant_session_id\":\"\",\"amount\":{},\"test_mode\":false}");
    assert_written(&admit("{\"merchant_session_id\":\"\\\"\\\\\\n\\u001f\\u007f/\xe2\x82\xac\"}")->base,
                   false, "{\"merchant_session_id\":\"\\\"\\\\\\u000a\\u001f\\u007f/\xe2\x82\xac\"}");
}

static void test_rare_numbers(void **state)
{
    (void)state;
    const struct sample_numbers *numbers = admit_as(
        &sample_numbers, "{\"sint32\":-1,\"sint64\":\"-5\",\"fixed32\":7,\"sfixed64\":-8,\"single\":1.5,"
                         "\"real\":\"-Infinity\",\"uint64\":\"18446744073709551615\"}");

    assert_true(numbers->uint64 == UINT64_MAX);
    assert_written(&numbers->base, false,
                   "{\"sint32\":-1,\"sint64\":\"-5\",\"fixed32\":7,\"sfixed64\":\"-8\",\"single\":1.5,"
                   "\"real\":\"-Infinity\",\"uint64\":\"18446744073709551615\"}");
    assert_written(&numbers->base, true,
                   "{\"sint32\":-1,\"sint64\":-5,\"fixed32\":7,\"sfixed64\":-8,\"single\":1.5,"
                   "\"real\":\"-Infinity\",\"uint64\":18446744073709551615}");
    assert_written(&((const struct sample_numbers *)admit_as(&sample_numbers, "{\"real\":\"NaN\"}"))->base,
                   false, "{\"real\":\"NaN\"}");
    assert_string_equal(refuse_as(&sample_numbers, "{\"uint64\":-1}"), "uint64");
    assert_string_equal(refuse_as(&sample_numbers, "{\"uint64\":\"18446744073709551616\"}"), "uint64");
    assert_string_equal(refuse_as(&sample_numbers, "{\"fixed32\":4294967296}"), "fixed32");
    assert_string_equal(refuse_as(&sample_numbers, "{\"real\":\"1.5x\"}"), "real");
    assert_string_equal(refuse_as(&sample_numbers, "{\"single\":true}"), "single");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_request, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_both_spellings, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_secret_bare_or_object, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_secret_of_either_package, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_null_is_absent, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_keys_are_ignored, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_integers, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_narrow_integers, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_enums_and_bools, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_types, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_newer_request, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_oneof_conflict, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_repeated_maps_bytes, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_written_numbers_and_text, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_rare_numbers, sample_setup, sample_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
