/* Times as text, written and read, against the C library's calendar. */
#include "unit.h"

#include <stdlib.h>
#include <time.h>

#include <sessiond/base/rfc3339.h>

/* Noon of every day from 1970 to 9999 comes back as it went. */
static void every_day_comes_back(void **state)
{
    char text[SES_RFC3339_SIZE];

    (void)state;
    for (uint64_t seconds = 43200; seconds <= SES_RFC3339_SECONDS_MAX; seconds += 86400) {
        uint64_t got = 0;

        ses_rfc3339_encode(seconds * 1000 + 999, text);
        assert_int_equal(ses_rfc3339_decode(ses_slice_str(text), &got), SES_OK);
        if (got != seconds)
            fail_msg("%s read as %llu", text, (unsigned long long)got);
    }
}

static void writing_agrees_with_the_c_library(void **state)
{
    char text[SES_RFC3339_SIZE];

    (void)state;
    for (uint64_t s = 0; s < 253402300799u; s += 86399 * 97 + 61) {
        time_t t = (time_t)s;
        struct tm tm;
        char expected[32];

        assert_non_null(gmtime_r(&t, &tm));
        assert_int_not_equal(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
        ses_rfc3339_encode(s * 1000 + 999, text);
        assert_string_equal(text, expected);
    }
}

static void reading_agrees_with_the_c_library(void **state)
{
    uint64_t got = 0;
    struct tm parts = {
        .tm_year = 2024 - 1900, .tm_mon = 1, .tm_mday = 29, .tm_hour = 23, .tm_min = 59, .tm_sec = 58};

    (void)state;
    assert_int_equal(ses_rfc3339_decode(SES_STR("2024-02-29T23:59:58Z"), &got), SES_OK);
    assert_int_equal(got, timegm(&parts));
    assert_int_equal(ses_rfc3339_decode(SES_STR("1970-01-01T00:00:00Z"), &got), SES_OK);
    assert_int_equal(got, 0);
    assert_int_equal(ses_rfc3339_decode(SES_STR("9999-12-31T23:59:59Z"), &got), SES_OK);
    assert_int_equal(got, SES_RFC3339_SECONDS_MAX);
}

static void other_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05z",
        "2026-01-02t03:04:05Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.0Z",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02T03:04:05Z ",
        "+026-01-02T03:04:05Z",
        "2026-1-02T03:04:055Z",
        "1969-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2100-02-29T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:60Z",
        "2026-12-31T23:59:60Z",
        "9999-12-32T00:00:00Z",
        "9999-99-99T99:99:99Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t got = 0;
        if (ses_rfc3339_decode(ses_slice_str(bad[i]), &got) != SES_MALFORMED)
            fail_msg("accepted: %s", bad[i]);
    }
}

/* Two bytes replaced by any others: what is read is what would be written. */
static void whatever_is_read_would_be_written(void **state)
{
    static const char others[] = "/0123456789:-TZ \x80\xff";
    const size_t count = sizeof(others); /* the NUL too */
    char again[SES_RFC3339_SIZE];

    (void)state;
    for (size_t a = 0; a < SES_RFC3339_LEN; a++) {
        for (size_t b = a + 1; b < SES_RFC3339_LEN; b++) {
            for (size_t i = 0; i < count * count; i++) {
                char text[] = "2024-02-29T23:59:58Z";
                uint64_t seconds = 0;

                text[a] = others[i / count];
                text[b] = others[i % count];
                if (ses_rfc3339_decode(ses_slice(text, SES_RFC3339_LEN), &seconds) != SES_OK)
                    continue;
                ses_rfc3339_encode(seconds * 1000, again);
                assert_memory_equal(text, again, SES_RFC3339_LEN);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_comes_back),
        cmocka_unit_test(writing_agrees_with_the_c_library),
        cmocka_unit_test(reading_agrees_with_the_c_library),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(whatever_is_read_would_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
