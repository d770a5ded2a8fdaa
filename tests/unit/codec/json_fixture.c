#include "codec/json_fixture.h"

struct ses_error json_error;

const void *admit_as(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
    ProtobufCMessage *message;

    enum ses_status status =
        ses_json_decode(&sample_arena, descriptor, ses_slice_str(text), false, &message, &json_error);
    if (status != SES_OK)
        fail_msg("%s: %.*s", text, SES_FMT(json_error.message));
    return message;
}

const SampleRequest *admit(const char *text)
{
    return admit_as(&SAMPLE_REQUEST, text);
}

const char *refuse_as(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
    ProtobufCMessage *message;

    enum ses_status status =
        ses_json_decode(&sample_arena, descriptor, ses_slice_str(text), false, &message, &json_error);
    if (status != SES_INVALID_ARGUMENT)
        fail_msg("accepted: %s", text);
    assert_int_equal(json_error.status, SES_INVALID_ARGUMENT);
    assert_string_equal(ses_reason_name(json_error.reason), "MALFORMED_REQUEST");
    return json_error.violations_count == 0 ? "" : ses_arena_str(&sample_arena, json_error.violations[0].key);
}

const char *refuse(const char *text)
{
    return refuse_as(&SAMPLE_REQUEST, text);
}

void assert_written(const ProtobufCMessage *message, bool plain, const char *expected)
{
    struct ses_json json;
    struct ses_slice text;

    ses_json_begin(&json, &sample_arena);
    ses_json_message(&json, message, plain);
    assert_ok(ses_json_end(&json, &text));
    assert_string_equal(ses_arena_str(&sample_arena, text), expected);
}
