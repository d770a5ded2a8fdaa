/* What is no card number is never taken for one, and what is one is never missed: generated corpora, seeded.
 */
#include <sessiond/domain/card_data.h>

#include <inttypes.h>
#include <stdio.h>

#include "unit.h"

static uint64_t seed;

/* xorshift64* */
static uint64_t next(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * UINT64_C(2685821657736338717);
}

static unsigned below(unsigned bound)
{
    return (unsigned)((next() >> 32) % bound);
}

static int seeded(void **state)
{
    (void)state;
    seed = UINT64_C(88172645463325252);
    return 0;
}

static void expect(enum ses_card_data expected, const char *text)
{
    if (ses_card_data_find(ses_slice_str(text)) != expected)
        fail_msg("expected %d for: %s", (int)expected, text);
}

struct place {
    const char *before;
    const char *behind;
};

/* ---- what is none ------------------------------------------------------------------------------ */

static void make_uuid(unsigned version, uint64_t high, char text[37])
{
    uint64_t low = next();

    high = (high & ~UINT64_C(0xF000)) | (uint64_t)version << 12;
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    (void)snprintf(text, 37, "%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(high >> 32),
                   (unsigned)(high >> 16) & 0xFFFF, (unsigned)high & 0xFFFF, (unsigned)(low >> 48),
                   low & UINT64_C(0xFFFFFFFFFFFF));
}

static void test_a_million_uuids(void **state)
{
    static const struct place places[] = {
        {"", ""}, {"{\"order\":\"", "\"}"}, {"order ", ", again"}, {"id=", "&x=1"}, {"a_", "-1"},
    };
    char uuid[37];
    char text[80];

    (void)state;
    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t time_ms = UINT64_C(1700000000000) + next() % UINT64_C(300000000000);

        if (i % 2 == 0)
            make_uuid(4, next(), uuid);
        else
            make_uuid(7, time_ms << 16 | below(4096), uuid);
        (void)snprintf(text, sizeof(text), "%s%s%s", places[i % 5].before, uuid, places[i % 5].behind);
        expect(SES_CARD_DATA_NONE, text);
    }
}

/* Every 'd' becomes a digit, the rest stands for itself. */
static void fill(const char *pattern, char *text)
{
    for (; *pattern != '\0'; pattern++)
        *text++ = *pattern == 'd' ? (char)('0' + below(10)) : *pattern;
    *text = '\0';
}

static void expect_patterns(const char *const *patterns, size_t count, unsigned rounds)
{
    char number[80];
    char text[128];

    for (unsigned i = 0; i < rounds; i++) {
        fill(patterns[i % count], number);
        (void)snprintf(text, sizeof(text), i % 2 == 0 ? "%s" : "{\"n\":\"%s\"}", number);
        expect(SES_CARD_DATA_NONE, text);
    }
}

#define EXPECT_PATTERNS(patterns, rounds)                                                                    \
    expect_patterns(patterns, sizeof(patterns) / sizeof((patterns)[0]), rounds)

static void test_telephone_numbers(void **state)
{
    static const char *const patterns[] = {
        "+4915ddddddddd",      "+49 15d dddddddd",  "0049 (15d) dddd-dddd", "015d/dddddddd",   /* Germany */
        "+43 66d dddddddd",    "+43664ddddddddd",   "0043-664-ddddddd",                        /* Austria */
        "+628ddddddddddd",     "+62 8dd-dddd-dddd", "+62 (8dd) dddd ddddd",                    /* Indonesia */
        "+44 7ddd dddddd",     "+447ddddddddd",     "(0044) 20 dddd dddd",                     /* Britain */
        "+1 (ddd) ddd-dddd",   "+1ddddddddddd",     "1-ddd-ddd-dddd",                          /* America */
        "+91 9dddd ddddd",     "+919ddddddddd",     "0091-9ddd-dddddd",                        /* India */
        "+81 90-dddd-dddd",    "+8190dddddddd",     "0081 (3) dddd dddd",                      /* Japan */
        "+55 (11) 9dddd-dddd", "+55119dddddddd",    "0055 21 9dddd dddd",                      /* Brazil */
        "+33 6 dd dd dd dd",   "+336dddddddd",      "06.dd.dd.dd.dd",                          /* France */
        "+39 3dd ddd dddd",    "+393ddddddddd",     "0039 06 dddd dddd",                       /* Italy */
        "+86 138 dddd dddd",   "+86138dddddddd",    "+30 69d ddd dddd",     "+36 30 ddd dddd", /* others */
    };

    (void)state;
    EXPECT_PATTERNS(patterns, 100000);
}

