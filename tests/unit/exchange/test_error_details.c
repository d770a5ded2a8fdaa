#include "exchange/door.h"

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>

#include <sessiond/codec/codec_proto.h>

static struct ses_arena arena;

static int setup(void **state)
{
    (void)state;
    ses_arena_init(&arena, 256u * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_arena_done(&arena);
    return 0;
}

static struct ses_error full_error(void)
{
    struct ses_error error;

    ses_error_refuse(&error, SES_REASON_INVALID_METADATA, SES_STR("two fields are wrong"));
    ses_error_violation(&error, SES_STR("amount.currency"), SES_STR("is required"));
    ses_error_violation(&error, SES_STR("merchant_session_id"), SES_STR("is too long"));
    ses_error_metadata(&error, SES_STR("limit"), SES_STR("255"));
    error.retry_delay_ms = 1250;
    return error;
}

static const void *unpack(const ProtobufCMessageDescriptor *descriptor, struct ses_slice bytes)
{
    ProtobufCMessage *message;

    assert_ok(ses_proto_unpack(descriptor, bytes, &arena, &message));
    return message;
}

static const void *unpack_any(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *descriptor)
{
    assert_string_equal(any->type_url, ses_arena_printf(&arena, "type.googleapis.com/%s", descriptor->name));
    return unpack(descriptor, ses_slice(any->value.data, any->value.len));
}

static void test_status_bytes(void **state)
{
    (void)state;
    struct ses_error error = full_error();
    struct ses_slice bytes;

    assert_ok(ses_error_encode_status(&error, &arena, &bytes));
    const Google__Rpc__Status *status = unpack(&google__rpc__status__descriptor, bytes);
    assert_int_equal(status->code, 3);
    assert_string_equal(status->message, "two fields are wrong");
    assert_int_equal(status->n_details, 3);
    const Google__Rpc__BadRequest *bad =
        unpack_any(status->details[0], &google__rpc__bad_request__descriptor);
    assert_int_equal(bad->n_field_violations, 2);
    assert_string_equal(bad->field_violations[1]->field, "merchant_session_id");
    assert_string_equal(bad->field_violations[1]->description, "is too long");
    const Google__Rpc__ErrorInfo *info = unpack_any(status->details[1], &google__rpc__error_info__descriptor);
    assert_string_equal(info->reason, "INVALID_METADATA");
    assert_string_equal(info->domain, "sessiond");
    assert_int_equal(info->n_metadata, 2);
    assert_string_equal(info->metadata[0]->value, "255");
    assert_string_equal(info->metadata[1]->key, "help");
    assert_string_equal(info->metadata[1]->value, "docs/errors.md#INVALID_METADATA");
    const Google__Rpc__RetryInfo *retry =
        unpack_any(status->details[2], &google__rpc__retry_info__descriptor);
    assert_int_equal(retry->retry_delay->seconds, 1);
    assert_int_equal(retry->retry_delay->nanos, 250000000);
}

static void test_no_details_no_bytes(void **state)
{
    (void)state;
    struct ses_error error;
    struct ses_slice bytes = SES_STR("x");

    ses_error_set(&error, SES_UNAVAILABLE, SES_STR("draining"));
    assert_ok(ses_error_encode_status(&error, &arena, &bytes));
    assert_int_equal(bytes.len, 0);
}

static const char *json_of(const struct ses_error *error, enum ses_door door)
{
    struct ses_slice json;

    assert_ok(ses_error_encode_json(error, door, &arena, &json));
    return ses_arena_str(&arena, json);
}

/* Help{links[{description "d"}]} */
static const struct ses_error_detail help = {SES_STR_INIT("google.rpc.Help"), SES_STR_INIT("\x0a\x03\x0a\x01"
                                                                                           "d")};

static void test_details_of_the_callers(void **state)
{
    (void)state;
    struct ses_error error;
    struct ses_slice bytes;

    ses_error_set(&error, SES_ABORTED, SES_STR("busy"));
    error.details = &help;
    error.details_count = 1;
    assert_string_equal(json_of(&error, SES_DOOR_CONNECT),
                        "{\"code\":\"aborted\",\"message\":\"busy\",\"details\":["
                        "{\"type\":\"google.rpc.Help\",\"value\":\"CgMKAWQ\"}]}");
    error.retry_delay_ms = 50; /* ours come first */
    assert_ok(ses_error_encode_status(&error, &arena, &bytes));
    const Google__Rpc__Status *status = unpack(&google__rpc__status__descriptor, bytes);
    assert_int_equal(status->n_details, 2);
    (void)unpack_any(status->details[0], &google__rpc__retry_info__descriptor);
    assert_string_equal(status->details[1]->type_url, "type.googleapis.com/google.rpc.Help");
    assert_slice_equal(ses_slice(status->details[1]->value.data, status->details[1]->value.len),
                       "\x0a\x03\x0a\x01"
                       "d");
}

static void test_full_tables(void **state)
{
    (void)state;
    struct ses_error_detail many[40];
    struct ses_error error;
    struct ses_slice bytes;

    ses_error_set(&error, SES_CONFLICT, SES_STR("m"));
    error.details = many;
    error.details_count = 40;
    for (int i = 0; i < 40; i++) {
        many[i] = help;
        ses_error_violation(&error, SES_STR("f"), SES_STR("d"));
        ses_error_metadata(&error, ses_slice_str(ses_arena_printf(&arena, "k%d", i)), SES_STR("v"));
    }
    assert_ok(ses_error_encode_status(&error, &arena, &bytes));
    const Google__Rpc__Status *status = unpack(&google__rpc__status__descriptor, bytes);
    assert_int_equal(status->code, 10); /* a local refinement shows as its gRPC code */
    const Google__Rpc__BadRequest *bad =
        unpack_any(status->details[0], &google__rpc__bad_request__descriptor);
    assert_int_equal(bad->n_field_violations, SES_ERROR_VIOLATIONS_MAX);
    const Google__Rpc__ErrorInfo *info = unpack_any(status->details[1], &google__rpc__error_info__descriptor);
    assert_int_equal(info->n_metadata, SES_ERROR_METADATA_MAX);
    assert_int_equal(status->n_details, 2 + SES_ERROR_DETAILS_MAX);
}

static void test_connect_json(void **state)
{
    (void)state;
    struct ses_error error;

    ses_error_set(&error, SES_NOT_FOUND, SES_STR("no \"such\" thing"));
    assert_string_equal(json_of(&error, SES_DOOR_CONNECT),
                        "{\"code\":\"not_found\",\"message\":\"no \\\"such\\\" thing\"}");

    ses_error_refuse(&error, SES_REASON_SESSION_BUSY, SES_STR("busy"));
    error.retry_delay_ms = 50;
    /* 0a 0c "SESSION_BUSY" 12 08 "sessiond" 1a 23 (0a 04 "help" 12 1b ..), unpadded; RetryInfo{50 ms} is 0a 05 10 80
     * e1 eb 17 */
    assert_string_equal(
        json_of(&error, SES_DOOR_CONNECT),
        "{\"code\":\"aborted\",\"message\":\"busy\",\"details\":["
        "{\"type\":\"google.rpc.ErrorInfo\",\"value\":\"CgxTRVNTSU9OX0JVU1kSCHNlc3Npb25kGiMKBGhlbHASG2RvY3MvZXJyb3JzLm1kI1NFU1NJT05fQlVTWQ\","
        "\"debug\":{\"reason\":\"SESSION_BUSY\",\"domain\":\"sessiond\",\"metadata\":{\"help\":\"docs/errors.md#SESSION_BUSY\"}}},"
        "{\"type\":\"google.rpc.RetryInfo\",\"value\":\"CgUQgOHrFw\",\"debug\":{\"retry_"
        "delay\":\"0.050s\"}}]}");
}

static void test_retry_delay_in_json(void **state)
{
    (void)state;
    static const struct {
        uint32_t ms;
        const char *text;
    } rows[] = {
        {1, "\"0.001s\""}, {1000, "\"1s\""}, {61250, "\"61.250s\""}, {UINT32_MAX, "\"4294967.295s\""}};

    for (size_t i = 0; i < 4; i++) {
        struct ses_error error;
        ses_error_set(&error, SES_ABORTED, SES_STR("busy"));
        error.retry_delay_ms = rows[i].ms;
        assert_non_null(strstr(json_of(&error, SES_DOOR_CONNECT), rows[i].text));
    }
}

static void test_route_json(void **state)
{
    (void)state;
    struct ses_error error = full_error();

    assert_string_equal(
        json_of(&error, SES_DOOR_ROUTE),
        "{\"error\":{\"message\":\"two fields are wrong\",\"code\":\"400\",\"reason\":\"INVALID_METADATA\","
        "\"violations\":[{\"field\":\"amount.currency\",\"description\":\"is required\"},"
        "{\"field\":\"merchant_session_id\",\"description\":\"is too long\"}],"
        "\"metadata\":{\"limit\":\"255\",\"help\":\"docs/errors.md#INVALID_METADATA\"}}}");
    ses_error_set(&error, SES_FAILED_PRECONDITION, SES_STR("closed"));
    assert_string_equal(json_of(&error, SES_DOOR_ROUTE),
                        "{\"error\":{\"message\":\"closed\",\"code\":\"412\"}}");
}

static void test_every_arena_ceiling(void **state)
{
    (void)state;
    struct ses_error error = full_error();
    static const enum ses_door doors[] = {SES_DOOR_CONNECT, SES_DOOR_ROUTE, SES_DOOR_GRPC};

    for (size_t form = 0; form < 3; form++) {
        enum ses_status status;
        size_t ceiling = 0;
        do {
            struct ses_arena small;
            struct ses_slice bytes;
            ses_arena_init(&small, ceiling);
            status = form == 2 ? ses_error_encode_status(&error, &small, &bytes)
                               : ses_error_encode_json(&error, doors[form], &small, &bytes);
            assert_true(status == SES_OK || status == SES_NO_MEMORY);
            ses_arena_done(&small);
            ceiling += 16;
        } while (status != SES_OK);
        assert_true(ceiling > 256);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_details_no_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_details_of_the_callers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connect_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_delay_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_route_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_arena_ceiling, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
