/* The beginning of a session's call: was it made before, may it be made, and, if it has an effect, its record before a byte of
 * it leaves. The request is built here, out of the session that was read: it lies in the scratch arena, and is gone behind
 * the put. */
#include <inttypes.h>

#include <sessiond/base/clock.h>

#include "gateway_call.h"
#include "refusal.h"

/* What the end of a call needs beyond its deadline: until then nobody calls it unknown. */
#define UNTIL_MARGIN_MS 10000u

static enum ses_change_verdict refuse(struct ses_gateway_call *call, const struct ses_error *error)
{
    ses_gateway_fail(call, error);
    return SES_CHANGE_DONE;
}

/* ---- made before ------------------------------------------------------------------------------- */

static bool is_same_call(const struct ses_gateway_call *call, const struct ses_effect *effect)
{
    bool present = ses_gateway_has(&call->request, SES_GATEWAY_AMOUNT);

    return effect->amount_present == present &&
           (!present || effect->minor_amount == call->request.minor_amount);
}

/* What was told of it is a number of the method's own enum. */
static void explain_settled(const struct ses_gateway_call *call, struct ses_error *error,
                            const struct ses_session *session, const struct ses_effect *effect)
{
    const char *told = ses_arena_printf(&call->x->arena, "%" PRIu32, effect->payment_status);

    ses_refusal_set(error, SES_REASON_CALL_SETTLED, 0,
                    SES_STR("this call was made before, and its answer is not there to be repeated"));
    ses_error_metadata(error, SES_STR("status"), ses_slice_str(ses_session_status_name(session->status)));
    if (effect->payment_status != 0 && told != NULL)
        ses_error_metadata(error, SES_STR("call_status"), ses_slice_str(told));
}

/* Between an Authorize that was answered by a challenge and this call the browser has come back, or the call brings what it
 * brought: that is the payment's next Authorize, and no repetition. */
static bool follows_challenge(const struct ses_gateway_call *call, const struct ses_session *session,
                              const struct ses_effect *effect)
{
    return effect->state == SES_EFFECT_ANSWERED && effect->event == SES_EVENT_ACTION_REQUIRED &&
           (ses_gateway_has(&call->request, SES_GATEWAY_REDIRECTION) ||
            (session->redirect_present && session->redirect.received_ms >= effect->ended_ms));
}

/* The same call once more: it waits, gets its answer, or is told that nobody knows; it is never made again. */
static enum ses_change_verdict again(struct ses_gateway_call *call, const struct ses_session *session,
                                     const struct ses_effect *effect, uint64_t now_ms)
{
    struct ses_error error;

    if (!is_same_call(call, effect)) {
        ses_refusal_set(&error, SES_REASON_CALL_CONFLICT, 0,
                        SES_STR("this id was given to a call with another amount"));
        return refuse(call, &error);
    }
    if (follows_challenge(call, session, effect)) {
        ses_refusal_set(
            &error, SES_REASON_CALL_CONFLICT, 0,
            SES_STR("this id is that of the call that was answered with a challenge: the one that "
                    "follows the challenge needs a merchant_transaction_id of its own"));
        return refuse(call, &error);
    }
    switch (ses_effect_stands(session, effect, now_ms)) {
    case SES_EFFECT_RUNS:
        return SES_CHANGE_WAIT;
    case SES_EFFECT_ANSWERED:
        if (!effect->answer_left_out) {
            ses_gateway_reply_again(call, effect);
            return SES_CHANGE_DONE;
        }
        explain_settled(call, &error, session, effect);
        break;
    case SES_EFFECT_SETTLED:
        explain_settled(call, &error, session, effect);
        break;
    case SES_EFFECT_UNKNOWN:
        ses_gateway_refuse_unknown(
            &error, effect->method,
            SES_STR("whether the payment server acted on this call is not known: it is "
                    "not made again"));
        break;
    }
    return refuse(call, &error);
}

