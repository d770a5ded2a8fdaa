/* Places for merchants: who keeps his, who loses it, and what a share of the loop's time lets through. */
#include "tally.h"

#include <math.h>
#include <stdlib.h>

#include <sessiond/base/units.h>

#include "unit.h"

#define START_NS  (1000 * SES_NS_PER_S)
#define WINDOW_NS (50 * SES_NS_PER_MS)
#define CALL_NS   30000.0

static struct ses_tally *tally;

static int setup(void **state)
{
    (void)state;
    assert_ok(ses_tally_new(&tally));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_tally_free(tally);
    return 0;
}

/* As good as a keyed hash. */
static uint64_t name(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) | 1;
}

/* A hundred thousand names come by: those with calls in progress stay where they are. */
static void test_who_is_at_work_keeps_the_place(void **state)
{
    struct ses_tally_entry *kept[100];

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        kept[i] = ses_tally_find(tally, name(i), START_NS);
        assert_non_null(kept[i]);
        kept[i]->running = 1;
    }
    for (uint64_t i = 1000; i < 101000; i++) {
        struct ses_tally_entry *entry = ses_tally_find(tally, name(i), START_NS + i);

        assert_true(entry == NULL || entry->running == 0);
    }
    for (uint64_t i = 0; i < 100; i++) {
        assert_ptr_equal(ses_tally_find(tally, name(i), START_NS), kept[i]);
        assert_int_equal(kept[i]->running, 1);
    }
}

/* Every place at work: a newcomer has none, and is told so. */
static void test_no_place(void **state)
{
    unsigned without = 0;

    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        struct ses_tally_entry *entry = ses_tally_find(tally, name(i), START_NS);

        without += entry == NULL ? 1 : 0;
        if (entry != NULL)
            entry->running++;
    }
    assert_true(without > 15000);
}

static void test_the_oldest_goes(void **state)
{
    struct ses_tally_entry *first = ses_tally_find(tally, 8 * 512 + 1, START_NS);

    (void)state;
    first->cost_ns = 1;
    for (uint64_t i = 2; i <= 8; i++) /* the same set */
        assert_non_null(ses_tally_find(tally, 8 * 512 * i + 1, START_NS + i));
    assert_ptr_equal(ses_tally_find(tally, 8 * 512 + 1, START_NS + 10), first); /* used again */
    assert_non_null(ses_tally_find(tally, 8 * 512 * 9 + 1, START_NS + 11));
    assert_true(first->cost_ns == 1);
    assert_true(ses_tally_find(tally, 8 * 512 * 2 + 1, START_NS + 12)->cost_ns == 0);
}

/* One merchant asks for eight times the room, ten others for a fiftieth each: these get all of it, and together they use
 * up the room. A model of twenty seconds. */
static void test_shares(void **state)
{
    enum { OTHERS = 10, GREEDY = OTHERS };
    double every_ns[OTHERS + 1], next_ns[OTHERS + 1], taken[OTHERS + 1] = {0}, asked[OTHERS + 1] = {0};
    double level = INFINITY, room = 0.9, end_ns = 20e9;

    (void)state;
    srand(9);
    for (int i = 0; i <= GREEDY; i++) {
        every_ns[i] = CALL_NS / (i == GREEDY ? 8 * room : 0.02);
        next_ns[i] = every_ns[i] * i / OTHERS;
    }
    for (double now = 0, window = (double)WINDOW_NS; now < end_ns; now += 10000) {
        for (int i = 0; i <= GREEDY; i++) {
            for (; next_ns[i] <= now; next_ns[i] += every_ns[i] * (0.5 + (double)(rand() % 1000) / 1000)) {
                uint64_t now_ns = START_NS + (uint64_t)now;
                bool goes = ses_tally_take_share(ses_tally_find(tally, name((uint64_t)i), now_ns), CALL_NS,
                                                 level, now_ns);

                asked[i] += now > end_ns / 2 ? 1 : 0;
                taken[i] += now > end_ns / 2 && goes ? 1 : 0;
            }
        }
        if (now >= window) {
            level = ses_tally_level(tally, room, (double)WINDOW_NS);
            window += (double)WINDOW_NS;
        }
    }
    double sum = 0;

    for (int i = 0; i <= GREEDY; i++)
        sum += taken[i] * CALL_NS / (end_ns / 2);
    for (int i = 0; i < OTHERS; i++)
        assert_true(taken[i] > 0.999 * asked[i]);
    assert_true(sum > 0.95 * room && sum < 1.02 * room);
    assert_true(fabs(level - 0.7) < 0.07);
}

/* A call that costs more than the whole burst at this level comes in all the same, and then nobody for long. */
static void test_one_is_never_too_large(void **state)
{
    struct ses_tally_entry *entry = ses_tally_find(tally, name(1), START_NS);

    (void)state;
    assert_true(ses_tally_take_share(entry, CALL_NS, 0.00001, START_NS));
    assert_false(ses_tally_take_share(entry, CALL_NS, 0.00001, START_NS + 2 * SES_NS_PER_S));
    assert_true(ses_tally_take_share(entry, CALL_NS, 0.00001, START_NS + 3 * SES_NS_PER_S));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_is_at_work_keeps_the_place),
        TEST(test_no_place),
        TEST(test_the_oldest_goes),
        TEST(test_shares),
        TEST(test_one_is_never_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
