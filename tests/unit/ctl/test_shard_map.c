/* What all shards together say of their slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shard_map.h"

static struct shard_map map;
static struct shard_map before;

/* Shard 0 has all slots, the others none. */
static void begin(unsigned count)
{
    memset(&map, 0, sizeof(map));
    map.count = count;
    for (unsigned i = 0; i < count; i++)
        map.known[i] = true;
    memset(map.look[0].slot, SES_PG_SLOT_OWN, SES_PG_SLOTS);
}

static void give(unsigned shard, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < map.count; i++)
        memset(map.look[i].slot + first, i == shard ? SES_PG_SLOT_OWN : SES_PG_SLOT_GONE, count);
}

static enum slot_verdict verdict_of(unsigned slot)
{
    enum slot_verdict verdict[SES_PG_SLOTS];

    shard_map_judge(&map, verdict);
    return verdict[slot];
}

static void test_verdicts(void **state)
{
    (void)state;
    begin(3);
    assert_int_equal(verdict_of(7), SLOT_FINE);
    map.look[1].slot[7] = SES_PG_SLOT_OWN;
    assert_int_equal(verdict_of(7), SLOT_SHARED);
    map.look[0].slot[7] = SES_PG_SLOT_GONE;
    assert_int_equal(verdict_of(7), SLOT_FINE);
    assert_int_equal(shard_map_owner(&map, 7), 1);
    map.look[1].slot[7] = SES_PG_SLOT_GONE;
    assert_int_equal(verdict_of(7), SLOT_NOBODYS);
    assert_int_equal(shard_map_owner(&map, 7), -1);
    map.known[2] = false;
    assert_int_equal(verdict_of(7), SLOT_UNKNOWN);
    map.look[1].slot[7] = SES_PG_SLOT_LEAVING;
    assert_int_equal(verdict_of(7), SLOT_LEFT);
    assert_int_equal(shard_map_leaver(&map, 7), 1);
    memcpy(map.look[1].mover, "me", 3);
    assert_int_equal(verdict_of(7), SLOT_MOVING);
}

/* Somebody else's mover says nothing of the shard that has them on their way. */
static void test_a_mover_elsewhere(void **state)
{
    (void)state;
    begin(3);
    map.look[0].slot[7] = SES_PG_SLOT_LEAVING;
    memcpy(map.look[2].mover, "me", 3);
    assert_int_equal(verdict_of(7), SLOT_LEFT);
}

static void test_rows_that_are_left(void **state)
{
    (void)state;
    begin(2);
    map.look[1].left[9] = true;
    assert_int_equal(verdict_of(9), SLOT_UNCLEAN);
    assert_int_equal(shard_map_unclean(&map, 9), 1);
    assert_int_equal(verdict_of(8), SLOT_FINE);
}

/* A shard that was read before a move and one that was read behind it seem to have the same slot. */
static void test_two_readings(void **state)
{
    enum slot_verdict earlier[SES_PG_SLOTS];
    enum slot_verdict now[SES_PG_SLOTS];

    (void)state;
    begin(2);
    map.look[1].slot[3] = SES_PG_SLOT_OWN;
    map.look[1].slot[4] = SES_PG_SLOT_OWN;
    shard_map_judge(&map, earlier);
    map.look[0].slot[3] = SES_PG_SLOT_GONE;
    map.look[1].slot[5] = SES_PG_SLOT_OWN;
    shard_map_judge(&map, now);
    shard_map_agree(earlier, now);
    assert_int_equal(now[3], SLOT_FINE);
    assert_int_equal(now[4], SLOT_SHARED);
    assert_int_equal(now[5], SLOT_FINE);
}

static void test_ranges(void **state)
{
    bool wanted[SES_PG_SLOTS] = {false};
    struct slot_range range;
    char text[SLOT_RANGE_SIZE];

    (void)state;
    assert_false(slot_range_next(wanted, 0, &range));
    wanted[0] = wanted[5] = wanted[6] = wanted[SES_PG_SLOTS - 1] = true;
    assert_true(slot_range_next(wanted, 0, &range));
    assert_string_equal(slot_range_text(&range, text), "0");
    assert_true(slot_range_next(wanted, range.last + 1, &range));
    assert_string_equal(slot_range_text(&range, text), "5-6");
    assert_true(slot_range_next(wanted, range.last + 1, &range));
    assert_string_equal(slot_range_text(&range, text), "4095");
    assert_false(slot_range_next(wanted, range.last + 1, &range));
}

