#include "store_fixture.h"

#include "load_batch.h"

#define SESSIONS 50000u
/* Room for a few thousand rows a half: a load of SESSIONS takes many rounds. */
#define FEW_BYTES (UINT64_C(512) << 10)

static struct record_row row_of(uint64_t number, uint32_t revision, enum ses_record_kind kind)
{
    return (struct record_row){
        .key = key_of(number), .kind = kind, .revision = revision, .retain = RETAIN_NEVER};
}

static void add(struct load_batch *batch, uint64_t locator, uint64_t number, uint32_t revision,
                enum ses_record_kind kind)
{
    struct record_row row = row_of(number, revision, kind);

    assert_ok(ses_load_batch_add(batch, (unsigned)(locator % 3), locator, &row));
}

static void assert_entry(const struct ses_table *table, uint64_t number, enum word_state state,
                         uint64_t locator, uint32_t revision)
{
    struct ses_store_key key = key_of(number);
    struct table_entry entry;
    struct table_probe probe;

    ses_table_probe(table, &key, &probe);
    assert_true(ses_table_find(table, &probe, &entry));
    assert_true(entry.word == word_make(state, (unsigned)(locator % 3), locator));
    assert_true(entry.previous == entry.word);
    assert_true(atomic_load(table_meta(table, entry.slot)) == meta_make(RETAIN_NEVER, revision));
}

/* Three revisions of every session, a round apart and more: the last one stands, wherever it was placed. */
static void load_three_revisions(uint64_t bytes_max)
{
    struct load_batch *batch;
    struct ses_table *table;
    uint64_t locator = 1;
    uint64_t used;
    uint64_t room;

    assert_ok(ses_table_create(SESSIONS, &table));
    assert_true(table_regions(table) > 1);
    assert_ok(ses_load_batch_new(table, bytes_max, &batch));
    for (uint32_t revision = 1; revision <= 3; revision++)
        for (uint64_t i = 0; i < SESSIONS; i++)
            add(batch, locator++, i, revision == 2 ? 3 : revision, SES_RECORD_SESSION);
    assert_ok(ses_load_batch_finish(batch));
    assert_int_equal(ses_load_batch_sessions(batch), SESSIONS);
    ses_load_batch_free(batch);
    ses_table_usage(table, &used, &room);
    assert_int_equal(used, SESSIONS);
    for (uint64_t i = 0; i < SESSIONS; i++)
        assert_entry(table, i, WORD_LIVE, 1 + 2 * SESSIONS + i, 3);
    ses_table_close(table);
}

static void test_one_round(void **state)
{
    (void)state;
    load_three_revisions(LOAD_BATCH_BYTES_MAX);
}

static void test_many_rounds(void **state)
{
    (void)state;
    load_three_revisions(FEW_BYTES);
}

static void test_higher_revision_stays(void **state)
{
    struct load_batch *batch;
    struct ses_table *table;

    (void)state;
    assert_ok(ses_table_create(10, &table));
    assert_ok(ses_load_batch_new(table, LOAD_BATCH_BYTES_MAX, &batch));
    add(batch, 5, 1, 7, SES_RECORD_SESSION);
    add(batch, 6, 1, 2, SES_RECORD_SESSION);
    add(batch, 7, 2, 1, SES_RECORD_SESSION);
    add(batch, 8, 2, 2, SES_RECORD_INTENT);
    add(batch, 9, 3, 1, SES_RECORD_INTENT);
    assert_int_equal(ses_load_batch_sessions(batch), 0); /* nothing is placed before it must be */
    assert_ok(ses_load_batch_finish(batch));
    assert_int_equal(ses_load_batch_sessions(batch), 3);
    assert_entry(table, 1, WORD_LIVE, 5, 7);
    assert_entry(table, 2, WORD_LIVE_INTENT, 8, 2);
    assert_entry(table, 3, WORD_LIVE_INTENT, 9, 1);
    ses_load_batch_free(batch);
    ses_table_close(table);
}

/* A server without sessions is ready at once: of its table not a byte is looked at. */
static void test_empty(void **state)
{
    struct load_batch *batch;
    struct ses_table *table;
    size_t bytes;

    (void)state;
    assert_ok(ses_table_create(100000, &table));
    bytes = table->buckets_count * sizeof(*table->buckets);
    assert_int_equal(mprotect(table->buckets, bytes, PROT_NONE), 0);
    assert_ok(ses_load_batch_new(table, LOAD_BATCH_BYTES_MAX, &batch));
    assert_ok(ses_load_batch_finish(batch));
    assert_int_equal(ses_load_batch_sessions(batch), 0);
    ses_load_batch_free(batch);
    ses_table_close(table);
}

