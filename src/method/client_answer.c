/* How a call for a client token ends. */
#include "client_core.h"

#include "connector_refusal.h"
#include "refusal.h"

static void count(const struct ses_client *c, enum ses_client_source source)
{
    ses_family_add(c->service->options.metrics, SES_F_CLIENT_TOKENS, (size_t)source, 1);
}

void ses_client_give_back(struct ses_client *c)
{
    ses_connector_call_leave(&c->call);
    ses_store_release(c->service->options.store, &c->loop.lease,
                      c->asked ? SES_LEASE_KEEP_INTENT : SES_LEASE_FORGET_INTENT);
}

void ses_client_fail(struct ses_client *c, const struct ses_error *error)
{
    struct ses_error told = *error;

    ses_client_give_back(c);
    ses_refusal_summarise(&told, &c->x->arena);
    ses_exchange_fail(c->x, &told);
    ses_change_loop_finish(&c->loop);
}

void ses_client_fail_internal(struct ses_client *c, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_internal(&error, status);
    ses_client_fail(c, &error);
}

void ses_client_answer(struct ses_client *c, const struct ses_client_record *record,
                       enum ses_client_source source)
{
    struct ses_slice message;
    enum ses_status status = c->rpc->write(c->x, record->data, record->status_code, NULL, &message);

    count(c, source);
    if (status != SES_OK) {
        ses_client_fail_internal(c, status);
        return;
    }
    if (source == SES_CLIENT_REPLAYED)
        ses_exchange_reply_header(c->x, SES_STR("x-client-token-replayed"), SES_STR("true"));
    ses_client_give_back(c);
    ses_service_reply(c->service, c->x, message);
    ses_change_loop_finish(&c->loop);
}

void ses_client_answer_refusal(struct ses_client *c, const struct ses_connector_result *result)
{
    struct ses_slice message;
    struct ses_error error;
    enum ses_status status;

    count(c, c->asked ? SES_CLIENT_OUTCOME_UNKNOWN : SES_CLIENT_REFUSED);
    if (ses_call_headers_by_status(c->service, &c->headers)) {
        ses_connector_refusal(result, c->headers.credentials.connector, NULL, &c->x->arena, &error);
        ses_client_fail(c, &error);
        return;
    }
    status = c->rpc->write(c->x, SES_SLICE_EMPTY, result->status_code, result, &message);
    if (status != SES_OK) {
        ses_client_fail_internal(c, status);
        return;
    }
    ses_client_give_back(c);
    ses_exchange_reply(c->x, message);
    ses_change_loop_finish(&c->loop);
}

void ses_client_fail_unknown(struct ses_client *c)
{
    struct ses_error error;

    count(c, SES_CLIENT_OUTCOME_UNKNOWN);
    ses_error_refuse(&error, SES_REASON_CLIENT_TOKEN_UNKNOWN,
                     SES_STR("whether the connector acted on an earlier call with this id is not known"));
    ses_error_metadata(&error, SES_STR("connector"), ses_slice_str(c->headers.credentials.connector->name));
    ses_client_fail(c, &error);
}
