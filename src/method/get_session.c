/* sessiond.v1.SessionService/GetSession. */
#include "session_call.h"

#include <sessiond/exchange/message.h>

#include "session_read.h"
#include "session_view.h"

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

/* A step or a session that ran out is told as such without being written (domain: ses_session_settle),
 * so a read costs no commit, however often a client polls. */
static enum ses_status reply(struct ses_access *a, const struct ses_access_found *found, uint64_t now_ms,
                             struct ses_slice *ret_reply, struct ses_error *ret_error)
{
    Sessiond__V1__GetSessionResponse message;
    const struct ses_session *session = &found->session;

    SES_TRY(ses_access_judge(a, found->live ? session : NULL, now_ms, ret_error));
    sessiond__v1__get_session_response__init(&message);
    a->x->connector = session->connector.name;
    SES_TRY(ses_session_view(session, &a->verdict, now_ms, &a->x->arena, &message.session));
    return ses_message_encode(a->x, &message.base, ret_reply);
}

static const struct ses_session_read_kind kind = {.read_request = read_request, .reply = reply};

void ses_get_session_start(struct ses_exchange *x, void *arg)
{
    ses_session_read_start(x, arg, &kind);
}
