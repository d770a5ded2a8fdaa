/* The time of an enveloped call, by rpc_time.h: one timer, the exchange's own. */
#include "envelope.h"
#include "rpc_time.h"

static void end_by(struct ses_exchange *x, enum ses_rpc_limit limit)
{
    const struct ses_rpc_over *over = ses_rpc_time_over(ses_http_call_of(x)->doors->options.metrics, limit);

    ses_envelope_abort(x, over->status, over->message, over->cancel_status);
}

static void on_deadline(void *arg)
{
    end_by(arg, SES_RPC_DEADLINE);
}

static void on_request_late(void *arg)
{
    end_by(arg, SES_RPC_REQUEST_LATE);
}

static void on_lifetime(void *arg)
{
    end_by(arg, SES_RPC_LIFETIME);
}

static void limit(struct ses_exchange *x, struct ses_rpc_time time)
{
    static const ses_timer_fn fns[SES_RPC_LIMIT_COUNT] = {[SES_RPC_DEADLINE] = on_deadline,
                                                          [SES_RPC_REQUEST_LATE] = on_request_late,
                                                          [SES_RPC_LIFETIME] = on_lifetime};

    ses_timer_start(ses_http_call_of(x)->doors->options.timers, &x->deadline_timer, time.delay_ms,
                    fns[time.limit], x);
}

void ses_envelope_time_begin(struct ses_exchange *x)
{
    limit(x,
          ses_rpc_time_begin(&ses_http_call_of(x)->doors->options.limits, x, ses_envelope_of(x)->timeout_ns));
}

void ses_envelope_time_stream(struct ses_exchange *x)
{
    limit(x, ses_rpc_time_stream(&ses_http_call_of(x)->doors->options.limits, x,
                                 ses_envelope_of(x)->timeout_ns));
}
