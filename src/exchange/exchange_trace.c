/* Where the trace context meets an exchange. */
#include <sessiond/exchange/exchange_trace.h>

#include "exchange_pool.h"

/* Two of them are none: nobody knows which is meant. A caller who says something wrong said that there is a
 * trace, so that a new one begins. */
void ses_exchange_take_trace(struct ses_exchange *x, struct ses_slice traceparent)
{
    if (x->traceparents > 1 || ses_traceparent_decode(traceparent, &x->trace) != SES_OK) {
        x->traceparents = 0; /* a tracestate beside it belongs to nothing */
        ses_trace_begin(x->pool->options.spans != NULL && ses_spans_sample(x->pool->options.spans),
                        &x->trace);
    }
}

void ses_exchange_begin_trace(struct ses_exchange *x)
{
    if (ses_spans_sample(x->pool->options.spans))
        ses_trace_begin(true, &x->trace);
}

static bool is_set(const uint8_t span_id[SES_SPAN_ID_BYTES])
{
    static const uint8_t none[SES_SPAN_ID_BYTES];

    return memcmp(span_id, none, sizeof(none)) != 0;
}

static void log_span(struct ses_log_line *line, const char *key, const uint8_t span_id[SES_SPAN_ID_BYTES])
{
    char text[SES_SPAN_ID_SIZE];

    if (is_set(span_id))
        ses_log_slice(line, key,
                      ses_slice(text, ses_hex_encode(ses_slice(span_id, SES_SPAN_ID_BYTES), text)));
}

void ses_exchange_log_trace(const struct ses_exchange *x, struct ses_log_line *line)
{
    char text[SES_TRACE_ID_SIZE];

    if (line->log == NULL || !x->trace.present)
        return;
    ses_log_slice(line, "trace_id",
                  ses_slice(text, ses_hex_encode(ses_slice(x->trace.trace_id, SES_TRACE_ID_BYTES), text)));
    log_span(line, "span_id", x->trace.span_id);
    log_span(line, "parent_span_id", x->trace.parent_id);
    log_span(line, "connector_span_id", x->call_span_id);
}

/* Proxies may have split the list over several headers (section 3.3): they are one in their order. */
static enum ses_status encode_tracestate(struct ses_exchange *x, struct ses_slice *ret_header)
{
    struct ses_tracestate list = {.count = 0};
    char text[SES_TRACESTATE_BYTES_MAX];

    for (size_t i = 0; i < x->headers_count; i++) {
        if (ses_slice_eq(x->headers[i].name, SES_STR("tracestate")))
            ses_tracestate_add(&list, x->headers[i].value);
    }
    return ses_arena_copy(&x->arena, ses_slice(text, ses_tracestate_encode(&list, text)), ret_header);
}

enum ses_status ses_exchange_trace_call(struct ses_exchange *x, struct ses_trace_headers *ret_headers)
{
    struct ses_trace_headers headers = {.tracestate = SES_SLICE_EMPTY};
    char text[SES_TRACEPARENT_SIZE];

    if (!x->trace.present)
        ses_trace_begin(false, &x->trace);
    ses_span_id_new(x->call_span_id);
    ses_traceparent_encode(&x->trace, x->call_span_id, text);
    SES_TRY(ses_arena_copy(&x->arena, ses_slice(text, sizeof(text) - 1), &headers.traceparent));
    if (x->traceparents > 0)
        SES_TRY(encode_tracestate(x, &headers.tracestate));
    *ret_headers = headers;
    return SES_OK;
}

/* ---- spans ----------------------------------------------------------------------------------- */

bool ses_exchange_records(const struct ses_exchange *x)
{
    return x->trace.sampled && x->pool->options.spans != NULL;
}

void ses_exchange_span(const struct ses_exchange *x, const uint8_t *span_id, struct ses_span *span)
{
    memcpy(span->trace_id, x->trace.trace_id, SES_TRACE_ID_BYTES);
    memcpy(span->parent_id, x->trace.span_id, SES_SPAN_ID_BYTES);
    if (span_id == NULL)
        ses_span_id_new(span->span_id);
    else
        memcpy(span->span_id, span_id, SES_SPAN_ID_BYTES);
    memcpy(span->session, x->session_pseudonym, sizeof(span->session));
    ses_spans_add(x->pool->options.spans, span);
}

/* Of the semantic conventions' rpc.grpc: what a server answers for. */
static bool is_servers_fault(uint32_t grpc_code)
{
    static const enum ses_status faults[] = {SES_DEADLINE_EXCEEDED, SES_UNIMPLEMENTED, SES_INTERNAL,
                                             SES_UNAVAILABLE, SES_DATA_LOSS};

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (grpc_code == ses_status_grpc(faults[i]))
            return true;
    }
    return false;
}

/* The exchange's bytes are gone when the span is sent. */
static const char *static_method(struct ses_slice method)
{
    static const char *const known[] = {"POST", "GET", "HEAD"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ses_slice_eq_str(method, known[i]))
            return known[i];
    }
    return NULL;
}

/* What a method of a service is called by: no plain route of one. */
static const char *rpc_system(const struct ses_exchange *x)
{
    if (x->route == NULL || x->route->kind == SES_ROUTE_PLAIN || x->route->kind == SES_ROUTE_ALIAS)
        return NULL;
    return x->door == SES_DOOR_GRPC || x->door == SES_DOOR_GRPC_WEB ? "grpc" : "connect_rpc";
}

void ses_exchange_end_trace(const struct ses_exchange *x, uint32_t grpc_code, int http_status,
                            uint64_t ended_mono_ns)
{
    struct ses_span span = {
        .kind = SES_SPAN_SERVER,
        .began_mono_ns = x->started_mono_ns,
        .ended_mono_ns = ended_mono_ns,
        .name = x->route == NULL ? "unknown path" : x->route->path,
        .rpc_system = rpc_system(x),
        .http_method = static_method(x->http_method),
        .connector = x->connector,
        .grpc_code = grpc_code,
        .http_status = (uint32_t)http_status,
        .failed = is_servers_fault(grpc_code),
    };

    if (span.rpc_system != NULL)
        span.name++; /* "/service/method" without its slash */
    memcpy(span.trace_id, x->trace.trace_id, SES_TRACE_ID_BYTES);
    memcpy(span.span_id, x->trace.span_id, SES_SPAN_ID_BYTES);
    memcpy(span.parent_id, x->trace.parent_id, SES_SPAN_ID_BYTES);
    memcpy(span.session, x->session_pseudonym, sizeof(span.session));
    ses_spans_add(x->pool->options.spans, &span);
}
