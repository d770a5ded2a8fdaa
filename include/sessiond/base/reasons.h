/* reasons.h - every reason for which a call is refused (google.rpc.ErrorInfo.reason), as the bounded list by which
 * refusals are counted. proto/ tells callers what each means; .ci/check-tree compares.
 */
#ifndef SESSIOND_BASE_REASONS_H
#define SESSIOND_BASE_REASONS_H

#include <sessiond/base/slice.h>

/* Sorted by strcmp: they are looked up by halves. */
#define SES_REASONS                                                                                          \
    "AMOUNT_NOT_ACCEPTED", "AUTH_CONVERSION_FAILED", "BASE_URL_REFUSED", "BROWSER_MISMATCH",                 \
        "CALLER_AMBIGUOUS", "CALLER_NOT_ALLOWED", "CALLER_REQUIRED", "CALLER_UNKNOWN", "CARD_DATA_REFUSED",  \
        "CONFIG_OVERRIDE_REFUSED", "CONNECTOR_BUSY", "CONNECTOR_CALLS_EXHAUSTED", "CONNECTOR_CONTRADICTION", \
        "CONNECTOR_SHARE_FULL", "EVENT_CONFLICT", "EVENT_MISMATCH", "INBOX_FULL", "INVALID_AUTH_KEY_MAP",    \
        "INVALID_AUTH_TYPE", "INVALID_CONNECTOR", "INVALID_CONNECTOR_CONFIG_FORMAT",                         \
        "INVALID_CONNECTOR_CONFIG_HEADER", "INVALID_CONNECTOR_CONFIG_JSON", "INVALID_ENVIRONMENT",           \
        "INVALID_METADATA", "MALFORMED_REQUEST", "MERCHANT_SHARE_FULL", "MISSING_METADATA", "OPERATOR_ONLY", \
        "OUTCOME_UNKNOWN", "OUT_OF_MEMORY", "OVERLOADED", "RATE_LIMITED", "RETURN_URL_REFUSED",              \
        "SANDBOX_LIVE_CALL", "SESSION_BUSY", "SESSION_CLOSED", "SESSION_CONFLICT", "SESSION_EXPIRED",        \
        "SESSION_NOT_FOUND", "SESSION_PROCESSING", "SESSION_REPLACED", "SESSION_REVOKED",                    \
        "SESSION_TOO_LARGE", "SESSION_UNREADABLE", "STEP_IN_PROGRESS", "STEP_OVER", "STORE_BUSY",            \
        "STORE_FULL", "STORE_UNAVAILABLE", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_MISMATCH",               \
        "TOKEN_SUPERSEDED", "TOO_MANY_CONCURRENT", "UNSUPPORTED_CONNECTOR", "VERSION_MISMATCH"

/* [any] Its place in the list; the first behind the list: none was given; the second: one that is not in it. */
unsigned ses_reason_index(struct ses_slice reason);

#endif
