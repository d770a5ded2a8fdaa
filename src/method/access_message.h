/* access_message.h - what the messages of CreateAccessToken and of its newer twin say. */
#ifndef SESSIOND_SRC_METHOD_ACCESS_MESSAGE_H
#define SESSIOND_SRC_METHOD_ACCESS_MESSAGE_H

#include <sessiond/exchange/exchange.h>

#include "access_record.h"

/* What a request says. */
struct ses_access_asked {
    bool test_mode;
    struct ses_slice merchant_id; /* merchant_access_token_id; empty: none */
};

/* [worker] x->body. SES_INVALID_ARGUMENT, SES_NO_MEMORY; ret_error is written on failure. */
SES_MUST_CHECK enum ses_status ses_access_message_read(struct ses_exchange *x,
                                                       struct ses_access_asked *ret_asked,
                                                       struct ses_error *ret_error);
/* [worker] The answer: the token with what is left of its life at now_ms, or why there is none. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_message_write(struct ses_exchange *x,
                                                        const struct ses_access_record *record,
                                                        uint64_t now_ms, struct ses_slice *ret_message);

#endif
