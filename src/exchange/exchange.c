/* The one answer of an exchange. Reply, failure and cancellation may each be called at any time, in any
 * order and from inside each other; whoever comes first counts, the rest does nothing. */
#include <sessiond/exchange/exchange.h>

#include <sessiond/base/clock.h>
#include <sessiond/caller/callers.h>
#include <sessiond/exchange/exchange_trace.h>

#include "exchange_pool.h"

/* ---- the log line ---------------------------------------------------------------------------- */

static const char *const door_names[] = {
    [SES_DOOR_GRPC] = "grpc",   [SES_DOOR_CONNECT] = "connect",   [SES_DOOR_ROUTE] = "route",
    [SES_DOOR_PLAIN] = "plain", [SES_DOOR_GRPC_WEB] = "grpc_web",
};

/* A tenant or merchant id longer than this is cut in the log: the caller chose its length. */
#define NAME_BYTES_MAX 128

static void put_name(struct ses_log_line *line, const char *key, struct ses_slice name)
{
    if (name.len > 0)
        ses_log_slice(line, key, ses_slice_cut(name, 0, NAME_BYTES_MAX));
}

/* What an operator asks is written down whatever the log's level, and never summed up; but for what strangers are
 * refused. */
static bool is_operators(const struct ses_exchange *x)
{
    return x->route != NULL && x->route->rights == (unsigned)SES_RIGHT_OPERATE &&
           (x->operator_known || x->caller != NULL);
}

/* A call of a session that went well has a line of its own, always. All else anybody on the port can cause by
 * the thousand (health checks, unknown paths, streams that are reset): bounded, by its outcome. */
static void begin_line(const struct ses_exchange *x, uint32_t grpc_code, struct ses_log_line *ret_line)
{
    struct ses_log *log = x->pool->options.log;

    if (is_operators(x))
        ses_log_begin_audit(log, "operator_call", ret_line);
    else if (grpc_code == 0 && x->route != NULL && x->route->flow != NULL)
        ses_log_begin(log, SES_LOG_INFO, "request", ret_line);
    else
        ses_log_begin_bounded(log, SES_LOG_INFO, "request", ses_status_grpc_name(grpc_code), ret_line);
}

