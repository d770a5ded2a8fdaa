/* What an answer of Get tells of calls whose outcome was open: of the payment, its captures and voids, or of a refund. Only what
 * it proves is taken: a payment that is still authorized does not say that a capture will not come, for the connector may be at it
 * when the payment server has long been given up. Whoever knows that it is not (x-session-settle: final) is taken at his word where the
 * answer agrees. What is settled is never opened again, and its id is not called again. */
#include <sessiond/domain/effect_sums.h>
#include <sessiond/domain/gateway_methods.h>
#include <sessiond/domain/payment_status.h>

#include "gateway_call.h"

/* What effects have from now on; 0: as before. */
struct verdicts {
    uint32_t status[SES_EFFECTS_MAX];
    int64_t captured[SES_EFFECTS_MAX]; /* by a payment itself */
    bool any;
};

static unsigned count_of(const struct ses_session *session)
{
    return session->effects_count < SES_EFFECTS_MAX ? session->effects_count : SES_EFFECTS_MAX;
}

static void decide(struct verdicts *verdicts, unsigned at, uint32_t status)
{
    verdicts->status[at] = status;
    verdicts->any = true;
}

static void decide_captured(struct verdicts *verdicts, unsigned at, int64_t captured)
{
    verdicts->captured[at] = captured;
    verdicts->any = true;
}

/* ---- what may be settled ----------------------------------------------------------------------- */

/* One that runs tells its own end; and what began after the question was asked is none that the answer could mean. */
static bool is_past(const struct ses_gateway_call *call, const struct ses_session *session,
                    const struct ses_effect *effect, uint64_t now_ms)
{
    return ses_effect_stands(session, effect, now_ms) != SES_EFFECT_RUNS &&
           effect->started_ms <= call->called_ms;
}

static bool is_open(const struct ses_gateway_call *call, const struct ses_session *session,
                    const struct ses_effect *effect, uint64_t now_ms)
{
    return is_past(call, session, effect, now_ms) &&
           ses_effect_made(session, effect, now_ms) == SES_EFFECT_PERHAPS_MADE;
}

/* ---- the payment ------------------------------------------------------------------------------- */

static bool tells_end(const struct ses_gateway_call *call)
{
    enum ses_event event = ses_gateway_event_of(call->facts.status, false);

    return event == SES_EVENT_COMPLETED || event == SES_EVENT_ATTEMPT_FAILED;
}

/* Is the read about this effect's payment? */
static bool is_about(const struct ses_gateway_call *call, const struct ses_session *session,
                     const struct ses_effect *effect)
{
    struct ses_slice transaction = call->request.part[SES_GATEWAY_TRANSACTION];

    return ses_slice_eq(call->request.part[SES_GATEWAY_ID], effect->merchant_id) ||
           (transaction.len > 0 && ses_slice_eq(transaction, session->facts.connector_transaction_id));
}

static bool is_open_payment(const struct ses_session *session, const struct ses_effect *effect,
                            uint64_t now_ms)
{
    enum ses_effect_state stands = ses_effect_stands(session, effect, now_ms);

    return effect->pays && (stands == SES_EFFECT_UNKNOWN ||
                            (stands == SES_EFFECT_ANSWERED && (effect->event == SES_EVENT_NONE ||
                                                               effect->event == SES_EVENT_ACTION_REQUIRED)));
}

static void judge_payment(const struct ses_gateway_call *call, const struct ses_session *session,
                          uint64_t now_ms, struct verdicts *verdicts)
{
    if (!tells_end(call))
        return;
    for (unsigned i = count_of(session); i-- > 0;) {
        const struct ses_effect *effect = &session->effects[i];

        if (is_open_payment(session, effect, now_ms) && is_about(call, session, effect)) {
            decide(verdicts, i, (uint32_t)call->facts.status);
            decide_captured(verdicts, i, call->facts.captured);
            return;
        }
    }
}

/* ---- what followed it -------------------------------------------------------------------------- */

