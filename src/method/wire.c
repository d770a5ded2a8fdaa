#include "wire.h"

enum ses_status ses_wire_varint_long(struct ses_wire *wire, uint64_t *ret_value)
{
    uint64_t value = 0;
    const uint8_t *at = wire->at;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at >= wire->end)
            return SES_MALFORMED;
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return SES_MALFORMED;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            wire->at = at;
            *ret_value = value;
            return SES_OK;
        }
    }
    return SES_MALFORMED;
}

enum ses_status ses_wire_fixed(struct ses_wire *wire, size_t bytes, uint64_t *ret_value)
{
    uint64_t value = 0;

    if ((size_t)(wire->end - wire->at) < bytes)
        return SES_MALFORMED;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)wire->at[i] << (8 * i);
    wire->at += bytes;
    *ret_value = value;
    return SES_OK;
}

static enum ses_status take_value(struct ses_wire *wire, struct ses_wire_item *item)
{
    switch (item->type) {
    case SES_WIRE_VARINT:
        return ses_wire_varint(wire, &item->value);
    case SES_WIRE_64BIT:
        return ses_wire_fixed(wire, 8, &item->value);
    case SES_WIRE_32BIT:
        return ses_wire_fixed(wire, 4, &item->value);
    case SES_WIRE_BYTES:
        SES_TRY(ses_wire_varint(wire, &item->value));
        if (item->value > (uint64_t)(wire->end - wire->at))
            return SES_MALFORMED;
        item->bytes = ses_slice(wire->at, (size_t)item->value);
        wire->at += item->bytes.len;
        return SES_OK;
    default:
        return SES_MALFORMED;
    }
}

enum ses_status ses_wire_next(struct ses_wire *wire, struct ses_wire_item *ret_item)
{
    struct ses_wire_item item = {0};
    uint64_t tag;

    SES_TRY(ses_wire_varint(wire, &tag));
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return SES_MALFORMED;
    item.number = (uint32_t)(tag >> 3);
    item.type = (enum ses_wire_type)(tag & 7);
    const uint8_t *begin = wire->at;
    SES_TRY(take_value(wire, &item));
    item.raw = ses_slice(begin, (size_t)(wire->at - begin));
    *ret_item = item;
    return SES_OK;
}
