/* A moment as text and back, without the C library's calendar; reading takes the text by place. */
#include <sessiond/base/rfc3339.h>

/* ---- writing --------------------------------------------------------------------------------- */

/* value is at most 99. */
static void two_digits(char *text, unsigned value)
{
    text[0] = (char)('0' + value / 10);
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

/* Beyond every limit, also as half of a year. */
#define NO_NUMBER 10000u

static uint32_t get_two(const uint8_t *text)
{
    uint32_t tens = text[0] - (uint32_t)'0';
    uint32_t ones = text[1] - (uint32_t)'0';

    return tens > 9 || ones > 9 ? NO_NUMBER : tens * 10 + ones;
}

static bool marks_fit(const uint8_t *text)
{
    return text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
           text[19] == 'Z';
}

/* month is 1 .. 12. */
static uint32_t days_of_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
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
    if (text.len != SES_RFC3339_LEN || !marks_fit(text.data))
        return SES_MALFORMED;
    uint32_t year = get_two(text.data) * 100 + get_two(text.data + 2);
    uint32_t month = get_two(text.data + 5);
    uint32_t day = get_two(text.data + 8);
    uint32_t hour = get_two(text.data + 11);
    uint32_t minute = get_two(text.data + 14);
    uint32_t second = get_two(text.data + 17);

    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 59)
        return SES_MALFORMED;
    *ret_seconds = days_since_epoch(year, month, day) * UINT64_C(86400) + hour * 3600 + minute * 60 + second;
    return SES_OK;
}
