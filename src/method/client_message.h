/* client_message.h - the messages of CreateSdkSessionToken and of its newer twin. */
#ifndef SESSIOND_SRC_METHOD_CLIENT_MESSAGE_H
#define SESSIOND_SRC_METHOD_CLIENT_MESSAGE_H

#include <sessiond/exchange/exchange.h>

#include "client_request.h"

/* What the two RPCs differ in. */
struct ses_client_rpc {
    enum ses_naming naming;
    /* Decodes x->body. SES_INVALID_ARGUMENT, SES_NO_MEMORY; ret_error is written on failure. */
    enum ses_status (*read)(struct ses_exchange *x, struct ses_client_ask *ret_ask,
                            struct ses_error *ret_error);
    /* data: an encoded types.ClientAuthenticationTokenData; empty: failure says why there is none. SES_NO_MEMORY, SES_MALFORMED. */
    enum ses_status (*write)(struct ses_exchange *x, struct ses_slice data, uint32_t status_code,
                             const struct ses_connector_result *failure, struct ses_slice *ret_message);
};

extern const struct ses_client_rpc ses_client_rpc_sdk;
extern const struct ses_client_rpc ses_client_rpc_client;

#endif
