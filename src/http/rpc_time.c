/* Three limits, one timer: which of them comes first is known when the head is here, and again when the request is. */
#include "rpc_time.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "refusal_text.h"

#define CONNECT_DIGITS_MAX 10
#define CONNECT_MS_MAX     UINT64_C(9999999999)

enum ses_status ses_connect_timeout_decode(struct ses_slice text, uint64_t *ret_ms)
{
    return text.len > CONNECT_DIGITS_MAX ? SES_MALFORMED : ses_parse_u64(text, CONNECT_MS_MAX, ret_ms);
}

/* Rounded up: a timer is never early. */
static uint64_t ms_between(uint64_t now_ns, uint64_t deadline_ns)
{
    return deadline_ns > now_ns ? (deadline_ns - now_ns + SES_NS_PER_MS - 1) / SES_NS_PER_MS : 0;
}

/* From the start, not from now: the same within microseconds, and a clock call less (30 ns of 2 us). */
struct ses_rpc_time ses_rpc_time_begin(const struct ses_door_limits *limits, struct ses_exchange *x,
                                       uint64_t timeout_ns)
{
    bool unary = x->route->kind == SES_ROUTE_UNARY;
    uint64_t limit_ns =
        unary ? limits->exchange_ms_max * SES_NS_PER_MS : SES_RPC_NO_DEADLINE_NS - x->started_mono_ns;
    bool callers = timeout_ns < limit_ns;

    x->deadline_mono_ns = x->started_mono_ns + (callers ? timeout_ns : limit_ns);
    if (unary || (callers && timeout_ns < limits->body_ms * SES_NS_PER_MS))
        return (struct ses_rpc_time){SES_RPC_DEADLINE, ms_between(x->started_mono_ns, x->deadline_mono_ns)};
    return (struct ses_rpc_time){SES_RPC_REQUEST_LATE, limits->body_ms};
}

/* Up to an eighth less than the limit, so that streams that began together do not come back together. */
static uint64_t lifetime_ms(const struct ses_door_limits *limits, const struct ses_exchange *x)
{
    uint64_t limit_ms = limits->streaming_ms;

    if (x->route->kind == SES_ROUTE_BIDI && limit_ms > SES_RPC_BIDI_MS)
        limit_ms = SES_RPC_BIDI_MS;
    return limit_ms - (x->started_mono_ns >> 8) % (limit_ms / 8 + 1);
}

struct ses_rpc_time ses_rpc_time_stream(const struct ses_door_limits *limits, const struct ses_exchange *x,
                                        uint64_t timeout_ns)
{
    uint64_t own_ms = lifetime_ms(limits, x);
    uint64_t callers_ms = ms_between(ses_clock_mono_ns(), x->deadline_mono_ns);

    if (timeout_ns != SES_RPC_NO_TIMEOUT && callers_ms <= own_ms)
        return (struct ses_rpc_time){SES_RPC_DEADLINE, callers_ms};
    return (struct ses_rpc_time){SES_RPC_LIFETIME, own_ms};
}

/* UNAVAILABLE is what clients take as "again". */
static const struct ses_rpc_over overs[SES_RPC_LIMIT_COUNT] = {
    [SES_RPC_DEADLINE] = {SES_DEADLINE_EXCEEDED, SES_SAYS_DEADLINE, SES_DEADLINE_EXCEEDED},
    [SES_RPC_REQUEST_LATE] = {SES_DEADLINE_EXCEEDED, SES_SAYS_LATE, SES_DEADLINE_EXCEEDED},
    [SES_RPC_LIFETIME] = {SES_UNAVAILABLE, SES_SAYS_STREAM_OVER, SES_CANCELLED},
};

const struct ses_rpc_over *ses_rpc_time_over(struct ses_metrics *metrics, enum ses_rpc_limit limit)
{
    if (limit == SES_RPC_REQUEST_LATE)
        ses_count(metrics, SES_C_REQUESTS_LATE, 1);
    else if (limit == SES_RPC_LIFETIME)
        ses_count(metrics, SES_C_STREAMS_EXPIRED, 1);
    return &overs[limit];
}
