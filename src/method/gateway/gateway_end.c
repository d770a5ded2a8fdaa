/* The end of a session's call, committed on whatever the session has become meanwhile, and whatever has become of the
 * caller. An effect that is not there any more, or not this call's, is left alone. */
#include <sessiond/base/clock.h>

#include "gateway_call.h"
#include "refusal.h"

/* How long the commit may take: the same as a call itself, since nobody else can do it. */
static uint64_t until_ns(const struct ses_gateway_call *call)
{
    return ses_clock_mono_ns() + call->service->options.gateway.deadline_ms * SES_NS_PER_MS;
}

/* ---- what the answer tells ----------------------------------------------------------------------- */

/* Of a refund the status is another enum, and says nothing of the payment. */
static enum ses_event event_of(const struct ses_gateway_call *call)
{
    if (call->method->kind != SES_GATEWAY_PAYS)
        return SES_EVENT_NONE;
    if (call->end == SES_GATEWAY_REFUSED || call->end == SES_GATEWAY_NOT_SENT)
        return SES_EVENT_NOT_ATTEMPTED;
    return call->end == SES_GATEWAY_DONE ? ses_gateway_event_of(call->facts.status, call->facts.redirection)
                                         : SES_EVENT_NONE;
}

/* An event that the session has no use for any more (a webhook was faster) is not recorded as late: nobody sent it. */
static void apply(struct ses_gateway_call *call, struct ses_session *session, enum ses_event event,
                  uint64_t now_ms)
{
    bool before = session->late_success;

    if (event == SES_EVENT_NONE || ses_session_next(session->status, event) == (enum ses_session_status)0) {
        ses_session_touch(session, now_ms);
        return;
    }
    (void)ses_session_apply(session, event, SES_SLICE_EMPTY, 0, &call->service->rules, now_ms);
    call->late_success = session->late_success && !before;
}

/* What the connector said last counts. */
static void keep_facts(const struct ses_gateway_call *call, struct ses_session *session)
{
    const struct ses_gateway_told_facts *facts = &call->facts;

    if (call->end != SES_GATEWAY_DONE)
        return;
    if (facts->transaction.len > 0)
        session->facts.connector_transaction_id = facts->transaction;
    if (facts->feature_data.len > 0)
        session->facts.feature_data = facts->feature_data;
    if (facts->authentication.len > 0)
        session->facts.authentication_data = facts->authentication;
    ses_session_state_merge(&session->state, &facts->state);
}

/* ---- the effect ------------------------------------------------------------------------------------ */

static void keep_answer(const struct ses_gateway_call *call, struct ses_effect *effect, uint64_t now_ms)
{
    effect->ended_ms = now_ms;
    effect->grpc_status = call->grpc_status;
    effect->grpc_message = call->grpc_message;
    effect->grpc_details = call->grpc_details;
    effect->payment_status = (uint32_t)call->facts.status;
    effect->authorized = call->facts.authorized;
    effect->captured = call->facts.captured;
    effect->event = event_of(call);
    effect->state = call->end == SES_GATEWAY_UNKNOWN ? SES_EFFECT_UNKNOWN : SES_EFFECT_ANSWERED;
    effect->answer_left_out = call->answer_too_large || call->kept.len > SES_EFFECT_ANSWER_MAX;
    if (!effect->answer_left_out)
        effect->answer = call->kept;
}

/* It may be called again, as if it had never been. */
static void remove_effect(struct ses_session *session, const struct ses_effect *effect)
{
    size_t at = (size_t)(effect - session->effects);

    session->effects_count--;
    memmove(session->effects + at, session->effects + at + 1,
            (session->effects_count - at) * sizeof(*session->effects));
}

static void end_effect(struct ses_gateway_call *call, struct ses_session *session, struct ses_effect *effect,
                       uint64_t now_ms)
{
    if (call->end == SES_GATEWAY_NOT_SENT)
        remove_effect(session, effect);
    else
        keep_answer(call, effect, now_ms);
    keep_facts(call, session);
    apply(call, session, event_of(call), now_ms);
}

static struct ses_effect *own_effect(const struct ses_gateway_call *call, const struct ses_session *session)
{
    struct ses_effect *effect = ses_effect_of_attempt(session, call->attempt);

    return effect != NULL && effect->state == SES_EFFECT_RUNS ? effect : NULL;
}

/* ---- what is kept for the calls that follow ---------------------------------------------------------- */

