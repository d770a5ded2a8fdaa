/* The common half of the writing methods, as ops of the change loop: judge the caller, let the method
 * decide, make the answer while the record can still be given up, send it when the record is durable. */
#include "session_call.h"

#include <inttypes.h>

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "refusal.h"
#include "session_view.h"
#include "token_due.h"

#define STEP_SECONDS_MAX 86400u

static struct ses_call *call_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_call, loop);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void tell_end(struct ses_call *call)
{
    if (call->method->ends != NULL)
        call->method->ends(call);
}

/* Whatever an error points to is a literal or lies in the exchange's arena: ends may reset the scratch arena
 * before the error is told. */
static void fail(struct ses_call *call, const struct ses_error *error)
{
    struct ses_error told = *error;

    ses_refusal_summarise(&told, &call->access.x->arena);
    tell_end(call);
    ses_exchange_fail(call->access.x, &told);
    ses_change_loop_finish(&call->loop);
}

static void reply_now(struct ses_call *call)
{
    tell_end(call);
    if (call->token != NULL && !call->access.x->cancelled)
        ses_session_token_given(call->access.service, call->cause);
    ses_service_reply(call->access.service, call->access.x, call->reply);
    ses_change_loop_finish(&call->loop);
}

/* That the session has ended stands; the same call again removes what is left. */
static void forgotten(struct ses_client_forget *forget, const struct ses_error *error)
{
    struct ses_call *call = forget->arg;

    if (error != NULL)
        fail(call, error);
    else
        reply_now(call);
}

static void answer(struct ses_call *call)
{
    if (call->forget != NULL)
        ses_client_forget_start(call->forget, forgotten, call);
    else
        reply_now(call);
}

/* ---- the loop's functions ---------------------------------------------------------------------- */

static enum ses_token_cause token_due(const struct ses_call *call, const struct ses_session *session)
{
    return ses_token_due(&call->access, session, call->renew_token, call->now_ms);
}

/* Before the put: a record whose answer cannot be made must not be written. */
static enum ses_status make_reply(struct ses_call *call, const struct ses_session *session,
                                  enum ses_token_cause cause)
{
    call->token = NULL;
    call->cause = cause;
    call->forget = NULL;
    if (session != NULL)
        SES_TRY(ses_client_forget_plan(call->access.service, call->access.x, session, &call->forget));
    if (cause != SES_TOKEN_NOT_DUE)
        SES_TRY(ses_session_mint(call->access.service, session, ses_clock_ahead_ms(), &call->access.x->arena,
                                 &call->token));
    return call->method->reply(call, session, &call->reply);
}

/* Also for a repeated event: the caller gets the session as it is now, not as it was then. */
static enum ses_change_verdict answer_same(struct ses_call *call, const struct ses_session *session)
{
    struct ses_error error;
    enum ses_status status = make_reply(call, session, token_due(call, session));

    if (status == SES_OK) {
        answer(call);
        return SES_CHANGE_DONE;
    }
    ses_refusal_store(&error, status);
    fail(call, &error);
    return SES_CHANGE_DONE;
}

/* Without a session and without a token there is nobody to judge: an event may wait for its session.
 * With a token there must be a session, and ses_access_judge says SESSION_NOT_FOUND. */
static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_call *call = call_of(loop);
    struct ses_session *session = loop->found.live ? &loop->found.session : NULL;
    bool without = call->access.token.len == 0;
    struct ses_error error;

    call->now_ms = now_ms;
    if ((session != NULL || !without) && ses_access_judge(&call->access, session, now_ms, &error) != SES_OK) {
        fail(call, &error);
        return SES_CHANGE_DONE;
    }
    call->early = false;
    if (session != NULL && call->access.repeats) {
        if (call->method->repeats != NULL)
            call->method->repeats(call);
        return answer_same(call, session);
    }
    switch (call->method->decide(call, session, now_ms, &error)) {
    case SES_VERDICT_SAME:
        return answer_same(call, session);
    case SES_VERDICT_CHANGED:
        return SES_CHANGE_WRITE;
    case SES_VERDICT_EARLY:
        call->early = true;
        return SES_CHANGE_WRITE;
    case SES_VERDICT_REFUSED:
        fail(call, &error);
        break;
    }
    return SES_CHANGE_DONE;
}

