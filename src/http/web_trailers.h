/* web_trailers.h - gRPC's trailers as a frame of the body (grpc/grpc doc/PROTOCOL-WEB.md): lines as in HTTP/1.1, names in
 * lower case. */
#ifndef SESSIOND_SRC_HTTP_WEB_TRAILERS_H
#define SESSIOND_SRC_HTTP_WEB_TRAILERS_H

#include <sessiond/exchange/exchange.h>

/* [worker] The lines of count trailers, into the arena; no value has a line break. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_web_trailers_encode(const struct ses_header *trailers, size_t count,
                                                       struct ses_arena *arena, struct ses_slice *ret_block);

#endif
