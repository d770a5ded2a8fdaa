/* metadata.h - headers between an exchange and the messages in which suites tell and ask for them. */
#ifndef SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_METADATA_H
#define SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_METADATA_H

#include <sessiond/exchange/exchange.h>

#include <connectrpc/conformance/v1/service.pb-c.h>

/* The request's headers, those of one name together. */
SES_MUST_CHECK enum ses_status metadata_of_request(struct ses_exchange *x, size_t *ret_count,
                                                   Connectrpc__Conformance__V1__Header ***ret_headers);
/* As headers of the answer, or as its trailers; binary ones come as base64. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status metadata_to_reply(struct ses_exchange *x, bool trailers, size_t count,
                                                 Connectrpc__Conformance__V1__Header *const *headers);
/* The time that the client gives the call; false: none. */
bool metadata_timeout_ms(const struct ses_exchange *x, int64_t *ret_ms);

#endif