static bool is_charged(uint64_t payment_status)
{
    return payment_status == SES_PAYMENT_CHARGED || payment_status == SES_PAYMENT_PARTIAL_CHARGED ||
           payment_status == SES_PAYMENT_PARTIAL_CHARGED_AND_CHARGEABLE;
}

/* The connector's id of the payment, as it was sent: the caller's, or the session's that was put in for want of it. */
static bool is_about_paid(const struct ses_gateway_call *call, const struct ses_session *session,
                          const struct ses_effect *paid)
{
    struct ses_slice transaction = call->request.part[SES_GATEWAY_TRANSACTION];

    if (transaction.len > 0)
        return ses_slice_eq(transaction, session->facts.connector_transaction_id);
    return session->facts.connector_transaction_id.len > 0 ||
           (paid != NULL && ses_slice_eq(call->request.part[SES_GATEWAY_ID], paid->merchant_id));
}

/* Not before its own answer has had all of its time. */
static bool may_end(const struct ses_gateway_call *call, const struct ses_effect *effect, uint64_t now_ms)
{
    return call->final && effect->until_ms <= now_ms;
}

struct captures {
    int64_t made;
    int64_t open;
    unsigned made_count;
    unsigned open_count;
    bool others; /* that run, or began behind the question */
    bool final;  /* of the open ones: what has not come does not come any more */
};

static struct captures sum_captures(const struct ses_gateway_call *call, const struct ses_session *session,
                                    uint64_t now_ms)
{
    struct captures sum = {.final = call->final};

    for (unsigned i = 0; i < count_of(session); i++) {
        const struct ses_effect *effect = &session->effects[i];
        enum ses_effect_made made = ses_effect_made(session, effect, now_ms);

        if (ses_effect_kind_of(effect) != SES_EFFECT_CAPTURE || made == SES_EFFECT_NOT_MADE)
            continue;
        if (made == SES_EFFECT_MADE) {
            sum.made = ses_effect_add(sum.made, effect->minor_amount);
            sum.made_count++;
        } else if (is_past(call, session, effect, now_ms)) {
            sum.open = ses_effect_add(sum.open, effect->minor_amount);
            sum.open_count++;
            sum.final = sum.final && may_end(call, effect, now_ms);
        } else {
            sum.others = true;
        }
    }
    return sum;
}

/* Nothing of the open ones is in what was captured. */
static bool shows_none(const struct ses_gateway_call *call, const struct captures *sum)
{
    const struct ses_gateway_told_facts *facts = &call->facts;

    if (facts->captured_present)
        return facts->captured <= sum->made;
    return facts->status == SES_PAYMENT_AUTHORIZED && sum->made_count == 0;
}

static bool shows_all(const struct ses_gateway_call *call, const struct captures *sum)
{
    int64_t captured = call->facts.captured;

    return captured >= sum->made && captured - sum->made >= sum->open;
}

/* What all open captures have come to; 0: nothing is proved. Of several only the sum that was captured can tell. */
static uint32_t judge_captures(const struct ses_gateway_call *call, const struct ses_effect *paid,
                               const struct captures *sum)
{
    const struct ses_gateway_told_facts *facts = &call->facts;
    bool charged_by_itself = paid != NULL && is_charged(paid->payment_status);

    if (sum->open_count == 0 || sum->others || charged_by_itself)
        return 0;
    if (facts->status == SES_PAYMENT_CAPTURE_FAILED && sum->open_count == 1)
        return SES_PAYMENT_CAPTURE_FAILED;
    if (facts->status == SES_PAYMENT_VOIDED && sum->made_count == 0)
        return SES_PAYMENT_VOIDED;
    if (sum->final && shows_none(call, sum))
        return SES_PAYMENT_CAPTURE_FAILED;
    if (facts->captured_present)
        return shows_all(call, sum) ? SES_PAYMENT_CHARGED : 0;
    return is_charged(facts->status) && sum->open_count == 1 && sum->made_count == 0 && paid != NULL
               ? (uint32_t)facts->status
               : 0;
}

