/* The inbox's side of AdvanceSession: the same claim loop, run once more under the inbox's key with
 * ops of its own, and then back under the session's key to look again. Steps 2 and 3 of inbox.h are in
 * this file, 1 is the method's decide. */
#include "advance_early.h"

#include "natural_key.h"
#include "refusal.h"

static struct ses_advance *advance_of(struct ses_claim_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_advance, call.loop);
}

static enum ses_status load(struct ses_claim_loop *loop, uint64_t now_ms)
{
    struct ses_inbox *inbox = advance_of(loop)->inbox;

    return ses_inbox_read(loop->service, &loop->key, now_ms, &loop->service->scratch, inbox, &loop->found);
}

static const struct ses_inbox_event *find(const struct ses_inbox *inbox, struct ses_slice id)
{
    for (size_t i = 0; i < inbox->count; i++) {
        if (ses_slice_eq(inbox->events[i].id, id))
            return &inbox->events[i];
    }
    return NULL;
}

/* Step 3. kept is what keeps the two loops from chasing each other: with it set, a second "no session"
 * is answered (answer_kept) instead of being put into the inbox once more. */
static void look_again(struct ses_advance *a)
{
    a->kept = true;
    ses_claim_loop_again(&a->call.loop, &ses_call_ops, &a->call.access.key);
}

/* An inbox is bounded in number, not only in time: anybody who knows a merchant's name can tell events
 * of sessions that never were, and each of them costs a record. A repeated id writes nothing, but still
 * looks for the session: the first call with it may have died between its commit and its second look. */
static enum ses_claim_verdict decide(struct ses_claim_loop *loop, uint64_t now_ms)
{
    struct ses_advance *a = advance_of(loop);
    struct ses_inbox *inbox = a->inbox;
    const struct ses_inbox_event *known = find(inbox, a->event_id);
    struct ses_error error;

    if (known != NULL && known->event != a->event) {
        ses_call_conflict(known->event, &error);
        ses_call_fail(&a->call, &error);
        return SES_CLAIM_DONE;
    }
    if (known != NULL) {
        a->kept_before = true;
        look_again(a);
        return SES_CLAIM_DONE;
    }
    if (inbox->count == SES_INBOX_EVENTS_MAX) {
        ses_refusal_set(&error, SES_RESOURCE_EXHAUSTED, SES_STR("INBOX_FULL"), 0,
                        SES_STR("as many events as are kept wait for this session already"));
        ses_call_fail(&a->call, &error);
        return SES_CLAIM_DONE;
    }
    inbox->events[inbox->count++] = (struct ses_inbox_event){
        .id = a->event_id, .event = a->event, .at_ms = now_ms, .subject = a->subject};
    return SES_CLAIM_WANTED;
}

static enum ses_status claimed(struct ses_claim_loop *loop, uint64_t now_ms)
{
    struct ses_record record = {.kind = SES_RECORD_SESSION,
                                .expires_ms = now_ms + loop->service->options.inbox_ms};

    SES_TRY(ses_inbox_encode(advance_of(loop)->inbox, &loop->service->scratch, &record.body));
    return ses_claim_loop_put(loop, &record);
}

static void committed(struct ses_claim_loop *loop)
{
    look_again(advance_of(loop));
}

static void failed(struct ses_claim_loop *loop, const struct ses_error *error)
{
    ses_call_fail(&advance_of(loop)->call, error);
}

static const struct ses_claim_loop_ops inbox_ops = {
    .load = load,
    .decide = decide,
    .claimed = claimed,
    .committed = committed,
    .failed = failed,
};

/* The one answer of the method that has no session to show: reply gets NULL. */
static void answer_kept(struct ses_advance *a)
{
    struct ses_error error;

    a->outcome = SES_EVENT_KEPT;
    if (a->call.method->reply(&a->call, NULL, &a->call.reply) == SES_OK) {
        ses_call_answer(&a->call);
        return;
    }
    ses_refusal_store(&error, SES_NO_MEMORY);
    ses_call_fail(&a->call, &error);
}

enum ses_session_verdict ses_advance_keep(struct ses_advance *a)
{
    struct ses_store_key key;
    struct ses_error error;

    if (a->kept) {
        answer_kept(a);
        return SES_VERDICT_TAKEN;
    }
    a->inbox = ses_arena_alloc(&a->call.access.x->arena, sizeof(*a->inbox));
    if (a->inbox == NULL) {
        ses_refusal_store(&error, SES_NO_MEMORY);
        ses_call_fail(&a->call, &error);
        return SES_VERDICT_TAKEN;
    }
    ses_inbox_key(&a->call.access.key, &key);
    /* The entry counts in the share that all early events have together, not in the merchant's own. */
    a->call.loop.owner =
        SES_OWNER_EARLY | ses_natural_owner(a->call.access.service, a->call.access.metadata.tenant,
                                            a->call.access.metadata.merchant);
    ses_claim_loop_again(&a->call.loop, &inbox_ops, &key);
    return SES_VERDICT_TAKEN;
}
