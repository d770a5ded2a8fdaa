/* A moment as text and back, without the C library's calendar. Reading takes the text by place, and proves it
 * by writing it again.
 */
#include <sessiond/base/rfc3339.h>

#include <sessiond/base/ascii.h>

/* ---- writing --------------------------------------------------------------------------------- */

static void two_digits(char *text, unsigned value)
{
    text[0] = (char)('0' + value / 10 % 10);
    text[1] = (char)('0' + value % 10);
}

/* Days to civil date after the proleptic Gregorian calendar, eras of 400 years counted from 1 March 0000, so
 * that the leap day is the last of its year: gmtime_r and snprintf together cost about 0.6 us, and every
 * token has three times in it. 719468: days from there to 1970-01-01. 146097: days of 400 years; of these
 * every 1460th, 36524th and 146096th is where a leap year, its absence in a century, its return in the fourth
 * one shift the count. 153: days of five months that begin with March or August. */
void ses_rfc3339_encode(uint64_t wall_ms, char *ret_text)
{
    uint64_t seconds = wall_ms / 1000;
    uint64_t days = seconds / 86400 + 719468;
    unsigned rest = (unsigned)(seconds % 86400);
    uint64_t era = days / 146097;
    unsigned day_of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153; /* 0 = March */
    unsigned day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    unsigned year = (unsigned)(era * 400) + year_of_era + (month <= 2 ? 1 : 0);

    if (year > 9999) /* RFC 3339 has four digits: the last moment it can say */
        year = 9999;
    two_digits(ret_text, year / 100);
    two_digits(ret_text + 2, year % 100);
    ret_text[4] = '-';
    two_digits(ret_text + 5, month);
    ret_text[7] = '-';
    two_digits(ret_text + 8, day);
    ret_text[10] = 'T';
    two_digits(ret_text + 11, rest / 3600);
    ret_text[13] = ':';
    two_digits(ret_text + 14, rest / 60 % 60);
    ret_text[16] = ':';
    two_digits(ret_text + 17, rest % 60);
    ret_text[19] = 'Z';
    ret_text[20] = '\0';
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Digits where the pattern has '0', the same character elsewhere. */
static bool shape_check(struct ses_slice text)
{
    static const char pattern[] = "0000-00-00T00:00:00Z";

    if (text.len != SES_RFC3339_LEN)
        return false;
    for (size_t i = 0; i < SES_RFC3339_LEN; i++) {
        bool digit = ses_ascii_is_digit(text.data[i]);

        if (pattern[i] == '0' ? !digit : text.data[i] != (uint8_t)pattern[i])
            return false;
    }
    return true;
}

static uint32_t get_two(const uint8_t *text)
{
    return (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
}

/* The inverse of ses_rfc3339_encode's way: years from March, in cycles of 400 years of 146097 days; 719468
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
    ses_rfc3339_encode(seconds * 1000, again);
    if (!ses_slice_eq_str(text, again))
        return SES_MALFORMED;
    *ret_seconds = seconds;
    return SES_OK;
}
