/* sessiond.v1.SessionService/AdvanceSession: a caller tells what happened to the payment, and may add
 * to what the session knows. With a token it is the merchant's server, without one whoever says so. */
#include "advance_early.h"

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "refusal.h"

typedef Sessiond__V1__AdvanceSessionRequest request_message;

#define CONNECTOR_TEXT_MAX 8192u
#define PAYMENT_ID_MAX     255u
/* Seconds since 1970 lie below, microseconds above: a session that ends in 1970, or never, is a mistake. */
#define CONNECTOR_END_MIN_MS UINT64_C(1000000000000)   /* 2001 */
#define CONNECTOR_END_MAX_MS UINT64_C(253402300799999) /* 9999 */

static struct ses_advance *advance_of(struct ses_call *call)
{
    return SES_CONTAINER(call, struct ses_advance, call);
}

static void refuse_connector_end(struct ses_error *ret_error)
{
    *ret_error = (struct ses_error){.status = SES_OK};
    ses_error_violation(ret_error, SES_STR("connector_session.expires_ms"),
                        SES_STR("must be in the future, in milliseconds since 1970, at most the year 9999"));
}

/* The world's clock is left at the door: from here on the end is in sessiond's own time (base/clock.h).
 * Whether it is past is not judged here but in decide, against the stored one: a caller who hands back
 * what GetSession told it must not be refused because that moment has gone by meanwhile. */
static enum ses_status read_connector_end(int64_t given_ms, struct ses_connector_session *session,
                                          struct ses_error *ret_error)
{
    uint64_t end_ms = (uint64_t)given_ms;

    if (given_ms == 0)
        return SES_OK;
    if (given_ms < 0 || end_ms < CONNECTOR_END_MIN_MS || end_ms > CONNECTOR_END_MAX_MS) {
        refuse_connector_end(ret_error);
        return ret_error->status;
    }
    session->expires_ms = ses_clock_from_wall(end_ms);
    return SES_OK;
}

/* Past: unless it is what is stored already, handed back. */
static bool connector_end_is_past(const struct ses_advance *a, const struct ses_session *session,
                                  uint64_t now_ms)
{
    uint64_t end_ms = a->connector_session.expires_ms;

    return end_ms != 0 && end_ms <= now_ms &&
           !ses_connector_session_ends_at(&session->connector_session, end_ms);
}

static enum ses_status read_connector_session(struct ses_advance *a, const request_message *message,
                                              struct ses_error *ret_error)
{
    const Sessiond__V1__ConnectorSession *given = message->connector_session;
    struct ses_connector_session *session = &a->connector_session;

    if (given == NULL)
        return SES_OK;
    session->token = ses_slice_str(given->token == NULL ? "" : given->token->value);
    session->id = ses_slice_str(given->id);
    session->transaction_id = ses_slice_str(given->transaction_id);
    if (session->token.len > CONNECTOR_TEXT_MAX || session->id.len > CONNECTOR_TEXT_MAX ||
        session->transaction_id.len > CONNECTOR_TEXT_MAX)
        return ses_call_violate(ret_error, SES_STR("connector_session"),
                                SES_STR("must have texts of at most 8192 bytes"));
    return read_connector_end(given->expires_ms, session, ret_error);
}

/* Nothing proves who sends this: it may tell what a connector's webhook tells, the payment's fate, and must
 * neither fence the merchant's tokens nor put anything into the session. */
static enum ses_status check_without_token(const struct ses_advance *a, const request_message *message,
                                           struct ses_error *ret_error)
{
    struct ses_error error = {.status = SES_OK};

    if (a->call.access.token.len > 0)
        return SES_OK;
    if (a->event == SES_EVENT_NONE)
        ses_error_violation(&error, SES_STR("event"), SES_STR("is required without session_token"));
    else if (!ses_event_without_token(a->event))
        ses_error_violation(&error, SES_STR("event"), SES_STR("is only taken with session_token"));
    if (a->event_id.len == 0)
        ses_error_violation(&error, SES_STR("event_id"), SES_STR("is required without session_token"));
    if (message->_state_case != 0)
        ses_error_violation(&error, SES_STR("state"), SES_STR("is only taken with session_token"));
    if (message->connector_session != NULL)
        ses_error_violation(&error, SES_STR("connector_session"),
                            SES_STR("is only taken with session_token"));
    if (message->renew_token)
        ses_error_violation(&error, SES_STR("renew_token"), SES_STR("is only taken with session_token"));
    if (error.violations_count == 0)
        return SES_OK;
    *ret_error = error;
    return SES_INVALID_ARGUMENT;
}

