/* span.h - pieces of a trace (trace_context.h) that are over, and the bounded queue in which they wait for whoever
 * sends them away (trace/exporter.h). Nothing secret fits into one: names are static texts, the session is its
 * pseudonym.
 */
#ifndef SESSIOND_BASE_SPAN_H
#define SESSIOND_BASE_SPAN_H

#include <sessiond/base/metrics.h>
#include <sessiond/base/trace_context.h>

/* The numbers are those of OTLP's Span.SpanKind. */
enum ses_span_kind { SES_SPAN_INTERNAL = 1, SES_SPAN_SERVER = 2, SES_SPAN_CLIENT = 3 };

#define SES_SPAN_PSEUDONYM_SIZE 17

struct ses_span {
    uint8_t trace_id[SES_TRACE_ID_BYTES];
    uint8_t span_id[SES_SPAN_ID_BYTES];
    uint8_t parent_id[SES_SPAN_ID_BYTES]; /* zeros: none */
    enum ses_span_kind kind;
    uint64_t began_mono_ns;
    uint64_t ended_mono_ns;
    const char *name;        /* static, or as long as the queue: "store commit"; a route's path */
    const char *rpc_system;  /* "grpc", "connect_rpc"; NULL: no method of a service */
    const char *http_method; /* static; NULL: not told */
    const char *connector;   /* static; NULL: none */
    uint32_t grpc_code;      /* of an RPC */
    uint32_t http_status;    /* 0: none */
    bool failed;             /* by the conventions of its kind */
    char session[SES_SPAN_PSEUDONYM_SIZE]; /* empty: not known */
};

struct ses_spans;

/* [worker] room spans at most. sample_percent: of the traces that begin here. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_spans_new(size_t room, unsigned sample_percent,
                                             struct ses_metrics *metrics, struct ses_spans **ret_spans);
void ses_spans_free(struct ses_spans *spans);
/* [any] Is a trace that begins now recorded? */
bool ses_spans_sample(const struct ses_spans *spans);
/* [any] Copies it; a full queue drops it, which is counted. */
void ses_spans_add(struct ses_spans *spans, const struct ses_span *span);
size_t ses_spans_count(const struct ses_spans *spans);
/* [exporter] The i-th of those that wait, oldest first; and so many of them are gone. */
const struct ses_span *ses_spans_at(const struct ses_spans *spans, size_t i);
void ses_spans_drop(struct ses_spans *spans, size_t count);

#endif
