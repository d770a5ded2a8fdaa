/* trace_context.h - W3C Trace Context, Level 1 (https://www.w3.org/TR/trace-context/): which trace a call
 * belongs to, as the headers traceparent and tracestate tell it. Pure, but for the random bytes of new ids.
 *
 *   traceparent  00-<trace id, 32 hex digits>-<caller's span id, 16>-<flags, 2>      lower case only
 *   tracestate   key=value,key=value ..   of other tracing systems: passed on, never read
 *
 * Baggage is another standard: it is neither read nor passed on here.
 */
#ifndef SESSIOND_BASE_TRACE_CONTEXT_H
#define SESSIOND_BASE_TRACE_CONTEXT_H

#include <sessiond/base/encode.h>
#include <sessiond/base/slice.h>

#define SES_TRACE_ID_BYTES 16
#define SES_SPAN_ID_BYTES  8
#define SES_TRACE_ID_SIZE  SES_HEX_SIZE(SES_TRACE_ID_BYTES)
#define SES_SPAN_ID_SIZE   SES_HEX_SIZE(SES_SPAN_ID_BYTES)
/* Of version 00, with NUL. */
#define SES_TRACEPARENT_SIZE 56

struct ses_trace_context {
    uint8_t trace_id[SES_TRACE_ID_BYTES];
    uint8_t span_id[SES_SPAN_ID_BYTES];   /* of what goes on here */
    uint8_t parent_id[SES_SPAN_ID_BYTES]; /* of the caller's span; zeros: the trace begins here */
    bool present;                         /* false: all else is zero, no trace has begun */
    bool sampled;                         /* somebody records it */
};

/* [any] Trace, caller's span and sampled flag of a header, and a fresh span of its own. SES_MALFORMED:
 * another form than the standard's, ids of zeros, version ff. A version above 00 is read as far as 00 goes
 * (section 3.2.4, "Versioning of traceparent"). */
SES_MUST_CHECK enum ses_status ses_traceparent_decode(struct ses_slice header,
                                                      struct ses_trace_context *ret_context);
/* [any] A new trace, with its first span. */
void ses_trace_begin(bool sampled, struct ses_trace_context *ret_context);
void ses_span_id_new(uint8_t ret_span_id[SES_SPAN_ID_BYTES]);
/* [any] The header of a request that is made for span_id, a child of the context's span. Version 00, no flag
 * but sampled. */
void ses_traceparent_encode(const struct ses_trace_context *context, const uint8_t span_id[SES_SPAN_ID_BYTES],
                            char ret_header[SES_TRACEPARENT_SIZE]);

/* What section 3.3 bids pass on at least, and at most. */
#define SES_TRACESTATE_BYTES_MAX   512
#define SES_TRACESTATE_MEMBERS_MAX 32

/* The list of one call, out of any number of headers in their order. */
struct ses_tracestate {
    struct ses_slice members[SES_TRACESTATE_MEMBERS_MAX]; /* key=value; borrowed */
    size_t count;
    bool malformed; /* nothing of it is passed on */
};

/* [any] One header's members. What is no member, a key given twice and a 33rd member make the list
 * malformed (section 3.3.1: who cannot parse it discards it, and keeps traceparent). */
void ses_tracestate_add(struct ses_tracestate *list, struct ses_slice header);
/* [any] The whole list as one header, 0 bytes: none. What is too long loses whole members: those above 128
 * bytes first, then the last ones (section 3.3.1.5). Returns the length. */
size_t ses_tracestate_encode(struct ses_tracestate *list, char ret_header[SES_TRACESTATE_BYTES_MAX]);

#endif
