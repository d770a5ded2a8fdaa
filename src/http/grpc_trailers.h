/* grpc_trailers.h - what gRPC says at the end of a call (grpc/grpc doc/PROTOCOL-HTTP2.md, "Trailers"): as header fields
 * over HTTP/2, as a frame of the body in gRPC-Web. */
#ifndef SESSIOND_SRC_HTTP_GRPC_TRAILERS_H
#define SESSIOND_SRC_HTTP_GRPC_TRAILERS_H

#include <sessiond/http/door.h>

#define SES_GRPC_TRAILERS_MAX 5 /* status, message, details, pushback, load */

/* base64 of google.rpc.Status; larger details are left out, for clients refuse header lists above 8 KiB. */
#define SES_GRPC_DETAILS_MAX 4096

/* [worker] error NULL is OK; grpc-status comes first. Names are literals, values too or in x's arena. x NULL: error's
 * message must be a literal of printable ASCII, and status and message are all. Returns how many there are. What there
 * is no memory for is left out rather than failing the answer. */
size_t ses_grpc_trailers(const struct ses_door_options *options, struct ses_exchange *x,
                         const struct ses_error *error,
                         struct ses_header ret_trailers[SES_GRPC_TRAILERS_MAX]);

#endif
