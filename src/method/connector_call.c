/* The call itself is the driver's; here is what it has to do with the exchange that waits for it. */
#include "connector_call.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/exchange/exchange_trace.h>

#include "refusal.h"

/* ---- its time -------------------------------------------------------------------------------- */

/* 0: nothing is left. */
static uint64_t deadline_ns(const struct ses_connector_call *call)
{
    uint64_t margin_ns = call->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
    uint64_t end_ns = call->x->deadline_mono_ns;

    if (end_ns <= margin_ns || end_ns - margin_ns <= ses_clock_mono_ns())
        return 0;
    return end_ns - margin_ns;
}

/* What a lease lasts longer than the call's own deadline: for the put behind it. */
#define LEASE_EXTRA_MS 5000

uint64_t ses_connector_call_lease_ms(const struct ses_connector_call *call)
{
    uint64_t end_ns = deadline_ns(call);
    uint64_t now_ns = ses_clock_mono_ns();

    return (end_ns > now_ns ? (end_ns - now_ns) / SES_NS_PER_MS : 0) + LEASE_EXTRA_MS;
}

/* ---- the call -------------------------------------------------------------------------------- */

static void end_span(const struct ses_connector_call *call, uint32_t http_status)
{
    struct ses_span span = {
        .kind = SES_SPAN_CLIENT,
        .name = call->request.get ? "GET" : "POST",
        .http_method = call->request.get ? "GET" : "POST",
        .connector = call->connector->name,
        .http_status = http_status,
        .failed = http_status == 0 || http_status >= 400,
        .began_mono_ns = call->called_mono_ns,
    };

    if (!ses_exchange_records(call->x))
        return;
    span.ended_mono_ns = ses_clock_mono_ns();
    ses_exchange_span(call->x, call->x->call_span_id, &span);
}

static void on_answer(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                      struct ses_slice body)
{
    struct ses_connector_call *call = arg;

    end_span(call, http_status);
    call->x->connector_ns += ses_clock_mono_ns() - call->called_mono_ns;
    call->answered(call, http_status, outcome, body);
}

/* The connector learns which trace the call belongs to, and nothing else of its caller. */
static enum ses_status add_trace(struct ses_connector_call *call)
{
    struct ses_trace_headers headers;

    SES_TRY(ses_exchange_trace_call(call->x, &headers));
    ses_request_header(&call->request, SES_STR("traceparent"), headers.traceparent);
    if (headers.tracestate.len > 0)
        ses_request_header(&call->request, SES_STR("tracestate"), headers.tracestate);
    return SES_OK;
}

enum ses_status ses_connector_call_take(struct ses_connector_call *call, ses_store_owner owner)
{
    if (deadline_ns(call) == 0)
        return SES_DEADLINE_EXCEEDED;
    return ses_outbound_take(call->service->options.driver, call->connector, call->request.url, owner,
                             &call->place);
}

void ses_connector_call_leave(struct ses_connector_call *call)
{
    if (call->place.host != NULL)
        ses_outbound_give_back(call->service->options.driver, &call->place);
}

enum ses_status ses_connector_call_start(struct ses_connector_call *call)
{
    uint64_t end_ns = deadline_ns(call);
    enum ses_status status = end_ns == 0 ? SES_DEADLINE_EXCEEDED : add_trace(call);

    call->called_mono_ns = ses_clock_mono_ns();
    if (status == SES_OK)
        status = ses_outbound_start(call->service->options.driver, &call->place, &call->request, end_ns,
                                    on_answer, call);
    return status;
}

/* ---- a call that is not made ----------------------------------------------------------------- */

/* Of calls for which there was no place: which limit it was, and whose. */
struct full {
    enum ses_status status; /* of ses_outbound_take */
    enum ses_counter counter;
    enum ses_reason reason;
    const char *scope;
    const char *limit;
    const char *before; /* the connector's name, and behind it */
    const char *after;
};

static const struct full fulls[] = {
    {SES_OVER_SHARE, SES_C_CONNECTOR_OVER_SHARE, SES_REASON_CONNECTOR_SHARE_FULL, "merchant",
     "limits.merchant_share_percent", "this merchant has its share of the calls to ",
     " in flight (limits.merchant_share_percent); try again"},
    {SES_BUSY, SES_C_CONNECTOR_BUSY, SES_REASON_CONNECTOR_BUSY, "connector", "connector.host_percent",
     "too many calls to ", " are in flight (connector.host_percent of connector.calls_max); try again"},
    {SES_RESOURCE_EXHAUSTED, SES_C_CONNECTOR_EXHAUSTED, SES_REASON_CONNECTOR_CALLS_EXHAUSTED, "server",
     "connector.calls_max", "no call to ",
     ": too many connector calls are in flight (connector.calls_max); try again"},
};

static const struct full *full_of(enum ses_status status)
{
    for (size_t i = 0; i < sizeof(fulls) / sizeof(fulls[0]); i++) {
        if (fulls[i].status == status)
            return &fulls[i];
    }
    return NULL;
}

/* All three limits are a worker's own: the next call may meet another one. 100 ms: a call to a connector takes some
 * hundreds, so one of a full set will have ended by then. */
static void set_full(const struct ses_connector_call *call, const struct full *full, struct ses_error *error)
{
    struct ses_slice connector = ses_slice_str(call->connector->name);
    const char *text =
        ses_arena_printf(&call->x->arena, "%s%.*s%s", full->before, SES_FMT(connector), full->after);

    ses_count(call->service->options.metrics, full->counter, 1);
    ses_error_refuse(error, full->reason,
                     text == NULL ? SES_STR("too many connector calls are in flight; try again")
                                  : ses_slice_str(text));
    error->retry_delay_ms = 100;
    ses_error_metadata(error, SES_STR("connector"), connector);
    ses_error_metadata(error, SES_STR("limit"), ses_slice_str(full->limit));
    ses_error_metadata(error, SES_STR("scope"), ses_slice_str(full->scope));
}

void ses_connector_call_refusal(const struct ses_connector_call *call, enum ses_status status,
                                struct ses_error *ret_error)
{
    if (status == SES_DEADLINE_EXCEEDED)
        ses_error_set(ret_error, status,
                      SES_STR("the deadline leaves no time for the call to the connector"));
    else if (full_of(status) != NULL)
        set_full(call, full_of(status), ret_error);
    else
        ses_refusal_internal(ret_error, status);
}