/* What an open void has come to; 0: nothing is proved. */
static uint32_t judge_void(const struct ses_gateway_call *call, const struct ses_effect *effect,
                           uint64_t now_ms)
{
    uint64_t status = call->facts.status;

    if (status == SES_PAYMENT_VOIDED || status == SES_PAYMENT_VOIDED_POST_CAPTURE ||
        status == SES_PAYMENT_VOID_FAILED)
        return (uint32_t)status;
    return may_end(call, effect, now_ms) && (status == SES_PAYMENT_AUTHORIZED || is_charged(status))
               ? SES_PAYMENT_VOID_FAILED
               : 0;
}

/* A payment that was authorized, and is captured now although no capture of ours was: elsewhere, or by the connector itself. */
static bool was_charged_elsewhere(const struct ses_gateway_call *call, const struct ses_session *session,
                                  const struct ses_effect *paid, const struct captures *sum)
{
    return paid != NULL && paid - session->effects < SES_EFFECTS_MAX && is_charged(call->facts.status) &&
           !is_charged(paid->payment_status) && sum->made_count == 0 && sum->open_count == 0 && !sum->others;
}

/* More was captured than the payment had told, by the connector itself or elsewhere: more may be refunded then. One that has not told how
 * much it was stands for all of it already. */
static bool tells_more_captured(const struct ses_gateway_call *call, const struct ses_session *session,
                                const struct ses_effect *paid, const struct captures *sum)
{
    return paid != NULL && paid - session->effects < SES_EFFECTS_MAX && is_charged(call->facts.status) &&
           is_charged(paid->payment_status) && paid->captured > 0 && sum->open_count == 0 && !sum->others &&
           call->facts.captured > sum->made && call->facts.captured - sum->made > paid->captured;
}

static void judge_paid(const struct ses_gateway_call *call, const struct ses_session *session,
                       const struct ses_effect *paid, const struct captures *sum, struct verdicts *verdicts)
{
    if (was_charged_elsewhere(call, session, paid, sum)) {
        decide(verdicts, (unsigned)(paid - session->effects), (uint32_t)call->facts.status);
        decide_captured(verdicts, (unsigned)(paid - session->effects), call->facts.captured);
    } else if (tells_more_captured(call, session, paid, sum)) {
        decide_captured(verdicts, (unsigned)(paid - session->effects), call->facts.captured - sum->made);
    }
}

static void judge_followers(const struct ses_gateway_call *call, const struct ses_session *session,
                            uint64_t now_ms, struct verdicts *verdicts)
{
    const struct ses_effect *paid = ses_effect_paid(session);
    struct captures sum = sum_captures(call, session, now_ms);
    uint32_t captured;

    if (!is_about_paid(call, session, paid))
        return;
    judge_paid(call, session, paid, &sum, verdicts);
    captured = judge_captures(call, paid, &sum);
    for (unsigned i = 0; i < count_of(session); i++) {
        const struct ses_effect *effect = &session->effects[i];
        enum ses_effect_kind kind = ses_effect_kind_of(effect);

        if (!is_open(call, session, effect, now_ms))
            continue;
        if (kind == SES_EFFECT_CAPTURE && captured != 0)
            decide(verdicts, i, captured);
        else if (kind == SES_EFFECT_VOID && judge_void(call, effect, now_ms) != 0)
            decide(verdicts, i, judge_void(call, effect, now_ms));
    }
}

/* ---- refunds ----------------------------------------------------------------------------------- */

/* Whoever asks by one refund's name and another one's id is told of the other one. */
static bool is_anothers(const struct ses_gateway_call *call, const struct ses_session *session,
                        const struct ses_effect *effect)
{
    const struct ses_gateway_method *refund = ses_gateway_method_at(SES_GATEWAY_NAME_REFUND);

    for (unsigned i = 0; call->facts.refund.len > 0 && i < count_of(session); i++) {
        const struct ses_effect *other = &session->effects[i];
        struct ses_gateway_told_facts told;

        if (other != effect && ses_effect_kind_of(other) == SES_EFFECT_REFUND &&
            ses_gateway_answer_read(refund, other->answer, 0, &told) == SES_OK &&
            ses_slice_eq(told.refund, call->facts.refund))
            return true;
    }
    return false;
}

