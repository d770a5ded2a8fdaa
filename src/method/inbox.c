/* The inbox record: read, write, apply, empty. Its argument is in inbox.h; here is what keeps it cheap.
 * An inbox is never deleted, it is replaced by an empty one that is over at once, and collection takes
 * it. */
#include "inbox.h"

#include <sessiond/base/clock.h>
#include <sessiond/codec/codec_proto.h>

#include "natural_key.h"
#include "record_steps.h"

typedef Sessiond__Store__V1__InboxRecord inbox_record;
typedef Sessiond__Store__V1__InboxRecord__Event inbox_event;

static void put_subject(const struct ses_event_subject *subject, inbox_event *event)
{
    if (subject->amount_present) {
        event->currency = subject->currency;
        event->minor_amount = subject->minor_amount;
    }
    event->connector_payment_id = ses_record_bytes(subject->payment_id);
}

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

/* At most eight events of some dozen bytes: arrays on the stack. */
enum ses_status ses_inbox_encode(const struct ses_inbox *inbox, struct ses_arena *arena,
                                 struct ses_slice *ret_body)
{
    inbox_record record = SESSIOND__STORE__V1__INBOX_RECORD__INIT;
    inbox_event events[SES_INBOX_EVENTS_MAX];
    inbox_event *pointers[SES_INBOX_EVENTS_MAX];

    for (size_t i = 0; i < inbox->count; i++) {
        sessiond__store__v1__inbox_record__event__init(&events[i]);
        events[i].event_id = ses_record_bytes(inbox->events[i].id);
        events[i].event = (uint32_t)inbox->events[i].event;
        events[i].at_ms = inbox->events[i].at_ms;
        put_subject(&inbox->events[i].subject, &events[i]);
        pointers[i] = &events[i];
    }
    record.format = SES_RECORD_FORMAT;
    record.n_events = inbox->count;
    record.events = pointers;
    return ses_proto_pack(&record.base, arena, ret_body);
}

/* Events whose time is over, and kinds that this version does not know, are passed over at reading:
 * there is no process that would take them out. */
static enum ses_status decode(const struct ses_service *service, struct ses_slice body, uint64_t now_ms,
                              struct ses_arena *arena, struct ses_inbox *inbox)
{
    ProtobufCMessage *message = NULL;
    const inbox_record *record;
    enum ses_status status =
        ses_proto_unpack(&sessiond__store__v1__inbox_record__descriptor, body, arena, &message);

    if (status != SES_OK)
        return status == SES_NO_MEMORY ? SES_NO_MEMORY : SES_DATA_LOSS;
    record = (const inbox_record *)message;
    if (record->format != SES_RECORD_FORMAT)
        return SES_DATA_LOSS;
    for (size_t i = 0; i < record->n_events && inbox->count < SES_INBOX_EVENTS_MAX; i++) {
        const inbox_event *event = record->events[i];

        if (event->at_ms + service->options.inbox_ms <= now_ms || event->event >= SES_EVENT_COUNT)
            continue;
        inbox->events[inbox->count++] = (struct ses_inbox_event){
            .id = ses_record_slice(event->event_id),
            .event = (enum ses_event)event->event,
            .at_ms = event->at_ms,
            .subject = take_subject(event),
        };
    }
    return SES_OK;
}

/* Claimed and nothing published: another call is about to put the first event. To a reader it is empty, to a
 * writer (ret_found) it is claimed. */
enum ses_status ses_inbox_read(struct ses_service *service, const struct ses_store_key *inbox_key,
                               uint64_t now_ms, struct ses_arena *arena, struct ses_inbox *ret_inbox,
                               struct ses_access_found *ret_found)
{
    struct ses_access_found found;
    struct ses_record record;

    ret_inbox->count = 0;
    SES_TRY(ses_access_get(service, inbox_key, arena, &record, &found));
    if (ret_found != NULL)
        *ret_found = found;
    return found.entry ? decode(service, record.body, now_ms, arena, ret_inbox) : SES_OK;
}

/* Under the claim on the session's key, before the session's first commit. An event about another
 * payment is only noted: it must not be applied, nor wait on for the next session of that name. */
enum ses_status ses_inbox_apply(struct ses_service *service, const struct ses_store_key *session_key,
                                uint64_t now_ms, struct ses_arena *arena, struct ses_session *session,
                                bool *ret_taken)
{
    struct ses_store_key key;
    struct ses_inbox inbox;
    enum ses_status status;

    ses_inbox_key(session_key, &key);
    status = ses_inbox_read(service, &key, now_ms, arena, &inbox, NULL);
    *ret_taken = status == SES_OK && inbox.count > 0;
    /* An inbox that cannot be read must not keep the payment from being made; but memory comes back, and an
     * event that was told KEPT must not be lost for the want of it. */
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? status : SES_OK;
    for (size_t i = 0; i < inbox.count; i++) {
        const struct ses_inbox_event *event = &inbox.events[i];

        if (!ses_event_without_token(event->event))
            continue; /* of an earlier version, which kept them all */
        if (ses_event_subject_differing(session, &event->subject) != NULL)
            ses_session_note_late(session, event->event, event->id, now_ms);
        else
            (void)ses_session_apply(session, event->event, event->id, 0, &service->rules, now_ms);
    }
    return SES_OK;
}

/* Nobody waits for it: emptying is a courtesy (inbox.h, step d), its failure costs a record that runs
 * out. */
static void on_cleared(void *arg, enum ses_status status)
{
    (void)arg;
    (void)status;
}

/* Another claim on the inbox at this moment is another event that arrives: then it is left as it is. */
void ses_inbox_clear(struct ses_service *service, const struct ses_store_key *session_key)
{
    struct ses_record record = {.kind = SES_RECORD_SESSION, .expires_ms = ses_clock_now_ms()};
    struct ses_access_found found;
    struct ses_store_key key;
    struct ses_claim claim;
    struct ses_inbox inbox;

    ses_inbox_key(session_key, &key);
    ses_arena_reset(&service->scratch);
    if (ses_inbox_read(service, &key, record.expires_ms, &service->scratch, &inbox, &found) != SES_OK ||
        !found.entry || inbox.count == 0)
        return;
    inbox.count = 0;
    if (ses_inbox_encode(&inbox, &service->scratch, &record.body) != SES_OK ||
        ses_store_claim_ref(service->options.store, &key, &found.ref, found.revision, &claim) != SES_OK)
        return;
    if (ses_store_put(service->options.store, &claim, &record, on_cleared, NULL) != SES_OK)
        ses_store_release(service->options.store, &claim);
}