/* ---- may it be made? --------------------------------------------------------------------------- */

/* One payment of a session at a time: a second one beside it could take the money twice. */
static bool may_pay(const struct ses_session *session, uint64_t now_ms, struct ses_error *error)
{
    const struct ses_effect *before = ses_effect_unfinished(session, now_ms);

    if (ses_session_closed(session->status)) {
        ses_refusal_closed(error, session->status);
        return false;
    }
    if (before == NULL)
        return true;
    if (ses_effect_stands(session, before, now_ms) == SES_EFFECT_UNKNOWN) {
        ses_gateway_refuse_unknown(error, before->method,
                                   SES_STR("whether the payment server acted on an earlier payment of this "
                                           "session is not known: another one waits for its outcome"));
        return false;
    }
    ses_refusal_set(
        error, SES_REASON_SESSION_PROCESSING, 0,
        SES_STR("another payment of this session is under way: its outcome has to become known first"));
    ses_error_metadata(error, SES_STR("status"), ses_slice_str(ses_session_status_name(session->status)));
    return false;
}

static bool may_follow(const struct ses_session *session, struct ses_error *error)
{
    if (session->status == SES_SESSION_COMPLETED || session->status == SES_SESSION_PROCESSING)
        return true;
    ses_refusal_set(error, SES_REASON_SESSION_UNPAID, 0,
                    SES_STR("the session has no payment that is made or under way"));
    ses_error_metadata(error, SES_STR("status"), ses_slice_str(ses_session_status_name(session->status)));
    return false;
}

static bool has_room(const struct ses_gateway_call *call, const struct ses_session *session,
                     struct ses_error *error)
{
    if (ses_effect_room(session, call->loop.op.record.body.len, SES_STORE_BODY_MAX))
        return true;
    ses_refusal_set(error, SES_REASON_CALLS_FULL, 0,
                    SES_STR("the session remembers as many calls as it can: none of them may be forgotten"));
    return false;
}

static enum ses_change_verdict first(struct ses_gateway_call *call, const struct ses_session *session,
                                     uint64_t now_ms)
{
    struct ses_error error;
    bool may = call->method->kind == SES_GATEWAY_PAYS ? may_pay(session, now_ms, &error)
                                                      : may_follow(session, &error);

    if (!may || !ses_gateway_check_amount(call, session, &error) ||
        !ses_gateway_check_sums(call, session, now_ms, &error) || !has_room(call, session, &error))
        return refuse(call, &error);
    if (ses_gateway_take_place(call, &error) != SES_OK)
        return refuse(call, &error);
    return SES_CHANGE_WRITE;
}

/* ---- sent without a write ------------------------------------------------------------------------ */

/* One without an effect; or one whose effect stands in the record already, by a write of ours of which nobody knew what had
 * become of it. */
static enum ses_change_verdict send_now(struct ses_gateway_call *call, const struct ses_session *session,
                                        uint64_t now_ms)
{
    struct ses_error error;
    enum ses_status status;

    if (ses_gateway_take_place(call, &error) != SES_OK)
        return refuse(call, &error);
    status = ses_gateway_request_write(&call->request, session, now_ms, &call->x->arena, &call->message);
    if (status != SES_OK) {
        ses_refusal_store(&error, status);
        return refuse(call, &error);
    }
    ses_change_loop_hold(&call->loop);
    ses_gateway_send(call);
    return SES_CHANGE_DONE;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);
    const struct ses_session *session = loop->found.live ? &loop->found.session : NULL;
    const struct ses_effect *effect;
    struct ses_error error;

    if (ses_access_judge(&call->access, session, now_ms, &error) != SES_OK)
        return refuse(call, &error);
    SES_REQUIRE(session != NULL); /* it was judged */
    call->x->connector = session->connector.name;
    if (!ses_gateway_check_connector(call, session, &error))
        return refuse(call, &error);
    if (!ses_gateway_has_effect(call->method) && !ses_gateway_check_amount(call, session, &error))
        return refuse(call, &error);
    if (!ses_gateway_has_effect(call->method) || ses_effect_of_attempt(session, call->attempt) != NULL)
        return send_now(call, session, now_ms);
    effect =
        ses_effect_find(session, ses_gateway_method_name(call->method), call->request.part[SES_GATEWAY_ID]);
    return effect != NULL ? again(call, session, effect, now_ms) : first(call, session, now_ms);
}

