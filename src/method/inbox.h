/* inbox.h - events that were told before their session exists: a webhook can overtake the call that makes the
 * session.
 *
 * They wait under the session's own key, in a record of their own kind, or in the intent that lies there when
 * a connector is being asked, or was and nobody knows what came of it. So there is one key and one
 * compare-and-set for both sides, and nothing can slip through between them:
 *
 *   AdvanceSession (no token)                    CreateSessionToken
 *     finds no session                             finds none, an inbox or an intent
 *     puts the events and its own, expecting       puts the session with the events applied, expecting
 *     what it found: KEPT                          what it found
 *
 * Whoever comes second loses its compare-and-set, reads again, and finds what the other one wrote: the event
 * meets the session, or the session takes the event.
 */
#ifndef SESSIOND_SRC_METHOD_INBOX_H
#define SESSIOND_SRC_METHOD_INBOX_H

#include <sessiond/domain/session_machine.h>
#include <sessiond/store/store.h>

#include "record_steps.h"

#define SES_INBOX_EVENTS_MAX 8

/* Of an inbox's body. What is written no earlier version takes for a session (record.proto); what earlier
 * versions wrote is read. */
#define SES_INBOX_FORMAT     2
#define SES_INBOX_FORMAT_OLD 1

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

/* What a record points to while it is packed. */
struct ses_inbox_parts {
    Sessiond__Store__V1__InboxRecord__Event events[SES_INBOX_EVENTS_MAX];
    Sessiond__Store__V1__InboxRecord__Event *pointers[SES_INBOX_EVENTS_MAX];
};

/* [worker] The body of a record of kind SES_RECORD_INBOX. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_inbox_encode(const struct ses_inbox *inbox, struct ses_arena *arena,
                                                struct ses_slice *ret_body);
/* [worker] Its events that were told after since_ms; slices in arena. SES_DATA_LOSS: not such a body, or of a
 * format that this version must not guess at; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_inbox_decode(struct ses_slice body, uint64_t since_ms,
                                                struct ses_arena *arena, struct ses_inbox *ret_inbox);
/* The same events as a part of an intent: what intent points to lies in parts. */
void ses_inbox_put(const struct ses_inbox *inbox, struct ses_inbox_parts *parts,
                   Sessiond__Store__V1__ConnectorIntent *intent);
void ses_inbox_take(const Sessiond__Store__V1__ConnectorIntent *intent, uint64_t since_ms,
                    struct ses_inbox *ret_inbox);

/* [worker] With everything that it points to. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_inbox_copy(const struct ses_inbox *inbox, struct ses_arena *arena,
                                              struct ses_inbox **ret_copy);
/* NULL: no event has that id. */
const struct ses_inbox_event *ses_inbox_find(const struct ses_inbox *inbox, struct ses_slice id);
/* When the last of them has waited for so long; 0: there is none. */
uint64_t ses_inbox_end(const struct ses_inbox *inbox, uint64_t keep_ms);
/* An intent's record but for its body: kept for as long as its session would live, or what waits in it. inbox
 * NULL: nothing does. */
struct ses_record ses_inbox_intent(const struct ses_session *session, const struct ses_inbox *inbox,
                                   uint64_t keep_ms);
/* Onto a session that is about to be written for the first time. Events that it knows are passed over. Once: it
 * does not know those that were late and are not recorded, and they need not be late behind the others. */
void ses_inbox_apply(const struct ses_inbox *inbox, const struct ses_session_rules *rules, uint64_t now_ms,
                     struct ses_session *session);

#endif
