#include "store_fixture.h"

#include <pthread.h>
#include <signal.h>

#include "table.h"

static struct table_probe probe_of(const struct ses_table *table, uint64_t number)
{
    struct ses_store_key key = key_of(number);
    struct table_probe probe;

    ses_table_probe(table, &key, &probe);
    return probe;
}

/* Entries of a key, in whatever state. */
static unsigned count_entries(const struct ses_table *table, uint64_t number)
{
    struct table_probe probe = probe_of(table, number);
    unsigned count = 0;

    for (unsigned i = 0; i < TABLE_PROBE_SLOTS; i++)
        count += atomic_load(table_tag(table, probe_slot(&probe, i))) == probe.tag;
    return count;
}

static void test_words(void **state)
{
    uint64_t word = word_make(WORD_LIVE_INTENT, 63, LOCATOR_MAX);

    (void)state;
    assert_int_equal(word_state(word), WORD_LIVE_INTENT);
    assert_int_equal(word_shard(word), 63);
    assert_true(word_low(word) == LOCATOR_MAX);
    assert_true(word_is_live(word) && meta_is_intent(word));
    assert_false(word_is_live(word_make(WORD_CLAIMED, 63, LOCATOR_MAX)));
    assert_false(word_is_live(word_make(WORD_DELETING, 63, LOCATOR_MAX)));
    assert_false(meta_is_intent(meta_make(RETAIN_NEVER, UINT32_MAX)));
    assert_int_equal(meta_retain(meta_make(5, 9)), 5);
    assert_int_equal(meta_revision(meta_make(5, 9)), 9);
}

static void test_times(void **state)
{
    uint64_t now = STORE_EPOCH_MS + 123456789;

    (void)state;
    assert_true(locator_ms(locator_floor(now)) == now);
    assert_true(locator_floor(0) == 0);
    assert_true(locator_floor(UINT64_MAX) == LOCATOR_MAX);
    assert_int_equal(retain_of(0), 0);
    assert_int_equal(retain_of(STORE_EPOCH_MS + 1), 1); /* rounded up */
    assert_int_equal(retain_of(STORE_EPOCH_MS + 1000), 1);
    assert_int_equal(retain_of(UINT64_MAX), RETAIN_NEVER);
    assert_false(retain_is_over(RETAIN_NEVER, UINT64_MAX));
    assert_false(retain_is_over(2, STORE_EPOCH_MS + 1999));
    assert_true(retain_is_over(2, STORE_EPOCH_MS + 2000));
}

static void test_candidates_differ(void **state)
{
    struct ses_table *table;

    (void)state;
    assert_ok(ses_table_create(1, &table)); /* the smallest: collisions are common */
    for (uint64_t i = 0; i < 10000; i++) {
        struct table_probe probe = probe_of(table, i);

        assert_true(probe.bucket[0] != probe.bucket[1] && probe.bucket[1] != probe.bucket[2] &&
                    probe.bucket[0] != probe.bucket[2]);
        assert_true(probe.bucket[0] < table->buckets_count && probe.bucket[1] < table->buckets_count &&
                    probe.bucket[2] < table->buckets_count);
    }
    ses_table_close(table);
}

/* A load fills region by region, several threads side by side: a key's candidates must not leave its region,
 * and the regions must fill alike, or one is full before the table is. */
static void test_candidates_share_a_region(void **state)
{
    struct ses_table *table;
    uint64_t *keys;
    uint64_t regions;

    (void)state;
    assert_ok(ses_table_create(100000, &table));
    regions = table_regions(table);
    assert_true(regions > 3 && table->buckets_count == regions * TABLE_REGION_BUCKETS);
    keys = calloc(regions, sizeof(*keys));
    assert_non_null(keys);
    for (uint64_t i = 0; i < 100000; i++) {
        struct table_probe probe = probe_of(table, i);
        uint64_t region = probe.bucket[0] / TABLE_REGION_BUCKETS;

        assert_true(region < regions);
        assert_true(probe.bucket[1] / TABLE_REGION_BUCKETS == region &&
                    probe.bucket[2] / TABLE_REGION_BUCKETS == region);
        keys[region]++;
    }
    for (uint64_t i = 0; i < regions; i++)
        assert_in_range(keys[i], 100000 / regions * 96 / 100, 100000 / regions * 104 / 100);
    free(keys);
    ses_table_close(table);
}