static bool tells_more(const struct ses_gateway_call *call)
{
    const struct ses_gateway_told_facts *facts = &call->facts;

    return call->end == SES_GATEWAY_DONE && call->method->prepares &&
           (facts->feature_data.len > 0 || facts->authentication.len > 0 ||
            facts->state.access_token_present || facts->state.connector_customer_id_present);
}

static bool differs(struct ses_slice told, struct ses_slice kept)
{
    return told.len > 0 && !ses_slice_eq(told, kept);
}

/* What is known already is not written again, and what is for a payment that is over not at all. */
static bool knows_less(const struct ses_gateway_call *call, const struct ses_session *session)
{
    const struct ses_gateway_told_facts *facts = &call->facts;

    return tells_more(call) && !ses_session_closed(session->status) &&
           session->status != SES_SESSION_EXPIRED &&
           (differs(facts->feature_data, session->facts.feature_data) ||
            differs(facts->authentication, session->facts.authentication_data) ||
            ses_session_state_differs(&session->state, &facts->state));
}

/* A read: what it settles, or what it tells for later calls. */
static void end_read(struct ses_gateway_call *call, struct ses_session *session, uint64_t now_ms)
{
    enum ses_event event = ses_gateway_settle(call, session, now_ms);

    if (event != SES_EVENT_NONE || call->method->prepares)
        keep_facts(call, session);
    apply(call, session, event, now_ms);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);
    const struct ses_session *session = &loop->found.session;
    bool same =
        loop->found.live && memcmp(session->id, call->access.claims.session_id, sizeof(session->id)) == 0;

    if (same && (own_effect(call, session) != NULL || ses_gateway_settles(call, session, now_ms) ||
                 knows_less(call, session)))
        return SES_CHANGE_WRITE;
    ses_gateway_reply(call);
    return SES_CHANGE_DONE;
}

/* The answer has room (domain/effect.h), unless what else the session holds has grown meanwhile. */
static enum ses_status write_end(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);
    struct ses_session *session = &loop->found.session;
    struct ses_effect *own = own_effect(call, session);
    enum ses_status status;

    call->late_success = false;
    if (own != NULL)
        end_effect(call, session, own, now_ms);
    else
        end_read(call, session, now_ms);
    SES_TRY(ses_client_forget_plan(call->service, call->x, session, &call->forget));
    status = ses_change_loop_put_session(loop);
    if (status != SES_TOO_LARGE || call->answer_too_large)
        return status;
    call->answer_too_large = true;
    return SES_CONFLICT; /* once more, without it */
}

/* The payment's answer does not depend on it; what is left ends by itself. */
static void forgotten(struct ses_client_forget *forget, const struct ses_error *error)
{
    (void)error;
    ses_gateway_reply(forget->arg);
}

static void committed(struct ses_change_loop *loop)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);

    if (call->late_success)
        ses_tell_late_success(call->service, call->x);
    if (call->forget != NULL)
        ses_client_forget_start(call->forget, forgotten, call);
    else
        ses_gateway_reply(call);
}

/* Of a store that was away, busy, full or out of memory, or that cannot say what it did. */
static bool may_pass(enum ses_reason reason)
{
    return reason == SES_REASON_STORE_UNAVAILABLE || reason == SES_REASON_STORE_BUSY ||
           reason == SES_REASON_STORE_FULL || reason == SES_REASON_OUT_OF_MEMORY ||
           reason == SES_REASON_OUTCOME_UNKNOWN;
}

/* Nobody else has the answer, so it is tried for as long as there is time. Then what the server answered cannot be vouched for:
 * the next call of this name must not find that nobody knows it after this one was told. */
static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);
    struct ses_error told = *error;

    if (!ses_gateway_has_effect(call->method)) {
        ses_gateway_reply(call);
        return;
    }
    if (may_pass(error->reason) && ses_change_loop_again(loop))
        return;
    ses_gateway_refuse_unknown(
        &told, ses_gateway_method_name(call->method),
        SES_STR("the payment server answered, and the answer could not be stored: it is "
                "not known here what became of the call"));
    ses_gateway_fail(call, &told);
}

void ses_gateway_commit_end(struct ses_gateway_call *call)
{
    static const struct ses_change_loop_ops ops = {
        .take = ses_change_loop_take_session,
        .decide = decide,
        .write = write_end,
        .committed = committed,
        .failed = failed,
    };

    if (!ses_gateway_has_effect(call->method) && !ses_gateway_tells(call) && !tells_more(call)) {
        ses_gateway_reply(call);
        return;
    }
    call->loop.must_until_ns = until_ns(call);
    call->loop.keeps = false;
    ses_change_loop_follow(&call->loop, call->service, call->x, &ops, &call->access.key, SES_OWNER_NOBODY);
}
