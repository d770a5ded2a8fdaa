/* message.h - protobuf-c messages from and to bytes, for each encoding. Only rank method sees generated types.
 *
 * Decoding is stricter than protobuf-c: UTF-8 checked, embedded NUL refused in strings, recursion impossible
 * by the schema (no recursive message type is reachable from a request), allocation in the exchange's arena.
 *
 * JSON follows the proto3 JSON mapping with these choices:
 *
 *                  in                       out
 *   keys           both spellings           snake_case
 *   unknown keys   ignored
 *   int64          number or string         string; number on the plain routes
 *   enums          by name or number        by name
 *   SecretString   bare or {"value": ..}    as the encoding says (enum ses_encoding)
 */
#ifndef SESSIOND_EXCHANGE_MESSAGE_H
#define SESSIOND_EXCHANGE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include <sessiond/exchange/exchange.h>

/* Decodes x->body into the arena. ret_error says what is wrong and, for JSON, at which field. A message with
 * card data in any of its texts is refused here: SES_INVALID_ARGUMENT, reason CARD_DATA_REFUSED. */
SES_MUST_CHECK enum ses_status ses_message_decode(struct ses_exchange *x, struct ses_slice body,
                                                  const ProtobufCMessageDescriptor *descriptor,
                                                  ProtobufCMessage **ret_message,
                                                  struct ses_error *ret_error);
/* Encodes as x's encoding says, into its arena. */
SES_MUST_CHECK enum ses_status ses_message_encode(struct ses_exchange *x, const ProtobufCMessage *message,
                                                  struct ses_slice *ret_bytes);
/* The two for a stream, whose exchange's arena would grow with each message: into another one. Not a decoder of
 * requests that make sessions: it asks no card data guard. */
SES_MUST_CHECK enum ses_status ses_message_decode_into(const struct ses_exchange *x, struct ses_slice bytes,
                                                       const ProtobufCMessageDescriptor *descriptor,
                                                       struct ses_arena *arena,
                                                       ProtobufCMessage **ret_message);
SES_MUST_CHECK enum ses_status ses_message_encode_into(const struct ses_exchange *x,
                                                       const ProtobufCMessage *message,
                                                       struct ses_arena *arena, struct ses_slice *ret_bytes);

#endif