static bool is_unknown_there(const struct ses_gateway_call *call)
{
    return call->end == SES_GATEWAY_REFUSED && call->grpc_status == ses_status_grpc(SES_NOT_FOUND);
}

/* What the refund has come to; 0: nothing is proved. A failure without the connector's id of it may be that of the question. */
static uint32_t refund_status(const struct ses_gateway_call *call, const struct ses_effect *effect,
                              uint64_t now_ms)
{
    uint64_t status = call->facts.status;
    bool failed = status == SES_REFUND_FAILURE || status == SES_REFUND_TRANSACTION_FAILURE;

    if (is_unknown_there(call) || (failed && call->facts.refund.len == 0))
        return may_end(call, effect, now_ms) ? SES_REFUND_FAILURE : 0;
    return status != effect->payment_status ? (uint32_t)status : 0;
}

/* Also one that is told to be under way: that it was made is known then, and it goes on counting. */
static void judge_refund(const struct ses_gateway_call *call, const struct ses_session *session,
                         uint64_t now_ms, struct verdicts *verdicts)
{
    for (unsigned i = 0; i < count_of(session); i++) {
        const struct ses_effect *effect = &session->effects[i];

        if (ses_effect_kind_of(effect) == SES_EFFECT_REFUND &&
            ses_slice_eq(effect->merchant_id, call->request.part[SES_GATEWAY_ID]) &&
            is_open(call, session, effect, now_ms) && refund_status(call, effect, now_ms) != 0 &&
            !is_anothers(call, session, effect))
            decide(verdicts, i, refund_status(call, effect, now_ms));
    }
}

/* ---- the whole --------------------------------------------------------------------------------- */

bool ses_gateway_tells(const struct ses_gateway_call *call)
{
    if (call->method->settles == SES_GATEWAY_SETTLES_REFUND && call->final && is_unknown_there(call))
        return true;
    return call->end == SES_GATEWAY_DONE && call->method->settles != SES_GATEWAY_SETTLES_NOTHING &&
           call->facts.status != 0 && call->facts.status <= UINT32_MAX;
}

static struct verdicts judge(const struct ses_gateway_call *call, const struct ses_session *session,
                             uint64_t now_ms)
{
    struct verdicts verdicts = {.any = false};

    if (!ses_gateway_tells(call))
        return verdicts;
    if (call->method->settles == SES_GATEWAY_SETTLES_REFUND) {
        judge_refund(call, session, now_ms, &verdicts);
        return verdicts;
    }
    judge_payment(call, session, now_ms, &verdicts);
    if (!verdicts.any)
        judge_followers(call, session, now_ms, &verdicts);
    return verdicts;
}

bool ses_gateway_settles(const struct ses_gateway_call *call, const struct ses_session *session,
                         uint64_t now_ms)
{
    return judge(call, session, now_ms).any;
}

enum ses_event ses_gateway_settle(const struct ses_gateway_call *call, struct ses_session *session,
                                  uint64_t now_ms)
{
    struct verdicts verdicts = judge(call, session, now_ms);
    enum ses_event event = SES_EVENT_NONE;

    for (unsigned i = 0; i < count_of(session); i++) {
        struct ses_effect *effect = &session->effects[i];

        if (verdicts.captured[i] > 0)
            effect->captured = verdicts.captured[i];
        if (verdicts.status[i] == 0)
            continue;
        if (effect->state != SES_EFFECT_ANSWERED)
            effect->state = SES_EFFECT_SETTLED;
        effect->payment_status = verdicts.status[i];
        if (effect->pays && effect->event != SES_EVENT_COMPLETED) {
            event = ses_gateway_event_of(call->facts.status, false);
            effect->event = event;
        }
    }
    return event;
}
