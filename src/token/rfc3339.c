/* Reading the one form of time. The text is taken by place, and proved by writing it again. */
#include "rfc3339.h"

#include <sessiond/base/clock.h>

/* Digits where the pattern has '0', the same character elsewhere. */
static bool shape_check(struct ses_slice text)
{
    static const char pattern[] = "0000-00-00T00:00:00Z";

    if (text.len != SES_RFC3339_LEN)
        return false;
    for (size_t i = 0; i < SES_RFC3339_LEN; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';

        if (pattern[i] == '0' ? !digit : text.data[i] != (uint8_t)pattern[i])
            return false;
    }
    return true;
}

static uint32_t get_two(const uint8_t *text)
{
    return (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
}

/* The inverse of ses_clock_rfc3339's way: years from March, in cycles of 400 years of 146097 days; 719468
 * days lie between 0000-03-01 and 1970-01-01. month is 1 .. 12. */
static uint32_t days_since_epoch(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t from_march = month > 2 ? month - 3 : month + 9;

    year = month > 2 ? year : year - 1;
    uint32_t cycle_year = year % 400;
    return year / 400 * 146097 + cycle_year * 365 + cycle_year / 4 - cycle_year / 100 +
           (153 * from_march + 2) / 5 + day - 1 - 719468;
}

enum ses_status ses_rfc3339_decode(struct ses_slice text, uint64_t *ret_seconds)
{
    char again[SES_RFC3339_SIZE];

    if (!shape_check(text))
        return SES_MALFORMED;
    uint32_t year = get_two(text.data) * 100 + get_two(text.data + 2);
    uint32_t month = get_two(text.data + 5);

    if (year < 1970 || month < 1 || month > 12)
        return SES_MALFORMED;
    uint64_t seconds = (uint64_t)days_since_epoch(year, month, get_two(text.data + 8)) * 86400 +
                       get_two(text.data + 11) * 3600 + get_two(text.data + 14) * 60 +
                       get_two(text.data + 17);

    /* Written again it must be the same text: that finds the 31st of April, the 60th second, the 24th
     * hour. */
    if (seconds > SES_RFC3339_SECONDS_MAX)
        return SES_MALFORMED;
    ses_clock_rfc3339(seconds * 1000, again);
    if (!ses_slice_eq_str(text, again))
        return SES_MALFORMED;
    *ret_seconds = seconds;
    return SES_OK;
}
