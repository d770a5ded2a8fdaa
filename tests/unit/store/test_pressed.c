/* The warning that room gets short: once at 80 %, taken back once below 70 %, by the fuller of table and
 * shard. The amounts are set, not made. */
#include "store_fixture.h"

#include "store_lmdb_impl.h"

#define SLOT      3 /* of the table's count; the store that is tested writes another shard */
#define LOG_BYTES 4096
#define END       UINT64_MAX

struct told {
    unsigned filling;
    unsigned relieved;
};

static struct ses_lmdb *open_told(struct rig *rig, FILE **ret_log)
{
    struct ses_lmdb *store;

    *ret_log = tmpfile();
    assert_non_null(*ret_log);
    ses_log_init(&rig->log, fileno(*ret_log), SES_LOG_INFO, "test");
    rig->options.log = &rig->log;
    store = rig_open(rig, 0);
    create(rig, store, 1, "one record, the newest: collection leaves it where it is");
    return store;
}

static unsigned count_in(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        count++;
    return count;
}

/* What the log says so far. */
static struct told told_in(struct rig *rig, FILE *log)
{
    char text[LOG_BYTES];
    ssize_t n;

    ses_log_flush(&rig->log);
    n = pread(fileno(log), text, sizeof(text) - 1, 0);

    assert_true(n >= 0 && n < LOG_BYTES - 1);
    text[n] = '\0';
    return (struct told){count_in(text, "\"event\":\"store_filling\""),
                         count_in(text, "\"event\":\"store_relieved\"")};
}

/* The shard's bytes are what they are; its quota is set around them. */
static void tick_at(struct rig *rig, struct ses_lmdb *store, uint64_t table_percent, uint64_t bytes_percent)
{
    uint64_t bytes = atomic_load(&store->committer.commit.bytes_used);
    uint64_t others = atomic_load(&rig->table->shards[0].entries) > 0;
    uint64_t used;
    uint64_t room;

    ses_table_usage(rig->table, &used, &room);
    atomic_store(&rig->table->shards[SLOT].entries, (int64_t)((room * table_percent + 99) / 100 - others));
    store->quota_bytes = bytes_percent == 0 ? 0 : bytes * 100 / bytes_percent;
    ses_lmdb_tick(store);
}

static void tick_through(struct rig *rig, struct ses_lmdb *store, const uint64_t *table_percent)
{
    for (; *table_percent != END; table_percent++)
        tick_at(rig, store, *table_percent, 0);
}

/* After ticks at these fillings: so many lines, and the gauge. */
static void assert_told(struct rig *rig, FILE *log, unsigned filling, unsigned relieved)
{
    struct told told = told_in(rig, log);

    assert_int_equal(told.filling, filling);
    assert_int_equal(told.relieved, relieved);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_PRESSED]), filling - relieved);
}

static void close_told(struct ses_lmdb *store, FILE *log)
{
    ses_lmdb_close(store);
    (void)fclose(log);
}

static void test_table_warns_once_and_is_relieved_once(void **state)
{
    static const uint64_t below[] = {0, 50, 79, 70, 79, END};
    static const uint64_t between[] = {80, 81, 79, 80, 100, 71, 80, 70, 99, END};
    static const uint64_t after[] = {69, 70, 79, 0, 79, END};
    struct rig *rig = *state;
    FILE *log;
    struct ses_lmdb *store = open_told(rig, &log);

    tick_through(rig, store, below);
    assert_told(rig, log, 0, 0);
    tick_through(rig, store, between);
    assert_told(rig, log, 1, 0);
    tick_through(rig, store, after);
    assert_told(rig, log, 1, 1);
    tick_at(rig, store, 80, 0);
    assert_told(rig, log, 2, 1);
    close_told(store, log);
}

static void test_shard_warns_too(void **state)
{
    struct rig *rig = *state;
    FILE *log;
    struct ses_lmdb *store = open_told(rig, &log);

    tick_at(rig, store, 0, 79);
    assert_told(rig, log, 0, 0);
    tick_at(rig, store, 0, 80);
    tick_at(rig, store, 0, 70);
    assert_told(rig, log, 1, 0);
    tick_at(rig, store, 0, 69);
    assert_told(rig, log, 1, 1);
    close_told(store, log);
}

/* One of both has room again: nothing is over, and nothing new. */
static void test_the_fuller_one_counts(void **state)
{
    struct rig *rig = *state;
    FILE *log;
    struct ses_lmdb *store = open_told(rig, &log);

    tick_at(rig, store, 85, 10);
    tick_at(rig, store, 85, 85);
    tick_at(rig, store, 10, 75);
    assert_told(rig, log, 1, 0);
    tick_at(rig, store, 10, 10);
    assert_told(rig, log, 1, 1);
    close_told(store, log);
}

/* Without the warning's two limits: it may hurry as often as room gets short. */
static void test_collection_hurries_from_the_same_percent(void **state)
{
    static const uint64_t percent[] = {79, 80, 75, 80, 69, 81};
    struct rig *rig = *state;
    FILE *log;
    struct ses_lmdb *store = open_told(rig, &log);

    for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
        tick_at(rig, store, percent[i], 10);
        assert_int_equal(atomic_load(&store->committer.commit.gc_pressed), percent[i] >= 80);
        assert_int_equal(ses_store_is_pressed(rig->shared), percent[i] >= 80);
        tick_at(rig, store, 10, percent[i]);
        assert_int_equal(atomic_load(&store->committer.commit.gc_pressed), percent[i] >= 80);
        assert_false(ses_store_is_pressed(rig->shared)); /* the table alone */
    }
    close_told(store, log);
}

/* The gauge lies in the slot's metrics, which outlive the worker. */
static void test_a_predecessors_gauge_goes(void **state)
{
    struct rig *rig = *state;
    FILE *log;
    struct ses_lmdb *store;

    ses_gauge_set(rig->metrics, SES_C_STORE_PRESSED, 1);
    store = open_told(rig, &log);
    tick_at(rig, store, 10, 10);
    assert_told(rig, log, 0, 0);
    close_told(store, log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table_warns_once_and_is_relieved_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_shard_warns_too, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_the_fuller_one_counts, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_collection_hurries_from_the_same_percent, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_predecessors_gauge_goes, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
