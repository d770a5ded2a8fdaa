/* Reasons, sentences, and when to come again. */
#include "refusal.h"

#include <sessiond/base/units.h>

#define DELAY_MAX_MS UINT64_C(60000) /* nobody plans further ahead */

struct row {
    enum ses_reason reason;
    const char *scope;
    const char *message;
    uint32_t delay_ms; /* where nobody knows better */
};

static const struct row rows[SES_REFUSAL_COUNT] = {
    [SES_REFUSAL_CONNECTION_RATE] = {SES_REASON_RATE_LIMITED, "connection",
                                     "too many calls a second on this connection (limits.connection_rate)",
                                     1},
    [SES_REFUSAL_SOURCE_CALLS] = {SES_REASON_TOO_MANY_CONCURRENT, "address",
                                  "too many calls from this address are in progress (limits.source_calls)",
                                  100},
    [SES_REFUSAL_CALLER_RATE] = {SES_REASON_RATE_LIMITED, "caller",
                                 "too many calls a second of this caller (limits.caller_rate)", 1},
    [SES_REFUSAL_CALLER_CALLS] = {SES_REASON_TOO_MANY_CONCURRENT, "caller",
                                  "too many calls of this caller are in progress (limits.caller_calls)", 100},
    [SES_REFUSAL_MERCHANT_RATE] = {SES_REASON_RATE_LIMITED, "merchant",
                                   "too many calls a second for this merchant (limits.merchant_rate)", 1},
    [SES_REFUSAL_MERCHANT_CALLS] = {SES_REASON_TOO_MANY_CONCURRENT, "merchant",
                                    "too many calls of this merchant are in progress (limits.merchant_calls)",
                                    100},
    [SES_REFUSAL_SERVER_RATE] = {SES_REASON_RATE_LIMITED, "server",
                                 "too many calls a second (limits.server_rate)", 1},
    [SES_REFUSAL_DEADLINE] = {SES_REASON_OVERLOADED, "deadline",
                              "the server is busy: this call could not be answered within its deadline", 250},
    [SES_REFUSAL_SHARE] = {SES_REASON_OVERLOADED, "merchant",
                           "the server is busy, and this merchant asks for more than its share", 500},
    [SES_REFUSAL_LATE] = {SES_REASON_OVERLOADED, "server",
                          "the server is busy: this call has waited too long already", 500},
};

void ses_refusal_tell(enum ses_refusal refusal, uint64_t wait_ns, uint64_t random,
                      struct ses_error *ret_error)
{
    const struct row *row = &rows[refusal];
    uint64_t delay_ms = (wait_ns + SES_NS_PER_MS - 1) / SES_NS_PER_MS;

    delay_ms = delay_ms > row->delay_ms ? delay_ms : row->delay_ms;
    delay_ms = delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS;
    ses_error_refuse(ret_error, row->reason, ses_slice_str(row->message));
    ses_error_metadata(ret_error, SES_STR("scope"), ses_slice_str(row->scope));
    ret_error->retry_delay_ms = (uint32_t)(delay_ms + random % (delay_ms + 1));
}
