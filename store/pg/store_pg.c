/* The driver: shards on the caller's loop, which of them has a key, and when they turn.
 *
 * Whatever a link tells only asks for a turn, at the loop's next one: several answers that came at once make one
 * batch of what follows. Statements of a turn of the caller's go by flush, at once.
 */
#include <sessiond/store/store_pg.h>

#include <stdlib.h>
#include <uv.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "store_pg_impl.h"

#define CLOSE_MS      5000 /* what is pending has so long to end */
#define CLOSE_TURN_MS 10

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

/* The weakest of all that may acknowledge something, any key may be anywhere; while none does, what it was. */
static enum ses_durability durability_of(const struct ses_pg *store)
{
    enum ses_durability weakest = SES_DURABILITY_COUNT;

    for (unsigned i = 0; i < store->shards_count; i++) {
        const struct pg_link *link = store->shards[i].link;

        if (ses_pg_link_state(link) != PG_STATE_SEARCHING && weakest != SES_DURABILITY_DISK)
            weakest = ses_pg_link_durability(link);
    }
    return weakest == SES_DURABILITY_COUNT ? store->base.durability : weakest;
}

static void turn(struct ses_pg *store)
{
    uint64_t now_ns = ses_clock_mono_ns();
    uint64_t due_ns = ses_pg_router_turn(&store->router, now_ns);

    for (unsigned i = 0; i < store->shards_count; i++) {
        uint64_t its_ns = ses_pg_shard_turn(&store->shards[i], now_ns);

        due_ns = its_ns < due_ns ? its_ns : due_ns;
        if (ses_pg_rows_astray(&store->shards[i].rows))
            due_ns = now_ns;
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
    struct ses_pg *store = ses_pg_of(base);

    turn(store);
    if (has_news(store))
        wake(store);
}

static void pg_complete(struct ses_store *base)
{
    struct ses_pg *store = ses_pg_of(base);

    store->notified = false;
    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_shard_tell(&store->shards[i]);
}

/* Its first round is due. */
static enum ses_status pg_watch(struct ses_store *base, const struct ses_store_key *key,
                                struct ses_store_watch *watch)
{
    SES_TRY(ses_pg_call_watch(base, key, watch));
    wake(ses_pg_of(base));
    return SES_OK;
}

static void pg_watch_dispatch(struct ses_store *base)
{
    struct ses_pg *store = ses_pg_of(base);

    for (unsigned i = 0; i < store->shards_count; i++)
        ses_pg_watches_tell(&store->shards[i].watches);
}

static void on_mapped(void *arg, const struct pg_shard *shard, enum pg_map_news news)
{
    struct ses_pg *store = arg;

    ses_pg_router_mapped(&store->router, shard, news);
    wake(store);
}

/* ---- state ---- */

static size_t pg_pending(const struct ses_store *base)
{
    const struct ses_pg *store = ses_pg_of((struct ses_store *)(uintptr_t)base);
    size_t pending = 0;

    for (unsigned i = 0; i < store->shards_count; i++)
        pending += store->shards[i].rows.pending;
    return pending;
}

/* A shard that is down is not for a restart of this process to mend. */
static struct ses_store_health pg_health(const struct ses_store *base)
{
    const struct ses_pg *store = ses_pg_of((struct ses_store *)(uintptr_t)base);
    struct ses_store_health health = {.writes = true};

    for (unsigned i = 0; i < store->shards_count; i++)
        health.full = health.full || store->shards[i].rows.full;
    return health;
}

static void pg_maintain(struct ses_store *base)
{
    struct ses_pg *store = ses_pg_of(base);

    for (unsigned i = 0; i < store->shards_count; i++) {
        const struct pg_rows *rows = &store->shards[i].rows;

        ses_shard_gauge_set(store->options.metrics, i, SES_S_QUEUED, rows->rows_count + rows->gets_count);
        ses_pg_sweep_turn(&store->shards[i].sweep);
    }
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
    ses_pg_inflight_done(&store->inflight);
    free(store);
}

struct pg_shard *ses_pg_shard_of(struct ses_store *store, unsigned number, bool *ret_last)
{
    struct ses_pg *pg = ses_pg_of(store);

    SES_REQUIRE(number < pg->shards_count);
    *ret_last = number + 1 == pg->shards_count;
    return &pg->shards[number];
}

bool ses_pg_is_open(struct ses_store *store)
{
    bool open = true;

    for (unsigned i = 0; i < ses_pg_of(store)->shards_count; i++) {
        const struct pg_shard *shard = &ses_pg_of(store)->shards[i];

        open = open && ses_pg_map_is_good(&shard->rows.map) && ses_pg_link_may_read(shard->link) &&
               ses_pg_link_state(shard->link) == PG_STATE_OPEN;
    }
    return open;
}

bool ses_pg_is_quiet(struct ses_store *store)
{
    bool quiet = true;

    for (unsigned i = 0; i < ses_pg_of(store)->shards_count; i++)
        quiet = quiet && ses_pg_shard_is_quiet(&ses_pg_of(store)->shards[i]);
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
    struct ses_pg *store = ses_pg_of(base);
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

static const struct ses_store_driver driver = {.get = ses_pg_call_get,
                                               .put = ses_pg_call_put,
                                               .lease = ses_pg_call_lease,
                                               .reserve = ses_pg_call_reserve,
                                               .put_leased = ses_pg_call_put_leased,
                                               .release = ses_pg_call_release,
                                               .flush = pg_flush,
                                               .complete = pg_complete,
                                               .watch = pg_watch,
                                               .unwatch = ses_pg_call_unwatch,
                                               .watch_dispatch = pg_watch_dispatch,
                                               .pending = pg_pending,
                                               .health = pg_health,
                                               .maintain = pg_maintain,
                                               .close = pg_close};

static enum ses_status open_shards(struct ses_pg *store)
{
    const struct pg_shard_events events = {.wake = wake, .mapped = on_mapped, .arg = store};

    SES_TRY(ses_pg_inflight_init(&store->inflight, store->options.queue_max));
    for (unsigned i = 0; i < store->options.shards_count; i++) {
        store->shards_count++;
        SES_TRY(ses_pg_shard_open(&store->shards[i], &store->options, i, &store->inflight, &events));
    }
    return SES_OK;
}

enum ses_status ses_pg_open(const struct ses_pg_options *options, struct ses_store **ret_store)
{
    struct ses_pg *store;
    enum ses_status status;

    if (options->shards_count < 1 || options->shards_count > SES_PG_SHARDS_MAX)
        return SES_INVALID_ARGUMENT;
    store = calloc(1, sizeof(*store) + options->shards_count * sizeof(store->shards[0]));
    if (store == NULL)
        return SES_NO_MEMORY;
    store->base.driver = &driver;
    store->base.durability = SES_DURABILITY_DISK;
    store->options = *options;
    store->timer.data = store;
    ses_pg_router_init(&store->router, store->shards, options->shards_count, options->log);
    (void)uv_timer_init(options->loop, &store->timer);
    status = open_shards(store);
    if (status != SES_OK) {
        free_store(store);
        return status;
    }
    *ret_store = &store->base;
    return SES_OK;
}
