/* The inbox: read, write, apply. An inbox is never deleted: a session's record takes its place, or its time
 * runs out and collection takes it. */
#include "inbox.h"

#include <sessiond/codec/codec_proto.h>

#include "record_codec.h"

typedef Sessiond__Store__V1__InboxRecord inbox_record;
typedef Sessiond__Store__V1__InboxRecord__Event inbox_event;

/* ---- writing --------------------------------------------------------------------------------- */

static void put_subject(const struct ses_event_subject *subject, inbox_event *event)
{
    if (subject->amount_present) {
        event->currency = subject->currency;
        event->minor_amount = subject->minor_amount;
    }
    event->connector_payment_id = ses_record_bytes(subject->payment_id);
}

static void put_events(const struct ses_inbox *inbox, struct ses_inbox_parts *parts)
{
    for (size_t i = 0; i < inbox->count; i++) {
        inbox_event *event = &parts->events[i];

        sessiond__store__v1__inbox_record__event__init(event);
        event->event_id = ses_record_bytes(inbox->events[i].id);
        event->event = (uint32_t)inbox->events[i].event;
        event->at_ms = inbox->events[i].at_ms;
        put_subject(&inbox->events[i].subject, event);
        parts->pointers[i] = event;
    }
}

/* At most eight events of some dozen bytes: arrays on the stack. */
enum ses_status ses_inbox_encode(const struct ses_inbox *inbox, struct ses_arena *arena,
                                 struct ses_slice *ret_body)
{
    inbox_record record = SESSIOND__STORE__V1__INBOX_RECORD__INIT;
    struct ses_inbox_parts parts;

    put_events(inbox, &parts);
    record.format = SES_INBOX_FORMAT;
    record.n_events = inbox->count;
    record.events = parts.pointers;
    return ses_proto_pack(&record.base, arena, ret_body);
}

void ses_inbox_put(const struct ses_inbox *inbox, struct ses_inbox_parts *parts,
                   Sessiond__Store__V1__ConnectorIntent *intent)
{
    put_events(inbox, parts);
    intent->n_inbox = inbox->count;
    intent->inbox = parts->pointers;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Currency 0 is "none told": no amount has it. */
static struct ses_event_subject take_subject(const inbox_event *event)
{
    return (struct ses_event_subject){
        .amount_present = event->currency != 0,
        .currency = event->currency,
        .minor_amount = event->minor_amount,
        .payment_id = ses_record_slice(event->connector_payment_id),
    };
}

/* Events whose time is over, and kinds that this version does not know, are passed over at reading:
 * there is no process that would take them out. */
static void take_events(inbox_event *const *events, size_t count, uint64_t since_ms, struct ses_inbox *inbox)
{
    inbox->count = 0;
    for (size_t i = 0; i < count && inbox->count < SES_INBOX_EVENTS_MAX; i++) {
        if (events[i]->at_ms <= since_ms || events[i]->event >= SES_EVENT_COUNT)
            continue;
        inbox->events[inbox->count++] = (struct ses_inbox_event){
            .id = ses_record_slice(events[i]->event_id),
            .event = (enum ses_event)events[i]->event,
            .at_ms = events[i]->at_ms,
            .subject = take_subject(events[i]),
        };
    }
}

enum ses_status ses_inbox_decode(struct ses_slice body, uint64_t since_ms, struct ses_arena *arena,
                                 struct ses_inbox *ret_inbox)
{
    ProtobufCMessage *message = NULL;
    const inbox_record *record;
    enum ses_status status =
        ses_proto_unpack(&sessiond__store__v1__inbox_record__descriptor, body, arena, &message);

    if (status != SES_OK)
        return status == SES_NO_MEMORY ? SES_NO_MEMORY : SES_DATA_LOSS;
    record = (const inbox_record *)message;
    if (record->format != SES_INBOX_FORMAT && record->format != SES_INBOX_FORMAT_OLD)
        return SES_DATA_LOSS;
    take_events(record->events, record->n_events, since_ms, ret_inbox);
    return SES_OK;
}

void ses_inbox_take(const Sessiond__Store__V1__ConnectorIntent *intent, uint64_t since_ms,
                    struct ses_inbox *ret_inbox)
{
    take_events(intent->inbox, intent->n_inbox, since_ms, ret_inbox);
}

/* ---- using ----------------------------------------------------------------------------------- */

enum ses_status ses_inbox_copy(const struct ses_inbox *inbox, struct ses_arena *arena,
                               struct ses_inbox **ret_copy)
{
    struct ses_inbox *copy = ses_arena_alloc(arena, sizeof(*copy));

    if (copy == NULL)
        return SES_NO_MEMORY;
    *copy = *inbox;
    for (size_t i = 0; i < copy->count; i++) {
        SES_TRY(ses_arena_copy(arena, inbox->events[i].id, &copy->events[i].id));
        SES_TRY(
            ses_arena_copy(arena, inbox->events[i].subject.payment_id, &copy->events[i].subject.payment_id));
    }
    *ret_copy = copy;
    return SES_OK;
}

const struct ses_inbox_event *ses_inbox_find(const struct ses_inbox *inbox, struct ses_slice id)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (ses_slice_eq(inbox->events[i].id, id))
            return &inbox->events[i];
    }
    return NULL;
}

uint64_t ses_inbox_end(const struct ses_inbox *inbox, uint64_t keep_ms)
{
    uint64_t last_ms = 0;

    for (size_t i = 0; i < inbox->count; i++) {
        if (inbox->events[i].at_ms > last_ms)
            last_ms = inbox->events[i].at_ms;
    }
    return inbox->count > 0 ? last_ms + keep_ms : 0;
}

struct ses_record ses_inbox_intent(const struct ses_session *session, const struct ses_inbox *inbox,
                                   uint64_t keep_ms)
{
    uint64_t end_ms = inbox != NULL ? ses_inbox_end(inbox, keep_ms) : 0;
    struct ses_record record = {
        .kind = SES_RECORD_INTENT,
        .expires_ms = end_ms > session->expires_ms ? end_ms : session->expires_ms,
    };

    memcpy(record.session_id, session->id, sizeof(record.session_id));
    return record;
}

/* An event about another payment is only noted: it must not be applied, nor wait on for the next session of
 * that name. */
void ses_inbox_apply(const struct ses_inbox *inbox, const struct ses_session_rules *rules, uint64_t now_ms,
                     struct ses_session *session)
{
    for (size_t i = 0; i < inbox->count; i++) {
        const struct ses_inbox_event *event = &inbox->events[i];
        struct ses_session_event known;

        if (!ses_event_without_token(event->event)) /* of an earlier version, which kept them all */
            continue;
        if (ses_session_knows_event(session, event->id, &known))
            continue;
        if (ses_event_subject_differing(session, &event->subject) != NULL)
            ses_session_note_late(session, event->event, event->id, now_ms);
        else
            (void)ses_session_apply(session, event->event, event->id, 0, rules, now_ms);
    }
}