static void test_insert_publish_free(void **state)
{
    struct table_probe probe;
    struct table_entry entry;
    struct ses_table *table;
    uint64_t live = word_make(WORD_LIVE, 3, 77);
    uint64_t slot;
    uint64_t word;
    uint64_t used;
    uint64_t room;

    (void)state;
    assert_ok(ses_table_create(1000, &table));
    probe = probe_of(table, 1);
    assert_false(ses_table_find(table, &probe, &entry));
    assert_ok(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word));
    assert_int_equal(word_state(word), WORD_CLAIMED);
    assert_int_equal(word_shard(word), 3);
    assert_true(ses_table_find(table, &probe, &entry));
    assert_true(entry.slot == slot && entry.word == word && entry.previous == 0);
    assert_int_equal(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word), SES_BUSY);
    ses_table_publish(table, entry.slot, live, meta_make(10, 1));
    assert_true(ses_table_find(table, &probe, &entry));
    assert_true(entry.word == live && entry.previous == live);
    assert_int_equal(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word), SES_ALREADY_EXISTS);
    assert_false(ses_table_take(table, entry.slot, live + 1, WORD_CLAIMED, 4, &word));
    assert_true(ses_table_take(table, entry.slot, live, WORD_CLAIMED, 4, &word));
    assert_int_equal(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word), SES_ALREADY_EXISTS);
    ses_table_usage(table, &used, &room);
    assert_int_equal(used, 1);
    assert_true(room >= 1000);
    ses_table_release(table, 4, entry.slot, meta_make(10, 1));
    assert_true(ses_table_find(table, &probe, &entry) && entry.word == live);
    ses_table_free_slot(table, 4, entry.slot);
    assert_false(ses_table_find(table, &probe, &entry));
    assert_int_equal(count_entries(table, 1), 0);
    ses_table_usage(table, &used, &room);
    assert_int_equal(used, 0);
    ses_table_close(table);
}

static void test_claim_words_are_never_the_same(void **state)
{
    struct ses_table *table;
    uint64_t last = 0;

    (void)state;
    assert_ok(ses_table_create(1000, &table));
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t word = ses_table_claim_word(table, 5, WORD_CLAIMED);

        assert_true(word > last);
        last = word;
    }
    ses_table_close(table);
}

static void test_tentative_rivals(void **state)
{
    struct table_probe probe;
    struct table_entry entry;
    struct ses_table *table;
    uint64_t slot;
    uint64_t word;

    (void)state;
    assert_ok(ses_table_create(1000, &table));
    probe = probe_of(table, 1);
    /* A rival that died while tentative, at the lowest slot, then at the highest: busy both times, nothing
     * left behind. */
    for (unsigned i = 0; i < TABLE_PROBE_SLOTS; i += TABLE_PROBE_SLOTS - 1) {
        uint64_t at = probe_slot(&probe, i);

        atomic_store(table_word(table, at), ses_table_claim_word(table, 9, WORD_TENTATIVE));
        atomic_store(table_tag(table, at), probe.tag);
        assert_false(ses_table_find(table, &probe, &entry));
        assert_int_equal(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word), SES_BUSY);
        assert_int_equal(count_entries(table, 1), 1);
        ses_table_free_slot(table, 9, at);
    }
    /* One that has no tag yet does not count: it will see us. */
    atomic_store(table_word(table, probe_slot(&probe, 0)), ses_table_claim_word(table, 9, WORD_TENTATIVE));
    assert_ok(ses_table_insert(table, &probe, 3, SES_OWNER_NOBODY, &slot, &word));
    ses_table_close(table);
}

