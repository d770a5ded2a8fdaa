/* grpc.h - gRPC over HTTP/2 (grpc/grpc doc/PROTOCOL-HTTP2.md): what its files share.
 *
 * grpc.c takes requests apart and starts methods, grpc_reply.c writes answers, grpc_frame.c, grpc_metadata.c and
 * grpc_trailers.c are the formats; how long a call may last is in rpc_time.h. How faults of the caller are answered
 * follows the protocols' own suites where gRPC is silent: too few or too many messages are UNIMPLEMENTED, a cut message
 * and one that is compressed where no compression was named are INTERNAL.
 */
#ifndef SESSIOND_SRC_HTTP_GRPC_H
#define SESSIOND_SRC_HTTP_GRPC_H

#include "h2.h"

extern const struct ses_exchange_ops ses_grpc_exchange_ops; /* grpc_reply.c */

/* Ends the stream's answer; error NULL is OK. Does nothing when it has ended. */
void ses_grpc_finish(struct ses_h2_stream *stream, const struct ses_error *error);
/* The same from our side while the method still works: answers, then cancels the exchange. */
void ses_grpc_abort(struct ses_h2_stream *stream, enum ses_status status, const char *message,
                    enum ses_status cancel_status);

#endif
