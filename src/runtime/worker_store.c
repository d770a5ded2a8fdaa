/* LMDB's committer is a thread, and wakes the loop by a descriptor; PostgreSQL's driver runs on the loop itself, so that what
 * it has finished waits for the end of the turn and costs no system call. */
#include "worker_store.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/config/password_file.h>

#include "keys_gate.h"

/* So often clock and durability are looked at, and an idle machine renews its read lease. */
#define BEAT_MS      1000
#define AWAIT_MAX_MS 30000 /* the supervisor gives a start four times as long */

static bool has_pg(const struct ses_worker *worker)
{
    return ses_config_has_pg(worker->env->config);
}

static bool has_lmdb(const struct ses_worker *worker)
{
    return ses_config_has_lmdb(worker->env->config);
}

enum ses_status ses_worker_load_password(struct ses_worker *worker)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = ses_password_file_load(worker->env->config, &worker->password, &fault);

    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "password_failed", "%s", fault.text);
    return status;
}

/* ---- LMDB --------------------------------------------------------------------------------------------- */

static enum ses_status open_lmdb(struct ses_worker *worker, struct ses_store **ret_store)
{
    const struct ses_config *config = worker->env->config;
    struct ses_lmdb_options options = {
        .dir = worker->env->layout->shards,
        .shard = worker->env->slot,
        .shards = config->workers,
        .shared = worker->env->store_shared,
        .seal_keys = worker->secrets.seal.key,
        .seal_keys_count = worker->secrets.seal.count,
        .durability = config->durability,
        .quota_bytes = config->store_quota_mib * SES_MIB,
        .owner_share_percent = (unsigned)config->limits_merchant_share_percent,
        .early_percent = (unsigned)config->limits_early_events_percent,
        .map_bytes = config->store_map_gib * SES_GIB,
        .batch_max = (unsigned)config->store_batch_max,
        .queue_max = (unsigned)config->store_queue_max,
        .gc_age_ms = config->store_gc_age_seconds * 1000,
        .scrub_per_second = (unsigned)config->store_scrub_per_second,
        .slow_commit_ms = config->store_slow_commit_ms,
        .keeps = has_pg(worker),
        .notify = ses_notice_tell,
        .notify_arg = &worker->committed,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    return ses_lmdb_open(&options, ret_store);
}

/* ---- PostgreSQL --------------------------------------------------------------------------------------- */

/* Called while the loop turns: the end of this turn looks. */
static void on_ended(void *arg)
{
    struct ses_worker *worker = arg;

    worker->store_ended = true;
}

static enum ses_status open_pg(struct ses_worker *worker, struct ses_store **ret_store)
{
    const struct ses_config *config = worker->env->config;
    const char *shards[SES_CONFIG_PG_SHARDS_MAX];
    size_t keys_count;
    const struct ses_key_print *keys = ses_keys_gate_prints(&keys_count);
    struct ses_pg_options options = {
        .loop = &worker->loop,
        .shards = shards,
        .shards_count = config->pg.shards_count,
        .password = worker->password.len == 0 ? NULL : &worker->password,
        .process = worker->env->slot,
        .shared = worker->env->pg_shared,
        .seal_keys = worker->secrets.seal.key,
        .seal_keys_count = worker->secrets.seal.count,
        .keys = keys,
        .keys_count = keys_count,
        .durability = config->pg_durability,
        .batch_rows = (unsigned)config->store_pg_batch_rows,
        .linger_us = (unsigned)config->store_pg_linger_us,
        .queue_max = (unsigned)config->store_queue_max,
        .read_lease_ms = (unsigned)config->store_pg_read_lease_ms,
        .beat_ms = BEAT_MS,
        .stall_ms = (unsigned)config->store_pg_stall_ms,
        .connect_timeout_ms = (unsigned)config->store_pg_connect_timeout_ms,
        .skew_max_ms = (unsigned)config->store_pg_skew_max_ms,
        .write_connections = (unsigned)config->store_pg_write_connections,
        .read_connections = (unsigned)config->store_pg_read_connections,
        .prepare = config->pg.prepare,
        .notify = on_ended,
        .notify_arg = worker,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    for (unsigned i = 0; i < config->pg.shards_count; i++)
        shards[i] = config->pg.shards[i];
    memcpy(options.machine, worker->env->machine, sizeof(options.machine));
    return ses_pg_open(&options, ret_store);
}

static uint64_t distance_ms(int64_t skew_ms)
{
    return (uint64_t)(skew_ms < 0 ? -skew_ms : skew_ms);
}

/* What this worker sees of a shard, as gauges that are summed over workers; of clocks the furthest. */
static void tell_shard(const struct ses_worker *worker, unsigned shard, struct ses_pg_shard_status *ret_own)
{
    bool replicated;

    ses_pg_process_status(worker->env->pg_shared, shard, worker->env->slot, ret_own);
    replicated = ret_own->open > 0 && ret_own->durability == SES_DURABILITY_REPLICA;
    ses_shard_gauge_set(worker->metrics, shard, SES_S_OPEN, ret_own->open);
    ses_shard_gauge_set(worker->metrics, shard, SES_S_STALLED, ret_own->stalled);
    ses_shard_gauge_set(worker->metrics, shard, SES_S_REPLICATED, replicated);
    ses_shard_gauge_set(worker->metrics, shard, SES_S_SKEW_MS, distance_ms(ret_own->skew_ms));
}

/* Whether the server can serve at all, and which shards, is judged by what any of its processes sees: one worker that has
 * lost its connections is soon back. */
static void tell_pg(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    uint64_t skew_max_ms = 0;
    unsigned away = 0;

    for (unsigned i = 0; i < config->pg.shards_count; i++) {
        struct ses_pg_shard_status own;
        struct ses_pg_shard_status all;

        tell_shard(worker, i, &own);
        if (distance_ms(own.skew_ms) > skew_max_ms)
            skew_max_ms = distance_ms(own.skew_ms);
        ses_pg_shard_status(worker->env->pg_shared, i, &all);
        away += all.open == 0;
    }
    ses_gauge_set(worker->metrics, SES_C_PG_SHARDS_AWAY, away);
    /* What is on this machine is served on while sessions move. */
    ses_gauge_set(worker->metrics, SES_C_PG_AWAY,
                  away == config->pg.shards_count && !has_lmdb(worker) ? 1 : 0);
    ses_gauge_set(worker->metrics, SES_C_PG_CLOCK_OFF, skew_max_ms > config->store_pg_skew_max_ms ? 1 : 0);
}

/* Shards that this worker does not read and write yet, and how many of them others of this machine do: those are not away.
 * One that has failed for a cause of its own is not waited for, if another one is there to serve. */
static void count_missing(const struct ses_worker *worker, unsigned *ret_missing, unsigned *ret_here)
{
    unsigned failed = 0;
    unsigned ready = 0;

    *ret_missing = 0;
    *ret_here = 0;
    for (unsigned i = 0; i < worker->env->config->pg.shards_count; i++) {
        struct ses_pg_shard_status own;
        struct ses_pg_shard_status all;

        ses_pg_process_status(worker->env->pg_shared, i, worker->env->slot, &own);
        ses_pg_shard_status(worker->env->pg_shared, i, &all);
        if (own.open > 0 && ses_pg_shard_reads(&own)) {
            ready++;
            continue;
        }
        ++*ret_missing;
        *ret_here += all.open > own.open;
        failed += all.open == 0 && own.searching > 0 && own.cause != SES_PG_CAUSE_CONNECTING;
    }
    if (ready > 0)
        *ret_missing -= failed;
}

/* A connection takes some 20 ms. Without this each worker that a reload replaces would refuse its first calls. No longer
 * than one address may take, a database that is away must not hold up a reload for ever; where others of this machine have it
 * open it is not away, and this machine is slow: AWAIT_MAX_MS, well below what the supervisor gives a start. */
static void await_pg(struct ses_worker *worker)
{
    uint64_t began_ms = ses_clock_mono_ms();
    uint64_t patience_ms = worker->env->config->store_pg_connect_timeout_ms;
    unsigned missing;
    unsigned here;

    count_missing(worker, &missing, &here);
    while (missing > 0) {
        uint64_t waited_ms = ses_clock_mono_ms() - began_ms;

        if (waited_ms >= patience_ms && (here < missing || waited_ms >= AWAIT_MAX_MS))
            break;
        (void)uv_run(&worker->loop, UV_RUN_ONCE); /* the store's timers wake it */
        count_missing(worker, &missing, &here);
    }
}

/* ---- both --------------------------------------------------------------------------------------------- */

/* The rate is the machine's: each worker has its part of it, and of the keys. */
static enum ses_status open_both(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_move_options options = {
        .mode = config->store_move,
        .part = worker->env->slot,
        .parts = config->workers,
        .per_second = (unsigned)((config->store_move_per_second + config->workers - 1) / config->workers),
        .list = ses_pg_list,
        .log = &worker->log,
        .metrics = worker->metrics,
    };
    enum ses_status status;

    SES_TRY(open_lmdb(worker, &options.near));
    status = open_pg(worker, &options.far);
    if (status == SES_OK)
        status = ses_move_open(&options, &worker->store);
    if (status != SES_OK) {
        ses_store_close(options.far);
        ses_store_close(options.near);
    }
    return status;
}

/* ---- any ---------------------------------------------------------------------------------------------- */

enum ses_status ses_worker_open_store(struct ses_worker *worker)
{
    if (has_lmdb(worker) && has_pg(worker))
        return open_both(worker);
    return has_pg(worker) ? open_pg(worker, &worker->store) : open_lmdb(worker, &worker->store);
}

static struct ses_store *lmdb_of(struct ses_worker *worker)
{
    return has_pg(worker) ? ses_move_near(worker->store) : worker->store;
}

void ses_worker_tend_store(struct ses_worker *worker)
{
    if (has_pg(worker))
        tell_pg(worker);
    if (has_lmdb(worker))
        ses_lmdb_scrub(lmdb_of(worker), ses_clock_now_ms(), ses_clock_mono_ms());
}

void ses_worker_await_store(struct ses_worker *worker)
{
    if (has_pg(worker))
        await_pg(worker);
    ses_worker_tend_store(worker);
}

void ses_worker_leave_store(struct ses_worker *worker)
{
    if (has_pg(worker) && has_lmdb(worker))
        ses_move_stop(worker->store);
}

const char *ses_worker_store_failure(const struct ses_worker *worker)
{
    return has_lmdb(worker)
               ? "a sync of the shard failed: its writer is poisoned, the worker is replaced"
               : "the database refuses what no version of its tables should: the worker is replaced";
}
