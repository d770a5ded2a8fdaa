/* The core's last third: the record to the store, the signature while it works, the answer. */
#include "create.h"

#include <sessiond/base/clock.h>

#include "connector_refusal.h"
#include "inbox.h"
#include "refusal.h"
#include "session_mint.h"

/* ---- the end --------------------------------------------------------------------------------- */

/* The intent stands if the connector may have acted (the next identical call then settles it), else the key is
 * what it was before, as if this call had not come. */
static void give_back(struct ses_create *c)
{
    ses_store_release(c->service->options.store, &c->loop.lease,
                      c->asked ? SES_LEASE_KEEP_INTENT : SES_LEASE_FORGET_INTENT);
}

void ses_create_leave_place(struct ses_create *c)
{
    ses_connector_call_leave(&c->call);
}

/* c lies in the exchange's arena and may be gone when this returns. */
void ses_create_fail(struct ses_create *c, const struct ses_error *error)
{
    struct ses_error told = *error;

    ses_create_leave_place(c);
    give_back(c);
    ses_refusal_summarise(&told, &c->x->arena);
    ses_exchange_fail(c->x, &told);
    ses_change_loop_finish(&c->loop);
}

static void fail_internal(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_internal(&error, status);
    ses_create_fail(c, &error);
}

/* ---- signature and answer -------------------------------------------------------------------- */

static enum ses_status make_reply(struct ses_create *c, int64_t ahead_ms)
{
    const struct ses_session *session = &c->loop.found.session;
    struct ses_session_answer answer = {.status_code = 200};

    SES_TRY(ses_session_mint(c->service, session, ahead_ms, &c->x->arena, &answer.token));
    return c->rpc->write(c->x, &answer, &c->reply);
}

/* A connector without a row may be a newer one, so it is taken; one edit beside a row's name it may be a slip as well. */
static void hint(struct ses_create *c)
{
    const struct ses_connector *connector = c->headers.credentials.connector;
    const char *near = connector->number == 0 ? ses_connector_nearest(ses_slice_str(connector->name)) : NULL;
    const char *text;

    if (near == NULL)
        return;
    text = ses_arena_printf(&c->x->arena, "%s is not known here; did you mean %s?", connector->name, near);
    if (text != NULL)
        ses_exchange_reply_header(c->x, SES_STR("x-connector-hint"), ses_slice_str(text));
}

static void answer(struct ses_create *c)
{
    enum ses_status status;

    ses_count(c->service->options.metrics, c->counter, 1);
    status = c->x->cancelled || c->reply.len > 0 ? SES_OK : make_reply(c, ses_clock_ahead_ms());
    if (status != SES_OK) {
        fail_internal(c, status);
        return;
    }
    if (c->counter == SES_C_SESSIONS_REPLAYED)
        ses_exchange_reply_header(c->x, SES_STR("x-session-replayed"), SES_STR("true"));
    hint(c);
    if (!c->x->cancelled)
        ses_session_token_given(c->service, SES_TOKEN_CREATE);
    ses_service_reply(c->service, c->x, c->reply);
    ses_change_loop_finish(&c->loop);
}

/* From ses_service_turn, in the turn of the put: the signature (17 us) overlaps with the sync (1 to 3
 * ms). */
void ses_create_sign(struct ses_create *c, int64_t ahead_ms)
{
    if (make_reply(c, ahead_ms) != SES_OK) /* tried again when it is answered: now, or after the commit */
        c->reply = SES_SLICE_EMPTY;
    if (c->phase == SES_CREATE_SIGNING)
        answer(c);
}

void ses_create_answer_failure(struct ses_create *c, const struct ses_connector_result *result)
{
    struct ses_session_answer answer = {.status_code = result->status_code, .failure = result};
    enum ses_status status;

    if (ses_call_headers_by_status(c->service, &c->headers)) {
        struct ses_error error;

        ses_connector_refusal(result, c->headers.credentials.connector,
                              c->rpc->naming == SES_NAMING_SESSION_TOKEN ? "Session Token" : NULL,
                              &c->x->arena, &error);
        ses_create_fail(c, &error);
        return;
    }
    give_back(c);
    status = c->rpc->write(c->x, &answer, &c->reply);
    if (status != SES_OK) {
        fail_internal(c, status);
        return;
    }
    ses_exchange_reply(c->x, c->reply);
    ses_change_loop_finish(&c->loop);
}

/* ---- commit ---------------------------------------------------------------------------------- */

void ses_create_committed(struct ses_change_loop *loop)
{
    struct ses_create *c = SES_CONTAINER(loop, struct ses_create, loop);

    ses_list_remove(&c->to_sign);
    if (c->inbox != NULL && loop->found.session.late_success)
        ses_tell_late_success(c->service, c->x);
    answer(c);
}

/* A fresh session takes in what waits for it: its put expects the very record that the events were read from,
 * or nothing there (inbox.h). A continuation has no inbox: its session existed. Not in ses_create_commit, which
 * comes again after a put under the lease that was busy. */
void ses_create_take_events(struct ses_create *c)
{
    struct ses_session *session = &c->loop.found.session;

    if (c->inbox != NULL)
        ses_inbox_apply(c->inbox, &c->service->rules, session->updated_ms, session);
}

/* Of a continuation the scratch holds what its origin points to. */
enum ses_status ses_create_commit(struct ses_create *c)
{
    enum ses_status status;

    if (c->loop.found.origin == NULL)
        ses_arena_reset(&c->service->scratch);
    status = ses_change_loop_put_session(&c->loop);
    if (status != SES_PENDING)
        return status;
    c->phase = SES_CREATE_COMMITTING;
    if (!c->x->cancelled)
        ses_list_push_back(&c->service->to_sign, &c->to_sign);
    return status;
}
