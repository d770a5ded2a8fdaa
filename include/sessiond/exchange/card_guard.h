/* card_guard.h - no request carries card data further than its decoding: every text of every message that a
 * caller sends is searched (domain/card_data.h), by the message's descriptor, so that a new field is searched
 * without a word of code.
 *
 * Left out is session_token: it is ours, signed, and neither stored nor logged.
 */
#ifndef SESSIOND_EXCHANGE_CARD_GUARD_H
#define SESSIOND_EXCHANGE_CARD_GUARD_H

#include <protobuf-c/protobuf-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>

/* [any] SES_INVALID_ARGUMENT, reason CARD_DATA_REFUSED, a violation for each field that holds some; never the
 * value. CPU: see domain/card_data.h. */
SES_MUST_CHECK enum ses_status ses_card_guard(const ProtobufCMessage *message, struct ses_arena *arena,
                                              struct ses_error *ret_error);
/* [any] The same for one text that came another way (a header); adds its violation. */
void ses_card_guard_text(struct ses_slice name, struct ses_slice text, struct ses_error *error);

#endif