static void test_running_numbers(void **state)
{
    static const char *const patterns[] = {
        "ddddddddddddd", /* orders, articles: 13 digits */
        "400dddddddddd",
        "978dddddddddd", /* EAN-13, ISBN-13 */
        "61299987754dddd",
        "61dddddddddddddd", /* parcels */
        "1d00000000",
        "17ddddddddddd", /* seconds, milliseconds */
        "17dddddddddddddd",
        "17ddddddddddddddddd", /* microseconds, nanoseconds */
        "638dddddddddddddd"
        "d",
        "133dddddddddddddd"
        "d", /* .NET, Windows */
        "2026ddddddddddd"
        "dd",
        "2026-11-28T12:dd:dd.ddddddZ",
        "0.dddddddddddddddd",
        "0.ddddddddddddddddd", /* fractions */
        "1dddddddddddddddddd",
        "9ddddddddddd", /* running ids of nineteen digits; ZIP+4 and so on */
        "abcdef4ddddddddddddddd"
        "a1",
        "x4ddddddddddddddd", /* part of a word */
        "192.168.ddd.ddd",
        "v4.ddd.dddd.ddd",
    };

    (void)state;
    EXPECT_PATTERNS(patterns, 200000);
}

/* The letters and digits behind country and check digits; printed in fours, too. */
static const char *const ibans[] = {
    "DEdddddddddddddddddd", "ESdddddddddddddddddddd", "NOddddddddddd",
    "CHddddddddddddddddd",  "GBNWBKdddddddddddddd",   "FRddddddddddAdddddddddd",
    "ATdddddddddddddddd",   "NLABNAdddddddddd",       "PLdddddddddddddddddddddddd",
};

/* Check digits so that the number they end, letters as 10 to 35, is 1 modulo 97 (ISO 13616-1). */
static void make_iban(const char *pattern, bool printed, char *iban)
{
    char body[32];
    char number[48];
    unsigned rest = 0;
    size_t at = 0;

    fill(pattern + 2, body);
    (void)snprintf(number, sizeof(number), "%s%.2s00", body, pattern);
    for (const char *p = number; *p != '\0'; p++)
        rest = *p >= 'A' ? (rest * 100 + (unsigned)(*p - 'A') + 10) % 97
                         : (rest * 10 + (unsigned)(*p - '0')) % 97;
    (void)snprintf(number, sizeof(number), "%.2s%02u%s", pattern, 98 - rest, body);
    for (size_t i = 0; number[i] != '\0'; i++) {
        if (printed && i > 0 && i % 4 == 0)
            iban[at++] = ' ';
        iban[at++] = number[i];
    }
    iban[at] = '\0';
}

static void test_ibans(void **state)
{
    static const struct place places[] = {
        {"", ""}, {"{\"iban\":\"", "\"}"}, {"to ", " EUR"}, {"IBAN: ", ", thanks"}, {"iban=", "&x=1"},
    };
    char iban[64];
    char text[128];

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        make_iban(ibans[i % (sizeof(ibans) / sizeof(ibans[0]))], i % 3 != 0, iban);
        (void)snprintf(text, sizeof(text), "%s%s%s", places[i % 5].before, iban, places[i % 5].behind);
        expect(SES_CARD_DATA_NONE, text);
    }
    expect(SES_CARD_DATA_PAN, "DE89 3704 0044 0532 0130 00 4111 1111 1111 1111");
    expect(SES_CARD_DATA_PAN, "DE12 4111 1111 1111 1111"); /* its check digits are wrong */
    expect(SES_CARD_DATA_PAN, "AB 12 4111-1111-1111-1111");
}

/* ---- what is one ------------------------------------------------------------------------------- */

