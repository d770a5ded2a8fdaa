/* codec_json_duration.h - google.protobuf.Duration in proto3 JSON: "1.500s". */
#ifndef SESSIOND_SRC_CODEC_CODEC_JSON_DURATION_H
#define SESSIOND_SRC_CODEC_CODEC_JSON_DURATION_H

#include <protobuf-c/protobuf-c.h>

#include <sessiond/codec/json_write.h>

/* [any] Into a message of that type. NULL, or what is wrong with the text, a literal. */
const char *ses_json_duration_read(struct ses_slice text, ProtobufCMessage *message);
/* [any] A message of that type; beyond 10,000 years, or with parts of two signs, it is unwritable. */
void ses_json_duration_write(struct ses_json *json, const ProtobufCMessage *message);

#endif
