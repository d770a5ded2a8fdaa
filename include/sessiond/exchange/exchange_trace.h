/* exchange_trace.h - the trace that an exchange belongs to (base/trace_context.h): taken from its traceparent,
 * told in its log lines, handed on to the connector that it calls.
 *
 * An exchange without a traceparent has no trace until it needs one: its log line has its request id, and
 * nobody pays for ids that nobody reads. It begins one when a connector is called.
 */
#ifndef SESSIOND_EXCHANGE_EXCHANGE_TRACE_H
#define SESSIOND_EXCHANGE_EXCHANGE_TRACE_H

#include <sessiond/exchange/exchange.h>

struct ses_trace_headers {
    struct ses_slice traceparent;
    struct ses_slice tracestate; /* empty: none */
};

/* [any] trace_id, span_id and parent_span_id into a line, and connector_span_id once a connector was called;
 * nothing if there is no trace. */
void ses_exchange_log_trace(const struct ses_exchange *x, struct ses_log_line *line);
/* [method] The headers for the call to a connector that is about to be made, whose span is x->call_span_id
 * from now on: traceparent, and the caller's tracestate as far as it may be passed on. In x's arena.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_exchange_trace_call(struct ses_exchange *x,
                                                       struct ses_trace_headers *ret_headers);

/* [any] Are its spans kept? Nobody makes one who has not asked. */
bool ses_exchange_records(const struct ses_exchange *x);
/* [method] Something that the exchange waited for is over: kind, name, times and what came of it are the caller's,
 * trace and parent are filled in. span_id NULL: a new one. Only if it records. */
void ses_exchange_span(const struct ses_exchange *x, const uint8_t *span_id, struct ses_span *span);

#endif
