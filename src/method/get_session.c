/* sessiond.v1.SessionService/GetSession: reads and writes nothing, waits for nobody but the store.
 * While another call writes the session, what was there before is told. */
#include "session_call.h"

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "session_view.h"
#include "refusal.h"

/* One call; in its exchange's arena. */
struct get {
    struct ses_access access;
    struct ses_store_op op;
};

static enum ses_status read_request(struct ses_access *a, struct ses_service *service, struct ses_exchange *x,
                                    struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const Sessiond__V1__GetSessionRequest *message;

    SES_TRY(ses_access_begin(a, service, x, ret_error));
    SES_TRY(
        ses_message_decode(x, x->body, &sessiond__v1__get_session_request__descriptor, &decoded, ret_error));
    message = (const Sessiond__V1__GetSessionRequest *)decoded;
    ses_access_take(a, message->session_token, message->merchant_session_id,
                    message->_browser_info_case != 0 ? message->browser_info : NULL,
                    message->_test_mode_case != 0 && message->test_mode);
    return ses_access_verify(a, ret_error);
}

static enum ses_status write_reply(struct ses_access *a, const struct ses_session *session, uint64_t now_ms,
                                   struct ses_slice *ret_reply)
{
    Sessiond__V1__GetSessionResponse message;

    sessiond__v1__get_session_response__init(&message);
    a->x->connector = session->connector.name;
    SES_TRY(ses_session_view(session, &a->verdict, now_ms, &a->x->arena, &message.session));
    return ses_message_encode(a->x, &message.base, ret_reply);
}

/* A step or a session that ran out is told as such without being written (domain: ses_session_settle),
 * so a read costs no commit, however often a client polls. */
static enum ses_status judge(struct get *g, enum ses_status status, struct ses_slice *ret_reply,
                             struct ses_error *ret_error)
{
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_access *a = &g->access;
    struct ses_access_found found;

    status = ses_access_read(a->service, &g->op, status, now_ms, &found);
    if (status == SES_OK)
        SES_TRY(ses_access_judge(a, found.live ? &found.session : NULL, now_ms, ret_error));
    if (status == SES_OK)
        status = write_reply(a, &found.session, now_ms, ret_reply);
    if (status != SES_OK)
        ses_refusal_store(ret_error, status);
    return status;
}

static void fail(struct ses_exchange *x, struct ses_error *error)
{
    ses_refusal_summarise(error, &x->arena);
    ses_exchange_fail(x, error);
}

static void answer(struct get *g, enum ses_status status)
{
    struct ses_error error = {.status = SES_OK};
    struct ses_slice reply = SES_SLICE_EMPTY;

    if (judge(g, status, &reply, &error) == SES_OK)
        ses_service_reply(g->access.service, g->access.x, reply);
    else
        fail(g->access.x, &error);
}

/* An exchange that was cancelled meanwhile drops the answer. */
static void on_read(struct ses_store_op *op, enum ses_status status)
{
    struct get *g = SES_CONTAINER(op, struct get, op);

    g->access.service->in_flight--;
    answer(g, status);
    ses_exchange_release(g->access.x);
}

void ses_get_session_start(struct ses_exchange *x, void *arg)
{
    struct get *g = ses_arena_zalloc(&x->arena, sizeof(*g));
    struct ses_service *service = arg;
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    if (g == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    if (read_request(&g->access, service, x, &error) != SES_OK) {
        fail(x, &error);
        return;
    }
    g->op.done = on_read;
    g->op.deadline_mono_ns = x->deadline_mono_ns;
    status = ses_store_get(service->options.store, &g->op, &g->access.key, &service->scratch);
    if (status != SES_PENDING) {
        answer(g, status);
        return;
    }
    ses_exchange_hold(x);
    service->in_flight++;
}
