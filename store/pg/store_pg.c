/* The driver: shards on the caller's loop, which of them has a key, and when they turn.
 *
 * Whatever a link tells only asks for a turn, at the loop's next one: several answers that came at once make one
 * batch of what follows. Statements of a turn of the caller's go by flush, at once.
 */
#include <sessiond/store/store_pg.h>

#include <stdlib.h>
#include <uv.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "shard.h"
#include "store_pg_impl.h"

#define RETAIN_MS     60000 /* a row is kept for so long when its time is over */
#define CLOSE_MS      5000  /* what is pending has so long to end */
#define CLOSE_TURN_MS 10

struct ses_pg {
    struct ses_store base;
    struct ses_pg_options options;
    uv_timer_t timer; /* the next turn */
    bool notified;    /* and complete was not called since */
    bool timer_closed;
    unsigned shards_count;
    struct pg_shard shards[];
};

static struct ses_pg *pg_of(struct ses_store *base)
{
    return SES_CONTAINER(base, struct ses_pg, base);
}

/* ---- turning ---- */

static void on_timer(uv_timer_t *timer);

/* A millisecond at least: libuv runs a timer that is due again inside of its own call before it looks at a socket. */
static void arm(struct ses_pg *store, uint64_t due_ns, uint64_t now_ns)
{
    uint64_t ms = due_ns <= now_ns ? 1 : (due_ns - now_ns + SES_NS_PER_MS - 1) / SES_NS_PER_MS;

    if (due_ns == UINT64_MAX)
        (void)uv_timer_stop(&store->timer);
    else
        (void)uv_timer_start(&store->timer, on_timer, ms, 0);
}

static bool has_news(const struct ses_pg *store)
{
    bool news = false;

    for (unsigned i = 0; i < store->shards_count; i++)
        news = news || ses_pg_shard_has_news(&store->shards[i]);
    return news && !store->notified;
}

/* The weakest of all: any key may be anywhere. */
static enum ses_durability durability_of(const struct ses_pg *store)
{
    enum ses_durability weakest = SES_DURABILITY_REPLICA;

    for (unsigned i = 0; i < store->shards_count; i++) {
        if (ses_pg_link_durability(store->shards[i].link) != SES_DURABILITY_REPLICA)
            weakest = SES_DURABILITY_DISK;
    }
    return weakest;
}

static void turn(struct ses_pg *store)
{
    uint64_t now_ns = ses_clock_mono_ns();
    uint64_t due_ns = UINT64_MAX;

    for (unsigned i = 0; i < store->shards_count; i++) {
        uint64_t its_ns = ses_pg_shard_turn(&store->shards[i], now_ns);

        due_ns = its_ns < due_ns ? its_ns : due_ns;
    }
    store->base.durability = durability_of(store);
    arm(store, due_ns, now_ns);
}

static void on_timer(uv_timer_t *timer)
{
    struct ses_pg *store = timer->data;

    turn(store);
    if (!has_news(store))
        return;
    store->notified = true;
    store->options.notify(store->options.notify_arg);
}

static void wake(void *arg)
{
    struct ses_pg *store = arg;

    (void)uv_timer_start(&store->timer, on_timer, 0, 0);
}

/* Its ends are told from the loop. */
static void pg_flush(struct ses_store *base)
{
    struct ses_pg *store = pg_of(base);

    turn(store);
    if (has_news(store))
        wake(store);
}

static void pg_complete(struct ses_store *base)
{
    struct ses_pg *store = pg_of(base);

    store->notified = false;
    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_shard_tell(&store->shards[i]);
}

/* ---- routing ---- */

/* Which one has the key. */
static struct pg_shard *shard_of(struct ses_pg *store, const struct ses_store_key *key)
{
    (void)key;
    return &store->shards[0];
}

/* ---- reading and writing ---- */

static enum ses_status pg_get(struct ses_store *base, struct ses_store_op *op,
                              const struct ses_store_key *key, struct ses_arena *arena)
{
    return ses_pg_rows_get(&shard_of(pg_of(base), key)->rows, op, key, arena);
}

/* As the primary's clock tells it. */
static uint64_t retain(uint64_t expires_ms)
{
    uint64_t until_ms = ses_clock_to_wall(expires_ms);

    return until_ms >= INT64_MAX - RETAIN_MS ? INT64_MAX : until_ms + RETAIN_MS;
}

static struct pg_row *make_row(struct pg_shard *shard, enum pg_kind kind, const struct ses_record *record,
                               uint32_t revision)
{
    struct pg_row *row = ses_pg_row_new(kind, &record->key, record->body.len + RECORD_EXTRA_BYTES);
    struct ses_record sealed = *record;

    if (row == NULL)
        return NULL;
    sealed.revision = revision;
    ses_record_seal(&shard->rows.sealer, &sealed, row->sealed);
    row->revision = revision;
    row->retain_ms = retain(record->expires_ms);
    return row;
}

