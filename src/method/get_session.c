/* sessiond.v1.SessionService/GetSession: reads and writes nothing, waits for nobody. While another call
 * holds the session, what was there before is told. */
#include "session_call.h"

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "session_view.h"
#include "refusal.h"

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
static enum ses_status get(struct ses_access *a, struct ses_slice *ret_reply, struct ses_error *ret_error)
{
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_access_found found;
    enum ses_status status;

    ses_arena_reset(&a->service->scratch);
    status = ses_access_load(a->service, &a->key, now_ms, &a->service->scratch, &found);
    if (status == SES_OK)
        SES_TRY(ses_access_judge(a, found.live ? &found.session : NULL, now_ms, ret_error));
    if (status == SES_OK)
        status = write_reply(a, &found.session, now_ms, ret_reply);
    if (status != SES_OK)
        ses_refusal_store(ret_error, status);
    return status;
}

void ses_get_session_start(struct ses_exchange *x, void *service)
{
    struct ses_access *a = ses_arena_zalloc(&x->arena, sizeof(*a));
    struct ses_error error = {.status = SES_OK};
    struct ses_slice reply = SES_SLICE_EMPTY;

    if (a == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    if (read_request(a, service, x, &error) != SES_OK || get(a, &reply, &error) != SES_OK) {
        ses_refusal_summarise(&error, &x->arena);
        ses_exchange_fail(x, &error);
        return;
    }
    ses_exchange_reply(x, reply);
}
