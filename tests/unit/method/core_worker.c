/* A worker's parts in the order in which a worker makes them, and its turn. Which store it has says
 * SES_TEST_STORE: "toy" and a seed ("toy 17") is one in memory that answers late and out of order
 * (toy/toy_store.h), anything else LMDB's.
 */
#include "method/core_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/config/usual.h>
#include <sessiond/store/store_lmdb.h>

static int core_remove(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void core_secret(struct ses_secret *secret, uint8_t fill)
{
    assert_ok(ses_secret_new(32, secret));
    memset(secret->bytes, fill, 32);
}

void core_open_service(struct core *core)
{
    struct ses_service_options options = {
        .store = core->store,
        .keyring = core->ring,
        .driver = core->driver,
        .timers = core->timers,
        .policy = {.overrides = &core->url, .overrides_count = 1, .sandbox = true},
        .natural_key = &core->natural,
        .log_key = &core->log,
        .step_keys = &core->step_key,
        .step_keys_count = 1,
        .rotation_overlap_ms = CORE_OVERLAP_MS,
        .issuer = "sessiond",
        .audience = "payments",
        .session_ttl_ms = core->ttl_ms != 0 ? core->ttl_ms : SES_USUAL_session_ttl_seconds * UINT64_C(1000),
        .connector_deadline_margin_ms = SES_USUAL_connector_deadline_margin_ms,
        .credential_cache_entries = SES_USUAL_session_credential_cache_entries,
        .closed_ms = SES_USUAL_session_closed_seconds * UINT64_C(1000),
        .step_ms = SES_USUAL_session_step_seconds * UINT64_C(1000),
        .inbox_ms = SES_USUAL_session_inbox_seconds * UINT64_C(1000),
        .watch_alive_ms = SES_USUAL_session_watch_alive_seconds * UINT64_C(1000),
        .public_url = "http://127.0.0.1:8080",
        .metrics = &core->metrics,
        .gateway = {.upstream = core->upstream,
                    .methods = UINT32_MAX,
                    .deadline_ms = core->upstream_deadline_ms},
    };

    assert_ok(ses_service_new(&options, &core->service));
}

void core_open_driver(struct core *core)
{
    struct ses_driver_options options = usual_driver();

    options.loop = &core->loop;
    options.connect_timeout_ms = 2 * UNIT_PATIENCE_MS;
    options.total_timeout_ms = 2 * UNIT_PATIENCE_MS;
    assert_ok(ses_driver_new(&options, &core->driver));
}

void core_turn(struct core *core)
{
    (void)uv_run(&core->loop, UV_RUN_NOWAIT);
    ses_store_complete(core->store);
    ses_store_watch_dispatch(core->store);
    ses_service_turn(core->service);
}

void core_settle(struct core *core)
{
    WAIT_DOING(core_turn(core),
               ses_service_in_flight(core->service) == 0 && ses_store_pending(core->store) == 0);
}

uint64_t core_count(const struct core *core, enum ses_counter counter)
{
    return atomic_load(&core->metrics.counter[counter]);
}

uint64_t core_puts(const struct core *core)
{
    return core->cloud != NULL ? toy_cloud_writes(core->cloud) : core_count(core, SES_C_STORE_PUTS);
}

struct ses_store_key core_key(const struct core *core, const char *merchant, const char *id)
{
    struct ses_slice parts[] = {SES_STR("DefaultTenantId"), ses_slice_str(merchant), SES_STR("test"),
                                ses_slice_str(id)};
    struct ses_store_key key;

    ses_hash_parts(ses_slice(core->natural.bytes, 32), parts, 4, key.bytes);
    return key;
}

/* ---- the store ------------------------------------------------------------------------------- */

static void open_lmdb(struct core *core)
{
    struct ses_seal_key seal = {1, &core->seal};
    struct ses_lmdb_options options = ses_usual_store();

    options.dir = core->store_dir;
    options.shared = core->store_shared;
    options.seal_keys = &seal;
    options.seal_keys_count = 1;
    options.durability = SES_DURABILITY_PROCESS;
    options.quota_bytes = core->quota_bytes;
    options.map_bytes = 64u << 20;
    options.metrics = &core->metrics;
    assert_ok(ses_lmdb_open(&options, &core->store));
}

static void open_toy(struct core *core)
{
    struct toy_options options = core->toy;

    options.seed += core->opened++; /* another one after a restart */
    core->store = toy_open(core->cloud, &options);
}

void core_open_store(struct core *core)
{
    if (core->cloud != NULL)
        open_toy(core);
    else
        open_lmdb(core);
}

/* By the environment: "toy" or "toy <seed>". */
static bool wants_toy(struct toy_options *ret_options)
{
    const char *wanted = getenv("SES_TEST_STORE");

    if (wanted == NULL || strncmp(wanted, "toy", 3) != 0)
        return false;
    *ret_options = (struct toy_options){.mode = TOY_LATE, .seed = strtoull(wanted + 3, NULL, 10)};
    return true;
}

bool core_has_toy(const struct core *core)
{
    return core->cloud != NULL;
}

struct waited {
    struct ses_store_op op;
    enum ses_status status;
    bool done;
};

static void on_waited(struct ses_store_op *op, enum ses_status status)
{
    struct waited *waited = SES_CONTAINER(op, struct waited, op);

    waited->status = status;
    waited->done = true;
}

static enum ses_status wait_for(struct core *core, struct waited *waited, enum ses_status status)
{
    if (status != SES_PENDING)
        return status;
    ses_store_flush(core->store);
    WAIT_DOING(ses_store_complete(core->store), waited->done);
    return waited->status;
}

enum ses_status core_read(struct core *core, const struct ses_store_key *key, struct ses_store_op *ret_op)
{
    struct waited waited = {.op.done = on_waited};
    enum ses_status status =
        wait_for(core, &waited, ses_store_get(core->store, &waited.op, key, &core->read));

    *ret_op = waited.op;
    return status;
}

enum ses_status core_put(struct core *core, const struct ses_store_version *expect,
                         const struct ses_record *record)
{
    struct waited waited = {.op.done = on_waited};

    return wait_for(core, &waited, ses_store_put(core->store, &waited.op, expect, record, SES_OWNER_NOBODY));
}

void core_lease(struct core *core, const struct ses_store_key *key, struct ses_store_lease *lease)
{
    struct ses_record record = {.key = *key,
                                .kind = SES_RECORD_INTENT,
                                .expires_ms = ses_clock_now_ms() + UNIT_PATIENCE_MS,
                                .body = SES_STR("\x08\x01")};
    struct waited waited = {.op.done = on_waited};
    struct ses_store_op read;
    enum ses_status status = core_read(core, key, &read);

    assert_true(status == SES_OK || status == SES_NOT_FOUND);
    assert_ok(wait_for(core, &waited,
                       ses_store_lease(core->store, &waited.op, &read.version, &record, SES_OWNER_NOBODY,
                                       UINT32_MAX, lease)));
    assert_true(lease->held);
}

void core_give_back(struct core *core, struct ses_store_lease *lease)
{
    ses_store_release(core->store, lease, SES_LEASE_FORGET_INTENT);
}

enum ses_status core_stored(struct core *core, const char *id, struct ses_store_op *ret_op,
                            struct ses_session *ret_session)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", id);
    const struct ses_record_origin *origin;

    SES_TRY(core_read(core, &key, ret_op));
    return ses_session_record_decode(ret_op->record.body, &core->read, ret_session, &origin);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int set_up(void **state, const struct toy_options *toy)
{
    struct core *core = calloc(1, sizeof(*core));
    struct ses_fault fault;
    char keys[544];

    ses_random_init();
    assert_non_null(mkdtemp(unit_temporary("core", core->dir, sizeof(core->dir))));
    (void)snprintf(core->store_dir, sizeof(core->store_dir), "%s/store", core->dir);
    (void)snprintf(keys, sizeof(keys), "%s/keys", core->dir);
    assert_int_equal(mkdir(core->store_dir, 0700), 0);
    assert_ok(ses_keyring_init_dir(keys, &fault));
    assert_ok(ses_keyring_load(keys, &core->ring, &fault));
    core_secret(&core->seal, 1);
    core_secret(&core->natural, 2);
    core_secret(&core->log, 3);
    core_secret(&core->step, 4);
    core->step_key = (struct ses_seal_key){1, &core->step};
    stub_start(&core->stub);
    core->url =
        (struct ses_connector_url){ses_connector_by_name(SES_STR("stripe")), core->stub.url, core->stub.url};
    assert_int_equal(uv_loop_init(&core->loop), 0);
    assert_ok(ses_timers_new(&core->loop, &core->timers));
    core_open_driver(core);
    assert_ok(ses_store_shared_create(10000, 1, &core->store_shared));
    if (toy != NULL) {
        core->toy = *toy;
        core->cloud = toy_cloud_new();
    }
    core_open_store(core);
    core->pool = door_pool(1 << 20);
    ses_arena_init(&core->read, 1u << 20);
    core_open_service(core);
    *state = core;
    return 0;
}

int core_setup(void **state)
{
    struct toy_options toy;

    return set_up(state, wants_toy(&toy) ? &toy : NULL);
}

int core_setup_toy(void **state)
{
    const struct toy_options toy = {.mode = TOY_SYNC};

    return set_up(state, &toy);
}

int core_teardown(void **state)
{
    struct core *core = *state;

    assert_int_equal(ses_service_in_flight(core->service), 0);
    ses_service_free(core->service);
    ses_driver_free(core->driver);
    ses_timers_free(core->timers);
    ses_store_close(core->store);
    toy_cloud_free(core->cloud);
    ses_store_shared_close(core->store_shared);
    WAIT_UNTIL(uv_run(&core->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&core->loop), 0);
    stub_stop(&core->stub);
    ses_exchange_pool_free(core->pool);
    ses_arena_done(&core->read);
    ses_keyring_free(core->ring);
    ses_secret_free(&core->seal);
    ses_secret_free(&core->natural);
    ses_secret_free(&core->log);
    ses_secret_free(&core->step);
    (void)nftw(core->dir, core_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(core);
    return 0;
}
