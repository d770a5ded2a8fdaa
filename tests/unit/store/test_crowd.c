/* Worker slots as processes of their own, killed by SIGKILL at random instants and started again, on the same
 * keys. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/prctl.h>

#include "store_lmdb_impl.h"

#define SLOTS     4
#define KEYS      1000
#define KILLS     80
#define IN_FLIGHT 32

/* Shared by all processes. */
struct tally {
    _Atomic uint32_t acked[KEYS];   /* acknowledged puts of the key */
    _Atomic uint32_t highest[KEYS]; /* highest acknowledged revision */
    _Atomic unsigned errors;
    _Atomic unsigned rounds;
    _Atomic bool stop;
};

struct crowd {
    struct rig *rig;
    struct tally *tally;
    bool updates;
};

struct flight {
    struct tally *tally;
    unsigned number;
    uint32_t revision;
};

static void on_acked(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct flight *flight = arg;
    _Atomic uint32_t *highest = &flight->tally->highest[flight->number];
    uint32_t seen = atomic_load(highest);

    (void)written;
    if (status != SES_OK) {
        (void)atomic_fetch_add(&flight->tally->errors, 1);
        return;
    }
    (void)atomic_fetch_add(&flight->tally->acked[flight->number], 1);
    while (seen < flight->revision && !atomic_compare_exchange_weak(highest, &seen, flight->revision))
        ;
}

static enum ses_status claim_next(struct crowd *crowd, struct ses_lmdb *store, unsigned number,
                                  struct ses_claim *claim)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    enum ses_status status;
    bool claimed;

    ses_arena_reset(&crowd->rig->arena);
    status = ses_lmdb_get(store, &key, &crowd->rig->arena, &record, &ref, &claimed);
    if (status == SES_NOT_FOUND)
        return ses_claim_new(store, &key, SES_OWNER_NOBODY, claim);
    if (status == SES_OK) {
        /* What was acknowledged before we looked must be there. */
        return crowd->updates ? ses_claim_ref(store, &key, &ref, record.revision, claim) : SES_ALREADY_EXISTS;
    }
    if (status != SES_BUSY)
        (void)atomic_fetch_add(&crowd->tally->errors, 1);
    return status;
}

static unsigned next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (unsigned)(*random >> 33);
}

static void run_slot(struct crowd *crowd, unsigned slot, unsigned round)
{
    struct ses_record record = record_of("a body of ordinary size, as far as it goes", UINT64_MAX);
    uint64_t random = ((uint64_t)slot + 1) * 0x9e3779b97f4a7c15u ^ ((uint64_t)round << 17);
    struct flight flights[IN_FLIGHT];
    struct ses_lmdb *store;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    crowd->rig->wake_fd = eventfd(0, EFD_NONBLOCK); /* not the one that the other slots read */
    store = rig_open(crowd->rig, slot);
    while (!atomic_load(&crowd->tally->stop)) {
        for (unsigned i = 0; i < IN_FLIGHT; i++) {
            unsigned number = next_random(&random) % KEYS;
            uint32_t before = atomic_load(&crowd->tally->highest[number]);
            struct ses_claim claim;

            if (claim_next(crowd, store, number, &claim) != SES_OK)
                continue;
            if (claim.revision <= before) /* an acknowledged revision would be written again */
                (void)atomic_fetch_add(&crowd->tally->errors, 1);
            flights[i] = (struct flight){crowd->tally, number, claim.revision};
            memcpy(record.session_id, &number, sizeof(number));
            if (next_random(&random) % 16 == 0)
                ses_claim_release(store, &claim);
            else if (ses_claim_put(store, &claim, &record, on_acked, &flights[i]) != SES_OK)
                (void)atomic_fetch_add(&crowd->tally->errors, 1);
        }
        rig_wait(crowd->rig, store);
        (void)atomic_fetch_add(&crowd->tally->rounds, 1);
    }
    ses_lmdb_close(store);
}

static pid_t start_slot(struct crowd *crowd, unsigned slot, unsigned round)
{
    pid_t pid = unit_fork();

    if (pid == 0) {
        run_slot(crowd, slot, round);
        _exit(0);
    }
    return pid;
}

