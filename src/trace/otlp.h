/* otlp.h - spans as an ExportTraceServiceRequest of OTLP 1.0, in its JSON form: ids in hex, 64-bit numbers as texts,
 * enums as numbers. Pure. */
#ifndef SESSIOND_SRC_TRACE_OTLP_H
#define SESSIOND_SRC_TRACE_OTLP_H

#include <sessiond/base/arena.h>
#include <sessiond/base/span.h>

struct ses_otlp_resource {
    const char *service_name;
    const char *instance;
    int64_t wall_ahead_ns; /* of the monotonic clock, for all times of the request */
};

/* [worker] The first count spans that wait. Attributes by the semantic conventions rpc.* and http.*; ours are
 * sessiond.session (the pseudonym) and sessiond.connector. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_otlp_encode(const struct ses_otlp_resource *resource,
                                               const struct ses_spans *spans, size_t count,
                                               struct ses_arena *arena, struct ses_slice *ret_json);

#endif
