/* In a process that wipes, what was given back cannot be read any more. The switch has no way back, so the tests of what is not
 * wiped come first. */
#include <sessiond/base/arena.h>
#include <sessiond/base/buf.h>
#include <sessiond/base/wiping.h>

#include "unit.h"

#define CARD "4111111145551142"

static const char *copy_card(struct ses_arena *arena)
{
    struct ses_slice copy;

    assert_ok(ses_arena_copy(arena, SES_STR(CARD), &copy));
    return (const char *)copy.data;
}

static bool is_wiped(const char *place)
{
    for (size_t i = 0; i < sizeof(CARD) - 1; i++) {
        if (place[i] != 0)
            return false;
    }
    return true;
}

/* The first chunk stays the arena's behind a reset and a rewind, so it may be looked at. */
static void test_an_arena(void **state)
{
    struct ses_arena arena;
    struct ses_arena_mark mark;
    const char *before;
    const char *behind;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    before = copy_card(&arena);
    ses_arena_reset(&arena);
    assert_false(is_wiped(before));
    ses_wiping_start();
    assert_true(ses_wiping_is_on());
    before = copy_card(&arena);
    mark = ses_arena_mark(&arena);
    behind = copy_card(&arena);
    ses_arena_rewind(&arena, mark);
    assert_true(is_wiped(behind));
    assert_false(is_wiped(before));
    ses_arena_reset(&arena);
    assert_true(is_wiped(before));
    ses_arena_done(&arena);
}

static void test_bytes(void **state)
{
    char bytes[sizeof(CARD)] = CARD;

    (void)state;
    ses_wiping_wipe(bytes, sizeof(bytes) - 1);
    assert_true(is_wiped(bytes));
    ses_wiping_wipe(NULL, 0);
}

/* What grows is moved, and what it leaves is wiped: tests/integration/test_gateway_memory.py looks for it. */
static void test_a_buffer_keeps_its_bytes(void **state)
{
    struct ses_buf buf;

    (void)state;
    ses_buf_init(&buf, 1 << 16);
    assert_ok(ses_buf_append(&buf, SES_STR(CARD)));
    assert_ok(ses_buf_reserve(&buf, 5000));
    assert_slice_equal(ses_buf_view(&buf), CARD);
    ses_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_arena),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_a_buffer_keeps_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
