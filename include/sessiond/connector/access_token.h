/* access_token.h - the call in which a connector's API gives out an access token for a set of credentials (OAuth client
 * credentials, RFC 6749 section 4.4, and what processors have in its place). Pure, as the session call is (connector.h): it
 * leaves nothing behind, since each token ends by itself and a second one does not touch the first.
 */
#ifndef SESSIOND_CONNECTOR_ACCESS_TOKEN_H
#define SESSIOND_CONNECTOR_ACCESS_TOKEN_H

#include <sessiond/connector/connector.h>

/* One connector's call. Static storage. */
struct ses_access_call;

#define SES_ACCESS_RANDOM_BYTES 16

/* What it is made of. */
struct ses_access_request {
    const struct ses_credentials *credentials;
    struct ses_slice base_url; /* ses_access_base_url's */
    uint64_t now_ms;           /* the world's clock, which the connector compares with its own */
    uint8_t random[SES_ACCESS_RANDOM_BYTES]; /* fixed in tests */
};

/* [any] NULL: the connector gives out none, or none that we know to ask for. */
const struct ses_access_call *ses_access_call_of(const struct ses_connector *connector);
/* [worker] As ses_connector_base_url, for this call: in the sandbox it must go to a loopback host. */
SES_MUST_CHECK enum ses_status ses_access_base_url(const struct ses_connector_policy *policy,
                                                   const struct ses_credentials *credentials, bool test_mode,
                                                   struct ses_arena *arena, struct ses_slice *ret_url,
                                                   struct ses_error *ret_error);
/* [worker] ret_error: SES_INVALID_ARGUMENT, reason AUTH_CONVERSION_FAILED, naming the credential that is missing or cannot
 * stand in a header. */
SES_MUST_CHECK enum ses_status ses_access_build(const struct ses_access_call *call,
                                                const struct ses_access_request *request,
                                                struct ses_arena *arena,
                                                struct ses_outbound_request *ret_request,
                                                struct ses_error *ret_error);
/* [worker] Reads an answer that arrived whole, now_ms as above. Always yields a result, of which session_token is the access
 * token: SES_NO_MEMORY only. */
SES_MUST_CHECK enum ses_status ses_access_parse(const struct ses_access_call *call, uint32_t http_status,
                                                struct ses_slice body, uint64_t now_ms,
                                                struct ses_arena *arena,
                                                struct ses_connector_result *ret_result);

#endif
