/* rpc_time.h - how long a call may last, by the kind of its route; the same for gRPC, gRPC-Web and Connect's streams.
 *
 *              until the request is whole         from then on
 *   unary      the caller's own limit, at most exchange_ms_max, from the first byte to the answer
 *   stream     body_ms, or the caller's if        the caller's if given, at most streaming_ms less up to an
 *              that is less                       eighth: UNAVAILABLE, call again
 *   bidi       the same, for its first message    the same, at most SES_RPC_BIDI_MS
 */
#ifndef SESSIOND_SRC_HTTP_RPC_TIME_H
#define SESSIOND_SRC_HTTP_RPC_TIME_H

#include <sessiond/http/door.h>

/* A bidi stream is a conversation (reflection), not a subscription. */
#define SES_RPC_BIDI_MS 60000u
/* The caller names no limit. */
#define SES_RPC_NO_TIMEOUT UINT64_MAX
/* The deadline of a call without one: far enough, and safe to add to. */
#define SES_RPC_NO_DEADLINE_NS (UINT64_MAX / 2)

enum ses_rpc_limit {
    SES_RPC_DEADLINE,     /* the caller's, or ours for a unary call */
    SES_RPC_REQUEST_LATE, /* an open stream without its request is only held memory */
    SES_RPC_LIFETIME,     /* no stream lasts for ever, so that connections can be moved */
    SES_RPC_LIMIT_COUNT
};

/* What is to be waited for, and how long from now on. */
struct ses_rpc_time {
    enum ses_rpc_limit limit;
    uint64_t delay_ms;
};

/* What a call is told whose time is over, and what its method is. */
struct ses_rpc_over {
    enum ses_status status;
    const char *message;
    enum ses_status cancel_status;
};

/* [any] connect-timeout-ms (Connect protocol, "Timeout"): a positive integer of at most 10 digits; 0 is over already.
 * SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_connect_timeout_decode(struct ses_slice text, uint64_t *ret_ms);

/* [worker] The head is here; timeout_ns is the caller's. Sets x->deadline_mono_ns, which some gates look at. */
struct ses_rpc_time ses_rpc_time_begin(const struct ses_door_limits *limits, struct ses_exchange *x,
                                       uint64_t timeout_ns);
/* [worker] A stream's request is here, a conversation's first message. The same timeout_ns. */
struct ses_rpc_time ses_rpc_time_stream(const struct ses_door_limits *limits, const struct ses_exchange *x,
                                        uint64_t timeout_ns);
/* [worker] A limit has passed: counts it. */
const struct ses_rpc_over *ses_rpc_time_over(struct ses_metrics *metrics, enum ses_rpc_limit limit);

#endif
