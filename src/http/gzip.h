/* gzip.h - bounded gzip (RFC 1952) of whole messages, for gRPC's grpc-encoding and HTTP's
 * content-encoding. */
#ifndef SESSIOND_SRC_HTTP_GZIP_H
#define SESSIOND_SRC_HTTP_GZIP_H

#include <sessiond/base/arena.h>

/* [worker] Inflates one or more concatenated gzip members into the arena. SES_TOO_LARGE when the result would
 * pass max bytes (found out before the memory is spent: a bomb costs at most max), SES_MALFORMED for anything
 * that is not a whole gzip stream (truncated, wrong checksum, bytes behind it), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_gzip_inflate(struct ses_slice in, size_t max, struct ses_arena *arena,
                                                struct ses_slice *ret_bytes);
/* [worker] One gzip member into the arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_gzip_deflate(struct ses_slice in, struct ses_arena *arena,
                                                struct ses_slice *ret_bytes);

#endif
