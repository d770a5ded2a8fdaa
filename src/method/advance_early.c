/* The inbox's side of AdvanceSession: what is kept, and as which record. */
#include "advance_early.h"

#include "inbox.h"
#include "natural_key.h"
#include "refusal.h"

/* In the scratch arena, like what was read. */
static enum ses_status append(struct ses_advance *a, const struct ses_inbox *inbox, uint64_t now_ms)
{
    struct ses_inbox *next = ses_arena_zalloc(&a->call.loop.service->scratch, sizeof(*next));

    if (next == NULL)
        return SES_NO_MEMORY;
    if (inbox != NULL)
        *next = *inbox;
    next->events[next->count++] = (struct ses_inbox_event){
        .id = a->event_id, .event = a->event, .at_ms = now_ms, .subject = a->subject};
    a->inbox = next;
    return SES_OK;
}

/* An inbox is bounded in number, not only in time: anybody who knows a merchant's name can tell events
 * of sessions that never were, and each of them costs a record. A repeated id writes nothing. */
enum ses_session_verdict ses_advance_keep(struct ses_advance *a, uint64_t now_ms, struct ses_error *ret_error)
{
    const struct ses_inbox *inbox = a->call.loop.found.inbox;
    const struct ses_inbox_event *known = inbox != NULL ? ses_inbox_find(inbox, a->event_id) : NULL;

    a->outcome = SES_EVENT_KEPT;
    if (a->call.loop.found.inbox_unreadable) {
        ses_refusal_store(ret_error, SES_DATA_LOSS);
        return SES_VERDICT_REFUSED;
    }
    if (known != NULL && known->event != a->event) {
        ses_call_conflict(known->event, ret_error);
        return SES_VERDICT_REFUSED;
    }
    if (known != NULL)
        return SES_VERDICT_SAME;
    if (inbox != NULL && inbox->count == SES_INBOX_EVENTS_MAX) {
        ses_refusal_set(ret_error, SES_REASON_INBOX_FULL, 0,
                        SES_STR("as many events as are kept wait for this session already"));
        return SES_VERDICT_REFUSED;
    }
    if (append(a, inbox, now_ms) != SES_OK) {
        ses_refusal_store(ret_error, SES_NO_MEMORY);
        return SES_VERDICT_REFUSED;
    }
    return SES_VERDICT_EARLY;
}

/* An intent stays one, and its owner the merchant: a call at the connector whose outcome nobody knows must not
 * be forgotten for an event. Anything else that is no session gives way to an inbox, which counts in the share
 * that all early events have together. */
enum ses_status ses_advance_early_record(struct ses_call *call, struct ses_record *ret_record)
{
    struct ses_advance *a = SES_CONTAINER(call, struct ses_advance, call);
    const struct ses_access_found *found = &call->loop.found;
    struct ses_service *service = call->loop.service;
    uint64_t keep_ms = service->options.inbox_ms;

    if (found->intent) {
        *ret_record = ses_inbox_intent(&found->session, a->inbox, keep_ms);
        return ses_record_origin_with_inbox(found->origin, a->inbox, &service->scratch, &ret_record->body);
    }
    call->loop.owner = SES_OWNER_EARLY | ses_natural_owner(service, call->access.metadata.tenant,
                                                           call->access.metadata.merchant);
    *ret_record =
        (struct ses_record){.kind = SES_RECORD_INBOX, .expires_ms = ses_inbox_end(a->inbox, keep_ms)};
    return ses_inbox_encode(a->inbox, &service->scratch, &ret_record->body);
}
