/* A case on fresh stores for each seed, and what all cases do: start an operation, pump until its end, look. */
#include "contract.h"

#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "unit_clock.h"

#define ARENA_BYTES (1u << 20)
#define CASES_MAX   32

static const struct contract_driver *const drivers[] = {
    &contract_toy_sync,    &contract_toy_late,  &contract_toy_either,  &contract_toy_faulty, &contract_lmdb,
    &contract_moving_know, &contract_moving_pg, &contract_moving_lmdb, &contract_moving,     &contract_pg,
    &contract_pg_faulty,   &contract_pg_cut,    &contract_pg_failover, &contract_pg_moving};

static const struct contract_driver *driver; /* of this program's run */
static uint64_t only_seed;                   /* 0: all */
static struct rig *running;

/* ---- the stores */

void rig_open(struct rig *rig, unsigned number)
{
    rig->store[number] = rig->driver->open(rig->data, number);
    assert_non_null(rig->store[number]);
}

void rig_close(struct rig *rig, unsigned number)
{
    ses_store_close(rig->store[number]);
    rig->store[number] = NULL;
}

static struct rig *rig_new(uint64_t seed)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    rig->driver = driver;
    rig->seed = seed;
    rig->data = driver->data_new(seed);
    ses_arena_init(&rig->arena, ARENA_BYTES);
    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        rig_open(rig, number);
    return rig;
}

static void rig_free(struct rig *rig)
{
    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        rig_close(rig, number);
    rig->driver->data_free(rig->data);
    ses_arena_done(&rig->arena);
    free(rig);
}

static void pump(struct rig *rig)
{
    if (rig->driver->turn != NULL)
        rig->driver->turn(rig->data);
    for (unsigned number = 0; number < CONTRACT_STORES; number++) {
        if (rig->store[number] == NULL)
            continue;
        ses_store_complete(rig->store[number]);
        ses_store_flush(rig->store[number]); /* what done put too, before anybody rests */
    }
}

static size_t pending(const struct rig *rig)
{
    size_t count = 0;

    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        count += rig->store[number] != NULL ? ses_store_pending(rig->store[number]) : 0;
    return count;
}

static bool is_quiet(const struct rig *rig)
{
    bool quiet = true;

    for (unsigned number = 0; number < CONTRACT_STORES; number++) {
        if (rig->store[number] != NULL && rig->driver->quiet != NULL)
            quiet = rig->driver->quiet(rig->data, rig->store[number]) && quiet;
    }
    return quiet;
}

void rig_pump(struct rig *rig)
{
    pump(rig);
    if (rig->driver->rest != NULL && (pending(rig) > 0 || !is_quiet(rig)))
        rig->driver->rest(rig->data);
}

/* A release is not pending and takes its time all the same: more pumps than any driver here needs. */
void rig_settle(struct rig *rig)
{
    RIG_UNTIL(rig, pending(rig) == 0 && is_quiet(rig));
    for (unsigned i = 0; i < 16; i++)
        pump(rig);
}

void rig_pass_ms(struct rig *rig, uint64_t ms)
{
    if (rig->driver->pass != NULL)
        rig->driver->pass(rig->data, ms);
    else
        unit_clock_pass_ms(ms);
}

/* ---- one operation */

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    struct call *call = SES_CONTAINER(op, struct call, op);

    call->ends++;
    call->status = status;
}

void call_init(struct call *call)
{
    *call = (struct call){.op = {.done = on_done}};
}

enum ses_status call_end(struct rig *rig, struct call *call, enum ses_status returned)
{
    unsigned ends = returned == SES_PENDING ? 1 : 0;

    if (returned == SES_PENDING)
        RIG_UNTIL(rig, call->ends > 0);
    assert_int_equal(call->ends, ends);
    return ends == 1 ? call->status : returned;
}

struct ses_store_key key_of(uint64_t number)
{
    struct ses_store_key key = {{(uint8_t)number}};

    for (size_t i = 1; i < sizeof(key.bytes); i++)
        key.bytes[i] = (uint8_t)(number * 31 + i * 17);
    return key;
}

struct ses_record record_of(uint64_t number, enum ses_record_kind kind, const char *body)
{
    struct ses_record record = {.key = key_of(number),
                                .kind = kind,
                                .revision = 4711, /* ignored */
                                .expires_ms = UINT64_MAX,
                                .body = ses_slice_str(body)};

    if (kind <= SES_RECORD_INTENT)
        memcpy(record.session_id, "0123456789abcde", sizeof(record.session_id));
    return record;
}

struct seen rig_get(struct rig *rig, unsigned store, uint64_t number)
{
    struct ses_store_key key = key_of(number);
    struct seen seen;
    struct call call;

    call_init(&call);
    seen.status = call_end(rig, &call, ses_store_get(rig->store[store], &call.op, &key, &rig->arena));
    seen.version = call.op.version;
    seen.leased = call.op.leased;
    seen.record = call.op.record;
    return seen;
}

