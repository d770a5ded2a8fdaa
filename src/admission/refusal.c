/* Reasons, sentences, and when to come again. */
#include "refusal.h"

#include <sessiond/base/units.h>

#define DELAY_MAX_MS UINT64_C(60000) /* nobody plans further ahead */

struct row {
    const char *reason;
    const char *scope;
    const char *message;
    uint32_t delay_ms; /* where nobody knows better */
};

static const struct row rows[SES_REFUSAL_COUNT] = {
    [SES_REFUSAL_CONNECTION_RATE] = {"RATE_LIMITED", "connection",
                                     "too many calls a second on this connection (limits.connection_rate)",
                                     1},
    [SES_REFUSAL_SOURCE_CALLS] = {"TOO_MANY_CONCURRENT", "address",
                                  "too many calls from this address are in progress (limits.source_calls)",
                                  100},
    [SES_REFUSAL_CALLER_RATE] = {"RATE_LIMITED", "caller",
                                 "too many calls a second of this caller (limits.caller_rate)", 1},
    [SES_REFUSAL_CALLER_CALLS] = {"TOO_MANY_CONCURRENT", "caller",
                                  "too many calls of this caller are in progress (limits.caller_calls)", 100},
    [SES_REFUSAL_MERCHANT_RATE] = {"RATE_LIMITED", "merchant",
                                   "too many calls a second for this merchant (limits.merchant_rate)", 1},
    [SES_REFUSAL_MERCHANT_CALLS] = {"TOO_MANY_CONCURRENT", "merchant",
                                    "too many calls of this merchant are in progress (limits.merchant_calls)",
                                    100},
    [SES_REFUSAL_SERVER_RATE] = {"RATE_LIMITED", "server", "too many calls a second (limits.server_rate)", 1},
    [SES_REFUSAL_DEADLINE] = {"OVERLOADED", "deadline",
                              "the server is busy: this call could not be answered within its deadline", 250},
    [SES_REFUSAL_SHARE] = {"OVERLOADED", "merchant",
                           "the server is busy, and this merchant asks for more than its share", 500},
    [SES_REFUSAL_LATE] = {"OVERLOADED", "server", "the server is busy: this call has waited too long already",
                          500},
};

void ses_refusal_tell(enum ses_refusal refusal, uint64_t wait_ns, uint64_t random,
                      struct ses_error *ret_error)
{
    const struct row *row = &rows[refusal];
    uint64_t delay_ms = (wait_ns + SES_NS_PER_MS - 1) / SES_NS_PER_MS;

    delay_ms = delay_ms > row->delay_ms ? delay_ms : row->delay_ms;
    delay_ms = delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS;
    ses_error_set(ret_error, SES_RESOURCE_EXHAUSTED, ses_slice_str(row->message));
    ret_error->reason = ses_slice_str(row->reason);
    ses_error_metadata(ret_error, SES_STR("scope"), ses_slice_str(row->scope));
    ret_error->retry_delay_ms = (uint32_t)(delay_ms + random % (delay_ms + 1));
}
