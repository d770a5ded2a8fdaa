/* grpc.h - gRPC over HTTP/2 (grpc/grpc doc/PROTOCOL-HTTP2.md): what its files share.
 *
 * grpc.c takes requests apart and starts methods, grpc_reply.c writes answers, grpc_frame.c and
 * grpc_metadata.c are the pure formats. How faults of the caller are answered follows the protocols' own suites where
 * gRPC is silent: too few or too many messages are UNIMPLEMENTED, a cut message and one that is compressed where no
 * compression was named are INTERNAL.
 *
 * Time limits, by the kind of the route:
 *
 *              until the request is whole         from then on
 *   unary      the caller's grpc-timeout, at most exchange_ms_max, from the first byte to the answer
 *   stream     body_ms, or grpc-timeout if       grpc-timeout if given, at most streaming_ms less up to an
 *              that is less                      eighth: UNAVAILABLE, call again
 *   bidi       the same, for its first message   the same, at most SES_GRPC_BIDI_MS
 */
#ifndef SESSIOND_SRC_HTTP_GRPC_H
#define SESSIOND_SRC_HTTP_GRPC_H

#include "h2.h"

/* base64 of google.rpc.Status; larger details are left out, for clients refuse header lists above 8 KiB. */
#define SES_GRPC_DETAILS_MAX 4096
/* A bidi stream is a conversation (reflection), not a subscription. */
#define SES_GRPC_BIDI_MS 60000u

extern const struct ses_exchange_ops ses_grpc_exchange_ops; /* grpc_reply.c */

/* Ends the stream's answer; error NULL is OK. Does nothing when it has ended. */
void ses_grpc_finish(struct ses_h2_stream *stream, const struct ses_error *error);
/* The same from our side while the method still works: answers, then cancels the exchange. */
void ses_grpc_abort(struct ses_h2_stream *stream, enum ses_status status, const char *message,
                    enum ses_status cancel_status);

#endif
