/* eight.h - eight bytes of a text looked at together, as one word: nearly every text that reaches us is ASCII that stands
 * for itself, and whoever walks over it need not stop at each byte. Marks are top bits: not 0 if one of the eight is
 * what was asked for; the first one (the lowest) is right, above it others may be marked too.
 * (Sean Anderson, Bit Twiddling Hacks, "hasless".) */
#ifndef SESSIOND_BASE_EIGHT_H
#define SESSIOND_BASE_EIGHT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SES_EIGHT_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t ses_eight(const uint8_t *bytes)
{
    uint64_t eight;

    memcpy(&eight, bytes, sizeof(eight));
    return le64toh(eight);
}

/* [any] Is one of them below the limit (at most 0x80)? */
static inline uint64_t ses_eight_below(uint64_t eight, uint8_t limit)
{
    return (eight - SES_EIGHT_OF(limit)) & ~eight & SES_EIGHT_OF(0x80);
}

/* [any] Is one of them this byte? */
static inline uint64_t ses_eight_has(uint64_t eight, uint8_t byte)
{
    return ses_eight_below(eight ^ SES_EIGHT_OF(byte), 1);
}

/* [any] Which of them is marked first; marks are not 0. */
static inline size_t ses_eight_first(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}

/* [any] All of them are printable ASCII, 0x20 to 0x7E. A carry of 0xFF + 1 comes from a byte that is marked itself. */
static inline bool ses_eight_printable(uint64_t eight)
{
    uint64_t above = (eight | (eight + SES_EIGHT_OF(1))) & SES_EIGHT_OF(0x80);

    return (above | ses_eight_below(eight, 0x20)) == 0;
}

#endif
