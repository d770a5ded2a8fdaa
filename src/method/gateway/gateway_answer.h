/* gateway_answer.h - the payment server's answer: what it tells of the payment, and what nobody may see of it.
 *
 * raw_connector_request holds what the connector was sent: card number, security code and keys. It is cut out before the
 * answer is stored, and from the answer itself unless the caller asked for it and the operator allows that.
 */
#ifndef SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_ANSWER_H
#define SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_ANSWER_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

#include "gateway_method.h"

/* Slices into the message. */
struct ses_gateway_told_facts {
    uint64_t status; /* 0: none */
    bool redirection;
    bool captured_present;
    int64_t captured;   /* minor units */
    int64_t authorized; /* minor units; 0: it does not say */
    struct ses_slice transaction;
    struct ses_slice refund;         /* the connector's id of it */
    struct ses_slice feature_data;   /* the text */
    struct ses_slice authentication; /* the encoded message */
    struct ses_session_state state;  /* stored_ms: now_ms */
};

/* [worker] Of a field that comes twice the last one counts, as for any reader. SES_MALFORMED: not a message. */
SES_MUST_CHECK enum ses_status ses_gateway_answer_read(const struct ses_gateway_method *method,
                                                       struct ses_slice message, uint64_t now_ms,
                                                       struct ses_gateway_told_facts *ret_facts);
/* [worker] A copy without the raw fields, in arena. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_gateway_answer_without_raw(const struct ses_gateway_method *method,
                                                              struct ses_slice message,
                                                              struct ses_arena *arena,
                                                              struct ses_slice *ret_message);

#endif
