/* binary_headers.h - request headers of which the value is bytes: gRPC's "-bin" metadata, which gRPC-Web and Connect
 * have too. They travel as base64. */
#ifndef SESSIOND_SRC_HTTP_BINARY_HEADERS_H
#define SESSIOND_SRC_HTTP_BINARY_HEADERS_H

#include <sessiond/exchange/exchange.h>

/* [worker] Decodes all of x's, once. SES_MALFORMED: one is no base64. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_binary_headers_decode(struct ses_exchange *x);

#endif
