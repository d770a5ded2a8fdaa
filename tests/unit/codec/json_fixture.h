/* json_fixture.h - what the tests of the JSON codec share: an arena, and texts that must be accepted or
 * refused. */
#ifndef SESSIOND_TESTS_UNIT_CODEC_JSON_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CODEC_JSON_FIXTURE_H

#include <sessiond/codec/codec_json.h>
#include "codec/samples.h"

#define ARENA_BYTES (1024u * 1024)

static struct ses_arena arena;
static struct ses_error error;

static inline int setup(void **state)
{
    (void)state;
    ses_arena_init(&arena, ARENA_BYTES);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    ses_arena_done(&arena);
    return 0;
}

static inline const void *admit_as(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
    ProtobufCMessage *message;

    enum ses_status status =
        ses_json_decode(&arena, descriptor, ses_slice_str(text), false, &message, &error);
    if (status != SES_OK)
        fail_msg("%s: %.*s", text, SES_FMT(error.message));
    return message;
}

static inline const SampleRequest *admit(const char *text)
{
    return admit_as(&SAMPLE_REQUEST, text);
}

/* The violated field; "" when the text as a whole is refused. */
static inline const char *refuse_as(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
    ProtobufCMessage *message;

    enum ses_status status =
        ses_json_decode(&arena, descriptor, ses_slice_str(text), false, &message, &error);
    if (status != SES_INVALID_ARGUMENT)
        fail_msg("accepted: %s", text);
    assert_int_equal(error.status, SES_INVALID_ARGUMENT);
    assert_slice_equal(error.reason, "MALFORMED_REQUEST");
    return error.violations_count == 0 ? "" : ses_arena_str(&arena, error.violations[0].key);
}

static inline const char *refuse(const char *text)
{
    return refuse_as(&SAMPLE_REQUEST, text);
}

static inline void assert_written(const ProtobufCMessage *message, bool bare, const char *expected)
{
    struct ses_json json;
    struct ses_slice text;

    ses_json_begin(&json, &arena);
    ses_json_message(&json, message, bare);
    assert_ok(ses_json_end(&json, &text));
    assert_string_equal(ses_arena_str(&arena, text), expected);
}

#endif
