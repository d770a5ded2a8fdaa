/* The driver: each function of the contract makes a statement and starts it. */
#include "toy_store.h"

#include "toy_impl.h"

#include <stdlib.h>

#define PUMPS_USUAL 4

static struct toy_statement *new_statement(enum toy_call call, struct ses_store_op *op,
                                           const struct ses_store_key *key)
{
    struct toy_statement *statement = calloc(1, sizeof(*statement));

    SES_REQUIRE(statement != NULL);
    *statement = (struct toy_statement){.call = call, .op = op, .key = *key};
    return statement;
}

/* With a copy of the body behind it. */
static struct toy_revision *new_revision(struct toy_store *store, const struct ses_record *record)
{
    struct toy_revision *revision = malloc(sizeof(*revision) + record->body.len);
    uint8_t *body;

    SES_REQUIRE(revision != NULL);
    body = (uint8_t *)(revision + 1);
    revision->references = 1;
    revision->write_id[0] = ++store->cloud->ids;
    revision->write_id[1] = toy_random(store, UINT64_MAX);
    revision->write_id[2] = toy_random(store, UINT64_MAX);
    revision->record = *record;
    revision->record.body = ses_slice(body, record->body.len);
    if (record->body.len > 0)
        memcpy(body, record->body.data, record->body.len);
    return revision;
}

static struct toy_statement *new_write(enum toy_call call, struct toy_store *store, struct ses_store_op *op,
                                       const struct ses_store_version *expect,
                                       const struct ses_record *record)
{
    struct toy_statement *statement = new_statement(call, op, &record->key);

    statement->expect = *expect;
    statement->revision = new_revision(store, record);
    return statement;
}

/* What stood in the operation is no answer to this get. */
static enum ses_status get(struct ses_store *store, struct ses_store_op *op, const struct ses_store_key *key,
                           struct ses_arena *arena)
{
    struct toy_statement *statement = new_statement(TOY_GET, op, key);

    memset(&op->record, 0xa5, sizeof(op->record));
    statement->arena = arena;
    return toy_start(toy_of(store), statement);
}

static enum ses_status put(struct ses_store *store, struct ses_store_op *op,
                           const struct ses_store_version *expect, const struct ses_record *record,
                           ses_store_owner owner)
{
    (void)owner; /* room has no bound here */
    return toy_start(toy_of(store), new_write(TOY_PUT, toy_of(store), op, expect, record));
}

static enum ses_status start_lease(struct toy_store *store, struct toy_statement *statement, uint64_t for_ms,
                                   struct ses_store_lease *ret_lease)
{
    statement->lease = ret_lease;
    statement->lease_owner = ++store->cloud->ids;
    statement->for_ns = toy_lease_ns(store, for_ms);
    return toy_start(store, statement);
}

static enum ses_status lease(struct ses_store *base, struct ses_store_op *op,
                             const struct ses_store_version *expect, const struct ses_record *record,
                             ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *ret_lease)
{
    struct toy_store *store = toy_of(base);

    (void)owner;
    return start_lease(store, new_write(TOY_LEASE, store, op, expect, record), for_ms, ret_lease);
}

/* The same statement, with no record in it. */
static enum ses_status reserve(struct ses_store *base, struct ses_store_op *op,
                               const struct ses_store_version *expect, const struct ses_store_key *key,
                               ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *ret_lease)
{
    struct toy_statement *statement = new_statement(TOY_LEASE, op, key);

    (void)owner;
    statement->expect = *expect;
    return start_lease(toy_of(base), statement, for_ms, ret_lease);
}

static enum ses_status put_leased(struct ses_store *base, struct ses_store_op *op,
                                  struct ses_store_lease *held, const struct ses_record *record,
                                  ses_store_owner owner)
{
    struct toy_store *store = toy_of(base);
    struct toy_statement *statement = new_write(TOY_PUT_LEASED, store, op, &SES_VERSION_ABSENT, record);

    (void)owner;
    statement->lease = held;
    statement->lease_owner = held->driver[0];
    return toy_start(store, statement);
}

static void release(struct ses_store *store, struct ses_store_lease *held, enum ses_lease_end end)
{
    struct toy_statement *statement = new_statement(TOY_RELEASE, NULL, &held->key);

    statement->lease = held;
    statement->lease_owner = held->driver[0];
    statement->end = end;
    (void)!toy_start(toy_of(store), statement);
}

static size_t pending(const struct ses_store *store)
{
    return ((const struct toy_store *)(const void *)store)->pending;
}

static struct ses_store_health health(const struct ses_store *store)
{
    (void)store;
    return (struct ses_store_health){.writes = true};
}

static void maintain(struct ses_store *store)
{
    (void)store;
}

static const struct ses_store_driver driver = {
    .get = get,
    .put = put,
    .lease = lease,
    .reserve = reserve,
    .put_leased = put_leased,
    .release = release,
    .flush = toy_flush,
    .complete = toy_complete,
    .watch = toy_watch,
    .unwatch = toy_unwatch,
    .watch_dispatch = toy_watch_dispatch,
    .pending = pending,
    .health = health,
    .maintain = maintain,
    .close = toy_close,
};

struct ses_store *toy_open(struct toy_cloud *cloud, const struct toy_options *options)
{
    struct toy_store *store = calloc(1, sizeof(*store));

    SES_REQUIRE(store != NULL);
    store->base = (struct ses_store){&driver, SES_DURABILITY_REPLICA};
    store->cloud = cloud;
    store->options = *options;
    if (store->options.pumps_max == 0)
        store->options.pumps_max = PUMPS_USUAL;
    store->random = options->seed;
    store->thread = pthread_self();
    ses_list_init(&store->statements);
    ses_list_init(&store->told);
    ses_list_init(&store->watches);
    return &store->base;
}

struct toy_cloud *toy_cloud_of(struct ses_store *store)
{
    return toy_of(store)->cloud;
}

struct toy_faults *toy_faults(struct ses_store *store)
{
    return &toy_of(store)->options.faults;
}

void toy_plan(struct ses_store *store, enum toy_call call, unsigned skip, struct toy_fate fate)
{
    toy_of(store)->plans[call] = (struct toy_plan){true, skip, fate};
}

void toy_hold(struct ses_store *store, enum toy_call call, enum toy_gate gate)
{
    toy_of(store)->gates[call] = gate;
    if (gate == TOY_OPEN)
        toy_notify(toy_of(store));
}

void toy_freeze(struct ses_store *store)
{
    toy_of(store)->frozen = true;
}

void toy_thaw(struct ses_store *store)
{
    toy_of(store)->frozen = false;
    toy_notify(toy_of(store));
}

void toy_cut(struct ses_store *store)
{
    toy_of(store)->cut = true;
    toy_notify(toy_of(store));
}
