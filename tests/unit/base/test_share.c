/* The rule of shares at its edges; what is counted by it is tried where it is counted. */
#include "unit.h"

#include <sessiond/base/share.h>

static void more_while_it_holds_less_than_its_part_of_what_is_free(void **state)
{
    (void)state;
    /* alone: to S percent */
    assert_true(ses_share_is_left(90, 899, 899, 1000));
    assert_false(ses_share_is_left(90, 900, 900, 1000));
    assert_true(ses_share_is_left(50, 499, 499, 1000));
    assert_false(ses_share_is_left(50, 500, 500, 1000));
    /* beside others that hold half of the room: less, but a newcomer always something */
    assert_true(ses_share_is_left(50, 249, 749, 1000));
    assert_false(ses_share_is_left(50, 250, 750, 1000));
    assert_true(ses_share_is_left(50, 0, 999, 1000));
    /* nothing is left: one that has next to nothing gets it still */
    assert_true(ses_share_is_left(50, 0, 2000, 1000));
    assert_false(ses_share_is_left(50, 1, 1000, 1000));
    assert_true(ses_share_is_left(90, 8, 1000, 1000));
    assert_false(ses_share_is_left(90, 9, 2000, 1000));
    /* no bound */
    assert_true(ses_share_is_left(100, 1000, 1000, 1000));
    /* large rooms do not overflow */
    assert_true(ses_share_is_left(90, UINT64_C(7) << 50, UINT64_C(7) << 50, UINT64_C(1) << 53));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_while_it_holds_less_than_its_part_of_what_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