static void test_choices(void **state)
{
    static const char *const wrong[] = {"",
                                        "0",
                                        "4097",
                                        "-1",
                                        "x",
                                        "5-",
                                        "-5",
                                        "5-4",
                                        "0-4096",
                                        "1-2-3",
                                        "1 ",
                                        "1-x",
                                        "99999999999999999999"};
    struct slot_choice choice;

    (void)state;
    assert_true(slot_choice_read("4096", &choice));
    assert_int_equal(choice.count, 4096);
    assert_true(slot_choice_read("0-4095", &choice));
    assert_int_equal(choice.count, 0);
    assert_int_equal(choice.range.first, 0);
    assert_int_equal(choice.range.last, 4095);
    assert_true(slot_choice_read("7-7", &choice));
    assert_int_equal(choice.range.last, 7);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(slot_choice_read(wrong[i], &choice));
}

/* Played, the moves leave every shard with its part. */
static void expect_even(unsigned moves_expected)
{
    struct slot_move moves[SES_PG_SHARDS_MAX];
    unsigned count = shard_map_balance(&map, moves);
    unsigned owned[SES_PG_SHARDS_MAX];

    assert_int_equal(count, moves_expected);
    for (unsigned i = 0; i < map.count; i++)
        owned[i] = shard_map_owned(&map, i);
    for (unsigned i = 0; i < count; i++) {
        assert_int_not_equal(moves[i].from, moves[i].to);
        assert_true(moves[i].count > 0 && moves[i].count <= owned[moves[i].from]);
        owned[moves[i].from] -= moves[i].count;
        owned[moves[i].to] += moves[i].count;
    }
    for (unsigned i = 0; i < map.count; i++)
        assert_in_range(owned[i], SES_PG_SLOTS / map.count, (SES_PG_SLOTS + map.count - 1) / map.count);
}

static void test_balance(void **state)
{
    (void)state;
    begin(1);
    expect_even(0);
    begin(2);
    expect_even(1);
    give(1, 0, 2048);
    expect_even(0);
    begin(3);
    expect_even(2);
    give(1, 1000, 3000);
    expect_even(2);
    begin(SES_PG_SHARDS_MAX);
    expect_even(SES_PG_SHARDS_MAX - 1);
}

static void beat(struct shard_map *in, unsigned shard, uint8_t machine, int64_t n)
{
    struct ses_pg_shard_look *look = &in->look[shard];

    memset(look->beats[look->beats_count].machine, machine, SES_PG_MACHINE_BYTES);
    look->beats[look->beats_count++].n = n;
}

/* 1 serves both, 2 only the first, 3 is no more, 4 has just begun there. */
static void test_machines(void **state)
{
    struct ses_pg_beat beats[SES_PG_BEATS_MAX];

    (void)state;
    begin(2);
    before = map;
    for (uint8_t machine = 1; machine <= 3; machine++)
        beat(&before, 0, machine, 10);
    beat(&before, 1, 1, 5);
    beat(&before, 1, 2, 5); /* it knew the shard once */
    beat(&map, 0, 1, 11);
    beat(&map, 0, 2, 12);
    beat(&map, 0, 3, 10);
    beat(&map, 0, 4, 1);
    beat(&map, 1, 1, 6);
    beat(&map, 1, 2, 5);
    assert_int_equal(shard_map_missing(&before, &map, 1, beats), 2);
    assert_int_equal(beats[0].machine[0], 2);
    assert_int_equal(beats[1].machine[0], 4);
    assert_int_equal(shard_map_missing(&before, &map, 0, beats), 0);
    assert_int_equal(shard_map_beating(&before, &map, 0, beats), 3);
    assert_int_equal(shard_map_beating(&before, &map, 1, beats), 1);
    map.known[1] = false; /* what was not read shows nobody */
    assert_int_equal(shard_map_beating(&before, &map, 1, beats), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_a_mover_elsewhere),
        cmocka_unit_test(test_rows_that_are_left),
        cmocka_unit_test(test_two_readings),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_balance),
        cmocka_unit_test(test_machines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
