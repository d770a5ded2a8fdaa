/* h2_envelope.h - enveloped calls (envelope.h) over HTTP/2: h2_http.c begins them, as it does all that is not gRPC. */
#ifndef SESSIOND_SRC_HTTP_H2_ENVELOPE_H
#define SESSIOND_SRC_HTTP_H2_ENVELOPE_H

#include "h2.h"

extern const struct ses_h2_kind ses_h2_envelope_kind;

/* Of struct ses_http_stream_ops: the answer is the stream's backlog. */
void ses_h2_envelope_open(void *stream, int http_status, const struct ses_header *headers,
                          size_t headers_count);
bool ses_h2_envelope_write(void *stream, struct ses_slice bytes, bool last);
void ses_h2_envelope_close(void *stream);
size_t ses_h2_envelope_backlog(const void *stream);
bool ses_h2_envelope_admit(void *stream);

#endif
