/* http_call.h - the two halves of an HTTP exchange: http_exchange.c judges the request, http_answer.c writes
 * the answer; http_refusal.c is what both say when the door refuses.
 *
 * The checks of http_exchange.c in their order; the first one that fails answers:
 *
 *   headers given twice      400
 *   host                     421
 *   origin of a preflight    204; 403 (cors.h)
 *   doors closed             503, retry-after
 *   path                     404 (UNIMPLEMENTED where it looks like a method's)
 *   HTTP method              405, allow
 *   content-type             415, accept-post; a streaming method too
 *   query, by GET            414; 415; 400; Connect's UNIMPLEMENTED (connect_get.h)
 *   connect-protocol-version 400
 *   content-encoding         415 or Connect's UNIMPLEMENTED; 413 when unpacked; 400 if it is no gzip
 *   content-length           413; over Connect RESOURCE_EXHAUSTED, 429
 *   connect-timeout-ms       400; DEADLINE_EXCEEDED if it is 0
 */
#ifndef SESSIOND_SRC_HTTP_HTTP_CALL_H
#define SESSIOND_SRC_HTTP_HTTP_CALL_H

#include "connect_get.h"
#include "engine.h"

/* Lives in the exchange's arena; x->door_data points to it. */
struct http_call {
    struct ses_doors *doors;
    const struct ses_http_stream_ops *ops;
    uint64_t limit_ms;           /* from the dispatch on */
    struct ses_slice message;    /* a unary reply, between send and end */
    int refusal_status;          /* HTTP status of a refusal of the door's own; 0: the error's */
    struct ses_slice extra_name; /* a header that explains the refusal: allow, accept-post, accept-encoding */
    struct ses_slice extra_value;
    const struct ses_connect_get *get; /* the message stands in the query; NULL: in the body */
    bool accepts_gzip;
    bool packed;                   /* the body is gzip */
    struct ses_envelope *envelope; /* NULL: this is no enveloped call (envelope.h) */
};

static inline struct http_call *ses_http_call_of(const struct ses_exchange *x)
{
    return (struct http_call *)(uintptr_t)x->door_data; /* ours, made writable again */
}

/* Only the first count are set. */
struct ses_http_answer {
    size_t count;
    struct ses_header headers[SES_HTTP_FIELDS_MAX];
};

/* What every answer says. */
void ses_http_answer_begin(struct ses_exchange *x, struct ses_http_answer *ret_answer,
                           struct ses_slice content_type);
/* An empty value leaves the header out, so that callers need not ask. */
void ses_http_answer_add(struct ses_http_answer *answer, struct ses_slice name, struct ses_slice value);
/* The method's headers, and its trailers, as they travel. What cannot is left out rather than ending the call. */
void ses_http_answer_metadata(struct ses_exchange *x, struct ses_http_answer *answer);
void ses_http_answer_trailers(struct ses_exchange *x, struct ses_http_answer *answer);
/* How the method's answer leaves as HTTP. */
extern const struct ses_exchange_ops ses_http_answer_ops;
/* An error of the door itself, outside ses_exchange_fail: the deadline. */
void ses_http_answer_error(struct ses_exchange *x, const struct ses_error *error);

/* A header that explains the refusal that follows. */
void ses_http_explain(struct ses_exchange *x, struct ses_slice name, struct ses_slice value);

/* ---- http_media.c */
/* Pure: is this content coding gzip? */
bool ses_http_is_gzip(struct ses_slice coding);
/* Pure: does an accept-encoding header (RFC 9110 section 12.5.3) allow gzip? */
bool ses_http_accepts_gzip(struct ses_slice accept_encoding);
/* Pure: is this media type `type` (lower case, no parameters), and its charset, if any, UTF-8? */
bool ses_http_is_media_type(struct ses_slice content_type, const char *type);

#endif