static void torment(struct crowd *crowd)
{
    uint64_t random = ses_clock_mono_ns() | 1;
    pid_t pids[SLOTS];
    int status;

    for (unsigned slot = 0; slot < SLOTS; slot++)
        pids[slot] = start_slot(crowd, slot, 0);
    for (unsigned round = 1; round <= KILLS; round++) {
        unsigned slot = next_random(&random) % SLOTS;

        (void)usleep(next_random(&random) % 30000);
        assert_int_equal(kill(pids[slot], SIGKILL), 0);
        assert_int_equal(waitpid(pids[slot], &status, 0), pids[slot]);
        assert_true(WIFSIGNALED(status)); /* it had not failed by itself */
        pids[slot] = start_slot(crowd, slot, round);
    }
    atomic_store(&crowd->tally->stop, true);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        assert_int_equal(waitpid(pids[slot], &status, 0), pids[slot]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(atomic_load(&crowd->tally->errors), 0);
    assert_true(atomic_load(&crowd->tally->rounds) > 0);
}

static unsigned count_entries(const struct ses_table *table, unsigned number)
{
    struct ses_store_key key = key_of(number);
    struct table_probe probe;
    unsigned count = 0;

    ses_table_probe(table, &key, &probe);
    for (unsigned i = 0; i < TABLE_PROBE_SLOTS; i++)
        count += atomic_load(table_tag(table, probe_slot(&probe, i))) == probe.tag;
    return count;
}

struct census {
    uint32_t records[KEYS];
    uint32_t highest[KEYS];
    uint64_t revisions[KEYS]; /* sum, to find one that is there twice */
};

static bool on_row(void *arg, const struct ses_scan_row *row)
{
    struct census *census = arg;
    struct ses_store_key key;
    unsigned number;

    memcpy(&number, row->record->session_id, sizeof(number));
    key = key_of(number);
    assert_int_equal(row->opened, SES_OK);
    assert_true(number < KEYS);
    assert_memory_equal(&row->record->key, &key, sizeof(key));
    census->records[number]++;
    census->revisions[number] += row->record->revision;
    if (row->record->revision > census->highest[number])
        census->highest[number] = row->record->revision;
    return true;
}

/* Every acknowledged put is on disk, no revision is there twice, none is missing in between, one entry for
 * each key. */
static void check_key(struct crowd *crowd, struct ses_lmdb *store, const struct census *census,
                      unsigned number)
{
    uint32_t acked = atomic_load(&crowd->tally->acked[number]);
    uint64_t n = census->records[number];

    assert_true(n >= acked);
    assert_true(census->highest[number] == n);
    assert_true(census->revisions[number] == n * (n + 1) / 2);
    assert_int_equal(count_entries(crowd->rig->table, number), n != 0);
    if (n == 0)
        assert_absent(crowd->rig, store, number);
    else
        assert_stored(crowd->rig, store, number, "a body of ordinary size, as far as it goes", (uint32_t)n);
}

static void check_all(struct crowd *crowd)
{
    struct census *census = calloc(1, sizeof(*census));
    struct ses_lmdb *store;

    crowd->rig->wake_fd = eventfd(0, EFD_NONBLOCK);
    assert_ok(ses_store_scan(crowd->rig->dir, &crowd->rig->seal_key, 1, on_row, census));
    for (unsigned slot = 0; slot < SLOTS; slot++) /* settles what the last kills left */
        ses_lmdb_close(rig_open(crowd->rig, slot));
    store = rig_open(crowd->rig, 0);
    for (unsigned number = 0; number < KEYS; number++) {
        ses_arena_reset(&crowd->rig->arena);
        check_key(crowd, store, census, number);
    }
    ses_lmdb_close(store);
    free(census);
}

static void run_crowd(struct rig *rig, bool updates)
{
    struct crowd crowd = {.rig = rig, .updates = updates};
    uint64_t sessions;
    uint64_t used;
    uint64_t room;

    crowd.tally = mmap(NULL, sizeof(*crowd.tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(crowd.tally != MAP_FAILED);
    torment(&crowd);
    check_all(&crowd);
    ses_table_usage(rig->table, &used, &room);
    rig_new_table(rig, RIG_SESSIONS); /* and again after a full stop */
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &sessions));
    assert_in_range(sessions, 1, KEYS);
    assert_in_range(used, sessions > KILLS ? sessions - KILLS : 0, sessions + KILLS);
    check_all(&crowd);
    (void)munmap(crowd.tally, sizeof(*crowd.tally));
}

static void test_each_key_once(void **state)
{
    run_crowd(*state, false);
}

static void test_each_revision_once(void **state)
{
    run_crowd(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_key_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_each_revision_once, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
