/* stream.h - one request and what comes back for it, as a session (session.h) sees them.
 *
 * A stream has a verdict once, and is gone once, in this order. Between the two it is late: nobody waits for it, and the
 * server is let go on with it.
 */
#ifndef SESSIOND_SRC_UPSTREAM_STREAM_H
#define SESSIOND_SRC_UPSTREAM_STREAM_H

#include <nghttp2/nghttp2.h>

#include <sessiond/base/list.h>

#include "answer.h"

/* :method :scheme :path :authority te content-type user-agent grpc-accept-encoding grpc-timeout */
#define SES_UP_OWN_FIELDS   9
#define SES_UP_FIELDS_MAX   (SES_UP_OWN_FIELDS + SES_UPSTREAM_METADATA_MAX)
#define SES_UP_TIMEOUT_SIZE 12

struct ses_up_stream {
    struct ses_list node; /* of its session's streams */
    int32_t id;           /* 0: none yet */
    /* The request: everything points into texts, which does not grow any more. */
    struct ses_buf texts; /* wiped: fields, then prefix and message */
    size_t fields_count;
    size_t list_bytes;     /* of the header list */
    struct ses_slice body; /* prefix and message */
    size_t sent;           /* of body */
    char timeout[SES_UP_TIMEOUT_SIZE];
    bool effect;
    bool left;  /* the headers may have left */
    bool late;  /* the verdict came before the end */
    bool reset; /* by us */
    bool lost;  /* with its connection */
    size_t late_bytes;
    bool has_verdict;
    enum ses_upstream_outcome outcome;
    uint32_t grpc_status;
    /* Last, since nobody zeroes them whole. */
    char why[SES_UPSTREAM_WHY_SIZE];
    struct ses_up_answer answer;
    nghttp2_nv fields[SES_UP_FIELDS_MAX];
};

/* Copies the request. On failure there is nothing to give back: SES_NO_MEMORY, SES_INVALID_ARGUMENT, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_up_stream_init(struct ses_up_stream *stream,
                                                  const struct ses_upstream_request *request,
                                                  const char *authority, bool tls, size_t answer_bytes_max);
/* The same request once more. */
void ses_up_stream_again(struct ses_up_stream *stream);
void ses_up_stream_done(struct ses_up_stream *stream);
/* Unless there is one. why: a format. */
void ses_up_stream_verdict(struct ses_up_stream *stream, enum ses_upstream_outcome outcome,
                           uint32_t grpc_status, const char *why, ...) __attribute__((format(printf, 4, 5)));

#endif
