/* Which decoder and encoder an exchange's encoding means. Both decoders end in the same message struct
 * and the same card data guard, so that no encoding is a way around a check. */
#include <sessiond/exchange/message.h>

#include <sessiond/exchange/card_guard.h>
#include <sessiond/codec/codec_json.h>
#include <sessiond/codec/codec_proto.h>

#include "exchange_pool.h"

/* A decoder of the wire format knows paths and literals, no sentences; the message is made here, of
 * what a caller may be shown: names of fields and of the message, never a value. */
static enum ses_status explain_proto(struct ses_exchange *x, enum ses_status status,
                                     const ProtobufCMessageDescriptor *descriptor,
                                     const struct ses_proto_fault *fault, struct ses_error *ret_error)
{
    if (status == SES_NO_MEMORY) {
        ses_error_set(ret_error, SES_NO_MEMORY,
                      SES_STR("the request needs more memory than one request may use"));
        return SES_NO_MEMORY;
    }
    const char *text =
        ses_arena_printf(&x->arena, "request is not a valid %s: %s", descriptor->name, fault->what);
    ses_error_refuse(ret_error, SES_REASON_MALFORMED_REQUEST,
                     text == NULL ? ses_slice_str(fault->what) : ses_slice_str(text));
    if (fault->field.len > 0)
        ses_error_violation(ret_error, fault->field, ses_slice_str(fault->what));
    return SES_INVALID_ARGUMENT;
}

static enum ses_status decode(struct ses_exchange *x, struct ses_slice body,
                              const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_message,
                              struct ses_error *ret_error)
{
    struct ses_proto_options options = {.arena = &x->arena};
    struct ses_proto_fault fault;

    if (x->encoding != SES_ENCODING_PROTO)
        return ses_json_decode_with(&x->arena, x->pool->options.types, descriptor, body,
                                    x->encoding == SES_ENCODING_JSON_BARE, ret_message, ret_error);
    enum ses_status status = ses_proto_decode(&options, descriptor, body, ret_message, &fault);
    return status == SES_OK ? SES_OK : explain_proto(x, status, descriptor, &fault, ret_error);
}

enum ses_status ses_message_decode(struct ses_exchange *x, struct ses_slice body,
                                   const ProtobufCMessageDescriptor *descriptor,
                                   ProtobufCMessage **ret_message, struct ses_error *ret_error)
{
    ProtobufCMessage *message = NULL;

    SES_TRY(decode(x, body, descriptor, &message, ret_error));
    SES_TRY(ses_card_guard(message, &x->arena, ret_error));
    *ret_message = message;
    return SES_OK;
}

enum ses_status ses_message_decode_into(const struct ses_exchange *x, struct ses_slice bytes,
                                        const ProtobufCMessageDescriptor *descriptor, struct ses_arena *arena,
                                        ProtobufCMessage **ret_message)
{
    struct ses_proto_options options = {.arena = arena};
    struct ses_proto_fault fault;
    struct ses_error error;

    if (x->encoding == SES_ENCODING_PROTO)
        return ses_proto_decode(&options, descriptor, bytes, ret_message, &fault);
    return ses_json_decode(arena, descriptor, bytes, false, ret_message, &error);
}

enum ses_status ses_message_encode(struct ses_exchange *x, const ProtobufCMessage *message,
                                   struct ses_slice *ret_bytes)
{
    return ses_message_encode_into(x, message, &x->arena, ret_bytes);
}

enum ses_status ses_message_encode_into(const struct ses_exchange *x, const ProtobufCMessage *message,
                                        struct ses_arena *arena, struct ses_slice *ret_bytes)
{
    struct ses_json json;

    if (x->encoding == SES_ENCODING_PROTO)
        return ses_proto_pack(message, arena, ret_bytes);
    ses_json_begin(&json, arena);
    json.types = x->pool->options.types;
    ses_json_message(&json, message, x->encoding == SES_ENCODING_JSON_BARE);
    return ses_json_end(&json, ret_bytes);
}
