/* inbox.h - events that were told before their session exists: a webhook can overtake the call that makes the
 * session.
 *
 * They wait in a record of their own beside the session's key (natural_key.h). Nothing is lost and nothing is
 * done twice, whichever comes first:
 *
 *   AdvanceSession (no token)                CreateSessionToken
 *     1 look for the session: none             a claim the session's key
 *     2 commit the event to the inbox          b read the inbox, apply its events
 *     3 look for the session again:            c commit the session
 *         none: KEPT                           d empty the inbox
 *         claimed: wait
 *         there: apply (a known event id
 *                is found there already)
 *
 * If 3 finds nothing, any later a comes after 2, so b sees the event. If it finds the session, the event is
 * applied there; if b had seen it, its id is in the history. d may be lost with the process: the event then
 * waits on until its time is over, and would meet only a new session of the same name made within that time.
 */
#ifndef SESSIOND_SRC_METHOD_INBOX_H
#define SESSIOND_SRC_METHOD_INBOX_H

#include "claim_loop.h"

#define SES_INBOX_EVENTS_MAX 8

struct ses_inbox_event {
    struct ses_slice id;
    enum ses_event event;
    uint64_t at_ms;
    struct ses_event_subject subject;
};

struct ses_inbox {
    struct ses_inbox_event events[SES_INBOX_EVENTS_MAX]; /* in time at the moment of reading */
    size_t count;
};

/* [worker] What lies under the inbox's key; slices in arena. found (may be NULL): for a claim. Nothing there
 * is SES_OK and no events. SES_DATA_LOSS, SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_inbox_read(struct ses_service *service,
                                              const struct ses_store_key *inbox_key, uint64_t now_ms,
                                              struct ses_arena *arena, struct ses_inbox *ret_inbox,
                                              struct ses_access_found *ret_found);
SES_MUST_CHECK enum ses_status ses_inbox_encode(const struct ses_inbox *inbox, struct ses_arena *arena,
                                                struct ses_slice *ret_body);
/* [worker] Step b, on a session that is about to be written for the first time. ret_taken: whether there was
 * anything; texts point into arena. SES_NO_MEMORY: not known, so the session must not be written. */
SES_MUST_CHECK enum ses_status ses_inbox_apply(struct ses_service *service,
                                               const struct ses_store_key *session_key, uint64_t now_ms,
                                               struct ses_arena *arena, struct ses_session *session,
                                               bool *ret_taken);
/* [worker] Step d; does what it can. Uses the scratch arena. */
void ses_inbox_clear(struct ses_service *service, const struct ses_store_key *session_key);

#endif