/* An answer can get lost, or nobody knows whether there was a write: the caller then says the same again, and must
 * not be refused for what it did. A call that is not refused for it settles that by its own rules. One that made
 * no version (a late event) leaves the name of who did. */
static void remember_call(struct ses_call *call, struct ses_session *session)
{
    if (call->access.token.len > 0 && session->written_by == 0 &&
        (session->generation != call->access.claims.generation || call->expected_version != 0))
        session->written_by = ses_access_tag(&call->access);
}

/* The life of a token that takes another one's place begins with it, and is stored: the same call again signs the
 * same claims. Of a new generation it has begun already. */
static enum ses_token_cause date_token(const struct ses_call *call, struct ses_session *session)
{
    enum ses_token_cause cause = token_due(call, session);

    if (cause != SES_TOKEN_NOT_DUE && cause != SES_TOKEN_GENERATION)
        session->token_issued_ms = call->now_ms;
    return cause;
}

/* The reply is made of the changed session, before it is encoded: both say the same version. And before the
 * put, so that nothing is on disk which could not be told. */
static enum ses_status write_session(struct ses_call *call, struct ses_session *session)
{
    SES_TRY(make_reply(call, session, date_token(call, session)));
    remember_call(call, session);
    return ses_change_loop_put_session(&call->loop);
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_call *call = call_of(loop);
    struct ses_record record;

    (void)now_ms;
    loop->owner = SES_OWNER_NOBODY; /* a former attempt's event may have been an early one */
    if (!call->early)
        return write_session(call, &loop->found.session);
    SES_TRY(make_reply(call, NULL, SES_TOKEN_NOT_DUE));
    SES_TRY(call->method->early(call, &record));
    return ses_change_loop_put(loop, &record);
}

static void committed(struct ses_change_loop *loop)
{
    struct ses_call *call = call_of(loop);

    call->committed = true;
    answer(call);
}

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    fail(call_of(loop), error);
}

static const struct ses_change_loop_ops call_ops = {
    .take = ses_change_loop_take_session,
    .decide = decide,
    .write = write_record,
    .committed = committed,
    .failed = failed,
};

/* ---- start ----------------------------------------------------------------------------------- */

static enum ses_status read_call(struct ses_call *call, struct ses_service *service, struct ses_exchange *x,
                                 struct ses_error *ret_error)
{
    ProtobufCMessage *message = NULL;

    SES_TRY(ses_access_begin(&call->access, service, x, ret_error));
    SES_TRY(ses_message_decode(x, x->body, call->method->request, &message, ret_error));
    SES_TRY(call->method->read(call, message, ret_error));
    return ses_access_verify(&call->access, ret_error);
}

/* Until ses_change_loop_start nothing is held and nothing can be cancelled: the reading is done in one go,
 * so the errors of this half are answered directly, not through the loop. */
