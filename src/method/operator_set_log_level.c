/* sessiond.v1.OperatorService/SetLogLevel: one word that all processes share. */
#include "operator.h"

#include <sessiond/exchange/message.h>
#include <sessiond/v1/operator.pb-c.h>

#include "refusal.h"
#include "service_core.h"

_Static_assert((int)SESSIOND__V1__LOG_LEVEL__LOG_LEVEL_DEBUG == (int)SES_LOG_DEBUG + 1 &&
                   (int)SESSIOND__V1__LOG_LEVEL__LOG_LEVEL_ERROR == (int)SES_LOG_ERROR + 1,
               "the protocol's levels are the log's, behind UNSPECIFIED");

/* A caller's right to operate is one over its merchants: the log is everybody's. */
static enum ses_status read_level(struct ses_exchange *x, uint32_t *ret_level, struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const Sessiond__V1__SetLogLevelRequest *message;

    if (!x->operator_known) {
        ses_refusal_set(ret_error, SES_REASON_OPERATOR_ONLY, 0,
                        SES_STR("the log's level is set on the server's machine: sessiondctl log-level"));
        return ret_error->status;
    }
    SES_TRY(ses_message_decode(x, x->body, &sessiond__v1__set_log_level_request__descriptor, &decoded,
                               ret_error));
    message = (const Sessiond__V1__SetLogLevelRequest *)decoded;
    if (message->level < SESSIOND__V1__LOG_LEVEL__LOG_LEVEL_DEBUG ||
        message->level > SESSIOND__V1__LOG_LEVEL__LOG_LEVEL_ERROR) {
        ses_error_violation(ret_error, SES_STR("level"), SES_STR("must be a level"));
        return SES_INVALID_ARGUMENT;
    }
    *ret_level = (uint32_t)message->level - 1;
    return SES_OK;
}

void ses_operator_set_log_level_start(struct ses_exchange *x, void *arg)
{
    const struct ses_service *service = arg;
    struct ses_error error = {.status = SES_OK};
    Sessiond__V1__SetLogLevelResponse message;
    struct ses_slice reply;
    uint32_t level;

    if (read_level(x, &level, &error) != SES_OK) {
        ses_refusal_summarise(&error, &x->arena);
        ses_exchange_fail(x, &error);
        return;
    }
    sessiond__v1__set_log_level_response__init(&message);
    message.before = (Sessiond__V1__LogLevel)(atomic_exchange_explicit(service->options.log_level, level,
                                                                       memory_order_relaxed) +
                                              1);
    if (ses_message_encode(x, &message.base, &reply) == SES_OK)
        ses_exchange_reply(x, reply);
    else
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
}
