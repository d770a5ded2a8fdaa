/* A connector's refusal as types.ErrorInfo. Three voices stay apart in it: ours (unified), the
 * connector's, and the card network's where the connector passed it on. */
#include "connector_error.h"

/* Our one sentence per outcome, beside the connector's own words. */
static const char *const sentences[SES_OUTCOME_COUNT] = {
    [SES_OUTCOME_SUCCESS] = "The connector made a session.",
    [SES_OUTCOME_DECLINED] = "The connector refused to make a session.",
    [SES_OUTCOME_AUTH_FAILED] = "The connector did not accept the credentials.",
    [SES_OUTCOME_RATE_LIMITED] = "The connector asks for fewer calls.",
    [SES_OUTCOME_SERVER_ERROR] = "The connector failed.",
    [SES_OUTCOME_TIMEOUT] = "The connector did not answer in time.",
    [SES_OUTCOME_UNREACHABLE] = "The connector could not be reached.",
    [SES_OUTCOME_BAD_RESPONSE] = "The connector's answer could not be read.",
};

struct ses_slice ses_connector_sentence(enum ses_connector_outcome outcome)
{
    SES_REQUIRE((unsigned)outcome < SES_OUTCOME_COUNT);
    return ses_slice_str(sentences[outcome]);
}

struct messages {
    Types__ErrorInfo info;
    Types__UnifiedErrorDetails unified;
    Types__ConnectorErrorDetails connector;
    Types__FlowStatus status;
    Types__IssuerErrorDetails issuer;
    Types__NetworkErrorDetails network;
};

/* Sets an optional string unless the text is empty. SES_NO_MEMORY. */
static enum ses_status put_text(struct ses_arena *arena, struct ses_slice text, uint32_t number,
                                void *ret_case, char **ret_text)
{
    int set = (int)number;

    if (text.len == 0)
        return SES_OK;
    *ret_text = ses_arena_str(arena, text);
    memcpy(ret_case, &set, sizeof(set));
    return *ret_text != NULL ? SES_OK : SES_NO_MEMORY;
}

/* protobuf-c gives every optional field a case enum of its own type, all as wide as an int. */
#define PUT(arena, text, number, message, member)                                                            \
    put_text(arena, text, number, &(message)->_##member##_case, &(message)->member)

static void put_status(uint32_t payment_status, struct messages *m)
{
    if (payment_status == 0)
        return;
    types__flow_status__init(&m->status);
    m->status._payment_status_case = TYPES__FLOW_STATUS___PAYMENT_STATUS_PAYMENT_STATUS;
    m->status.payment_status = (Types__PaymentStatus)payment_status;
    m->connector._status_case = TYPES__CONNECTOR_ERROR_DETAILS___STATUS_STATUS;
    m->connector.status = &m->status;
}

/* Absent when the connector said nothing. */
static enum ses_status put_connector(const struct ses_connector_result *result, struct ses_arena *arena,
                                     struct messages *m)
{
    if (result->code.len + result->message.len + result->reason.len + result->connector_transaction_id.len ==
        0)
        return SES_OK;
    types__connector_error_details__init(&m->connector);
    m->info._connector_details_case = TYPES__ERROR_INFO___CONNECTOR_DETAILS_CONNECTOR_DETAILS;
    m->info.connector_details = &m->connector;
    put_status(result->payment_status, m);
    SES_TRY(PUT(arena, result->code, 1, &m->connector, code));
    SES_TRY(PUT(arena, result->message, 2, &m->connector, message));
    SES_TRY(PUT(arena, result->reason, 3, &m->connector, reason));
    return PUT(arena, result->connector_transaction_id, 4, &m->connector, connector_transaction_id);
}

static enum ses_status put_network(const struct ses_connector_result *result, struct ses_arena *arena,
                                   struct messages *m)
{
    if (result->network_decline_code.len == 0 && result->network_advice_code.len == 0 &&
        result->network_error_message.len == 0)
        return SES_OK;
    types__issuer_error_details__init(&m->issuer);
    types__network_error_details__init(&m->network);
    m->info._issuer_details_case = TYPES__ERROR_INFO___ISSUER_DETAILS_ISSUER_DETAILS;
    m->info.issuer_details = &m->issuer;
    m->issuer._network_details_case = TYPES__ISSUER_ERROR_DETAILS___NETWORK_DETAILS_NETWORK_DETAILS;
    m->issuer.network_details = &m->network;
    SES_TRY(PUT(arena, result->network_error_message, 2, &m->issuer, message));
    SES_TRY(PUT(arena, result->network_advice_code, 1, &m->network, advice_code));
    SES_TRY(PUT(arena, result->network_decline_code, 2, &m->network, decline_code));
    return PUT(arena, result->network_error_message, 3, &m->network, error_message);
}

enum ses_status ses_connector_error_info(const struct ses_connector_result *result, struct ses_arena *arena,
                                         Types__ErrorInfo **ret_info)
{
    struct messages *m = ses_arena_zalloc(arena, sizeof(*m));

    if (m == NULL)
        return SES_NO_MEMORY;
    types__error_info__init(&m->info);
    types__unified_error_details__init(&m->unified);
    m->info._unified_details_case = TYPES__ERROR_INFO___UNIFIED_DETAILS_UNIFIED_DETAILS;
    m->info.unified_details = &m->unified;
    SES_TRY(PUT(arena, ses_slice_str(ses_outcome_code(result->outcome)), 1, &m->unified, code));
    SES_TRY(PUT(arena, ses_connector_sentence(result->outcome), 2, &m->unified, message));
    SES_TRY(put_connector(result, arena, m));
    SES_TRY(put_network(result, arena, m));
    *ret_info = &m->info;
    return SES_OK;
}
