/* sessiond.v1.OperatorService/ShowSession. It has no token to compare with, so that only the key is verified, and
 * whatever lies under it is told. */
#include "operator.h"

#include <sessiond/exchange/message.h>

#include "session_read.h"
#include "session_story.h"

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

static enum ses_status reply(struct ses_access *a, const struct ses_access_found *found, uint64_t now_ms,
                             struct ses_slice *ret_reply, struct ses_error *ret_error)
{
    Sessiond__V1__ShowSessionResponse message;

    if (!ses_story_there(found))
        return ses_access_judge(a, NULL, now_ms, ret_error);
    sessiond__v1__show_session_response__init(&message);
    SES_TRY(ses_session_story(a, found, now_ms, &message.story));
    return ses_message_encode(a->x, &message.base, ret_reply);
}

static const struct ses_session_read_kind kind = {.read_request = read_request, .reply = reply};

void ses_operator_show_session_start(struct ses_exchange *x, void *arg)
{
    ses_session_read_start(x, arg, &kind);
}