static const struct {
    const char *prefix;
    unsigned length;
} networks[] = {
    {"4", 16},    {"4", 19},    {"51", 16},     {"55", 16},   {"2221", 16},   {"2720", 16},   {"34", 15},
    {"37", 15},   {"6011", 16}, {"6011", 19},   {"644", 16},  {"65", 16},     {"65", 18},     {"300", 14},
    {"305", 14},  {"3095", 14}, {"36", 14},     {"38", 14},   {"39", 16},     {"36", 19},     {"3528", 16},
    {"3589", 16}, {"3530", 19}, {"62", 16},     {"62", 17},   {"62", 18},     {"62", 19},     {"81", 16},
    {"5018", 16}, {"5020", 18}, {"5038", 19},   {"5893", 16}, {"6304", 17},   {"6759", 16},   {"6761", 19},
    {"6763", 16}, {"60", 16},   {"82", 16},     {"508", 16},  {"353", 16},    {"356", 16},    {"2200", 16},
    {"2204", 19}, {"9792", 16}, {"506099", 16}, {"6500", 19}, {"636368", 16}, {"438935", 16}, {"5067", 16},
};

/* Returns its length. */
static unsigned make_pan(char pan[20])
{
    unsigned row = below(sizeof(networks) / sizeof(networks[0]));
    unsigned length = networks[row].length;
    unsigned at = (unsigned)strlen(networks[row].prefix);
    unsigned sum = 0;

    memcpy(pan, networks[row].prefix, at);
    for (; at < length - 1; at++)
        pan[at] = (char)('0' + below(10));
    for (unsigned back = 1; back < length; back++) {
        unsigned digit = (unsigned)(pan[length - 1 - back] - '0');

        sum += back % 2 == 1 ? (digit > 4 ? 2 * digit - 9 : 2 * digit) : digit;
    }
    pan[length - 1] = (char)('0' + (10 - sum % 10) % 10);
    pan[length] = '\0';
    return length;
}

static const char *const separators[] = {
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "-",
    "--",
    " - ",
    ".",
    "/",
    "_",
    "+",
    "%20",
    "%20%20",
    "%09",
    "%0D%0A",
    "%2D",
    "%C2%A0",
    "%E2%80%89",
    "%2520",
    "\\t",
    "\\n",
    "\\u00a0",
    "\\u2013",
    "\\\\u0020",
    "\\u200b",
    "\xc2\xa0",
    "\xe1\x9a\x80",
    "\xe2\x80\x80",
    "\xe2\x80\x83",
    "\xe2\x80\x89",
    "\xe2\x80\xaf",
    "\xe2\x81\x9f",
    "\xe3\x80\x80",
    "\xe2\x80\xa8",
    "\xe2\x80\xa9",
    "\xe2\x80\x90",
    "\xe2\x80\x91",
    "\xe2\x80\x92",
    "\xe2\x80\x93",
    "\xe2\x80\x94",
    "\xe2\x80\x95",
    "\xe2\x88\x92",
    "\xef\xb9\xa3",
    "\xef\xbc\x8d",
    "\xef\xbc\x8e",
    "\xef\xbc\x8f",
    "\xef\xbc\xbf",
    "\xc2\xb7",
    "\xe2\x80\x8b",
    "\xe2\x80\x8c",
    "\xe2\x80\x8d",
    "\xe2\x81\xa0",
    "\xef\xbb\xbf",
    "\xc2\xad",
    " \xe2\x80\x8b",
    "&nbsp;",
    "&ndash;",
    "&#45;",
    "&#x2D;",
    "&#8209;",
    "&amp;nbsp;",
    "%u002D",
    "\\x2d",
};

#define FORM_BYTES 8 /* of one digit, with NUL */