static void fill_up(uint64_t sessions_max)
{
    struct ses_table *table;
    uint64_t inserted = 0;
    uint64_t used;
    uint64_t room;
    uint64_t slot;
    uint64_t word;

    assert_ok(ses_table_create(sessions_max, &table));
    ses_table_usage(table, &used, &room);
    assert_true(room >= sessions_max);
    for (uint64_t i = 0; i < table_slots(table); i++) {
        struct table_probe probe = probe_of(table, i);
        enum ses_status status = ses_table_insert(table, &probe, 0, SES_OWNER_NOBODY, &slot, &word);

        if (status == SES_OK)
            inserted++;
        else
            assert_int_equal(status, SES_FULL);
        if (i < room)
            assert_int_equal(status, SES_OK); /* not one refusal up to the promised number */
    }
    assert_true(inserted > room && inserted <= table_slots(table));
    ses_table_usage(table, &used, &room);
    assert_int_equal(used, inserted);
    ses_table_close(table);
}

static void test_full_table(void **state)
{
    (void)state;
    fill_up(10000);
    fill_up(100000); /* several regions */
}

static void test_too_large(void **state)
{
    struct ses_table *table;

    (void)state;
    assert_int_equal(ses_table_create(UINT64_MAX, &table), SES_NO_MEMORY);
}

/* ---- many at once: each winner counts itself in a cell of the key; two at a time are an error ---- */

#define CROWD_KEYS   16
#define CROWD_ROUNDS 100000
#define CROWD_SIZE   4

struct crowd {
    struct ses_table *table;
    _Atomic unsigned *holders; /* [CROWD_KEYS], shared */
    _Atomic unsigned *wins;
    _Atomic unsigned *errors;
};

struct member {
    struct crowd *crowd;
    unsigned shard;
    unsigned rounds;
};

static void take_turn(struct crowd *crowd, unsigned shard, uint64_t number, unsigned round)
{
    struct table_probe probe = probe_of(crowd->table, number);
    uint64_t slot;
    uint64_t word;

    if (ses_table_insert(crowd->table, &probe, shard, SES_OWNER_NOBODY, &slot, &word) != SES_OK)
        return;
    if (atomic_fetch_add(&crowd->holders[number], 1) != 0)
        (void)atomic_fetch_add(crowd->errors, 1);
    (void)atomic_fetch_add(crowd->wins, 1);
    if (round % 3 == 0) { /* published, taken again, then freed as the garbage collection does it */
        uint64_t live = word_make(WORD_LIVE, shard, word_low(word));

        ses_table_publish(crowd->table, slot, live, meta_make(1, 1));
        if (!ses_table_take(crowd->table, slot, live, WORD_DELETING, shard, &word))
            (void)atomic_fetch_add(crowd->errors, 1);
    }
    (void)atomic_fetch_sub(&crowd->holders[number], 1);
    ses_table_free_slot(crowd->table, shard, slot);
}

static void *member_run(void *arg)
{
    struct member *member = arg;
    uint64_t random = 88172645463325252u + member->shard;

    for (unsigned i = 0; i < member->rounds; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        take_turn(member->crowd, member->shard, random % CROWD_KEYS, i);
    }
    return NULL;
}

static void crowd_init(struct crowd *crowd)
{
    _Atomic unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(shared != MAP_FAILED);
    crowd->holders = shared;
    crowd->wins = shared + CROWD_KEYS;
    crowd->errors = shared + CROWD_KEYS + 1;
    assert_ok(ses_table_create(40, &crowd->table)); /* few buckets: all keys meet */
}

