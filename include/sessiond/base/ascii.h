/* ascii.h - classes and case of ASCII's bytes, whatever the locale: protocols mean these, and <ctype.h> does not. */
#ifndef SESSIOND_BASE_ASCII_H
#define SESSIOND_BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

static inline bool ses_ascii_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool ses_ascii_is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes that are no capital letters stay as they are. */
static inline uint8_t ses_ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

#endif
