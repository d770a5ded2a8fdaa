/* The cache of verified tokens: finds, forgets the least recently used, never mixes two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "token_cache.h"

static void make_key(uint32_t number, uint8_t ret_key[SES_HASH_BYTES])
{
    memset(ret_key, 0, SES_HASH_BYTES);
    ret_key[0] = (uint8_t)(number % 3); /* few buckets: chains are used */
    memcpy(ret_key + 8, &number, sizeof(number));
}

static void put(struct ses_token_cache *cache, uint32_t number)
{
    struct ses_token_facts facts = {.generation = number};
    uint8_t key[SES_HASH_BYTES];

    make_key(number, key);
    ses_token_cache_put(cache, key, &facts);
}

static bool has(struct ses_token_cache *cache, uint32_t number)
{
    struct ses_token_facts facts;
    uint8_t key[SES_HASH_BYTES];

    make_key(number, key);
    if (!ses_token_cache_get(cache, key, &facts))
        return false;
    assert_int_equal(facts.generation, number);
    return true;
}

static void test_least_recently_used_goes(void **state)
{
    struct ses_token_cache *cache = NULL;

    (void)state;
    assert_int_equal(ses_token_cache_new(4, &cache), SES_OK);
    assert_false(has(cache, 1));
    for (uint32_t i = 1; i <= 4; i++)
        put(cache, i);
    assert_true(has(cache, 1)); /* now 2 is the oldest */
    put(cache, 5);
    assert_false(has(cache, 2));
    assert_true(has(cache, 1));
    put(cache, 1); /* known: nothing happens */
    put(cache, 6);
    assert_false(has(cache, 3));
    assert_true(has(cache, 4) && has(cache, 5) && has(cache, 6) && has(cache, 1));
    ses_token_cache_free(cache);
}

static void test_room_for_one(void **state)
{
    struct ses_token_cache *cache = NULL;

    (void)state;
    assert_int_equal(ses_token_cache_new(1, &cache), SES_OK);
    for (uint32_t i = 0; i < 10; i++) {
        put(cache, i);
        assert_true(has(cache, i));
        assert_false(i > 0 && has(cache, i - 1));
    }
    ses_token_cache_free(cache);
    ses_token_cache_free(NULL);
}

static void test_against_a_plain_model(void **state)
{
    struct ses_token_cache *cache = NULL;
    uint32_t model[8];
    size_t used = 0;
    uint32_t dice = 1;

    (void)state;
    assert_int_equal(ses_token_cache_new(8, &cache), SES_OK);
    for (int turn = 0; turn < 20000; turn++) {
        uint32_t number = (dice = dice * 1664525u + 1013904223u) >> 28; /* 0 .. 15 */
        size_t at = 0;

        while (at < used && model[at] != number)
            at++;
        assert_int_equal(has(cache, number), at < used);
        if (at == used) {
            put(cache, number);
            at = used < 8 ? used++ : 7;
        }
        memmove(model + 1, model, at * sizeof(model[0]));
        model[0] = number;
    }
    ses_token_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_recently_used_goes),
        cmocka_unit_test(test_room_for_one),
        cmocka_unit_test(test_against_a_plain_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