static void crowd_check(struct crowd *crowd)
{
    assert_int_equal(*crowd->errors, 0);
    assert_true(*crowd->wins > CROWD_ROUNDS / 10);
    for (uint64_t slot = 0; slot < table_slots(crowd->table); slot++) {
        assert_true(atomic_load(table_word(crowd->table, slot)) == 0);
        assert_true(atomic_load(table_tag(crowd->table, slot)) == 0);
        assert_true(atomic_load(table_previous(crowd->table, slot)) == 0);
    }
    ses_table_close(crowd->table);
}

static void test_crowd_of_threads(void **state)
{
    struct member members[CROWD_SIZE];
    pthread_t threads[CROWD_SIZE];
    struct crowd crowd;

    (void)state;
    crowd_init(&crowd);
    for (unsigned i = 0; i < CROWD_SIZE; i++) {
        members[i] = (struct member){&crowd, i, CROWD_ROUNDS};
        assert_int_equal(pthread_create(&threads[i], NULL, member_run, &members[i]), 0);
    }
    for (unsigned i = 0; i < CROWD_SIZE; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    crowd_check(&crowd);
}

static void test_crowd_of_processes(void **state)
{
    pid_t pids[CROWD_SIZE];
    struct crowd crowd;

    (void)state;
    crowd_init(&crowd);
    for (unsigned i = 0; i < CROWD_SIZE; i++) {
        struct member member = {&crowd, i, CROWD_ROUNDS};

        pids[i] = unit_fork();
        if (pids[i] == 0) {
            (void)member_run(&member);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < CROWD_SIZE; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    crowd_check(&crowd);
}

#define PUBLISHES 2000000

struct publisher {
    struct ses_table *table;
    uint64_t slot;
    uint64_t word; /* the first one */
    _Atomic bool over;
};

static void *publish_often(void *arg)
{
    struct publisher *p = arg;
    uint64_t live = p->word;

    for (uint64_t i = 2; i < PUBLISHES; i++) {
        uint64_t claimed;

        if (!ses_table_take(p->table, p->slot, live, WORD_CLAIMED, 0, &claimed))
            abort();
        live = word_make(WORD_LIVE, 0, i);
        ses_table_publish(p->table, p->slot, live, meta_make(1, 1));
    }
    p->over = true;
    return NULL;
}

/* While an entry is live, word and previous are the same record, to whoever looks and whenever: a claim saves
 * nothing then, and a death between two stores is harmless. A word that is the same before and behind the
 * look was there all the time. */
static void test_a_live_word_is_never_ahead_of_previous(void **state)
{
    struct publisher p = {.word = word_make(WORD_LIVE, 0, 1)};
    struct table_probe probe;
    uint64_t seen = 0;
    uint64_t word;
    pthread_t thread;

    (void)state;
    assert_ok(ses_table_create(1000, &p.table));
    probe = probe_of(p.table, 1);
    assert_ok(ses_table_insert(p.table, &probe, 0, SES_OWNER_NOBODY, &p.slot, &word));
    ses_table_publish(p.table, p.slot, p.word, meta_make(1, 1));
    assert_int_equal(pthread_create(&thread, NULL, publish_often, &p), 0);
    while (!p.over) {
        uint64_t before = atomic_load(table_word(p.table, p.slot));
        uint64_t previous = atomic_load(table_previous(p.table, p.slot));

        if (!word_is_live(before) || atomic_load(table_word(p.table, p.slot)) != before)
            continue;
        assert_true(previous == before);
        seen++;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(table_previous(p.table, p.slot)) == word_make(WORD_LIVE, 0, PUBLISHES - 1));
    (void)seen; /* how often depends on the machine: with one processor, not at all */
    ses_table_close(p.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_live_word_is_never_ahead_of_previous),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_candidates_differ),
        cmocka_unit_test(test_candidates_share_a_region),
        cmocka_unit_test(test_insert_publish_free),
        cmocka_unit_test(test_claim_words_are_never_the_same),
        cmocka_unit_test(test_tentative_rivals),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_crowd_of_threads),
        cmocka_unit_test(test_crowd_of_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
