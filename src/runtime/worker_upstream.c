/* A worker's calls to the upstream server, from the configuration. */
#include "worker_parts.h"

#include <sessiond/base/wiping.h>

/* The texts were judged when they were read. */
static enum ses_status open_tls(struct ses_worker *worker)
{
    const struct ses_tls_files *files = worker->env->tls_files;
    struct ses_tls_client_options options = {.ca = SES_SLICE_EMPTY};
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    if (files != NULL) {
        options.ca = ses_buf_view(&files->upstream_ca);
        options.certificate = ses_buf_view(&files->upstream_certificate);
        options.key = ses_slice(files->upstream_key.bytes, files->upstream_key.len);
    }
    status = ses_tls_client_new(&options, &worker->upstream_tls, &fault);
    if (status != SES_OK)
        ses_log_msg(&worker->log, SES_LOG_ERROR, "upstream_tls_failed", "%s", fault.text);
    return status;
}

enum ses_status ses_worker_open_upstream(struct ses_worker *worker)
{
    const struct ses_config *config = worker->env->config;
    struct ses_upstream_options options = {
        .loop = &worker->loop,
        .timers = worker->timers,
        .host = config->upstream.host,
        .port = config->upstream.port,
        .authority = config->upstream.grpc,
        .server_name = config->upstream.server_name,
        .connections = (unsigned)config->upstream_connections,
        .calls_max = (unsigned)config->upstream_calls_max,
        .streams_max = (unsigned)config->upstream_streams_max,
        .owner_percent = (unsigned)config->limits_merchant_share_percent,
        .connect_ms = (uint32_t)config->upstream_connect_timeout_ms,
        .deadline_ms = (uint32_t)config->upstream_deadline_ms,
        .idle_ms = (uint32_t)config->upstream_idle_ms,
        .keepalive_ms = (uint32_t)config->upstream_keepalive_ms,
        .health_ms = (uint32_t)config->upstream_health_ms,
        .connection_life_ms = (uint32_t)(config->upstream_connection_seconds * 1000),
        .answer_bytes_max = config->upstream_answer_bytes_max,
        .breaker_failures = (unsigned)config->upstream_breaker_failures,
        .breaker_open_ms = (uint32_t)config->upstream_breaker_open_ms,
        .log = &worker->log,
        .metrics = worker->metrics,
    };

    if (config->upstream.grpc[0] == '\0')
        return SES_OK;
    ses_wiping_start(); /* from here on card data passes through */
    if (config->upstream.tls) {
        SES_TRY(open_tls(worker));
        options.tls = worker->upstream_tls;
    }
    return ses_upstream_new(&options, &worker->upstream);
}