/* What an event says it is about; compared with the session before the event counts (about_another). */
static enum ses_status read_subject(struct ses_advance *a, const request_message *message,
                                    struct ses_error *ret_error)
{
    struct ses_event_subject *subject = &a->subject;

    subject->payment_id = ses_slice_str(message->connector_payment_id);
    if (subject->payment_id.len > PAYMENT_ID_MAX || !ses_utf8_printable_check(subject->payment_id))
        return ses_call_violate(ret_error, SES_STR("connector_payment_id"),
                                SES_STR("must be at most 255 bytes of printable UTF-8"));
    ses_request_set_v1_amount(&a->call.access.request, message->amount); /* its rules are the request's */
    if (message->amount != NULL) {
        subject->amount_present = true;
        subject->minor_amount = message->amount->minor_amount;
        subject->currency = (uint32_t)message->amount->currency;
    }
    return SES_OK;
}

static enum ses_status read_request(struct ses_call *call, const ProtobufCMessage *decoded,
                                    struct ses_error *ret_error)
{
    const request_message *message = (const request_message *)decoded;
    struct ses_advance *a = advance_of(call);

    SES_CALL_TAKE(call, message);
    call->expected_version = message->expected_version;
    call->renew_token = message->renew_token;
    a->event = (enum ses_event)message->event;
    if (message->event != SESSIOND__V1__SESSION_EVENT__SESSION_EVENT_UNSPECIFIED &&
        ((unsigned)message->event >= SES_EVENT_COUNT || !ses_event_from_caller(a->event)))
        return ses_call_violate(ret_error, SES_STR("event"), SES_STR("is not one that a caller may send"));
    SES_TRY(ses_call_event_id(message->event_id, &a->event_id, ret_error));
    SES_TRY(ses_call_step_seconds(call, message->step_seconds, &a->step_ms, ret_error));
    ses_request_set_v1_state(&call->access.request, message->_state_case != 0 ? message->state : NULL);
    SES_TRY(read_connector_session(a, message, ret_error));
    SES_TRY(read_subject(a, message, ret_error));
    return check_without_token(a, message, ret_error);
}

/* ---- deciding -------------------------------------------------------------------------------- */

/* Everything that a call with a token may add. True if the record would differ: what changes nothing
 * must not be written, a record can have 120 KiB. */
static bool merge(struct ses_advance *a, struct ses_session *session, uint64_t now_ms)
{
    struct ses_session_state given;
    bool changed = ses_call_bind(&a->call, session);

    ses_request_state(&a->call.access.request, now_ms, &given);
    if (ses_session_state_differs(&session->state, &given)) {
        ses_session_state_merge(&session->state, &given);
        changed = true;
    }
    return ses_connector_session_merge(session, &a->connector_session) || changed;
}

static enum ses_session_verdict repeat(struct ses_advance *a, const struct ses_session_event *known,
                                       struct ses_error *ret_error)
{
    if (known->event != a->event && known->event != SES_EVENT_NONE) { /* NONE: of a newer version */
        ses_call_conflict(known->event, ret_error);
        return SES_VERDICT_REFUSED;
    }
    a->outcome = SES_EVENT_DUPLICATE;
    return SES_VERDICT_SAME;
}

/* A webhook names the payment it is about. One of an earlier session under the same merchant_session_id
 * must not complete this one. */
static bool about_another(const struct ses_advance *a, const struct ses_session *session,
                          struct ses_error *ret_error)
{
    const char *differing = ses_event_subject_differing(session, &a->subject);

    if (differing == NULL)
        return false;
    ses_refusal_set(ret_error, SES_REASON_EVENT_MISMATCH, 0,
                    SES_STR("the event is about another payment than the session's"));
    ses_error_metadata(ret_error, SES_STR("differing"), ses_slice_str(differing));
    return true;
}

