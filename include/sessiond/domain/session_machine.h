/* session_machine.h - how a session moves: the table of status x event, the history of events, the limits in
 * time. Pure: the clock is an argument.
 *
 * A session that runs out of time is not written when that happens. ses_session_settle works out at reading
 * what time has done: every process comes to the same result, version included, and the next write stores
 * it.
 *
 *   in a step (AUTHENTICATING, REDIRECTED)   lives until the later of its own end and the step's
 *   PROCESSING                               never ends: expires_ms is SES_NEVER_MS
 *   closed                                   is kept, as an answer to late calls, for rules->closed_ms
 *   any other                                until its own end; each move renews that to now + rules->ttl_ms
 *
 * A session that is neither closed nor PROCESSING, and a step of it, end with the connector's session at the
 * latest.
 */
#ifndef SESSIOND_DOMAIN_SESSION_MACHINE_H
#define SESSIOND_DOMAIN_SESSION_MACHINE_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

#define SES_NEVER_MS UINT64_MAX

/* What the operator decides. */
struct ses_session_rules {
    uint64_t ttl_ms;
    uint64_t closed_ms;
    uint64_t step_ms;      /* limit of a step for which the caller names none */
    uint64_t remember_ms;  /* how long a session that ran out is still known as such */
    uint32_t attempts_max; /* failed ones; the last of them ends the payment. 0: no bound */
    uint64_t overlap_ms;   /* how long the generation before CHALLENGE_PASSED is accepted beside the new */
};

/* [any] "BROWSER_RETURNED"; static storage. */
const char *ses_event_name(enum ses_event event);
/* [any] May a caller send it? Not the server's own (STEP_TIMED_OUT, EXPIRED) nor REVOKED, which has a
 * method. */
bool ses_event_from_caller(enum ses_event event);
/* [any] May a caller without a token send it? Only what a connector's webhook tells of the payment's fate: a
 * challenge that was passed or a browser that came back is the token holder's to say. */
bool ses_event_without_token(enum ses_event event);
/* [any] Where the event leads; 0: nowhere, it is late. */
enum ses_session_status ses_session_next(enum ses_session_status status, enum ses_event event);
/* [any] Bits (1 << enum ses_event) of the events that a caller may send and that would move the session. */
uint32_t ses_session_next_events(enum ses_session_status status);
/* [any] AUTHENTICATING or REDIRECTED. */
bool ses_session_in_step(enum ses_session_status status);

/* [any] The newest event of the history with that id; NULL: none, or id is empty. */
const struct ses_session_event *ses_session_find_event(const struct ses_session *session,
                                                       struct ses_slice id);

/* event_memory.c */
/* [any] The same of all that is remembered. Of an event that has left the history only its kind is known: at_ms and
 * version are 0. */
bool ses_session_knows_event(const struct ses_session *session, struct ses_slice id,
                             struct ses_session_event *ret_event);
/* [any] An event leaves the history. */
void ses_session_forget_event(struct ses_session *session, const struct ses_session_event *event);
/* [any] What is stored of those that left; in the arena or the session's own. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_session_forgotten_all(const struct ses_session *session,
                                                         struct ses_arena *arena,
                                                         struct ses_slice *ret_entries);

/* [any] The open step, if there is one, is over: another one takes its place. */
void ses_session_end_step(struct ses_session *session);
/* [any] Would the event be late, and the history not even take it? Then there is nothing to write. An expired
 * session takes none: it is not written any more. */
bool ses_session_late_unrecorded(const struct ses_session *session, enum ses_event event);
/* [any] Writes down that an event came and moved nothing, whatever the table says; no version. */
void ses_session_note_late(struct ses_session *session, enum ses_event event, struct ses_slice id,
                           uint64_t now_ms);
/* [any] Moves the session, or finds the event late; records it either way (id may be empty, is borrowed) as
 * far as the history takes late ones. A move is one version; a late event none. AUTHENTICATION_STARTED and
 * REDIRECT_STARTED begin a step without name and handle that ends after step_ms (0: rules->step_ms). */
enum ses_event_outcome ses_session_apply(struct ses_session *session, enum ses_event event,
                                         struct ses_slice id, uint64_t step_ms,
                                         const struct ses_session_rules *rules, uint64_t now_ms);
/* [any] The step of that id that is over and still remembered; NULL: none. */
struct ses_past_step *ses_session_past_step(struct ses_session *session, const uint8_t id[SES_STEP_ID_SIZE]);
/* [any] A new step begins: what the browser brought back from the last one is no longer shown. */
void ses_session_drop_redirect(struct ses_session *session);
/* [any] What time has done since the session was written: a step that ran out, an end that has passed. True:
 * it is another session than the stored one (status, version, history). */
bool ses_session_settle(struct ses_session *session, uint64_t now_ms);

/* [any] Sets the session's own end; the record's follows from it, the status, the step and the connector's
 * session, whose end also cuts the step short. */
void ses_session_set_end(struct ses_session *session, uint64_t own_expires_ms);
/* [any] The same own end after the connector's session has changed. */
void ses_session_refit(struct ses_session *session);
/* [any] How long the stored session is kept. One that ran out is remembered for a while after its end: what
 * is told of it late must not be taken for news of the next payment of that name. */
uint64_t ses_session_kept_ms(const struct ses_session *session, const struct ses_session_rules *rules);
/* [any] One more version for a change without an event. */
void ses_session_touch(struct ses_session *session, uint64_t now_ms);
/* [any] Every older token is refused from now on, without overlap. */
void ses_session_fence(struct ses_session *session, uint64_t now_ms);
/* [any] A new token is due; the one before is accepted beside it for the overlap. */
void ses_session_rotate(struct ses_session *session, const struct ses_session_rules *rules, uint64_t now_ms);
/* [any] Is a token of that generation accepted? */
bool ses_session_accepts(const struct ses_session *session, uint32_t generation, uint64_t now_ms);

#endif