static void expect_version(struct pg_row *row, const struct ses_store_version *expect)
{
    if (!ses_pg_version_absent(expect))
        memcpy(row->expect_id, &expect->driver[PG_VERSION_ID], PG_ID_BYTES);
    else if (row->kind == PG_LEASE_NEW)
        ses_random_bytes(row->expect_id, PG_ID_BYTES);
}

static enum ses_status pg_put(struct ses_store *base, struct ses_store_op *op,
                              const struct ses_store_version *expect, const struct ses_record *record,
                              ses_store_owner owner)
{
    struct pg_shard *shard = shard_of(pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, ses_pg_version_absent(expect) ? PG_CREATE : PG_CHANGE, record,
                                  ses_pg_next_revision(expect));

    (void)owner; /* a share of a database is the database's to bound */
    if (row == NULL)
        return SES_NO_MEMORY;
    expect_version(row, expect);
    return ses_pg_rows_put(&shard->rows, row, op, NULL);
}

/* ---- leases ---- */

/* row->revision: of the record that ends it. */
static enum ses_status lease_row(struct pg_shard *shard, struct pg_row *row, struct ses_store_op *op,
                                 const struct ses_store_version *expect, uint64_t for_ms,
                                 struct ses_store_lease *lease)
{
    row->for_ms = for_ms > INT32_MAX ? INT32_MAX : for_ms;
    ses_random_bytes(row->owner, PG_OWNER_BYTES);
    expect_version(row, expect);
    return ses_pg_rows_put(&shard->rows, row, op, lease);
}

static enum pg_kind lease_kind(const struct ses_store_version *expect)
{
    return ses_pg_version_absent(expect) ? PG_LEASE_NEW : PG_LEASE;
}

static enum ses_status pg_lease(struct ses_store *base, struct ses_store_op *op,
                                const struct ses_store_version *expect, const struct ses_record *record,
                                ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct pg_shard *shard = shard_of(pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, lease_kind(expect), record, ses_pg_next_revision(expect));

    (void)owner;
    if (row == NULL)
        return SES_NO_MEMORY;
    row->revision++;
    return lease_row(shard, row, op, expect, for_ms, lease);
}

static enum ses_status pg_reserve(struct ses_store *base, struct ses_store_op *op,
                                  const struct ses_store_version *expect, const struct ses_store_key *key,
                                  ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct pg_row *row = ses_pg_row_new(lease_kind(expect), key, 0);

    (void)owner;
    if (row == NULL)
        return SES_NO_MEMORY;
    row->revision = ses_pg_next_revision(expect);
    row->retain_ms = retain(ses_clock_now_ms() + for_ms);
    return lease_row(shard_of(pg_of(base), key), row, op, expect, for_ms, lease);
}

static void pg_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end)
{
    struct pg_row *row = ses_pg_row_new(PG_RELEASE, &lease->key, 0);

    if (row == NULL)
        return;
    row->forget = end == SES_LEASE_FORGET_INTENT;
    memcpy(row->owner, &lease->driver[PG_LEASE_OWNER], PG_OWNER_BYTES);
    ses_pg_rows_release(&shard_of(pg_of(base), &row->key)->rows, row);
}

static enum ses_status pg_put_leased(struct ses_store *base, struct ses_store_op *op,
                                     struct ses_store_lease *lease, const struct ses_record *record,
                                     ses_store_owner owner)
{
    struct pg_shard *shard = shard_of(pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, PG_PUT_LEASED, record, (uint32_t)lease->driver[PG_LEASE_REVISION]);
    enum ses_status status = SES_NO_MEMORY;

    (void)owner;
    if (row != NULL) {
        memcpy(row->owner, &lease->driver[PG_LEASE_OWNER], PG_OWNER_BYTES);
        status = ses_pg_rows_put(&shard->rows, row, op, lease);
    }
    if (status != SES_PENDING && status != SES_BUSY) {
        pg_release(base, lease, SES_LEASE_KEEP_INTENT);
        lease->held = false;
    }
    return status;
}

/* ---- watching ---- */

static enum ses_status pg_watch(struct ses_store *base, const struct ses_store_key *key,
                                struct ses_store_watch *watch)
{
    struct ses_pg *store = pg_of(base);

    SES_TRY(ses_pg_watches_add(&shard_of(store, key)->watches, key, watch));
    wake(store);
    return SES_OK;
}

static void pg_unwatch(struct ses_store *base, struct ses_store_watch *watch)
{
    ses_pg_watches_remove(&shard_of(pg_of(base), &watch->key)->watches, watch);
}

static void pg_watch_dispatch(struct ses_store *base)
{
    struct ses_pg *store = pg_of(base);

    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_watches_tell(&store->shards[i].watches);
}

/* ---- state ---- */

static size_t pg_pending(const struct ses_store *base)
{
    const struct ses_pg *store = pg_of((struct ses_store *)(uintptr_t)base);
    size_t pending = 0;

    for (unsigned i = 0; i < store->shards_count; i++)
        pending += store->shards[i].rows.pending;
    return pending;
}

/* A shard that is down is not for a restart of this process to mend. */
static struct ses_store_health pg_health(const struct ses_store *base)
{
    const struct ses_pg *store = pg_of((struct ses_store *)(uintptr_t)base);
    struct ses_store_health health = {.writes = true};

