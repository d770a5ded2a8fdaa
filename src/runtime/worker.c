#include "worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "files.h"

#define ERROR_ARENA_MAX (64u * 1024)
#define KIB             1024u
#define SEAL_KEY_ID     1 /* seal-1.key */

/* ---- secrets and keys --------------------------------------------------------------------------------- */

static enum ses_status load_keys(struct ses_worker *worker)
{
    const struct ses_layout *layout = worker->env->layout;
    struct ses_error error = {.status = SES_OK};
    struct ses_fault fault;
    struct ses_arena arena;
    enum ses_status status;

    ses_arena_init(&arena, ERROR_ARENA_MAX);
    status = ses_keyring_load(layout->keys, &worker->keyring, &error, &arena);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "keyring_failed", "%.*s", SES_FMT(error.message));
    ses_arena_done(&arena);
    SES_TRY(status);
    status = ses_layout_secrets_load(layout, &worker->secrets, &fault);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "secrets_failed", "%s", fault.text);
    worker->seal_key = (struct ses_seal_key){.id = SEAL_KEY_ID, .key = &worker->secrets.seal};
    return status;
}

/* ---- the ranks below, from the configuration ---------------------------------------------------------- */

static void wake_loop(void *arg)
{
    struct ses_worker *worker = arg;

    (void)uv_async_send(&worker->committed);
}

