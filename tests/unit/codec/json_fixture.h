/* json_fixture.h - what the tests of the JSON codec share: texts that must be accepted or refused. */
#ifndef SESSIOND_TESTS_UNIT_CODEC_JSON_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CODEC_JSON_FIXTURE_H

#include <sessiond/codec/codec_json.h>
#include "codec/samples.h"

extern struct ses_error json_error; /* of the text refused last */

/* The message, in sample_arena; the test fails when the text is refused. */
const void *admit_as(const ProtobufCMessageDescriptor *descriptor, const char *text);

const SampleRequest *admit(const char *text);

/* The violated field; "" when the text as a whole is refused. */
const char *refuse_as(const ProtobufCMessageDescriptor *descriptor, const char *text);

const char *refuse(const char *text);

void assert_written(const ProtobufCMessage *message, bool plain, const char *expected);

#endif