void ses_call_start(struct ses_service *service, struct ses_exchange *x,
                    const struct ses_session_method *method)
{
    struct ses_call *call = ses_arena_zalloc(&x->arena, method->size);
    struct ses_error error = {.status = SES_OK};

    SES_REQUIRE(method->size >= sizeof(*call));
    if (call == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    call->method = method;
    call->access.writes = true;
    call->access.token_optional = method->token_optional;
    call->access.revoked_accepted = method->revoked_accepted;
    if (read_call(call, service, x, &error) != SES_OK) {
        ses_refusal_summarise(&error, &x->arena);
        ses_exchange_fail(x, &error);
        return;
    }
    ses_change_loop_start(&call->loop, service, x, &call_ops, &call->access.key, SES_OWNER_NOBODY);
}

/* ---- for the methods --------------------------------------------------------------------------- */

/* A call without a token learns nothing of the browser's judgement: there was none. */
enum ses_status ses_call_view(struct ses_call *call, const struct ses_session *session,
                              Sessiond__V1__Session **ret_view)
{
    const struct ses_binding_verdict *verdict = call->access.token.len > 0 ? &call->access.verdict : NULL;

    call->access.x->connector = session->connector.name;
    return ses_session_view(session, verdict, call->now_ms, &call->access.x->arena, ret_view);
}

enum ses_status ses_call_violate(struct ses_error *error, struct ses_slice field, struct ses_slice rule)
{
    *error = (struct ses_error){.status = SES_OK};
    ses_error_violation(error, field, rule);
    return SES_INVALID_ARGUMENT;
}

/* A name a caller makes up: printable, since it is told in the history and in logs of callers. */
enum ses_status ses_call_event_id(const char *event_id, struct ses_slice *ret_event_id,
                                  struct ses_error *ret_error)
{
    struct ses_slice id = ses_slice_str(event_id);

    if (id.len > SES_EVENT_ID_BYTES_MAX || (id.len > 0 && !ses_utf8_name_check(id)))
        return ses_call_violate(ret_error, SES_STR("event_id"),
                                SES_STR("must be at most 128 bytes of printable UTF-8"));
    *ret_event_id = id;
    return SES_OK;
}

/* The maximum is a day, longer steps are forgotten payments. */
enum ses_status ses_call_step_seconds(const struct ses_call *call, uint32_t seconds, uint64_t *ret_step_ms,
                                      struct ses_error *ret_error)
{
    if (seconds > STEP_SECONDS_MAX)
        return ses_call_violate(ret_error, SES_STR("step_seconds"), SES_STR("must be at most 86400"));
    *ret_step_ms = seconds == 0 ? call->access.service->rules.step_ms : seconds * UINT64_C(1000);
    return SES_OK;
}

/* The present version is told with the refusal, so that a caller who may try again has it already. */
bool ses_call_version(struct ses_call *call, const struct ses_session *session, struct ses_error *ret_error)
{
    const char *number;

    if (call->expected_version == 0 || call->expected_version == session->version)
        return true;
    ses_refusal_set(ret_error, SES_REASON_VERSION_MISMATCH, 0,
                    SES_STR("the session has another version than expected_version"));
    number = ses_arena_printf(&call->access.x->arena, "%" PRIu64, session->version);
    if (number != NULL)
        ses_error_metadata(ret_error, SES_STR("current_version"), ses_slice_str(number));
    return false;
}

void ses_call_conflict(enum ses_event known, struct ses_error *ret_error)
{
    ses_refusal_set(ret_error, SES_REASON_EVENT_CONFLICT, 0,
                    SES_STR("this event_id was given to another event of the session"));
    ses_error_metadata(ret_error, SES_STR("event"), ses_slice_str(ses_event_name(known)));
}

/* PROCESSING apart from the closed ones: it will be over, but not by this call. */
bool ses_call_over(const struct ses_session *session, struct ses_error *ret_error)
{
    if (ses_session_closed(session->status)) {
        ses_refusal_closed(ret_error, session->status);
        return true;
    }
    if (session->status != SES_SESSION_PROCESSING)
        return false;
    ses_refusal_set(ret_error, SES_REASON_SESSION_PROCESSING, 0,
                    SES_STR("the connector works on the payment: its outcome has to become known first"));
    ses_error_metadata(ret_error, SES_STR("status"), ses_slice_str(ses_session_status_name(session->status)));
    return true;
}

/* A binding is taken once and never widened: a later call with more facets must not be able to add its
 * own. */
bool ses_call_bind(struct ses_call *call, struct ses_session *session)
{
    if (session->binding.facets != 0 || call->access.binding.facets == 0)
        return false;
    session->binding = call->access.binding;
    return true;
}