static enum ses_status add_effect(struct ses_gateway_call *call, struct ses_session *session, uint64_t now_ms)
{
    struct ses_arena *scratch = &call->service->scratch;
    struct ses_effect *effects = ses_arena_alloc(scratch, (session->effects_count + 1) * sizeof(*effects));

    if (effects == NULL)
        return SES_NO_MEMORY;
    if (session->effects_count > 0)
        memcpy(effects, session->effects, session->effects_count * sizeof(*effects));
    effects[session->effects_count] = (struct ses_effect){
        .method = ses_gateway_method_name(call->method),
        .merchant_id = call->request.part[SES_GATEWAY_ID],
        .started_ms = now_ms,
        .until_ms = now_ms + call->service->options.gateway.deadline_ms + UNTIL_MARGIN_MS,
        .minor_amount = call->request.minor_amount,
        .amount_present = ses_gateway_has(&call->request, SES_GATEWAY_AMOUNT),
        .pays = call->method->kind == SES_GATEWAY_PAYS,
        .attempts = session->attempts,
        .state = SES_EFFECT_RUNS,
    };
    memcpy(effects[session->effects_count].attempt, call->attempt, sizeof(call->attempt));
    session->effects = effects;
    session->effects_count++;
    return SES_OK;
}

static enum ses_status write_effect(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);
    struct ses_session *session = &loop->found.session;

    SES_TRY(ses_gateway_request_write(&call->request, session, now_ms, &call->x->arena, &call->message));
    ses_effect_settle_learnt(session, now_ms);
    SES_TRY(add_effect(call, session, now_ms));
    if (call->method->kind == SES_GATEWAY_PAYS && session->status != SES_SESSION_PROCESSING)
        (void)ses_session_apply(session, SES_EVENT_PROCESSING_STARTED, SES_SLICE_EMPTY, 0,
                                &call->service->rules, now_ms);
    else
        ses_session_touch(session, now_ms);
    return ses_change_loop_put_session(loop);
}

static void committed(struct ses_change_loop *loop)
{
    ses_change_loop_hold(loop);
    ses_gateway_send(ses_gateway_call_of(loop));
}

/* Whoever waits for his turn keeps no place. */
static void lost(struct ses_change_loop *loop)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);

    ses_upstream_give_back(call->service->options.gateway.upstream, &call->place);
}

static void start_loop(struct ses_gateway_call *call);

/* Whether the effect was stored is not known: the record tells, soon or later. It has the same attempt's id each time, so
 * that it is this call's whichever write of it was the one; and it was not sent. */
static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    struct ses_gateway_call *call = ses_gateway_call_of(loop);

    if (error->reason == SES_REASON_OUTCOME_UNKNOWN && !call->looked_again && !call->x->cancelled) {
        call->looked_again = true;
        start_loop(call);
        return;
    }
    ses_gateway_fail(call, error);
}

static const struct ses_change_loop_ops begin_ops = {
    .take = ses_change_loop_take_session,
    .decide = decide,
    .write = write_effect,
    .lost = lost,
    .committed = committed,
    .failed = failed,
};

static void start_loop(struct ses_gateway_call *call)
{
    call->loop.keeps = true;
    ses_change_loop_start(&call->loop, call->service, call->x, &begin_ops, &call->access.key,
                          SES_OWNER_NOBODY);
}

void ses_gateway_begin(struct ses_gateway_call *call)
{
    ses_random_bytes(call->attempt, sizeof(call->attempt));
    start_loop(call);
}
