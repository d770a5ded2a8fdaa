#include "exchange_pool.h"

static const char *const door_names[] = {
    [SES_DOOR_GRPC] = "grpc",
    [SES_DOOR_CONNECT] = "connect",
    [SES_DOOR_ROUTE] = "route",
    [SES_DOOR_PLAIN] = "plain",
};

/* A tenant or merchant id longer than this is cut in the log: the caller chose its length. */
#define NAME_BYTES_MAX 128

static void put_name(struct ses_log_line *line, const char *key, struct ses_slice name)
{
    if (name.len > 0)
        ses_log_slice(line, key, ses_slice_cut(name, 0, NAME_BYTES_MAX));
}

/* A call of a session that went well has a line of its own, always. All else anybody on the port can cause by
 * the thousand (health checks, unknown paths, streams that are reset): bounded, by its outcome. */
static void begin(const struct ses_exchange *x, uint32_t grpc_code, struct ses_log_line *ret_line)
{
    struct ses_log *log = x->pool->options.log;

    if (grpc_code == 0 && x->route != NULL && x->route->flow != NULL)
        ses_log_begin(log, SES_LOG_INFO, "request", ret_line);
    else
        ses_log_begin_bounded(log, SES_LOG_INFO, "request", ses_status_grpc_name(grpc_code), ret_line);
}

void ses_exchange_log(const struct ses_exchange *x, uint32_t grpc_code, int http_status, uint64_t took_ns)
{
    struct ses_log_line line;

    begin(x, grpc_code, &line);
    if (line.log == NULL)
        return;
    ses_log_str(&line, "request_id", x->request_id);
    ses_log_str(&line, "door", door_names[x->door]);
    ses_log_str(&line, "flow", x->route == NULL || x->route->flow == NULL ? "none" : x->route->flow);
    put_name(&line, "tenant", x->tenant);
    put_name(&line, "merchant", x->merchant);
    if (x->connector != NULL)
        ses_log_str(&line, "connector", x->connector);
    ses_log_str(&line, "grpc_status", ses_status_grpc_name(grpc_code));
    if (http_status != 0)
        ses_log_u64(&line, "http_status", (uint64_t)http_status);
    if (x->connector_status != 0)
        ses_log_u64(&line, "connector_status", x->connector_status);
    ses_log_u64(&line, "latency_us", took_ns / 1000);
    if (x->session_pseudonym[0] != '\0')
        ses_log_str(&line, "session", x->session_pseudonym);
    if (x->peer != NULL)
        ses_log_str(&line, "peer", x->peer);
    ses_log_end(&line);
}
