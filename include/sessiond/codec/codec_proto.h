/* codec_proto.h - the protobuf wire format to messages and back, for exchange/message.c and the tests. */
#ifndef SESSIOND_CODEC_CODEC_PROTO_H
#define SESSIOND_CODEC_CODEC_PROTO_H

#include <sessiond/codec/message_field.h>

/* What a decoder found wrong. */
struct ses_proto_fault {
    const char *what;       /* literal; NULL when memory ran out */
    struct ses_slice field; /* path, in the arena; empty: not inside a known field */
};

struct ses_proto_options {
    struct ses_arena *arena;
    /* Keep unknown fields and write them back: records written by a newer version survive an older one.
     * Requests: dropped. */
    bool keep_unknown;
};

/* [any] SES_MALFORMED (ret_fault says why), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_proto_decode(const struct ses_proto_options *options,
                                                const ProtobufCMessageDescriptor *descriptor,
                                                struct ses_slice bytes, ProtobufCMessage **ret_message,
                                                struct ses_proto_fault *ret_fault);

/* Plain protobuf with an arena, for records. */
SES_MUST_CHECK enum ses_status ses_proto_unpack(const ProtobufCMessageDescriptor *descriptor,
                                                struct ses_slice bytes, struct ses_arena *arena,
                                                ProtobufCMessage **ret_message);
SES_MUST_CHECK enum ses_status ses_proto_pack(const ProtobufCMessage *message, struct ses_arena *arena,
                                              struct ses_slice *ret_bytes);

#endif