/* No header value but the request id, the tenant and the merchant gets into it. */
static void write_line(const struct ses_exchange *x, uint32_t grpc_code, int http_status, uint64_t took_ns)
{
    struct ses_log_line line;

    begin_line(x, grpc_code, &line);
    if (line.log == NULL)
        return;
    ses_log_str(&line, "request_id", x->request_id);
    ses_exchange_log_trace(x, &line);
    ses_log_str(&line, "door", door_names[x->door]);
    ses_log_str(&line, "flow", x->route == NULL || x->route->flow == NULL ? "none" : x->route->flow);
    if (x->caller != NULL)
        ses_log_slice(&line, "caller", x->caller->name);
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
    if (x->operator_known)
        ses_log_u64(&line, "uid", x->operator_uid);
    if (x->audit_reason.len > 0)
        ses_log_slice(&line, "reason", x->audit_reason);
    ses_log_end(&line);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Counters and the log line: once per exchange, when it is answered or cancelled. http_status only for
 * resources. */
static void record(struct ses_exchange *x, uint32_t grpc_code, int http_status)
{
    uint64_t now = ses_clock_mono_ns(), took_ns = now > x->started_mono_ns ? now - x->started_mono_ns : 0;
    struct ses_metrics *metrics = x->pool->options.metrics;
    int row = x->route == NULL ? x->pool->options.unknown_metric : x->route->metric;

    if (metrics != NULL && row >= 0 && row < SES_METRIC_METHODS_MAX && grpc_code < SES_METRIC_CODES) {
        atomic_fetch_add_explicit(&metrics->requests[row][grpc_code], 1, memory_order_relaxed);
        ses_hist_add(&metrics->request_ns[row], took_ns);
        ses_family_add(metrics, SES_F_DOORS, x->door, 1);
        if (x->connector_ns != 0)
            ses_hist_add(&metrics->own_ns, took_ns > x->connector_ns ? took_ns - x->connector_ns : 0);
    }
    write_line(x, grpc_code, http_status, took_ns);
    if (ses_exchange_records(x))
        ses_exchange_end_trace(x, grpc_code, http_status, now);
}

/* True for the one answer that counts. The method's cancel function has nothing to stop any more. Its
 * callers hold a reference while they speak to the door: writing may end the stream (the client is
 * gone), and with it the door's reference, which may be the last. */
static bool take_answer(struct ses_exchange *x)
{
    if (x->answered || x->cancelled)
        return false;
    x->answered = true;
    x->cancel = NULL;
    x->drained = NULL;
    return true;
}

void ses_exchange_reply(struct ses_exchange *x, struct ses_slice message)
{
    if (!take_answer(x))
        return;
    ses_exchange_hold(x); /* the door may drop its reference while it writes */
    x->ops->send(x, message);
    x->ops->end(x, NULL);
    record(x, 0, 0);
    ses_exchange_release(x);
}

/* A message of a stream that is over is dropped without a word: the method learns of the end by its
 * cancel function, or not at all if it ended the stream itself. */
void ses_exchange_send(struct ses_exchange *x, struct ses_slice message)
{
    if (!x->answered && !x->cancelled)
        x->ops->send(x, message);
}

void ses_exchange_end(struct ses_exchange *x)
{
    if (!take_answer(x))
        return;
    ses_exchange_hold(x);
    x->ops->end(x, NULL);
    record(x, 0, 0);
    ses_exchange_release(x);
}

void ses_exchange_fail(struct ses_exchange *x, const struct ses_error *error)
{
    SES_REQUIRE(error->status != SES_OK);
    if (!take_answer(x))
        return;
    ses_exchange_hold(x);
    x->ops->end(x, error);
    if (x->pool->options.metrics != NULL)
        ses_family_add(x->pool->options.metrics, SES_F_REFUSALS, error->reason, 1);
    record(x, ses_status_grpc(error->status), 0);
    ses_exchange_release(x);
}

void ses_exchange_fail_status(struct ses_exchange *x, enum ses_status status, const char *message)
{
    struct ses_error error;

    ses_error_set(&error, status, ses_slice_str(message));
    ses_exchange_fail(x, &error);
}

/* The code that a resource's HTTP status is counted under. */
static uint32_t code_of_http(int http_status)
{
    if (http_status < 400)
        return ses_status_grpc(SES_OK);
    if (http_status == 404)
        return ses_status_grpc(SES_NOT_FOUND);
    if (http_status == 409) /* another answer of a bank came first */
        return ses_status_grpc(SES_ALREADY_EXISTS);
    /* A step whose time is over: like TOKEN_EXPIRED, nothing is wrong with the request itself. */
    if (http_status == 410)
        return ses_status_grpc(SES_FAILED_PRECONDITION);
    if (http_status == 503)
        return ses_status_grpc(SES_UNAVAILABLE);
    return ses_status_grpc(http_status < 500 ? SES_INVALID_ARGUMENT : SES_INTERNAL);
}

void ses_exchange_reply_raw(struct ses_exchange *x, int http_status, const char *content_type,
                            struct ses_slice body)
{
    if (!take_answer(x))
        return;
    ses_exchange_hold(x);
    x->ops->raw(x, http_status, content_type, body);
    record(x, code_of_http(http_status), http_status);
    ses_exchange_release(x);
}

void ses_exchange_reply_made(struct ses_exchange *x, const char *content_type,
                             const struct ses_made_body *body)
{
    x->reply_gzip = body->gzip;
    ses_exchange_reply_header(x, SES_STR("cache-control"), SES_STR("public, max-age=60"));
    ses_exchange_reply_raw(x, 200, content_type, body->plain);
}

void ses_exchange_cancel(struct ses_exchange *x, enum ses_status why)
{
    void (*cancel)(struct ses_exchange *, void *) = x->cancel;

    if (x->answered || x->cancelled)
        return;
    x->cancelled = true;
    x->cancel_status = why;
    x->cancel = NULL;
    x->drained = NULL;
    ses_exchange_hold(x); /* the cancel function usually drops the method's reference */
    record(x, ses_status_grpc(why), 0);
    if (cancel != NULL)
        cancel(x, x->cancel_arg);
    ses_exchange_release(x);
}

void ses_exchange_waits(struct ses_exchange *x)
{
    if (!x->waited && x->count != NULL)
        x->count->waits(x, x->count_arg);
    x->waited = true;
}

void ses_exchange_start(struct ses_exchange *x)
{
    if (x->count != NULL)
        x->count->begins(x, x->count_arg);
    x->begun = true;
    x->route->start(x, x->route->arg);
}
