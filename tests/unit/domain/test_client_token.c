/* The client tokens that a session names: each once, no more than there is room for, and none dropped before its end. */
#include <sessiond/domain/client_token.h>

#include "unit.h"

#define NOW 1000u

static struct ses_client_token token_of(uint8_t number, uint64_t ends_ms)
{
    return (struct ses_client_token){
        .key = {number}, .connector = SES_STR("adyen"), .kind = 4, .made_ms = 1, .ends_ms = ends_ms};
}

static enum ses_status name(struct ses_session *session, struct ses_client_token token,
                            struct ses_arena *arena)
{
    return ses_client_token_name(session, &token, NOW, arena);
}

static void fill(struct ses_session *session, struct ses_arena *arena)
{
    for (uint8_t i = 0; i < SES_CLIENT_TOKENS_MAX; i++)
        assert_int_equal(name(session, token_of(i, NOW + 1 + i), arena), SES_OK);
}

static void test_each_is_named_once(void **state)
{
    struct ses_session session = {.status = SES_SESSION_OPEN};
    struct ses_client_token token = token_of(1, NOW + 5);
    struct ses_client_token other = token_of(1, NOW + 9);
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    assert_null(ses_client_token_find(&session, token.key));
    assert_false(ses_client_token_named(&session, &token));
    assert_int_equal(name(&session, token, &arena), SES_OK);
    assert_true(ses_client_token_named(&session, &token));
    assert_false(ses_client_token_named(&session, &other)); /* of another end */
    assert_int_equal(name(&session, other, &arena), SES_OK);
    assert_int_equal(session.client_tokens_count, 1);
    assert_int_equal(ses_client_token_find(&session, token.key)->ends_ms, NOW + 9);
    ses_arena_done(&arena);
}

static void test_another_one_where_all_are_taken(void **state)
{
    struct ses_session session = {.status = SES_SESSION_OPEN};
    struct ses_client_token known = token_of(3, NOW + 99);
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    fill(&session, &arena);
    assert_false(ses_client_token_room(&session, token_of(99, 0).key, NOW));
    assert_int_equal(name(&session, token_of(99, NOW + 1), &arena), SES_RESOURCE_EXHAUSTED);
    assert_true(ses_client_token_room(&session, known.key, NOW));
    assert_int_equal(name(&session, known, &arena), SES_OK);
    assert_int_equal(session.client_tokens_count, SES_CLIENT_TOKENS_MAX);
    ses_arena_done(&arena);
}

static void test_one_that_has_ended_makes_room(void **state)
{
    struct ses_session session = {.status = SES_SESSION_OPEN};
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    fill(&session, &arena);
    session.client_tokens[5].ends_ms = NOW;
    assert_true(ses_client_token_room(&session, token_of(99, 0).key, NOW));
    assert_int_equal(name(&session, token_of(99, NOW + 1), &arena), SES_OK);
    assert_int_equal(session.client_tokens_count, SES_CLIENT_TOKENS_MAX);
    assert_null(ses_client_token_find(&session, token_of(5, 0).key));
    assert_non_null(ses_client_token_find(&session, token_of(4, 0).key));
    assert_non_null(ses_client_token_find(&session, token_of(6, 0).key));
    assert_int_equal(session.client_tokens[SES_CLIENT_TOKENS_MAX - 1].key[0], 99);
    ses_arena_done(&arena);
}

static void test_no_memory(void **state)
{
    struct ses_session session = {.status = SES_SESSION_OPEN};
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1);
    assert_int_equal(name(&session, token_of(1, NOW + 1), &arena), SES_NO_MEMORY);
    assert_int_equal(session.client_tokens_count, 0);
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_named_once),
        cmocka_unit_test(test_another_one_where_all_are_taken),
        cmocka_unit_test(test_one_that_has_ended_makes_room),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
