/* What a refusal says where there is no memory to say it with. */
#include "unit.h"

#include "refusal.h"

static void test_a_conflict_without_memory_says_something(void **state)
{
    struct ses_arena arena;
    struct ses_error error;

    (void)state;
    ses_arena_init(&arena, 1);
    ses_refusal_conflict(&error, &arena, SES_NAMING_SESSION_TOKEN, 1, false);
    assert_int_equal(error.status, SES_ALREADY_EXISTS);
    assert_true(error.message.len > 0);
    assert_true(error.metadata[0].value.len > 0);
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_conflict_without_memory_says_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