static enum ses_status open_store(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_store_options options = {
        .dir = worker->env->layout->shards,
        .shard = worker->env->slot,
        .shards = config->workers,
        .table = worker->env->table,
        .watch_board = worker->env->watch_board,
        .seal_keys = &worker->seal_key,
        .seal_keys_count = 1,
        .durability = config->durability,
        .quota_bytes = config->store_quota_mib * KIB * KIB,
        .owner_share_percent = (unsigned)config->limits_merchant_share_percent,
        .early_percent = (unsigned)config->limits_early_events_percent,
        .map_bytes = config->store_map_gib * KIB * KIB * KIB,
        .batch_max = (unsigned)config->store_batch_max,
        .queue_max = (unsigned)config->store_queue_max,
        .gc_age_ms = config->store_gc_age_seconds * 1000,
        .notify = wake_loop,
        .notify_arg = worker,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    return ses_store_open(&options, &worker->store);
}

static enum ses_status open_driver(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_driver_options options = {
        .loop = &worker->loop,
        .sandbox = config->sandbox,
        .connect_timeout_ms = (uint32_t)config->connector_connect_timeout_ms,
        .total_timeout_ms = (uint32_t)config->connector_total_timeout_ms,
        .response_bytes_max = config->connector_response_kib * KIB,
        .calls_max = (unsigned)config->connector_calls_max,
        .host_calls_max =
            (unsigned)((config->connector_calls_max * config->connector_host_percent + 99) / 100),
        .connection_life_ms = (uint32_t)(config->connector_connection_seconds * 1000),
        .breaker_failures = (unsigned)config->connector_breaker_failures,
        .breaker_open_ms = (uint32_t)config->connector_breaker_open_ms,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    return ses_driver_new(&options, &worker->driver);
}

static struct ses_connector_policy make_policy(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    size_t count = 0;
    size_t i;

    for (i = 0; i < config->urls_count; i++) {
        const struct ses_config_url *url = &config->urls[i];

        if (url->sandbox[0] == '\0' && url->production[0] == '\0')
            continue;
        worker->urls[count++] = (struct ses_connector_url){
            .connector = ses_connector_by_name(ses_slice_str(url->connector)),
            .sandbox = url->sandbox[0] == '\0' ? NULL : url->sandbox,
            .production = url->production[0] == '\0' ? NULL : url->production,
        };
    }
    for (i = 0; i < config->hosts_count; i++)
        worker->hosts[i] = config->hosts[i];
    return (struct ses_connector_policy){
        .overrides = worker->urls,
        .overrides_count = count,
        .base_url_hosts = worker->hosts,
        .base_url_hosts_count = config->hosts_count,
        .sandbox = config->sandbox,
    };
}

/* Each row says one of the two and nothing of the other. */
static void list_binding(struct ses_worker *worker, const struct ses_config_merchant *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        worker->binding_modes[worker->binding_modes_count++] = (struct ses_merchant_binding){
            .merchant = rows[i].merchant, .policy = {.mode = rows[i].mode, .missing = rows[i].missing}};
}

static void list_merchants(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;

    for (size_t i = 0; i < config->return_urls_count; i++)
        worker->return_urls[i] = (struct ses_merchant_origin){.merchant = config->return_urls[i].merchant,
                                                              .origin = config->return_urls[i].origin};
    worker->binding_modes_count = 0;
    list_binding(worker, config->binding_modes, config->binding_modes_count);
    list_binding(worker, config->binding_missing_modes, config->binding_missing_modes_count);
}

static enum ses_status open_service(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_service_options options = {
        .store = worker->store,
        .keyring = worker->keyring,
        .driver = worker->driver,
        .timers = worker->timers,
        .policy = make_policy(worker),
        .natural_key = &worker->secrets.natural,
        .step_key = &worker->secrets.step,
        .log_key = &worker->secrets.log,
        .issuer = config->issuer,
        .audience = config->audience,
        .session_ttl_ms = config->session_ttl_seconds * 1000,
        .connector_deadline_margin_ms = config->connector_deadline_margin_ms,
        .credential_cache_entries = (unsigned)config->session_credential_cache_entries,
        .token_cache_entries = (unsigned)config->session_token_cache_entries,
        .closed_ms = config->session_closed_seconds * 1000,
        .step_ms = config->session_step_seconds * 1000,
        .rotation_overlap_ms = config->session_rotation_overlap_seconds * 1000,
        .watch_alive_ms = config->session_watch_alive_seconds * 1000,
        .inbox_ms = config->session_inbox_seconds * 1000,
        .attempts_max = (uint32_t)config->session_attempts_max,
        .public_url = config->public_url,
        .return_urls = worker->return_urls,
        .return_urls_count = config->return_urls_count,
        .binding = {.mode = config->binding_mode, .missing = config->binding_missing},
        .bindings = worker->binding_modes,
        .log = &worker->log,
        .metrics = worker->metrics,
    };
    const struct ses_route *routes;
    size_t count;

    list_merchants(worker);
    options.bindings_count = worker->binding_modes_count;
    SES_TRY(ses_service_new(&options, &worker->service));
    routes = ses_service_routes(worker->service, &count);
    return ses_router_new(&routes, &count, 1, &worker->router);
}

static enum ses_status open_doors(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_exchange_pool_options pool = {
        .arena_bytes_max = config->limits_exchange_memory_kib * KIB,
        .exchanges_max = (unsigned)config->limits_exchanges,
        .log = &worker->log,
        .metrics = worker->metrics,
    };
    struct ses_door_options options = {
        .router = worker->router,
        .timers = worker->timers,
        .limits =
            {
                .body_bytes_max = config->limits_body_kib * KIB,
                .header_bytes_max = config->limits_header_kib * KIB,
                .headers_max = (unsigned)config->limits_headers,
                .streams_max = (unsigned)config->limits_streams,
                .held_bytes_max = config->limits_connection_held_kib * KIB,
                .write_stall_ms = (uint32_t)config->limits_write_stall_ms,
                .requests_max = (unsigned)config->limits_requests_per_connection,
                .errors_max = (unsigned)config->limits_errors_per_10s,
                .empty_frames_max = (unsigned)config->limits_empty_frames_per_10s,
                .control_frames_max = (unsigned)config->limits_control_frames_per_10s,
                .header_ms = (uint32_t)config->limits_header_ms,
                .body_ms = (uint32_t)config->limits_body_ms,
                .exchange_ms_max = (uint32_t)config->limits_exchange_ms,
                .streaming_ms = (uint32_t)config->limits_streaming_seconds * 1000,
                .gzip_bytes_min = (uint32_t)config->limits_gzip_bytes_min,
            },
        .hosts = worker->known_hosts,
        .hosts_count = config->known_hosts_count,
        .http2 = true,
        .server_name = "sessiond",
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    for (size_t i = 0; i < config->known_hosts_count; i++)
        worker->known_hosts[i] = config->known_hosts[i];
    SES_TRY(ses_exchange_pool_new(&pool, &worker->pool));
    options.pool = worker->pool;
    return ses_doors_new(&options, &worker->doors);
}

static enum ses_status open_conns(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_conns_options options = {
        .loop = &worker->loop,
        .timers = worker->timers,
        .connections_max = ses_files_connections(config),
        .idle_ms = (uint32_t)config->limits_idle_ms,
        .first_byte_ms = (uint32_t)config->limits_first_byte_ms,
        .write_stall_ms = (uint32_t)config->limits_write_stall_ms,
        .held_bytes_max = config->limits_held_mib * KIB * KIB,
        .on_accept = ses_doors_accept,
        .arg = worker->doors,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    /* The socket listens already, unless the supervisor had nobody left to serve and closed it. */
    SES_TRY(ses_conns_new(&options, &worker->conns));
    if (atomic_load_explicit(&worker->env->board->draining, memory_order_relaxed))
        return SES_OK;
    return ses_conns_listen(worker->conns, worker->env->listen_fd);
}

/* ---- life --------------------------------------------------------------------------------------------- */

/* A gauge of a dead predecessor describes nothing any more; counters go on. */
static void reset_gauges(struct ses_metrics *metrics)
{
    static const bool gauge[SES_C_COUNT] = {
#define SES_GAUGE_FLAG(name, prom, kind, help) [SES_C_##name] = sizeof(kind) == sizeof("gauge"),
        SES_COUNTER_TABLE(SES_GAUGE_FLAG)
#undef SES_GAUGE_FLAG
    };
    int i;

    for (i = 0; i < SES_C_COUNT; i++) {
        /* The writer stays poisoned until its shard was opened again. */
        if (gauge[i] && i != SES_C_STORE_POISONED)
            ses_gauge_set(metrics, (enum ses_counter)i, 0);
    }
}

static void open_loop(struct ses_worker *worker)
{
    SES_REQUIRE(uv_loop_init(&worker->loop) == 0);
    SES_REQUIRE(uv_prepare_init(&worker->loop, &worker->prepare) == 0);
    SES_REQUIRE(uv_idle_init(&worker->loop, &worker->again) == 0);
    SES_REQUIRE(uv_async_init(&worker->loop, &worker->committed, ses_worker_on_committed) == 0);
    worker->committed.data = worker;
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->second) == 0);
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->health) == 0);
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->drain) == 0);
    SES_REQUIRE(uv_signal_init(&worker->loop, &worker->term) == 0);
    SES_REQUIRE(uv_poll_init(&worker->loop, &worker->alive, worker->env->alive_fd) == 0);
    SES_REQUIRE(uv_poll_init(&worker->loop, &worker->control, worker->env->control_fd) == 0);
    SES_REQUIRE(uv_poll_init(&worker->loop, &worker->news,
                             ses_watch_board_fd(worker->env->watch_board, worker->env->slot)) == 0);
}

