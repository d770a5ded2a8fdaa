/* One read before the loop: the session itself is not written, so nothing of it has to be expected later. */
#include "client_session.h"

#include <sessiond/base/clock.h>
#include <sessiond/domain/session_machine.h>

#include "natural_key.h"
#include "refusal.h"

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

static enum ses_status judge(struct ses_client_session *s, uint64_t now_ms, struct ses_error *ret_error)
{
    const struct ses_session *session = s->found.live ? &s->found.session : NULL;

    SES_TRY(ses_access_session_judge(&s->session, session, now_ms, ret_error));
    SES_REQUIRE(session != NULL); /* or it was refused */
    if (ses_session_closed(session->status)) {
        ses_refusal_closed(ret_error, session->status);
        return ret_error->status;
    }
    SES_TRY(check_amount(s, session, ret_error));
    memcpy(s->id, session->id, sizeof(s->id));
    s->ends_ms = session->expires_ms == UINT64_MAX ? 0 : session->expires_ms;
    if (session->connector_session_present &&
        ses_arena_copy(&s->x->arena, session->connector_session.token, &s->token) != SES_OK) {
        ses_refusal_internal(ret_error, SES_NO_MEMORY);
        return ret_error->status;
    }
    ses_name_session(s->service, s->x, session->id);
    return SES_OK;
}

static void finish(struct ses_client_session *s, enum ses_status status)
{
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_error error = {.status = SES_OK};
    bool held = s->held;
    struct ses_exchange *x = s->x;
    struct ses_service *service = s->service;

    status = ses_access_read(service, &s->op, status, now_ms, &s->found);
    if (status != SES_OK)
        ses_refusal_store(&error, status);
    else
        (void)judge(s, now_ms, &error);
    if (!x->cancelled)
        s->read(s, error.status == SES_OK ? NULL : &error);
    if (held) {
        service->in_flight--;
        ses_exchange_release(x);
    }
}

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    finish(SES_CONTAINER(op, struct ses_client_session, op), status);
}

enum ses_status ses_client_session_start(struct ses_client_session *s, const struct ses_call_headers *headers,
                                         struct ses_error *ret_error)
{
    struct ses_access_asked asked = asked_of(s->ask);
    enum ses_status status;

    SES_TRY(ses_access_session_verify(&s->session, s->service, s->x, headers, &asked, ret_error));
    s->op.done = on_done;
    s->op.deadline_mono_ns = s->x->deadline_mono_ns;
    status = ses_store_get(s->service->options.store, &s->op, &s->session.access.key, &s->service->scratch);
    if (status != SES_PENDING) {
        finish(s, status);
        return SES_OK;
    }
    s->held = true;
    s->service->in_flight++;
    ses_exchange_hold(s->x);
    return SES_OK;
}
