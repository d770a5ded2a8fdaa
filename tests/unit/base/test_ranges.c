#include "unit.h"

#include <sessiond/base/ranges.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Every number up to the table's end and beyond, by a search and by looking at each row. */
static void every_number_is_in_its_range(void **state)
{
    static const struct row {
        uint32_t first, last;
        uint8_t to;
    } rows[] = {{3, 3, 0}, {4, 9, 1}, {11, 11, 2}, {20, 30, 3}, {31, 31, 4}, {200, 300, 5}};

    (void)state;
    for (size_t count = 0; count <= COUNT(rows); count++) {
        for (uint32_t number = 0; number < 400; number++) {
            size_t expected = 0;

            while (expected < count && (number < rows[expected].first || number > rows[expected].last))
                expected++;
            assert_int_equal(ses_ranges_find(rows, count, sizeof(rows[0]), number), expected);
        }
    }
}

static void the_ends_of_all_numbers_are_numbers(void **state)
{
    static const struct ses_range all[] = {{0, 0}, {1, UINT32_MAX - 1}, {UINT32_MAX, UINT32_MAX}};

    (void)state;
    assert_int_equal(ses_ranges_find(all, COUNT(all), sizeof(all[0]), 0), 0);
    assert_int_equal(ses_ranges_find(all, COUNT(all), sizeof(all[0]), UINT32_MAX - 1), 1);
    assert_int_equal(ses_ranges_find(all, COUNT(all), sizeof(all[0]), UINT32_MAX), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_in_its_range),
        cmocka_unit_test(the_ends_of_all_numbers_are_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
