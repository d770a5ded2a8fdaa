/* call_headers.h - what the headers of a call that goes to a connector say: whose it is, which connector, by which
 * credentials. */
#ifndef SESSIOND_SRC_METHOD_CALL_HEADERS_H
#define SESSIOND_SRC_METHOD_CALL_HEADERS_H

#include "request_metadata.h"
#include "service_core.h"

struct ses_call_headers {
    struct ses_request_metadata metadata;
    struct ses_credentials credentials;
};

/* [worker] Tenant, merchant and connector are in the exchange's log line as far as they are known, whatever fails behind
 * them. SES_INVALID_ARGUMENT, as ses_request_metadata_read and ses_credentials_resolve tell it. */
SES_MUST_CHECK enum ses_status ses_call_headers_read(struct ses_service *service, struct ses_exchange *x,
                                                     struct ses_call_headers *ret_headers,
                                                     struct ses_error *ret_error);
/* [worker] Is a connector's refusal told by gRPC status? The caller's word before the operator's. */
bool ses_call_headers_by_status(const struct ses_service *service, const struct ses_call_headers *headers);

#endif
