/* store_error.h - what a caller is told when the store, or another call, stands in its way. */
#ifndef SESSIOND_SRC_METHOD_STORE_ERROR_H
#define SESSIOND_SRC_METHOD_STORE_ERROR_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>

/* [any] Status, ErrorInfo reason, RetryInfo (0: none) and message, all literals. */
void ses_error_retry(struct ses_error *error, enum ses_status status, struct ses_slice reason,
                     uint32_t delay_ms, struct ses_slice message);
/* [any] Of a store function's status, see store.h. */
void ses_error_store(struct ses_error *error, enum ses_status status);
/* [any] ABORTED: another call holds the session. */
void ses_error_busy(struct ses_error *error);
/* [any] One line for those who do not read details: "metadata must be at most .. (and 2 more)". Only where
 * the message is still the bare rule of the first violation. */
void ses_error_summarise(struct ses_error *error, struct ses_arena *arena);

#endif
