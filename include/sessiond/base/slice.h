/* slice.h - borrowed bytes. A slice owns nothing; whoever made it says how long it lives. */
#ifndef SESSIOND_BASE_SLICE_H
#define SESSIOND_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sessiond/base/status.h>

struct ses_slice {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

/* A slice of a string literal. */
#define SES_STR(literal) ((struct ses_slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* The same as an initializer of static storage, where a compound literal is not a constant. */
#define SES_STR_INIT(literal)                                                                                \
    {                                                                                                        \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                                   \
    }
#define SES_SLICE_EMPTY ((struct ses_slice){NULL, 0})
/* For printf's "%.*s". */
#define SES_FMT(s) (int)(s).len, (const char *)(s).data

static inline struct ses_slice ses_slice(const void *data, size_t len)
{
    return (struct ses_slice){data, len};
}

/* NULL gives the empty slice. */
static inline struct ses_slice ses_slice_str(const char *str)
{
    return str == NULL ? SES_SLICE_EMPTY : (struct ses_slice){(const uint8_t *)str, strlen(str)};
}

static inline bool ses_slice_eq(struct ses_slice a, struct ses_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool ses_slice_eq_str(struct ses_slice a, const char *str)
{
    return ses_slice_eq(a, ses_slice_str(str));
}

/* ASCII case-insensitive. */
bool ses_slice_ieq(struct ses_slice a, struct ses_slice b);
static inline bool ses_slice_starts(struct ses_slice s, struct ses_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

/* Bytes [from, to), clamped to the slice. */
struct ses_slice ses_slice_cut(struct ses_slice s, size_t from, size_t to);
/* Index of the first byte c, or s.len. */
size_t ses_slice_find(struct ses_slice s, uint8_t c);
/* What stands before the first such byte (all of it, if there is none); rest goes on behind it. */
struct ses_slice ses_slice_take_until(struct ses_slice *rest, uint8_t separator);
/* Without leading and trailing spaces and tabs. */
struct ses_slice ses_slice_trim(struct ses_slice s);

/* Strict UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool ses_utf8_check(struct ses_slice s);
/* Length of the strict UTF-8 sequence that s begins with, and its code point; 0: it begins with none. */
size_t ses_utf8_first(struct ses_slice s, uint32_t *ret_code_point);
/* Strict UTF-8 of what can be seen: no controls, format characters (zero width, bidirectional), line and
 * paragraph separators, private or unassigned code points (Unicode 14.0), nothing that is ignored by
 * default. */
bool ses_utf8_printable_check(struct ses_slice s);
bool ses_code_point_printable(uint32_t code_point);
/* The same, and not empty, and not only blanks: what somebody or something may be called. */
bool ses_utf8_name_check(struct ses_slice s);

/* Decimal digits only, no sign; SES_MALFORMED otherwise or when above max. */
SES_MUST_CHECK enum ses_status ses_parse_u64(struct ses_slice s, uint64_t max, uint64_t *ret_value);

#endif
