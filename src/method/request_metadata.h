/* request_metadata.h - what a caller says in headers: who it is, which connector it means, with which
 * credentials.
 *
 *   x-tenant-id, x-merchant-id         1 to 128 printable bytes, else refused: a name that does not read must
 *                                      not end up as somebody else's, the default one's. Absent or empty:
 *                                      DefaultTenantId, DefaultMerchantId; where callers are asked for, the
 *                                      caller's only one (caller_gate.h)
 *   x-connector-config and the others  connector/connector.h
 *   x-api-key                          a caller's key is never a connector's: as if it were not there
 *   x-reference-id, x-resource-id      at most 255 printable bytes; not stored
 *   x-connector-request-reference-id   the session's id where the message names none (create_name.h), else not looked at
 *   x-environment                      development, sandbox or production in any case; test_mode alone
 *                                      chooses the URL
 *   x-session-errors                   status, answer or ok: how a connector's refusal is told (connector_refusal.h)
 *   x-config-override                  refused: one caller must not change the server's configuration
 *   x-shadow-mode                      accepted, without effect
 *
 * Each of them at most once: two are refused, whether they differ or not.
 */
#ifndef SESSIOND_SRC_METHOD_REQUEST_METADATA_H
#define SESSIOND_SRC_METHOD_REQUEST_METADATA_H

#include <sessiond/connector/connector.h>
#include <sessiond/exchange/exchange.h>

/* x-session-errors. */
enum ses_error_rule {
    SES_ERROR_RULE_UNSAID, /* as the operator has it: connector.errors */
    SES_ERROR_RULE_ANSWER, /* OK, with error in the answer */
    SES_ERROR_RULE_STATUS
};

struct ses_request_metadata {
    struct ses_slice tenant;
    struct ses_slice merchant;
    enum ses_error_rule errors;
    struct ses_slice connector_reference; /* x-connector-request-reference-id as it came; empty: none */
    struct ses_connector_headers connector;
};

/* [worker] One walk over the headers; a repeated header is refused. SES_INVALID_ARGUMENT: reason
 * INVALID_METADATA, INVALID_ENVIRONMENT or CONFIG_OVERRIDE_REFUSED; violations name the headers. */
SES_MUST_CHECK enum ses_status ses_request_metadata_read(const struct ses_exchange *x,
                                                         struct ses_request_metadata *ret_metadata,
                                                         struct ses_error *ret_error);

#endif
