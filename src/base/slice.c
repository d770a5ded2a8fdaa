#include <sessiond/base/slice.h>

#include <sessiond/base/ascii.h>

bool ses_slice_ieq(struct ses_slice a, struct ses_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ses_ascii_lower(a.data[i]) != ses_ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

struct ses_slice ses_slice_cut(struct ses_slice s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from >= to)
        return SES_SLICE_EMPTY;
    return ses_slice(s.data + from, to - from);
}

size_t ses_slice_find(struct ses_slice s, uint8_t c)
{
    const uint8_t *hit = s.len == 0 ? NULL : memchr(s.data, c, s.len);

    return hit == NULL ? s.len : (size_t)(hit - s.data);
}

struct ses_slice ses_slice_take_until(struct ses_slice *rest, uint8_t separator)
{
    size_t at = ses_slice_find(*rest, separator);
    struct ses_slice part = ses_slice_cut(*rest, 0, at);

    *rest = ses_slice_cut(*rest, at + 1, rest->len);
    return part;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct ses_slice ses_slice_trim(struct ses_slice s)
{
    while (s.len > 0 && is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

enum ses_status ses_parse_u64(struct ses_slice s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0)
        return SES_MALFORMED;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)s.data[i] - '0';

        if (!ses_ascii_is_digit(s.data[i]))
            return SES_MALFORMED;
        if (value > (UINT64_MAX - digit) / 10) /* value * 10 + digit would wrap */
            return SES_MALFORMED;
        value = value * 10 + digit;
    }
    if (value > max)
        return SES_MALFORMED;
    *ret_value = value;
    return SES_OK;
}
