#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "census.h"

#define NOW_MS 1000000u

static struct census census;

static int setup(void **state)
{
    (void)state;
    return census_init(&census, NOW_MS) == SES_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    census_done(&census);
    return 0;
}

/* One record; key and session are told by small numbers. 0 stands for the first session, revision 1, a
 * session that still lives. */
struct given {
    unsigned shard;
    uint64_t key;
    uint8_t session;
    uint32_t revision;
    enum ses_record_kind kind;
    uint64_t expires_ms;
    enum ses_status opened;
};

#define GIVEN(...) ((struct given){__VA_ARGS__})

static bool add(struct given given)
{
    struct ses_record record = {
        .kind = given.kind == 0 ? SES_RECORD_SESSION : given.kind,
        .revision = given.revision == 0 ? 1 : given.revision,
        .expires_ms = given.expires_ms == 0 ? NOW_MS + 1 : given.expires_ms,
    };
    struct ses_scan_row row = {
        .shard = given.shard, .record = &record, .sealed_bytes = 10, .opened = given.opened};
    bool duplicate = false;

    memcpy(record.key.bytes, &given.key, sizeof(given.key));
    record.session_id[0] = given.session == 0 ? 1 : given.session;
    assert_int_equal(census_add(&census, &row, &duplicate), SES_OK);
    return duplicate;
}

static void check(unsigned shard, uint64_t current, uint64_t superseded, uint64_t expired, uint64_t damaged)
{
    assert_int_equal(census.shard[shard].current, current);
    assert_int_equal(census.shard[shard].superseded, superseded);
    assert_int_equal(census.shard[shard].expired, expired);
    assert_int_equal(census.shard[shard].damaged, damaged);
}

static void newest_revision_is_current_in_any_order(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.shard = 1, .key = 7, .revision = 2)));
    assert_false(add(GIVEN(.shard = 0, .key = 7, .revision = 1)));
    assert_false(add(GIVEN(.shard = 2, .key = 7, .revision = 3)));
    check(0, 0, 1, 0, 0);
    check(1, 0, 1, 0, 0);
    check(2, 1, 0, 0, 0);
    assert_int_equal(census.duplicates, 0);
    assert_int_equal(census_total(&census).current, 1);
    assert_int_equal(census_total(&census).superseded, 2);
    assert_int_equal(census_total(&census).sealed_bytes, 30);
    assert_int_equal(census.shards, 3);
}

static void two_sessions_of_one_key_are_a_duplicate(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.shard = 0, .key = 7, .session = 1)));
    assert_true(add(GIVEN(.shard = 1, .key = 7, .session = 2)));
    assert_int_equal(census.duplicates, 1);
    assert_true(add(GIVEN(.shard = 1, .key = 7, .session = 3)));
    assert_int_equal(census.duplicates, 1); /* keys are counted */
    assert_false(add(GIVEN(.shard = 1, .key = 7, .session = 1, .revision = 2)));
    assert_int_equal(census.duplicates, 0); /* nobody sees either of them any more */
}

/* Garbage collection appends a record that must live on again, the old copy leaves later. */
static void copy_of_a_record_is_no_duplicate(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.key = 7)));
    assert_false(add(GIVEN(.key = 7)));
    check(0, 1, 1, 0, 0);
    assert_int_equal(census.duplicates, 0);
}

static void session_beats_the_intent_of_its_revision(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.key = 7, .session = 1, .kind = SES_RECORD_INTENT)));
    assert_int_equal(census.shard[0].intents, 1);
    assert_false(add(GIVEN(.key = 7, .session = 2)));
    assert_int_equal(census.shard[0].intents, 0);
    check(0, 1, 1, 0, 0);
    assert_false(add(GIVEN(.key = 7, .session = 3, .kind = SES_RECORD_INTENT)));
    check(0, 1, 2, 0, 0);
    assert_int_equal(census.duplicates, 0);
}

/* As a session's, whatever follows it. */
static void inbox_beats_the_intent_of_its_revision(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.key = 7, .session = 1, .kind = SES_RECORD_INTENT)));
    assert_false(add(GIVEN(.key = 7, .kind = SES_RECORD_INBOX)));
    check(0, 1, 1, 0, 0);
    assert_true(add(GIVEN(.key = 7, .session = 2)));
    assert_int_equal(census.duplicates, 1);
}

/* An expired record is out of the running, whatever its revision: its key may have been made anew. */
static void expired_records_do_not_compete(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.key = 7, .session = 1, .revision = 9, .expires_ms = NOW_MS)));
    assert_false(add(GIVEN(.key = 7, .session = 2, .revision = 1)));
    check(0, 1, 0, 1, 0);
    assert_false(add(GIVEN(.key = 8, .expires_ms = UINT64_MAX)));
    check(0, 2, 0, 1, 0);
}

static void damaged_records_are_counted_apart(void **state)
{
    (void)state;
    assert_false(add(GIVEN(.shard = 3, .key = 7, .opened = SES_DATA_LOSS)));
    assert_false(add(GIVEN(.shard = 3, .key = 7, .session = 2)));
    check(3, 1, 0, 0, 1);
    assert_int_equal(census.duplicates, 0);
}

static void table_grows(void **state)
{
    (void)state;
    for (uint64_t key = 0; key < 20000; key++)
        assert_false(add(GIVEN(.shard = key % 2 == 0 ? 0 : 1, .key = key * 4096,
                               .revision = 5))); /* one bucket at first */
    for (uint64_t key = 0; key < 20000; key++)
        assert_true(add(GIVEN(.key = key * 4096, .session = 2, .revision = 5)));
    check(0, 10000, 20000, 0, 0);
    check(1, 10000, 0, 0, 0);
    assert_int_equal(census.duplicates, 20000);
}

static void impossible_shard_is_refused(void **state)
{
    struct ses_record record = {.kind = SES_RECORD_SESSION};
    struct ses_scan_row row = {.shard = SES_STORE_SHARDS_MAX, .record = &record};
    bool duplicate = false;

    (void)state;
    assert_int_equal(census_add(&census, &row, &duplicate), SES_OUT_OF_RANGE);
}

int main(void)
{
#define WITH_CENSUS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_CENSUS(newest_revision_is_current_in_any_order),
        WITH_CENSUS(two_sessions_of_one_key_are_a_duplicate),
        WITH_CENSUS(copy_of_a_record_is_no_duplicate),
        WITH_CENSUS(session_beats_the_intent_of_its_revision),
        WITH_CENSUS(inbox_beats_the_intent_of_its_revision),
        WITH_CENSUS(expired_records_do_not_compete),
        WITH_CENSUS(damaged_records_are_counted_apart),
        WITH_CENSUS(table_grows),
        WITH_CENSUS(impossible_shard_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
