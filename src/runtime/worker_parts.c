/* The ranks below a worker, made from the configuration. Every number of it that a part needs is handed over here and
 * nowhere else: a new one that is forgotten is forgotten in this file. */
#include "worker_parts.h"

#include <unistd.h>

#include <sessiond/base/units.h>
#include <sessiond/method/operator_gate.h>

#include "api_files.h"
#include "files.h"
#include "worker_store.h"

#define EXCHANGES_KEPT 256

_Static_assert(SES_STORE_SEAL_KEYS_MAX >= SES_KEYRING_KEYS_MAX, "a store takes every key of the ring");

/* ---- secrets and keys --------------------------------------------------------------------------------- */

static enum ses_status load_callers_key(struct ses_worker *worker)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status =
        ses_secret_file_open(worker->env->layout->callers_key, false, &worker->callers_key, &fault);

    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "callers_key_failed", "%s", fault.text);
    return status;
}

/* Before the confinement, which does without what makes such memory. */
static enum ses_status guard_tls(struct ses_worker *worker, bool *ret_locked)
{
    const struct ses_config *config = worker->env->config;
    enum ses_status status;

    *ret_locked = true;
    if (worker->env->tls_files == NULL)
        return SES_OK;
    status = ses_tls_memory_guard(ses_files_connections(config) + config->connector_calls_max, ret_locked);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "tls_failed", "no guarded memory for the private key");
    return status;
}

/* Each worker loads the keys itself, after the fork: no process that does not need them ever has them. */
enum ses_status ses_worker_load_keys(struct ses_worker *worker)
{
    const struct ses_layout *layout = worker->env->layout;
    struct ses_fault fault = {.text = ""};
    bool tls_locked = true;
    enum ses_status status = ses_keyring_load(layout->keys, &worker->keyring, &fault);

    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "keyring_failed", "%s", fault.text);
    SES_TRY(status);
    status = ses_layout_secrets_load(layout, &worker->secrets, &fault);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "secrets_failed", "%s", fault.text);
    if (status == SES_OK && worker->env->callers != NULL)
        status = load_callers_key(worker);
    if (status == SES_OK)
        status = ses_worker_load_password(worker);
    if (status == SES_OK)
        status = guard_tls(worker, &tls_locked);
    if (status == SES_OK && !(tls_locked && ses_secrets_locked()))
        ses_log_msg(&worker->log, SES_LOG_WARN, "keys_unlocked",
                    "not all keys could be locked in memory, the system may write them to swap (ulimit -l, "
                    "LimitMEMLOCK)");
    return status;
}

/* ---- the ranks below, from the configuration ---------------------------------------------------------- */

/* A simulator that was named instead of a connector's sandbox: test_mode calls alone go there. */
static bool has_plain_sandbox(const struct ses_config *config)
{
    for (size_t i = 0; i < config->urls_count; i++)
        if (ses_slice_starts(ses_slice_str(config->urls[i].sandbox), SES_STR("http://")))
            return true;
    return false;
}

