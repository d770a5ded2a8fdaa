/* sessiond.v1.OperatorService/ShowSession: reads and writes nothing. It has no token to compare with, so that only the
 * key is verified, and whatever lies under it is told. */
#include "operator.h"

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "refusal.h"
#include "session_story.h"

/* One call; in its exchange's arena. */
struct show {
    struct ses_access access;
    struct ses_store_op op;
};

static enum ses_status read_request(struct ses_access *a, struct ses_service *service, struct ses_exchange *x,
                                    struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const Sessiond__V1__ShowSessionRequest *message;

    a->token_optional = true;
    a->operates = true;
    SES_TRY(ses_access_begin(a, service, x, ret_error));
    SES_TRY(
        ses_message_decode(x, x->body, &sessiond__v1__show_session_request__descriptor, &decoded, ret_error));
    message = (const Sessiond__V1__ShowSessionRequest *)decoded;
    ses_access_take(a, "", message->merchant_session_id, NULL, message->test_mode);
    return ses_access_verify(a, ret_error);
}

static enum ses_status write_reply(const struct ses_access *a, const struct ses_access_found *found,
                                   uint64_t now_ms, struct ses_slice *ret_reply)
{
    Sessiond__V1__ShowSessionResponse message;

    sessiond__v1__show_session_response__init(&message);
    SES_TRY(ses_session_story(a, found, now_ms, &message.story));
    return ses_message_encode(a->x, &message.base, ret_reply);
}

static enum ses_status judge(struct show *show, enum ses_status status, struct ses_slice *ret_reply,
                             struct ses_error *ret_error)
{
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_access *a = &show->access;
    struct ses_access_found found;

    status = ses_access_read(a->service, &show->op, status, now_ms, &found);
    if (status == SES_OK && !ses_story_there(&found))
        return ses_access_judge(a, NULL, now_ms, ret_error);
    if (status == SES_OK)
        status = write_reply(a, &found, now_ms, ret_reply);
    if (status != SES_OK)
        ses_refusal_store(ret_error, status);
    return status;
}

static void fail(struct ses_exchange *x, struct ses_error *error)
{
    ses_refusal_summarise(error, &x->arena);
    ses_exchange_fail(x, error);
}

static void answer(struct show *show, enum ses_status status)
{
    struct ses_error error = {.status = SES_OK};
    struct ses_slice reply = SES_SLICE_EMPTY;

    if (judge(show, status, &reply, &error) == SES_OK)
        ses_service_reply(show->access.service, show->access.x, reply);
    else
        fail(show->access.x, &error);
}

static void on_read(struct ses_store_op *op, enum ses_status status)
{
    struct show *show = SES_CONTAINER(op, struct show, op);

    show->access.service->in_flight--;
    answer(show, status);
    ses_exchange_release(show->access.x);
}

void ses_operator_show_session_start(struct ses_exchange *x, void *arg)
{
    struct show *show = ses_arena_zalloc(&x->arena, sizeof(*show));
    struct ses_service *service = arg;
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    if (show == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    if (read_request(&show->access, service, x, &error) != SES_OK) {
        fail(x, &error);
        return;
    }
    show->op.done = on_read;
    show->op.deadline_mono_ns = x->deadline_mono_ns;
    status = ses_store_get(service->options.store, &show->op, &show->access.key, &service->scratch);
    if (status != SES_PENDING) {
        answer(show, status);
        return;
    }
    ses_exchange_hold(x);
    service->in_flight++;
}
