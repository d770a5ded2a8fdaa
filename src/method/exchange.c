#include <sessiond/method/exchange.h>

#include <sessiond/base/clock.h>

#include "exchange_pool.h"
#include "service_core.h"

/* Counters and the log line: once per exchange, when it is answered or cancelled. http_status only for
 * resources. */
static void record(struct ses_exchange *x, uint32_t grpc_code, int http_status)
{
    uint64_t now = ses_clock_mono_ns(), took_ns = now > x->started_mono_ns ? now - x->started_mono_ns : 0;
    struct ses_metrics *metrics = x->pool->options.metrics;
    int row = x->route == NULL ? SES_METRIC_UNKNOWN : x->route->metric;

    if (metrics != NULL && row >= 0 && row < SES_METRIC_METHODS_MAX && grpc_code < SES_METRIC_CODES) {
        atomic_fetch_add_explicit(&metrics->requests[row][grpc_code], 1, memory_order_relaxed);
        ses_hist_add(&metrics->request_ns[row], took_ns);
    }
    ses_exchange_log(x, grpc_code, http_status, took_ns);
}

/* True for the one answer that counts. The method's cancel function has nothing to stop any more. */
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
