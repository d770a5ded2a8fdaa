/* Places for keys: found again, the least recently used one goes, no two keys share one. */
#include "unit.h"

#include <sessiond/base/lru.h>

#define PLACES 8

static void make_key(uint32_t number, uint8_t ret_key[SES_HASH_BYTES])
{
    memset(ret_key, 0, SES_HASH_BYTES);
    ret_key[0] = (uint8_t)(number % 3); /* few buckets: chains are used */
    memcpy(ret_key + 8, &number, sizeof(number));
}

/* What a user keeps by place: whose place it is. */
struct table {
    struct ses_lru *lru;
    uint32_t owner[PLACES];
};

static void add(struct table *table, uint32_t number)
{
    uint8_t key[SES_HASH_BYTES];
    size_t place;

    make_key(number, key);
    place = ses_lru_add(table->lru, key);
    assert_true(place < PLACES);
    table->owner[place] = number;
}

static bool has(struct table *table, uint32_t number)
{
    uint8_t key[SES_HASH_BYTES];
    size_t place = PLACES;

    make_key(number, key);
    if (!ses_lru_find(table->lru, key, &place))
        return false;
    assert_true(place < PLACES);
    assert_int_equal(table->owner[place], number);
    return true;
}

static void places_are_given_in_order_until_all_are_taken(void **state)
{
    struct ses_lru *lru;
    uint8_t key[SES_HASH_BYTES];

    (void)state;
    assert_ok(ses_lru_new(PLACES, &lru));
    for (uint32_t i = 0; i < PLACES; i++) {
        assert_int_equal(ses_lru_count(lru), i);
        make_key(i, key);
        assert_int_equal(ses_lru_add(lru, key), i);
    }
    make_key(PLACES, key);
    assert_int_equal(ses_lru_add(lru, key), 0);
    assert_int_equal(ses_lru_count(lru), PLACES);
    ses_lru_free(lru);
    ses_lru_free(NULL);
}

static void a_use_keeps_a_key(void **state)
{
    struct table table;

    (void)state;
    assert_ok(ses_lru_new(3, &table.lru));
    assert_false(has(&table, 1));
    for (uint32_t i = 1; i <= 3; i++)
        add(&table, i);
    assert_true(has(&table, 1)); /* now 2 is the oldest */
    add(&table, 4);
    assert_false(has(&table, 2));
    assert_true(has(&table, 1) && has(&table, 3) && has(&table, 4));
    ses_lru_free(table.lru);
}

/* Keys that differ in their last byte only, in one bucket. */
static void the_whole_key_is_compared(void **state)
{
    struct ses_lru *lru;
    uint8_t key[SES_HASH_BYTES] = {0};
    size_t place;

    (void)state;
    assert_ok(ses_lru_new(2, &lru));
    assert_int_equal(ses_lru_add(lru, key), 0);
    key[SES_HASH_BYTES - 1] = 1;
    assert_false(ses_lru_find(lru, key, &place));
    assert_int_equal(ses_lru_add(lru, key), 1);
    ses_lru_free(lru);
}

static void against_a_plain_model(struct table *table, size_t places)
{
    uint32_t model[PLACES];
    size_t used = 0;
    uint32_t dice = 1;

    assert_ok(ses_lru_new(places, &table->lru));
    for (int turn = 0; turn < 20000; turn++) {
        uint32_t number = (dice = dice * 1664525u + 1013904223u) >> 28; /* 0 .. 15 */
        size_t at = 0;

        while (at < used && model[at] != number)
            at++;
        assert_int_equal(has(table, number), at < used);
        if (at == used) {
            add(table, number);
            at = used < places ? used++ : places - 1;
        }
        memmove(model + 1, model, at * sizeof(model[0]));
        model[0] = number;
    }
    ses_lru_free(table->lru);
}

static void every_size_does_as_a_plain_model(void **state)
{
    struct table table;

    (void)state;
    for (size_t places = 1; places <= PLACES; places++)
        against_a_plain_model(&table, places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_given_in_order_until_all_are_taken),
        cmocka_unit_test(a_use_keeps_a_key),
        cmocka_unit_test(the_whole_key_is_compared),
        cmocka_unit_test(every_size_does_as_a_plain_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