/* First bytes of a row of ten digits; {n} in the last byte. */
static void put_digit(unsigned form, char digit, char **at)
{
    static const uint8_t zeros[][5] = {
        {0xEF, 0xBC, 0x90, 0},       {0xD9, 0xA0, 0},       {0xDB, 0xB0, 0},
        {0xE0, 0xA5, 0xA6, 0},       {0xE0, 0xA7, 0xA6, 0}, {0xE0, 0xB9, 0x90, 0},
        {0xF0, 0x9D, 0x9F, 0x98, 0},
    };
    unsigned value = (unsigned)(digit - '0');
    size_t len;

    if (form == 1) {
        *at += snprintf(*at, FORM_BYTES, "%%%02X", (unsigned)digit);
    } else if (form == 2) {
        *at += snprintf(*at, FORM_BYTES, "\\u%04x", (unsigned)digit);
    } else if (form == 3) {
        *at += snprintf(*at, FORM_BYTES, "\\uff1%u", value);
    } else if (form >= 4 && form < 4 + sizeof(zeros) / sizeof(zeros[0])) {
        len = strlen((const char *)zeros[form - 4]);
        memcpy(*at, zeros[form - 4], len);
        (*at)[len - 1] = (char)(zeros[form - 4][len - 1] + value);
        *at += len;
    } else {
        *(*at)++ = digit;
    }
}

#define FORMS 11

/* Where a number of that length is parted; terminated by 0. */
static const unsigned *parts_of(unsigned length)
{
    static const unsigned parts[20][4] = {
        [14] = {4, 10},    [15] = {4, 10},    [16] = {4, 8, 12},
        [17] = {4, 8, 12}, [18] = {4, 8, 12}, [19] = {4, 8, 12},
    };

    return parts[length];
}

static void spell(const char *pan, unsigned length, unsigned form, const char *separator, bool fours,
                  char *text)
{
    const unsigned *parts = parts_of(length);

    for (unsigned i = 0; i < length; i++) {
        bool parted = false;

        for (unsigned k = 0; k < 4; k++)
            parted = parted || (i > 0 && parts[k] == i);
        if (fours)
            parted = i > 0 && i % 4 == 0;
        if (parted) {
            memcpy(text, separator, strlen(separator));
            text += strlen(separator);
        }
        put_digit(form, pan[i], &text);
    }
    *text = '\0';
}

static void expect_spelled(const char *pan, unsigned length, unsigned form, const char *separator)
{
    static const struct place places[] = {
        {"", ""},   {"{\"n\":\"", "\"}"}, {"card: ", "."}, {"0000", ""},
        {"(", ")"}, {"a=", "&b=1"},       {"x-", "-y"},    {"12/29 ", " 123"},
    };
    const struct place *place = &places[below(8)];
    char number[256];
    char text[300];

    spell(pan, length, form, separator, below(2) == 0, number);
    (void)snprintf(text, sizeof(text), "%s%s%s", place->before, number, place->behind);
    expect(SES_CARD_DATA_PAN, text);
}

static void test_numbers_in_every_spelling(void **state)
{
    const unsigned separators_count = sizeof(separators) / sizeof(separators[0]);
    char pan[20];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        unsigned length = make_pan(pan);

        expect_spelled(pan, length, 0, "");
        for (unsigned k = 0; k < 8; k++)
            expect_spelled(pan, length, 0, separators[below(separators_count)]);
        expect_spelled(pan, length, i % FORMS, separators[i % separators_count]);
        pan[length - 1] = (char)('0' + (pan[length - 1] - '0' + 1) % 10);
        expect(SES_CARD_DATA_NONE, pan);
    }
}

/* Each separator and each form of a digit, whatever the dice say. */
static void test_each_spelling_once(void **state)
{
    char pan[20];

    (void)state;
    for (unsigned form = 0; form < FORMS; form++) {
        for (unsigned i = 0; i < sizeof(separators) / sizeof(separators[0]); i++)
            expect_spelled(pan, make_pan(pan), form, separators[i]);
    }
}

/* About 3 in 100 ids of 16 digits are what a network could have issued. */
static void test_ids_of_sixteen_digits(void **state)
{
    unsigned refused = 0;
    char id[17];

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        fill("dddddddddddddddd", id);
        refused += ses_card_data_find(ses_slice_str(id)) != SES_CARD_DATA_NONE ? 1 : 0;
    }
    assert_in_range(refused, 1, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_million_uuids, seeded),
        cmocka_unit_test_setup(test_telephone_numbers, seeded),
        cmocka_unit_test_setup(test_running_numbers, seeded),
        cmocka_unit_test_setup(test_ibans, seeded),
        cmocka_unit_test_setup(test_numbers_in_every_spelling, seeded),
        cmocka_unit_test_setup(test_each_spelling_once, seeded),
        cmocka_unit_test_setup(test_ids_of_sixteen_digits, seeded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
