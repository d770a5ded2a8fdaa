/* gateway_request.h - a request's bytes on their way to the payment server: what of them is looked at, and what is put in.
 *
 * The server merges: of a scalar that is given twice it takes the last, and a second `amount` changes the first one's
 * fields (100.00 became 0.05). So what is checked here must be what it reads: a part of the table that occurs twice, or in another
 * shape, is refused, in `amount` too. Everything else is not looked into.
 */
#ifndef SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_REQUEST_H
#define SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_REQUEST_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>

#include "gateway_method.h"

#define SES_GATEWAY_FIELDS_MAX 4096u /* at the top of a message */

struct ses_gateway_request {
    const struct ses_gateway_method *method;
    struct ses_slice bytes;
    uint32_t present;                         /* bit enum ses_gateway_part */
    struct ses_slice part[SES_GATEWAY_PARTS]; /* of a text or message: its bytes */
    struct ses_slice token_field;             /* SES_GATEWAY_TOKEN with its tag and length */
    bool test_mode;
    int64_t minor_amount;
    int64_t payment_amount; /* 0: none */
    uint32_t currency;
};

static inline bool ses_gateway_has(const struct ses_gateway_request *request, enum ses_gateway_part part)
{
    return (request->present >> part & 1u) != 0;
}

/* [worker] SES_INVALID_ARGUMENT: not a message, a part twice or in another shape, too many fields. Slices into bytes. */
SES_MUST_CHECK enum ses_status ses_gateway_request_read(const struct ses_gateway_method *method,
                                                        struct ses_slice bytes,
                                                        struct ses_gateway_request *ret_request,
                                                        struct ses_error *ret_error);
/* [any] Is that the beginning of a token of ours? */
bool ses_gateway_is_our_token(struct ses_slice token);
/* [worker] The message without our token, and with what the session has and the message has not; in arena. now_ms: for what
 * is left of an access token. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_gateway_request_write(const struct ses_gateway_request *request,
                                                         const struct ses_session *session, uint64_t now_ms,
                                                         struct ses_arena *arena,
                                                         struct ses_slice *ret_bytes);

#endif
