/* codec_json.h - messages to and from proto3 JSON, generic over descriptors, for message.c and
 * error_details.c of the exchange, and the tests.
 *
 * The way in:
 *
 *   1 survey     one walk over the raw bytes: depth, number of values, odd numbers, NULs; refused here is
 *                what would make the parser allocate without bound
 *   2 mark       odd numbers become strings that only we can tell (codec_json_number.h); most texts have none
 *   3 parse      jansson, which refuses syntax, bad UTF-8 and repeated keys
 *   4 walk       the tree by the message's descriptor: names, types, oneofs, presence
 *
 * The way out is one walk over the message, without a tree.
 */
#ifndef SESSIOND_CODEC_CODEC_JSON_H
#define SESSIOND_CODEC_CODEC_JSON_H

#include <sessiond/base/error.h>

#include <sessiond/codec/message_field.h>
#include <sessiond/codec/json_write.h>

/* Brackets open at once. Deeper text is refused before it reaches the parser. */
#define SES_JSON_DEPTH_MAX 48

/* Messages that a google.protobuf.Any may hold in JSON ("@type" beside the message's own fields); Any itself is none. Without them an Any is
 * a message like any other: a URL and bytes. */
struct ses_json_types {
    const ProtobufCMessageDescriptor *const *list;
    size_t count;
};

/* [any] The type that a URL names behind its last '/'; NULL: none of them. */
const ProtobufCMessageDescriptor *ses_json_type_of(const struct ses_json_types *types, struct ses_slice url);

/* [any] SES_INVALID_ARGUMENT with the violated field in ret_error (path in proto names, never a value of the
 * caller), SES_NO_MEMORY. ret_error is written on failure only. plain: the form of the plain routes, where an
 * amount has no default. */
SES_MUST_CHECK enum ses_status ses_json_decode(struct ses_arena *arena,
                                               const ProtobufCMessageDescriptor *descriptor,
                                               struct ses_slice text, bool plain,
                                               ProtobufCMessage **ret_message, struct ses_error *ret_error);
/* [any] The same; types may be NULL. */
SES_MUST_CHECK enum ses_status
ses_json_decode_with(struct ses_arena *arena, const struct ses_json_types *types,
                     const ProtobufCMessageDescriptor *descriptor, struct ses_slice text, bool plain,
                     ProtobufCMessage **ret_message, struct ses_error *ret_error);

/* [any] Writes the message as one JSON object. plain: the plain routes' form, types.SecretString as a string, integers
 * of 64 bits as numbers. Absent fields, and default values of fields without presence, are left out. Text fields of
 * the message must be UTF-8. An Any that holds none of json->types, or more than SES_CODEC_DEPTH_MAX of them in each
 * other, is unwritable. */
void ses_json_message(struct ses_json *json, const ProtobufCMessage *message, bool plain);

#endif