/* On failure *ret_part names what did not open. */
static enum ses_status open_parts(struct ses_worker *worker, const char **ret_part)
{
    *ret_part = "keys";
    SES_TRY(load_keys(worker));
    *ret_part = "timers";
    SES_TRY(ses_timers_new(&worker->loop, &worker->timers));
    *ret_part = "store";
    SES_TRY(open_store(worker));
    *ret_part = "connector driver";
    SES_TRY(open_driver(worker));
    *ret_part = "service";
    SES_TRY(open_service(worker));
    *ret_part = "doors";
    SES_TRY(open_doors(worker));
    *ret_part = "connections";
    return open_conns(worker);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* An exchange that somebody still holds cannot be taken from him: the process ends as it is, the store is
 * made for that. */
static void leave_if_held(struct ses_worker *worker)
{
    unsigned open_count = worker->pool == NULL ? 0 : ses_exchange_pool_open(worker->pool);

    if (open_count == 0)
        return;
    ses_log_msg(&worker->log, SES_LOG_WARN, "exchanges_held", "%u exchanges outlive their connections",
                open_count);
    ses_log_done(&worker->log);
    _exit(worker->exit_code);
}

/* Reached with no work in flight (drain.c). Connections go first, since their exchanges end in the service.
 */
static void close_parts(struct ses_worker *worker)
{
    if (worker->conns != NULL)
        ses_conns_free(worker->conns);
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    leave_if_held(worker);
    if (worker->doors != NULL)
        ses_doors_free(worker->doors);
    if (worker->router != NULL)
        ses_router_free(worker->router);
    if (worker->service != NULL)
        ses_service_free(worker->service);
    if (worker->pool != NULL)
        ses_exchange_pool_free(worker->pool);
    if (worker->driver != NULL)
        ses_driver_free(worker->driver);
    ses_store_close(worker->store);
    worker->store = NULL;
    if (worker->timers != NULL)
        ses_timers_free(worker->timers);
    if (worker->keyring != NULL)
        ses_keyring_free(worker->keyring);
    ses_layout_secrets_free(&worker->secrets);
    /* Some parts close their handles on the loop: first theirs, by turning it, then whatever is left. */
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    uv_walk(&worker->loop, close_handle, NULL);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&worker->loop);
}

