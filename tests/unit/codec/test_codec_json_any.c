/* google.protobuf.Any in JSON: the types that are told, and what is refused. */
#include "codec/json_fixture.h"

#include <google/protobuf/any.pb-c.h>
#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>

#include <sessiond/codec/codec_proto.h>

static const ProtobufCMessageDescriptor *const list[] = {
    &google__rpc__error_info__descriptor,
    &google__rpc__retry_info__descriptor,
    &google__rpc__status__descriptor,
    &google__protobuf__duration__descriptor,
};
static const struct ses_json_types types = {list, sizeof(list) / sizeof(list[0])};

#define STATUS &google__rpc__status__descriptor
#define INFO                                                                                                 \
    "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"R\",\"metadata\":{\"k\":\"v\"}}"

static enum ses_status decode(const char *text, ProtobufCMessage **ret_message)
{
    return ses_json_decode_with(&sample_arena, &types, STATUS, ses_slice_str(text), false, ret_message,
                                &json_error);
}

static enum ses_status put(const ProtobufCMessage *message, struct ses_slice *ret_text)
{
    struct ses_json json;

    ses_json_begin(&json, &sample_arena);
    json.types = &types;
    ses_json_message(&json, message, false);
    return ses_json_end(&json, ret_text);
}

static void expect_round(const char *text, const char *expected)
{
    ProtobufCMessage *message;
    struct ses_slice written;

    if (decode(text, &message) != SES_OK)
        fail_msg("%s: %.*s", text, SES_FMT(json_error.message));
    assert_ok(put(message, &written));
    assert_string_equal(ses_arena_str(&sample_arena, written), expected);
}

static void test_both_ways(void **state)
{
    static const char *const same[] = {
        "{\"details\":[" INFO "]}",
        "{\"details\":[" INFO "," INFO "]}",
        "{\"details\":[{}]}",
        "{\"details\":[{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"-1.500s\"}]}",
        "{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\"}]}",
        "{\"details\":[{\"@type\":\"a/b/google.rpc.Status\",\"code\":7,\"details\":[" INFO "]}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        expect_round(same[i], same[i]);
    expect_round("{\"details\":[{\"reason\":\"R\",\"metadata\":{\"k\":\"v\"},\"unknown\":[1],"
                 "\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\"}]}",
                 same[0]); /* wherever the type stands */
}

static void test_the_bytes(void **state)
{
    const Google__Rpc__ErrorInfo *info;
    const Google__Rpc__Status *status;
    ProtobufCMessage *message, *inner;

    (void)state;
    assert_ok(decode("{\"details\":[" INFO "]}", &message));
    status = (const Google__Rpc__Status *)(const void *)message;
    assert_string_equal(status->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    assert_ok(ses_proto_unpack(&google__rpc__error_info__descriptor,
                               ses_slice(status->details[0]->value.data, status->details[0]->value.len),
                               &sample_arena, &inner));
    info = (const Google__Rpc__ErrorInfo *)(const void *)inner;
    assert_string_equal(info->reason, "R");
    assert_string_equal(info->metadata[0]->value, "v");
}

static void test_what_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"details\":[{\"reason\":\"R\"}]}",
        "{\"details\":[{\"@type\":7}]}",
        "{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.Help\"}]}",
        "{\"details\":[{\"@type\":\"google.rpc.ErrorInfo\"}]}", /* no URL */
        "{\"details\":[{\"@type\":\"x/\"}]}",
        "{\"details\":[7]}",
    };
    ProtobufCMessage *message;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(decode(wrong[i], &message), SES_INVALID_ARGUMENT);
        assert_slice_equal(json_error.violations[0].key, "details[0]");
    }
    assert_int_equal(
        decode("{\"details\":[{\"@type\":\"x/google.rpc.Status\",\"code\":\"seven\"}]}", &message),
        SES_INVALID_ARGUMENT);
    assert_slice_equal(json_error.violations[0].key, "details[0].code");
}

/* An Any in an Any, and so on. */
static ProtobufCMessage *nest(unsigned levels)
{
    Google__Rpc__Status *status = NULL;
    struct ses_slice bytes = SES_SLICE_EMPTY;

    for (unsigned i = 0; i <= levels; i++) {
        Google__Protobuf__Any any, *pointer = &any;

        google__protobuf__any__init(&any);
        any.type_url = ses_arena_printf(&sample_arena, "x/google.rpc.Status");
        any.value = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
        status = ses_arena_alloc(&sample_arena, sizeof(*status));
        google__rpc__status__init(status);
        status->n_details = i == 0 ? 0 : 1;
        status->details = &pointer;
        assert_ok(ses_proto_pack(&status->base, &sample_arena, &bytes));
    }
    ProtobufCMessage *message;

    assert_ok(ses_proto_unpack(STATUS, bytes, &sample_arena, &message));
    return message;
}

static void test_what_has_no_form_in_json(void **state)
{
    Google__Protobuf__Any any, *pointer = &any;
    Google__Rpc__Status status;
    uint8_t cut[] = {0x0a, 0x05, 'x'};
    struct ses_slice text;

    google__protobuf__any__init(&any);
    google__rpc__status__init(&status);
    (void)state;
    status.n_details = 1;
    status.details = &pointer;
    any.type_url = ses_arena_printf(&sample_arena, "type.googleapis.com/google.rpc.Help");
    assert_int_equal(put(&status.base, &text), SES_MALFORMED);
    any.type_url = ses_arena_printf(&sample_arena, "type.googleapis.com/google.rpc.ErrorInfo");
    assert_ok(put(&status.base, &text));
    any.value = (ProtobufCBinaryData){sizeof(cut), cut};
    assert_int_equal(put(&status.base, &text), SES_MALFORMED);
    assert_ok(put(nest(SES_CODEC_DEPTH_MAX), &text));
    assert_int_equal(put(nest(SES_CODEC_DEPTH_MAX + 1), &text), SES_MALFORMED);
}

static void test_a_form_of_its_own(void **state)
{
    Google__Protobuf__Any any, *pointer = &any;
    Google__Rpc__Status status;
    uint8_t two[] = {0x08, 0x02};
    struct ses_slice text;

    google__protobuf__any__init(&any);
    google__rpc__status__init(&status);
    (void)state;
    status.n_details = 1;
    status.details = &pointer;
    any.type_url = ses_arena_printf(&sample_arena, "x/google.protobuf.Duration");
    any.value = (ProtobufCBinaryData){sizeof(two), two};
    assert_ok(put(&status.base, &text));
    assert_slice_equal(text, "{\"details\":[{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"2s\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_the_bytes, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_what_has_no_form_in_json, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_a_form_of_its_own, sample_setup, sample_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