enum ses_status rig_put_record(struct rig *rig, unsigned store, struct ses_store_version expect,
                               const struct ses_record *record)
{
    struct call call;

    call_init(&call);
    return call_end(rig, &call,
                    ses_store_put(rig->store[store], &call.op, &expect, record, SES_OWNER_NOBODY));
}

enum ses_status rig_put(struct rig *rig, unsigned store, uint64_t number, struct ses_store_version expect,
                        const char *body)
{
    struct ses_record record = record_of(number, SES_RECORD_SESSION, body);

    return rig_put_record(rig, store, expect, &record);
}

enum ses_status rig_lease(struct rig *rig, unsigned store, uint64_t number, struct ses_store_version expect,
                          const char *body, struct ses_store_lease *ret_lease)
{
    struct ses_record record = record_of(number, SES_RECORD_INTENT, body);
    struct call call;

    call_init(&call);
    return call_end(rig, &call,
                    ses_store_lease(rig->store[store], &call.op, &expect, &record, SES_OWNER_NOBODY,
                                    CONTRACT_LONG, ret_lease));
}

enum ses_status rig_put_leased(struct rig *rig, unsigned store, struct ses_store_lease *lease,
                               uint64_t number, const char *body)
{
    struct ses_record record = record_of(number, SES_RECORD_SESSION, body);
    struct call call;

    call_init(&call);
    return call_end(rig, &call,
                    ses_store_put_leased(rig->store[store], &call.op, lease, &record, SES_OWNER_NOBODY));
}

struct ses_store_version rig_create(struct rig *rig, uint64_t number, const char *body)
{
    assert_ok(rig_put(rig, 0, number, SES_VERSION_ABSENT, body));
    return rig_get(rig, 0, number).version;
}

struct ses_store_lease rig_leased(struct rig *rig, uint64_t number, struct ses_store_version expect)
{
    struct ses_store_lease lease;

    assert_ok(rig_lease(rig, 0, number, expect, "intent", &lease));
    assert_true(lease.held);
    return lease;
}

bool version_equal(struct ses_store_version a, struct ses_store_version b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

void assert_one_holds(struct rig *rig, unsigned count, struct call *calls, const enum ses_status *returned,
                      struct ses_store_lease *leases)
{
    unsigned winners = 0;

    for (unsigned i = 0; i < count; i++) {
        enum ses_status status = call_end(rig, &calls[i], returned[i]);

        assert_true(status == SES_OK || status == SES_BUSY);
        assert_int_equal(leases[i].held, status == SES_OK);
        winners += leases[i].held ? 1 : 0;
    }
    assert_int_equal(winners, 1);
    for (unsigned i = 0; i < count; i++)
        ses_store_release(rig->store[i % CONTRACT_STORES], &leases[i], SES_LEASE_FORGET_INTENT);
}

void assert_shown(struct rig *rig, uint64_t number, enum ses_record_kind kind, const char *body, bool leased)
{
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        struct seen seen = rig_get(rig, store, number);

        assert_int_equal(seen.status, body != NULL ? SES_OK : SES_NOT_FOUND);
        assert_int_equal(seen.leased, leased);
        assert_int_equal(version_equal(seen.version, SES_VERSION_ABSENT), body == NULL);
        if (body == NULL)
            continue;
        assert_int_equal(seen.record.kind, kind);
        assert_true(ses_slice_eq_str(seen.record.body, body));
    }
}

/* ---- the program */

static void run_case(void **state)
{
    const struct contract_case *tried = *state;

    for (uint64_t seed = 1; seed <= driver->seeds; seed++) {
        if (only_seed != 0 && seed != only_seed)
            continue;
        running = rig_new(seed);
        tried->run(running);
        rig_free(running);
        running = NULL;
    }
}

/* After a failure the stores stay open: what is pending may lie in the case's own frame, which is gone. */
static int end_case(void **state)
{
    (void)state;
    if (running != NULL)
        print_message("failed with driver %s, seed %llu\n", driver->name, (unsigned long long)running->seed);
    running = NULL;
    return 0;
}

static bool applies(const struct contract_case *tried)
{
    return (driver->traits & tried->needs) == tried->needs && (driver->traits & tried->lacks) == 0;
}

static const struct contract_driver *find_driver(const char *name)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}

int contract_main(int argc, char **argv, const struct contract_case *cases, size_t count)
{
    static struct contract_case kept[CASES_MAX]; /* cmocka hands them on as they were not const */
    struct CMUnitTest tests[CASES_MAX];
    size_t tests_count = 0;

    driver = argc > 1 ? find_driver(argv[1]) : NULL;
    if (driver == NULL || count > CASES_MAX) {
        (void)fprintf(stderr, "usage: %s DRIVER [SEED]\n", argv[0]);
        return 2;
    }
    if (argc > 2)
        only_seed = strtoull(argv[2], NULL, 10);
    ses_random_init();
    for (size_t i = 0; i < count; i++) {
        kept[i] = cases[i];
        if (applies(&kept[i]))
            tests[tests_count++] = (struct CMUnitTest){kept[i].name, run_case, NULL, end_case, &kept[i]};
    }
    return _cmocka_run_group_tests(driver->name, tests, tests_count, NULL, NULL);
}
