/* Slots as ranges of keys, and what a table says of all of them. */
#include "unit.h"

#include "move_side.h"

static void test_ranges(void **state)
{
    char text[PG_RANGE_SIZE];

    (void)state;
    ses_pg_range_text(0, 0, text);
    assert_string_equal(text, "key BETWEEN '\\x0000' AND decode('000f' || repeat('ff', 30), 'hex')");
    ses_pg_range_text(0x0ab, 0xffe, text);
    assert_string_equal(text, "key BETWEEN '\\x0ab0' AND decode('ffef' || repeat('ff', 30), 'hex')");
    ses_pg_range_text(0, SES_PG_SLOTS - 1, text);
    assert_string_equal(text, "key BETWEEN '\\x0000' AND decode('ffff' || repeat('ff', 30), 'hex')");
}

static void test_states(void **state)
{
    char text[SES_PG_SLOTS + 2];
    uint8_t slot[SES_PG_SLOTS];

    (void)state;
    memset(text, '1', sizeof(text));
    text[SES_PG_SLOTS] = '\0';
    text[3] = '2';
    text[SES_PG_SLOTS - 1] = '0';
    assert_true(ses_pg_slots_read(text, slot));
    assert_int_equal(slot[0], SES_PG_SLOT_OWN);
    assert_int_equal(slot[3], SES_PG_SLOT_LEAVING);
    assert_int_equal(slot[SES_PG_SLOTS - 1], SES_PG_SLOT_GONE);
    text[5] = '?';
    assert_false(ses_pg_slots_read(text, slot));
    text[5] = '1';
    text[SES_PG_SLOTS] = '1';
    text[SES_PG_SLOTS + 1] = '\0';
    assert_false(ses_pg_slots_read(text, slot));
    text[SES_PG_SLOTS - 1] = '\0';
    assert_false(ses_pg_slots_read(text, slot));
    assert_false(ses_pg_slots_read("", slot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges), cmocka_unit_test(test_states)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