/* Fills a running table far beyond the point where it first says full; returns how many keys it holds. */
static uint64_t fill_running(uint64_t sessions_max, uint64_t seed, uint64_t *ret_numbers, bool to_the_brim)
{
    struct ses_table *table;
    uint64_t refused = 0;
    uint64_t count = 0;

    assert_ok(ses_table_create(sessions_max, &table));
    for (uint64_t i = 0; refused < (to_the_brim ? table_slots(table) : 1); i++) {
        struct ses_store_key key = key_of(seed << 32 | i);
        struct table_probe probe;
        enum ses_status status;
        uint64_t slot;
        uint64_t word;

        ses_table_probe(table, &key, &probe);
        status = ses_table_insert(table, &probe, 0, SES_OWNER_NOBODY, &slot, &word);
        if (status == SES_OK)
            ret_numbers[count++] = seed << 32 | i;
        else
            refused++;
    }
    ses_table_close(table);
    return count;
}

static void load_in_another_order(uint64_t sessions_max, const uint64_t *numbers, uint64_t count)
{
    struct load_batch *batch;
    struct ses_table *table;

    assert_ok(ses_table_create(sessions_max, &table));
    assert_ok(ses_load_batch_new(table, LOAD_BATCH_BYTES_MAX, &batch));
    for (uint64_t i = 0; i < count; i++) /* 7919 is prime: every number once */
        add(batch, i + 1, numbers[i * 7919 % count], 1, SES_RECORD_SESSION);
    assert_ok(ses_load_batch_finish(batch));
    assert_int_equal(ses_load_batch_sessions(batch), count);
    for (uint64_t i = 0; i < count; i++)
        assert_entry(table, numbers[i * 7919 % count], WORD_LIVE, i + 1, 1);
    ses_load_batch_free(batch);
    ses_table_close(table);
}

/* What fitted while it ran fits after a restart, at the first SES_FULL and with hardly a slot left. */
static void test_what_fitted_fits(void **state)
{
    uint64_t *numbers = calloc(100000, sizeof(*numbers));

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t sessions_max = seed <= 3 ? 1000 : 30000;
        uint64_t count = fill_running(sessions_max, seed, numbers, seed % 3 != 0);

        assert_in_range(count, sessions_max * 100 / 65 * 80 / 100, 99999);
        assert_true(count % 7919 != 0);
        load_in_another_order(sessions_max, numbers, count);
    }
    free(numbers);
}

/* More rows than slots: refused at the latest by the end, and what was begun in the background is waited for.
 */
static void test_too_small_a_table(void **state)
{
    struct load_batch *batch;
    struct ses_table *table;
    enum ses_status status = SES_OK;

    (void)state;
    assert_ok(ses_table_create(1000, &table));
    assert_ok(ses_load_batch_new(table, FEW_BYTES, &batch));
    for (uint64_t i = 0; i < SESSIONS && status == SES_OK; i++) {
        struct record_row row = row_of(i, 1, SES_RECORD_SESSION);

        status = ses_load_batch_add(batch, 0, i + 1, &row);
    }
    if (status == SES_OK)
        status = ses_load_batch_finish(batch);
    assert_int_equal(status, SES_FULL);
    ses_load_batch_free(batch);
    ses_table_close(table);
}

static void test_no_memory_for_a_row(void **state)
{
    struct record_row row = row_of(1, 1, SES_RECORD_SESSION);
    struct load_batch *batch;
    struct ses_table *table;

    (void)state;
    assert_ok(ses_table_create(1000, &table));
    assert_ok(ses_load_batch_new(table, 0, &batch));
    assert_int_equal(ses_load_batch_add(batch, 0, 1, &row), SES_NO_MEMORY);
    ses_load_batch_free(batch);
    ses_table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_round),
        cmocka_unit_test(test_many_rounds),
        cmocka_unit_test(test_higher_revision_stays),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_what_fitted_fits),
        cmocka_unit_test(test_too_small_a_table),
        cmocka_unit_test(test_no_memory_for_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
