/* codec_json_value.h - JSON numbers, enums and bytes as values of proto fields: the scalar half of the JSON
 * reader. */
#ifndef SESSIOND_SRC_CODEC_CODEC_JSON_VALUE_H
#define SESSIOND_SRC_CODEC_CODEC_JSON_VALUE_H

#include <jansson.h>

#include <sessiond/codec/message_field.h>

/* [any] Any type but text and message, into member. NULL on success, else what is wrong, a literal. Memory is
 * needed for bytes only; ret_no_memory tells. */
const char *ses_json_scalar(const json_t *value, const ProtobufCFieldDescriptor *field,
                            struct ses_arena *arena, void *member, bool *ret_no_memory);

#endif
