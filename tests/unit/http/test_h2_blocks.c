#include "h2_blocks.h"

#include <stdlib.h>

#include "unit.h"

/* Blocks that are kept for the next who asks for as many bytes. */

#define KEEP 2u

static void given_back_is_taken_again(void **state)
{
    struct ses_h2_blocks blocks = {.keep = KEEP};
    void *a = ses_h2_blocks_take(&blocks, 144), *b = ses_h2_blocks_take(&blocks, 140);

    (void)state;
    ses_h2_blocks_give(&blocks, a);
    ses_h2_blocks_give(&blocks, b);
    assert_ptr_equal(ses_h2_blocks_take(&blocks, 129), b); /* as long as was asked for at most */
    assert_ptr_equal(ses_h2_blocks_take(&blocks, 144), a);
    void *longer = ses_h2_blocks_take(&blocks, 145), *usual;

    ses_h2_blocks_give(&blocks, longer);
    usual = ses_h2_blocks_take(&blocks, 144);
    assert_ptr_not_equal(usual, longer);
    ses_h2_blocks_give(&blocks, usual);
    ses_h2_blocks_give(&blocks, a);
    ses_h2_blocks_give(&blocks, b);
    ses_h2_blocks_rest(&blocks);
}

/* What is taken may be written to its end: the sanitizer looks on. */
static void every_length_is_whole(void **state)
{
    struct ses_h2_blocks blocks = {.keep = KEEP};

    (void)state;
    for (size_t size = 0; size <= SES_H2_BLOCK_BYTES + 16; size++) {
        void *fresh = malloc(size), *taken;

        assert_non_null(fresh);
        ses_h2_blocks_give(&blocks, fresh);
        taken = ses_h2_blocks_take(&blocks, size);
        assert_non_null(taken);
        memset(taken, 0xAA, size);
        ses_h2_blocks_give(&blocks, taken);
        ses_h2_blocks_rest(&blocks);
    }
}

static void no_more_are_kept_than_allowed(void **state)
{
    struct ses_h2_blocks blocks = {.keep = KEEP}, none = {.keep = 0};
    void *taken[KEEP + 1];

    (void)state;
    for (unsigned i = 0; i < KEEP + 1; i++)
        taken[i] = ses_h2_blocks_take(&blocks, 100);
    for (unsigned i = 0; i < KEEP + 1; i++)
        ses_h2_blocks_give(&blocks, taken[i]);
    assert_int_equal(blocks.count[7], KEEP);
    ses_h2_blocks_rest(&blocks);
    assert_int_equal(blocks.count[7], 0);
    assert_null(blocks.kept[7]);
    ses_h2_blocks_give(&none, ses_h2_blocks_take(&none, 100));
    assert_int_equal(none.count[7], 0);
    ses_h2_blocks_give(&none, NULL);
}

static void long_ones_are_the_heaps(void **state)
{
    struct ses_h2_blocks blocks = {.keep = KEEP};

    (void)state;
    ses_h2_blocks_give(&blocks, ses_h2_blocks_take(&blocks, 4096));
    for (unsigned i = 0; i <= SES_H2_BLOCK_LENGTHS; i++)
        assert_int_equal(blocks.count[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_back_is_taken_again),
        cmocka_unit_test(every_length_is_whole),
        cmocka_unit_test(no_more_are_kept_than_allowed),
        cmocka_unit_test(long_ones_are_the_heaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
