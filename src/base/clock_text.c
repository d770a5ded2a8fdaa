/* A moment as text, without the C library's calendar. Reading it back: token/rfc3339.c. */
#include <sessiond/base/clock.h>

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
void ses_clock_rfc3339(uint64_t wall_ms, char *ret_text)
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
