/* refusal.h - what a caller is told when it gets nothing: by the store, by another call, by the session as it
 * is. Fills a struct ses_error and ends no call: that stays with whoever holds it. */
#ifndef SESSIOND_SRC_METHOD_REFUSAL_H
#define SESSIOND_SRC_METHOD_REFUSAL_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>
#include <sessiond/domain/request.h>
#include <sessiond/domain/session.h>

/* [any] Reason with its status, RetryInfo (0: none) and message, all literals. */
void ses_refusal_set(struct ses_error *error, enum ses_reason reason, uint32_t delay_ms,
                     struct ses_slice message);
/* [any] Of a store function's status, see store.h. */
void ses_refusal_store(struct ses_error *error, enum ses_status status);
/* [any] Of what kept an answer from being made: out of memory is told as such, all else as INTERNAL. */
void ses_refusal_internal(struct ses_error *error, enum ses_status status);
/* [any] ABORTED: another call holds the session. */
void ses_refusal_busy(struct ses_error *error);
/* [any] UNAVAILABLE: the server is stopping. */
void ses_refusal_stopping(struct ses_error *error);
/* [any] FAILED_PRECONDITION, SESSION_CLOSED, with the status it was closed in. */
void ses_refusal_closed(struct ses_error *error, enum ses_session_status status);
/* [any] FAILED_PRECONDITION, CONNECTOR_MISMATCH, with the session's connector. */
void ses_refusal_connector(struct ses_error *error, const char *connector);
/* [any] ALREADY_EXISTS, SESSION_CONFLICT: the fields (SES_FIELD_BIT) in which the call differs from a live
 * session, or (unsettled) from an earlier call whose outcome at the connector is not known. Texts in arena. */
void ses_refusal_conflict(struct ses_error *error, struct ses_arena *arena, enum ses_naming naming,
                          uint64_t differing, bool unsettled);
/* [any] One line for those who do not read details: "metadata must be at most .. (and 2 more)". Only where
 * the message is still the bare rule of the first violation. */
void ses_refusal_summarise(struct ses_error *error, struct ses_arena *arena);

#endif
