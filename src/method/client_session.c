/* Each a change loop over the session's record. */
#include "client_session.h"

#include <sessiond/domain/session_machine.h>

#include "natural_key.h"
#include "refusal.h"

static struct ses_client_session *session_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_client_session, loop);
}

/* ---- what must agree ------------------------------------------------------------------------- */

/* The name of the call stands for the session's where the header does not say it. */
static struct ses_access_asked asked_of(const struct ses_client_ask *ask)
{
    return (struct ses_access_asked){.test_mode = ask->request.test_mode,
                                     .merchant_id = ask->request.text[SES_FIELD_MERCHANT_SESSION_ID]};
}

/* Another amount is another payment's. */
static enum ses_status check_amount(const struct ses_client_session *s, const struct ses_session *session,
                                    struct ses_error *ret_error)
{
    const int64_t *number = s->ask->request.number;

    if (session->minor_amount == number[SES_FIELD_MINOR_AMOUNT - SES_FIELD_TEXTS] &&
        session->currency == (uint64_t)number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS])
        return SES_OK;
    ses_error_refuse(ret_error, SES_REASON_AMOUNT_MISMATCH, SES_STR("the amount is not the session's"));
    return ret_error->status;
}

/* Before anybody is asked: what cannot be named must not be made. */
static enum ses_status check_room(const struct ses_client_session *s, const struct ses_session *session,
                                  uint64_t now_ms, struct ses_error *ret_error)
{
    if (ses_client_token_room(session, s->key.bytes, now_ms))
        return SES_OK;
    ses_error_refuse(ret_error, SES_REASON_CLIENT_TOKENS_FULL,
                     SES_STR("the session has as many client tokens as it may have"));
    return ret_error->status;
}

/* Another session under the name means that this one is over; one that was made for another call is not looked at. */
static bool is_over(const struct ses_client_session *s, const struct ses_session *session)
{
    return session == NULL || memcmp(session->id, s->id, sizeof(session->id)) != 0 ||
           ses_session_closed(session->status) || session->status == SES_SESSION_EXPIRED;
}

static enum ses_status judge(struct ses_client_session *s, uint64_t now_ms, struct ses_error *ret_error)
{
    const struct ses_session *session = s->loop.found.live ? &s->loop.found.session : NULL;

    s->over = is_over(s, session);
    SES_TRY(ses_access_session_judge(&s->session, session, now_ms, ret_error));
    SES_REQUIRE(session != NULL); /* or it was refused */
    if (ses_session_closed(session->status)) {
        ses_refusal_closed(ret_error, session->status);
        return ret_error->status;
    }
    SES_TRY(check_amount(s, session, ret_error));
    return check_room(s, session, now_ms, ret_error);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* told may begin another loop, or end the call, in whose memory all of this lies. */
static void tell(struct ses_client_session *s, const struct ses_error *error)
{
    struct ses_exchange *x = s->x;

    ses_exchange_hold(x);
    ses_change_loop_finish(&s->loop);
    s->told(s, error);
    ses_exchange_release(x);
}

static void tell_status(struct ses_client_session *s, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_internal(&error, status);
    tell(s, &error);
}

static enum ses_status take_session(struct ses_client_session *s, const struct ses_session *session)
{
    s->ends_ms = session->expires_ms == SES_NEVER_MS ? 0 : session->expires_ms;
    s->named = ses_client_token_find(session, s->key.bytes) != NULL;
    return session->connector_session_present
               ? ses_arena_copy(&s->x->arena, session->connector_session.token, &s->token)
               : SES_OK;
}

static enum ses_change_verdict decide_look(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_client_session *s = session_of(loop);
    struct ses_error error;
    enum ses_status status;

    if (judge(s, now_ms, &error) != SES_OK) {
        tell(s, &error);
        return SES_CHANGE_DONE;
    }
    status = take_session(s, &loop->found.session);
    if (status != SES_OK)
        tell_status(s, status);
    else
        tell(s, NULL);
    return SES_CHANGE_DONE;
}

static enum ses_change_verdict decide_name(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_client_session *s = session_of(loop);
    struct ses_error error;

    if (judge(s, now_ms, &error) != SES_OK) {
        tell(s, &error);
        return SES_CHANGE_DONE;
    }
    if (!ses_client_token_named(&loop->found.session, &s->one))
        return SES_CHANGE_WRITE;
    tell(s, NULL);
    return SES_CHANGE_DONE;
}

/* No version of its own: nothing that a caller set is another one, and who expects a version must not be refused for it. */
static enum ses_status write_name(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_client_session *s = session_of(loop);

    SES_TRY(ses_client_token_name(&loop->found.session, &s->one, now_ms, &s->service->scratch));
    return ses_change_loop_put_session(loop);
}

static void committed(struct ses_change_loop *loop)
{
    tell(session_of(loop), NULL);
}

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    tell(session_of(loop), error);
}

/* ---- for the call ---------------------------------------------------------------------------- */

enum ses_status ses_client_session_verify(struct ses_client_session *s,
                                          const struct ses_call_headers *headers, struct ses_error *ret_error)
{
    struct ses_access_asked asked = asked_of(s->ask);

    SES_TRY(ses_access_session_verify(&s->session, s->service, s->x, headers, &asked, ret_error));
    s->id = s->session.access.claims.session_id;
    return SES_OK;
}

void ses_client_session_look(struct ses_client_session *s, uint64_t until_mono_ns)
{
    static const struct ses_change_loop_ops ops = {
        .take = ses_change_loop_take_session,
        .decide = decide_look,
        .failed = failed,
    };

    s->over = false;
    s->loop.must_until_ns = until_mono_ns;
    ses_change_loop_start(&s->loop, s->service, s->x, &ops, &s->session.access.key, SES_OWNER_NOBODY);
}

void ses_client_session_name(struct ses_client_session *s, uint64_t until_mono_ns)
{
    static const struct ses_change_loop_ops ops = {
        .take = ses_change_loop_take_session,
        .decide = decide_name,
        .write = write_name,
        .committed = committed,
        .failed = failed,
    };

    memcpy(s->one.key, s->key.bytes, sizeof(s->one.key));
    s->over = false;
    s->loop.must_until_ns = until_mono_ns;
    ses_change_loop_start(&s->loop, s->service, s->x, &ops, &s->session.access.key, SES_OWNER_NOBODY);
}