/* A share is rounded up: one percent of 50 calls is one call and not none. */
enum ses_status ses_worker_open_driver(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_driver_options options = {
        .loop = &worker->loop,
        .sandbox = config->sandbox,
        .plain_loopback = has_plain_sandbox(config),
        .private_peers = config->private_addresses,
        .connect_timeout_ms = (uint32_t)config->connector_connect_timeout_ms,
        .total_timeout_ms = (uint32_t)config->connector_total_timeout_ms,
        .response_bytes_max = config->connector_response_kib * SES_KIB,
        .calls_max = (unsigned)config->connector_calls_max,
        .host_calls_max =
            (unsigned)((config->connector_calls_max * config->connector_host_percent + 99) / 100),
        .owner_percent = (unsigned)config->limits_merchant_share_percent,
        .connection_life_ms = (uint32_t)(config->connector_connection_seconds * 1000),
        .breaker_failures = (unsigned)config->connector_breaker_failures,
        .breaker_open_ms = (uint32_t)config->connector_breaker_open_ms,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    return ses_driver_new(&options, &worker->driver);
}

/* Texts stay in the configuration, which this process inherited and never changes; only arrays of pointers are made,
 * and live in struct ses_worker. */
static struct ses_connector_policy make_policy(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    size_t count = 0;

    for (size_t i = 0; i < config->urls_count; i++) {
        const struct ses_config_url *url = &config->urls[i];

        if (url->sandbox[0] == '\0' && url->production[0] == '\0')
            continue;
        worker->urls[count++] = (struct ses_connector_url){
            .connector = ses_connector_by_name(ses_slice_str(url->connector)),
            .sandbox = url->sandbox[0] == '\0' ? NULL : url->sandbox,
            .production = url->production[0] == '\0' ? NULL : url->production,
        };
    }
    for (size_t i = 0; i < config->hosts_count; i++)
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

static struct ses_gateway_options gateway_options(const struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;

    return (struct ses_gateway_options){
        .upstream = worker->upstream,
        .methods = config->upstream.methods,
        .session_required = config->upstream.session_required,
        .raw_allowed = config->upstream.raw,
        .deadline_ms = (uint32_t)config->upstream_deadline_ms,
    };
}

/* The router is made here too: its routes are the service's. */
enum ses_status ses_worker_open_service(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_service_options options = {
        .store = worker->store,
        .keyring = worker->keyring,
        .driver = worker->driver,
        .timers = worker->timers,
        .policy = make_policy(worker),
        .natural_key = &worker->secrets.natural,
        .step_keys = worker->secrets.step.key,
        .step_keys_count = worker->secrets.step.count,
        .log_key = &worker->secrets.log,
        .issuer = config->issuer,
        .audience = config->audience,
        .token_purpose = config->token_purpose,
        .token_forms_known = &worker->env->board->token_forms_known,
        .session_ttl_ms = config->session_ttl_seconds * 1000,
        .connector_deadline_margin_ms = config->connector_deadline_margin_ms,
        .connector_errors_status = config->connector_errors_status,
        .credential_cache_entries = (unsigned)config->session_credential_cache_entries,
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
        .log_level = &worker->env->board->log_level,
        .log = &worker->log,
        .metrics = worker->metrics,
        .openapi = ses_api_description(),
        .gateway = gateway_options(worker),
    };
    const struct ses_route *routes;
    size_t count;

    list_merchants(worker);
    options.bindings_count = worker->binding_modes_count;
    SES_TRY(ses_service_new(&options, &worker->service));
    routes = ses_service_routes(worker->service, &count);
    return ses_router_new(&routes, &count, 1, &worker->router);
}

/* Whoever answers for who calls stands first (exchange/gate.h). Where nobody does, nobody is an operator. */
static void add_caller_gate(struct ses_worker *worker, struct ses_door_options *options)
{
    if (worker->env->callers == NULL) {
        options->gates[options->gates_count++] = (struct ses_gate){.admit = ses_operator_gate_closed};
        return;
    }
    worker->caller_gate = (struct ses_caller_gate){.callers = worker->env->callers,
                                                   .hash_key = &worker->callers_key,
                                                   .log = &worker->log,
                                                   .metrics = worker->metrics};
    options->gates[options->gates_count++] =
        (struct ses_gate){.admit = ses_caller_gate_admit, .arg = &worker->caller_gate};
}

/* Of what the supervisor has read and checked: it fails only for want of memory. */
enum ses_status ses_worker_open_tls(struct ses_worker *worker)
{
    const struct ses_child_env *env = worker->env;
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    status = ses_tls_files_context(env->tls_files, env->config, env->tls_tickets, &worker->tls, &fault);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "tls_failed", "%s", fault.text);
    else if (worker->tls != NULL)
        ses_gauge_set(worker->metrics, SES_C_TLS_CERTIFICATE_ENDS,
                      ses_tls_context_ends_ms(worker->tls) / 1000);
    return status;
}

enum ses_status ses_worker_open_admission(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_admission_options options = {
        .limits =
            {
                .connection_rate = (unsigned)config->limits_connection_rate,
                .connection_burst = (unsigned)config->limits_connection_burst,
                .source_calls = (unsigned)config->limits_source_calls,
                .caller_rate = (unsigned)config->limits_caller_rate,
                .caller_burst = (unsigned)config->limits_caller_burst,
                .caller_calls = (unsigned)config->limits_caller_calls,
                .merchant_rate = (unsigned)config->limits_merchant_rate,
                .merchant_burst = (unsigned)config->limits_merchant_burst,
                .merchant_calls = (unsigned)config->limits_merchant_calls,
                .server_rate = (unsigned)config->limits_server_rate,
                .server_burst = (unsigned)config->limits_server_burst,
                .overload_ms = (unsigned)config->limits_overload_ms,
            },
        .rates = worker->env->rates,
        .metrics = worker->metrics,
        .log = &worker->log,
    };

    return ses_admission_new(&options, &worker->admission);
}

enum ses_status ses_worker_open_trace(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    const struct ses_tls_files *files = worker->env->tls_files;
    struct ses_exporter_options options = {
        .loop = &worker->loop,
        .endpoint = config->trace_endpoint,
        .service_name = config->trace_service,
        .instance = worker->env->role,
        .batch = (unsigned)config->trace_batch,
        .timeout_ms = (uint32_t)config->trace_timeout_ms,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    if (config->trace_endpoint[0] == '\0')
        return SES_OK;
    SES_TRY(ses_spans_new(config->trace_queue, (unsigned)config->trace_sample_percent, worker->metrics,
                          &worker->spans));
    options.spans = worker->spans;
    if (files != NULL) {
        options.ca = ses_buf_view(&files->trace_ca);
        options.certificate = ses_buf_view(&files->trace_certificate);
        options.key = ses_slice(files->trace_key.bytes, files->trace_key.len);
    }
    return ses_exporter_new(&options, &worker->exporter);
}

/* Doors before connections: a connection needs somebody to accept it for. */
enum ses_status ses_worker_open_doors(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_exchange_pool_options pool = {
        .arena_bytes_max = config->limits_exchange_memory_kib * SES_KIB,
        .exchanges_max = (unsigned)config->limits_exchanges,
        .keep = EXCHANGES_KEPT,
        .unknown_metric = ses_method_metric_unknown(),
        .log = &worker->log,
        .metrics = worker->metrics,
        .spans = worker->spans,
    };
    struct ses_door_options options = {
        .router = worker->router,
        .timers = worker->timers,
        .limits =
            {
                .body_bytes_max = config->limits_body_kib * SES_KIB,
                .header_bytes_max = config->limits_header_kib * SES_KIB,
                .headers_max = (unsigned)config->limits_headers,
                .streams_max = (unsigned)config->limits_streams,
                .held_bytes_max = config->limits_connection_held_kib * SES_KIB,
                .write_stall_ms = (uint32_t)config->limits_write_stall_ms,
                .requests_max = (unsigned)config->limits_requests_per_connection,
                .errors_max = (unsigned)config->limits_errors_per_10s,
                .empty_frames_max = (unsigned)config->limits_empty_frames_per_10s,
                .control_frames_max = (unsigned)config->limits_control_frames_per_10s,
                .ping_ms = (uint32_t)config->limits_ping_ms,
                .http2_idle_ms = (uint32_t)config->limits_http2_idle_ms,
                .load_reports = config->limits_load_reports != 0,
                .header_ms = (uint32_t)config->limits_header_ms,
                .body_ms = (uint32_t)config->limits_body_ms,
                .exchange_ms_max = (uint32_t)config->limits_exchange_ms,
                .streaming_ms = (uint32_t)config->limits_streaming_seconds * 1000,
                .gzip_bytes_min = (uint32_t)config->limits_gzip_bytes_min,
            },
        .hosts = worker->known_hosts,
        .hosts_count = config->known_hosts_count,
        .proxies =
            {
                .trusted = config->trusted_proxies,
                .trusted_count = config->trusted_proxies_count,
                .protocol = config->proxy_protocol,
                .forwarded = config->proxy_header,
            },
        .cors = ses_config_cors(config, worker->cors_origins),
        .http2 = true,
        .tls = worker->tls,
        .tls_only = config->tls.tls_only,
        .server_name = "sessiond",
        .log = &worker->log,
        .metrics = worker->metrics,
    };
    const struct ses_route *routes;
    size_t routes_count;

    for (size_t i = 0; i < config->known_hosts_count; i++)
        worker->known_hosts[i] = config->known_hosts[i];
    SES_TRY(ses_exchange_pool_new(&pool, &worker->pool));
    options.pool = worker->pool;
    routes = ses_service_routes(worker->service, &routes_count);
    SES_TRY(ses_operator_port_open(&worker->operator_port, routes, routes_count, &pool, &options));
    add_caller_gate(worker, &options);
    options.gates[options.gates_count++] = ses_admission_gate(worker->admission);
    return ses_doors_new(&options, &worker->doors);
}

/* Last of all: from here on clients can reach everything above. A server that is draining starts no listening. */
enum ses_status ses_worker_open_conns(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_conns_options options = {
        .loop = &worker->loop,
        .timers = worker->timers,
        .connections_max = ses_files_connections(config),
        .idle_ms = (uint32_t)config->limits_idle_ms,
        .first_byte_ms = (uint32_t)config->limits_first_byte_ms,
        .age_ms = config->limits_connection_age_seconds * 1000,
        .per_source_max = (unsigned)config->limits_source_connections,
        .exempt = config->trusted_proxies,
        .exempt_count = config->trusted_proxies_count,
        .write_stall_ms = (uint32_t)config->limits_write_stall_ms,
        .held_bytes_max = config->limits_held_mib * SES_MIB,
        .handshakes_per_turn = (unsigned)config->tls_handshakes_per_turn,
        .on_accept = ses_doors_accept,
        .arg = worker->doors,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    /* The socket listens already, unless the supervisor had nobody left to serve and closed it. */
    SES_TRY(ses_conns_new(&options, &worker->conns));
    SES_TRY(ses_operator_port_connect(&worker->operator_port, worker->env->operator_fd, &options));
    if (atomic_load_explicit(&worker->env->board->draining, memory_order_relaxed))
        return SES_OK;
    return ses_conns_listen(worker->conns, worker->env->listen_fd);
}