/* A damaged shard or bad keys will be as bad the next time; anything else may pass. */
static int failure_code(enum ses_status status)
{
    bool lasting = status == SES_DATA_LOSS || status == SES_FAILED_PRECONDITION || status == SES_MALFORMED ||
                   status == SES_PERMISSION_DENIED || status == SES_NOT_FOUND ||
                   status == SES_INVALID_ARGUMENT;

    if (status == SES_IO || status == SES_FULL)
        return SES_EXIT_IO;
    return lasting ? SES_EXIT_CONFIG : SES_EXIT_SOFTWARE;
}

static void serve(struct ses_worker *worker)
{
    ses_worker_turn_start(worker);
    ses_board_beat(worker->metrics);
    ses_worker_slots_open(worker);
    ses_child_say(worker->env, SES_CONTROL_READY);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    ses_worker_turn_stop(worker);
    ses_log_msg(&worker->log, SES_LOG_INFO, "drained", "after %llu ms",
                (unsigned long long)(ses_process_now_ms() - worker->drain_began_ms));
}

int ses_worker_run(const struct ses_child_env *env)
{
    struct ses_worker *worker = calloc(1, sizeof(*worker));
    enum ses_status status;
    const char *part;
    int code;

    if (worker == NULL)
        return SES_EXIT_SOFTWARE;
    ses_random_init();
    ses_process_no_new_privs();
    worker->env = env;
    worker->metrics = &env->board->metrics[env->slot];
    reset_gauges(worker->metrics);
    ses_log_init(&worker->log, STDERR_FILENO, env->config->log_level, env->role);
    worker->log.metrics = worker->metrics;
    open_loop(worker);
    status = open_parts(worker, &part);
    if (status == SES_OK)
        serve(worker);
    else
        ses_log_msg(&worker->log, SES_LOG_ERROR, "worker_failed", "%s: %s", part, ses_status_name(status));
    code = status == SES_OK ? worker->exit_code : failure_code(status);
    close_parts(worker);
    ses_log_done(&worker->log);
    free(worker);
    return code;
}