    for (unsigned i = 0; i < store->shards_count; i++)
        health.full = health.full || store->shards[i].rows.full;
    return health;
}

static void pg_maintain(struct ses_store *base)
{
    struct ses_pg *store = pg_of(base);

    size_t queued = 0;

    for (unsigned i = 0; i < store->shards_count; i++) {
        queued += store->shards[i].rows.rows_count + store->shards[i].rows.gets_count;
        ses_pg_sweep_turn(&store->shards[i].sweep);
    }
    ses_gauge_set(store->options.metrics, SES_C_PG_QUEUED, queued);
    pg_flush(base);
}

/* ---- opening and closing ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct ses_pg *store = handle->data;

    store->timer_closed = true;
}

static bool links_closed(const struct ses_pg *store)
{
    bool closed = true;

    for (unsigned i = 0; i < store->shards_count; i++)
        closed = closed && store->shards[i].link_closed;
    return closed;
}

/* Leaves no handle on the loop. */
static void free_store(struct ses_pg *store)
{
    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_shard_close(&store->shards[i]);
    uv_close((uv_handle_t *)&store->timer, on_timer_closed);
    while (!store->timer_closed || !links_closed(store))
        (void)uv_run(store->options.loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_shard_done(&store->shards[i]);
    free(store);
}

struct pg_shard *ses_pg_shard_of(struct ses_store *store, unsigned number, bool *ret_last)
{
    struct ses_pg *pg = pg_of(store);

    SES_REQUIRE(number < pg->shards_count);
    *ret_last = number + 1 == pg->shards_count;
    return &pg->shards[number];
}

struct pg_link *ses_pg_link_of(struct ses_store *store)
{
    return pg_of(store)->shards[0].link;
}

bool ses_pg_is_quiet(struct ses_store *store)
{
    bool quiet = true;

    for (unsigned i = 0; i < pg_of(store)->shards_count; i++)
        quiet = quiet && ses_pg_shard_is_quiet(&pg_of(store)->shards[i]);
    return quiet;
}

static void on_close_turn(uv_timer_t *timer)
{
    turn(timer->data);
}

/* Whether there were any: what they leave goes before the loop waits. */
static bool tell_ended(struct ses_pg *store)
{
    bool ended = false;

    for (unsigned i = 0; i < store->shards_count; i++) {
        ended = ended || ses_pg_rows_ended(&store->shards[i].rows);
        ses_pg_rows_tell(&store->shards[i].rows);
    }
    return ended;
}

/* What done begins is refused. */
static void pg_close(struct ses_store *base)
{
    struct ses_pg *store = pg_of(base);
    uint64_t end_ns = ses_clock_mono_ns() + CLOSE_MS * SES_NS_PER_MS;

    for (unsigned i = 0; i < store->shards_count; i++)
        store->shards[i].rows.closing = true;
    store->notified = true; /* nobody is to be notified any more */
    while (!ses_pg_is_quiet(base) && ses_clock_mono_ns() < end_ns) {
        turn(store);
        (void)uv_timer_start(&store->timer, on_close_turn, CLOSE_TURN_MS, 0);
        if (!tell_ended(store))
            (void)uv_run(store->options.loop, UV_RUN_ONCE);
        (void)tell_ended(store);
    }
    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_rows_give_up(&store->shards[i].rows);
    free_store(store);
}

static const struct ses_store_driver driver = {.get = pg_get,
                                               .put = pg_put,
                                               .lease = pg_lease,
                                               .reserve = pg_reserve,
                                               .put_leased = pg_put_leased,
                                               .release = pg_release,
                                               .flush = pg_flush,
                                               .complete = pg_complete,
                                               .watch = pg_watch,
                                               .unwatch = pg_unwatch,
                                               .watch_dispatch = pg_watch_dispatch,
                                               .pending = pg_pending,
                                               .health = pg_health,
                                               .maintain = pg_maintain,
                                               .close = pg_close};

static enum ses_status open_shards(struct ses_pg *store)
{
    for (unsigned i = 0; i < store->options.shards_count; i++) {
        store->shards_count++;
        SES_TRY(ses_pg_shard_open(&store->shards[i], &store->options, i, wake, store));
    }
    return SES_OK;
}

enum ses_status ses_pg_open(const struct ses_pg_options *options, struct ses_store **ret_store)
{
    struct ses_pg *store;
    enum ses_status status;

    if (options->shards_count != 1)
        return SES_INVALID_ARGUMENT;
    store = calloc(1, sizeof(*store) + options->shards_count * sizeof(store->shards[0]));
    if (store == NULL)
        return SES_NO_MEMORY;
    store->base.driver = &driver;
    store->base.durability = SES_DURABILITY_DISK;
    store->options = *options;
    store->timer.data = store;
    (void)uv_timer_init(options->loop, &store->timer);
    status = open_shards(store);
    if (status != SES_OK) {
        free_store(store);
        return status;
    }
    *ret_store = &store->base;
    return SES_OK;
}
