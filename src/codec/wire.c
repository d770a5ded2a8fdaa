/* The two readers of the wire that are not worth inlining. */
#include <sessiond/codec/wire.h>

/* At most ten bytes. The tenth has room for one bit only: 9 x 7 = 63. */
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