/* A call without an event: allowed on whatever is not closed, PROCESSING included, as it moves nothing. */
static enum ses_session_verdict only_merge(struct ses_advance *a, struct ses_session *session,
                                           uint64_t now_ms, struct ses_error *ret_error)
{
    if (ses_session_closed(session->status) && ses_call_over(session, ret_error))
        return SES_VERDICT_REFUSED;
    if (!merge(a, session, now_ms))
        return SES_VERDICT_SAME;
    ses_session_touch(session, now_ms);
    return SES_VERDICT_CHANGED;
}

/* late_unrecorded is asked before the event is applied, because applying it may take the history's last
 * place for late ones: only the first few are written down and counted by ends, the rest is counted here and
 * changes no record, so that it is not decided again. */
static enum ses_session_verdict apply(struct ses_advance *a, struct ses_session *session, uint64_t now_ms)
{
    struct ses_service *service = a->call.access.service;
    bool recorded = !ses_session_late_unrecorded(session, a->event);
    bool with_token = a->call.access.token.len > 0;

    a->outcome = ses_session_apply(session, a->event, a->event_id, a->step_ms, &service->rules, now_ms);
    if (a->outcome == SES_EVENT_LATE && !recorded)
        ses_count(service->options.metrics, SES_C_EVENTS_LATE, 1);
    else if (a->outcome != SES_EVENT_LATE && with_token)
        (void)merge(a, session, now_ms); /* one version for both */
    /* The next attempt is not the token's that failed; but a webhook must not fence anybody's token. */
    if (a->outcome == SES_EVENT_APPLIED && a->event == SES_EVENT_ATTEMPT_FAILED && with_token &&
        session->status == SES_SESSION_OPEN)
        ses_session_rotate(session, &service->rules, now_ms);
    a->late_success = a->outcome == SES_EVENT_APPLIED && session->late_success;
    return recorded ? SES_VERDICT_CHANGED : SES_VERDICT_SAME;
}

/* The order is the contract: a repeated event_id is answered before anything that a repetition may
 * meanwhile fail (version, amount, end), so that a caller whose answer got lost can always ask again. */
static enum ses_session_verdict decide(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error)
{
    struct ses_advance *a = advance_of(call);
    struct ses_session_event known;

    if (session == NULL)
        return ses_advance_keep(a, now_ms, ret_error);
    if (ses_session_knows_event(session, a->event_id, &known))
        return repeat(a, &known, ret_error);
    if (about_another(a, session, ret_error) || !ses_call_version(call, session, ret_error))
        return SES_VERDICT_REFUSED;
    if (connector_end_is_past(a, session, now_ms)) {
        refuse_connector_end(ret_error);
        return SES_VERDICT_REFUSED;
    }
    if (a->event == SES_EVENT_NONE)
        return only_merge(a, session, now_ms, ret_error);
    return apply(a, session, now_ms);
}

static void repeats(struct ses_call *call)
{
    struct ses_advance *a = advance_of(call);

    a->outcome = a->event == SES_EVENT_NONE ? SES_EVENT_NO_OUTCOME : SES_EVENT_DUPLICATE;
}

static enum ses_status reply(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply)
{
    const struct ses_advance *a = advance_of(call);
    Sessiond__V1__AdvanceSessionResponse message;

    sessiond__v1__advance_session_response__init(&message);
    message.outcome = (Sessiond__V1__EventOutcome)a->outcome;
    if (session != NULL)
        SES_TRY(ses_call_view(call, session, &message.session));
    if (call->token != NULL)
        message.session_token = call->token;
    return ses_message_encode(call->access.x, &message.base, ret_reply);
}

/* Only what was committed: a warning before the sync could be about something that never happened, and what
 * was decided in an attempt that was lost is decided again. */
static void ends(struct ses_call *call)
{
    const struct ses_advance *a = advance_of(call);
    struct ses_service *service = call->access.service;

    if (!call->committed)
        return;
    if (a->outcome == SES_EVENT_LATE)
        ses_count(service->options.metrics, SES_C_EVENTS_LATE, 1);
    if (a->outcome == SES_EVENT_APPLIED && a->late_success)
        ses_tell_late_success(service, call->access.x);
}

void ses_advance_session_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_method method = {
        .request = &sessiond__v1__advance_session_request__descriptor,
        .size = sizeof(struct ses_advance),
        .token_optional = true,
        .read = read_request,
        .decide = decide,
        .early = ses_advance_early_record,
        .repeats = repeats,
        .reply = reply,
        .ends = ends,
    };

    ses_call_start(service, x, &method);
}
