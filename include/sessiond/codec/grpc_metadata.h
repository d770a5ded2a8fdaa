/* grpc_metadata.h - values of gRPC's header fields: timeout, percent-encoded messages, binary metadata
 * (grpc/grpc doc/PROTOCOL-HTTP2.md, "Requests" and "Responses"). Pure. */
#ifndef SESSIOND_CODEC_GRPC_METADATA_H
#define SESSIOND_CODEC_GRPC_METADATA_H

#include <sessiond/base/arena.h>

/* [any] grpc-timeout: 1 to 8 digits and a unit H M S m u n, in nanoseconds. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_grpc_timeout_decode(struct ses_slice text, uint64_t *ret_ns);

/* Text of an error kept in grpc-message, before encoding; clients commonly refuse header lists above 8
 * KiB. */
#define SES_GRPC_MESSAGE_MAX 1024

/* [any] grpc-message: bytes outside 0x20..0x7e and '%' become %XX; cut at SES_GRPC_MESSAGE_MAX, never inside
 * a UTF-8 sequence. The result is message itself when nothing had to change. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_grpc_message_encode(struct ses_slice message, struct ses_arena *arena,
                                                       struct ses_slice *ret_text);

/* [any] The other way, into ret_text of message.len bytes, which may be where message lies; what is no code of a byte stays
 * as it is. Returns the length. */
size_t ses_grpc_message_decode(struct ses_slice message, uint8_t *ret_text);

/* [any] True for names of binary metadata ("-bin"). */
bool ses_grpc_metadata_is_binary(struct ses_slice name);
/* [any] Base64 with or without padding, into the arena. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_grpc_binary_decode(struct ses_slice text, struct ses_arena *arena,
                                                      struct ses_slice *ret_bytes);
/* [any] Base64 without padding, as the protocol asks of senders. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_grpc_binary_encode(struct ses_slice bytes, struct ses_arena *arena,
                                                      struct ses_slice *ret_text);
/* [any] Whether value may stand in an ASCII header field (0x20..0x7e, no blank at either end). */
bool ses_grpc_ascii_check(struct ses_slice value);

#endif
