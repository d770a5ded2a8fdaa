/* What a move of slots says of how far it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "move_progress.h"

static void test_lines(void **state)
{
    struct move_progress progress = {.total = 400};
    char text[MOVE_LINE_SIZE];

    (void)state;
    move_progress_sum(&progress, 0, text);
    assert_string_equal(
        text, "0 slots, 0 rows in 0.0 s, 0 slots/s; out of use: 0.0 ms a group of 0, at most 0.0 ms");
    move_progress_add(&progress, 100, 2000, 13001);
    move_progress_line(&progress, "0-99", 2000, 13001, 61000, text);
    assert_string_equal(text, "slots 0-99: 25 %, 2000 rows, out of use for 14 ms; 2 slots/s, left 3:03");
    move_progress_add(&progress, 300, 10, 4999);
    move_progress_line(&progress, "100-399", 10, 4999, 80000, text);
    assert_string_equal(text, "slots 100-399: 100 %, 10 rows, out of use for 5 ms; 5 slots/s, left 0:00");
    move_progress_sum(&progress, 80000, text);
    assert_string_equal(
        text, "400 slots, 2010 rows in 80.0 s, 5 slots/s; out of use: 9.0 ms a group of 2, at most 13.0 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
