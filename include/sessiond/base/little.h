/* little.h - 64 bits as eight bytes, the least significant first whatever the machine: what is stored or hashed must be the
 * same on any. Written out, since compilers make one instruction of that, and of a loop none. */
#ifndef SESSIOND_BASE_LITTLE_H
#define SESSIOND_BASE_LITTLE_H

#include <stdint.h>

#define SES_LITTLE_BYTES 8

static inline void ses_little_put(uint64_t value, uint8_t ret_bytes[SES_LITTLE_BYTES])
{
    ret_bytes[0] = (uint8_t)value;
    ret_bytes[1] = (uint8_t)(value >> 8);
    ret_bytes[2] = (uint8_t)(value >> 16);
    ret_bytes[3] = (uint8_t)(value >> 24);
    ret_bytes[4] = (uint8_t)(value >> 32);
    ret_bytes[5] = (uint8_t)(value >> 40);
    ret_bytes[6] = (uint8_t)(value >> 48);
    ret_bytes[7] = (uint8_t)(value >> 56);
}

static inline uint64_t ses_little_get(const uint8_t bytes[SES_LITTLE_BYTES])
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24 | (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
           (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

#endif
