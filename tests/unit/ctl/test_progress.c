/* What a long command says of how far it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "progress.h"

static void expect(const struct progress *progress, uint64_t elapsed_ms, uint64_t done, uint64_t total,
                   uint64_t bytes, const char *expected)
{
    char line[160];

    progress_line(progress, elapsed_ms, done, total, bytes, line, sizeof(line));
    assert_string_equal(line, expected);
}

static void test_a_line_of_a_log(void **state)
{
    const struct progress progress = {.what = "copying"};

    (void)state;
    expect(&progress, 0, 0, 1000, 0, "copying: 0 %, 0 B, 0 B/s");
    expect(&progress, 10000, 250, 1000, 20u << 20, "copying: 25 %, 20.0 MiB, 2.0 MiB/s, left 0:30");
    expect(&progress, 3600000, 1, 3, UINT64_C(1536) << 20,
           "copying: 33 %, 1.5 GiB, 436.9 KiB/s, left 2:00:00");
    expect(&progress, 1000, 1200, 1000, 5, "copying: 100 %, 5 B, 5 B/s, left 0:00"); /* it grew meanwhile */
    expect(&progress, 2000, 77, 0, 2048, "copying: 77, 2.0 KiB, 1.0 KiB/s"); /* nobody knows of how many */
}

static void test_a_bar(void **state)
{
    const struct progress progress = {.what = "hashing", .terminal = true};

    (void)state;
    expect(&progress, 1000, 0, 2, 0, "hashing: [........................] 0 %, 0 B, 0 B/s");
    expect(&progress, 1000, 1, 2, 1000,
           "hashing: [############............] 50 %, 1000 B, 1000 B/s, left 0:01");
    expect(&progress, 1000, 2, 2, 1000,
           "hashing: [########################] 100 %, 1000 B, 1000 B/s, left 0:00");
}

static void test_bytes(void **state)
{
    char text[16];

    (void)state;
    progress_bytes_text(1023, text);
    assert_string_equal(text, "1023 B");
    progress_bytes_text(UINT64_MAX, text);
    assert_string_equal(text, "16777216.0 TiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_of_a_log),
        cmocka_unit_test(test_a_bar),
        cmocka_unit_test(test_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
