/* wire.h - reading the protobuf wire format (protobuf.dev/programming-guides/encoding), for the message
 * decoder and the reflection index. Cursors only; nothing is copied. */
#ifndef SESSIOND_CODEC_WIRE_H
#define SESSIOND_CODEC_WIRE_H

#include <sessiond/base/slice.h>

enum ses_wire_type {
    SES_WIRE_VARINT = 0,
    SES_WIRE_64BIT = 1,
    SES_WIRE_BYTES = 2,
    SES_WIRE_32BIT = 5 /* 3 and 4 are proto2's groups, which nobody sends to a proto3 message: refused */
};

struct ses_wire {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct ses_wire ses_wire(struct ses_slice bytes)
{
    if (bytes.len == 0)
        return (struct ses_wire){NULL, NULL};
    return (struct ses_wire){bytes.data, bytes.data + bytes.len};
}

/* One item of a message. */
struct ses_wire_item {
    uint32_t number; /* field number, 1 .. 2^29-1 */
    enum ses_wire_type type;
    uint64_t value;         /* varint, 64 bit, 32 bit */
    struct ses_slice bytes; /* length-delimited */
    struct ses_slice raw;   /* the value as it stands on the wire, without the tag */
};

/* [any] Several bytes; ses_wire_varint takes the common one-byte case itself. SES_MALFORMED: cut off or above
 * 64 bits. */
SES_MUST_CHECK enum ses_status ses_wire_varint_long(struct ses_wire *wire, uint64_t *ret_value);

SES_MUST_CHECK static inline enum ses_status ses_wire_varint(struct ses_wire *wire, uint64_t *ret_value)
{
    if (wire->at < wire->end && *wire->at < 0x80) {
        *ret_value = *wire->at++;
        return SES_OK;
    }
    return ses_wire_varint_long(wire, ret_value);
}

static inline bool ses_wire_more(const struct ses_wire *wire)
{
    return wire->at < wire->end;
}

/* [any] 4 or 8 bytes, little endian. SES_MALFORMED: cut off. */
SES_MUST_CHECK enum ses_status ses_wire_fixed(struct ses_wire *wire, size_t bytes, uint64_t *ret_value);
/* [any] The next tag and value, written piece by piece (on failure ret_item is half written): this is the
 * hottest function of the codec. SES_MALFORMED: cut off, field number 0, a group, a length behind the end. */
SES_MUST_CHECK static inline enum ses_status ses_wire_next(struct ses_wire *wire,
                                                           struct ses_wire_item *ret_item)
{
    uint64_t tag;

    SES_TRY(ses_wire_varint(wire, &tag));
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return SES_MALFORMED;
    ret_item->number = (uint32_t)(tag >> 3);
    ret_item->type = (enum ses_wire_type)(tag & 7);
    ret_item->raw.data = wire->at;
    ret_item->bytes = SES_SLICE_EMPTY;
    switch (ret_item->type) {
    case SES_WIRE_VARINT:
        SES_TRY(ses_wire_varint(wire, &ret_item->value));
        break;
    case SES_WIRE_BYTES:
        SES_TRY(ses_wire_varint(wire, &ret_item->value));
        if (ret_item->value > (uint64_t)(wire->end - wire->at))
            return SES_MALFORMED;
        ret_item->bytes = ses_slice(wire->at, (size_t)ret_item->value);
        wire->at += ret_item->bytes.len;
        break;
    case SES_WIRE_64BIT:
    case SES_WIRE_32BIT:
        SES_TRY(ses_wire_fixed(wire, ret_item->type == SES_WIRE_64BIT ? 8 : 4, &ret_item->value));
        break;
    default:
        return SES_MALFORMED;
    }
    ret_item->raw.len = (size_t)(wire->at - ret_item->raw.data);
    return SES_OK;
}

#endif
