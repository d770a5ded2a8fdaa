/* Codes as the platform's servers give them. Its details were none that grpc-go can read (a bare message instead of
 * google.rpc.Status); ours are, with the same message in them. */
#include "connector_refusal.h"

#include <sessiond/codec/codec_proto.h>

#include "connector_error.h"

/* Bytes of each text: trailers above SES_GRPC_DETAILS_MAX (http/grpc_trailers.h) lose all details, and the message
 * stands in them four times. */
#define CODE_BYTES_MAX    64
#define MESSAGE_BYTES_MAX 256
#define REASON_BYTES_MAX  320

#define RETRY_MS 1000

static const struct {
    enum ses_reason reason;
    enum ses_status no_answer; /* of the newer generation; SES_OK: by the connector's HTTP status */
} outcomes[SES_OUTCOME_COUNT] = {
    [SES_OUTCOME_SUCCESS] = {SES_REASON_CONNECTOR_BAD_RESPONSE, SES_INTERNAL}, /* is none that is refused */
    [SES_OUTCOME_DECLINED] = {SES_REASON_CONNECTOR_DECLINED, SES_OK},
    [SES_OUTCOME_AUTH_FAILED] = {SES_REASON_CONNECTOR_AUTH_FAILED, SES_OK},
    [SES_OUTCOME_RATE_LIMITED] = {SES_REASON_CONNECTOR_RATE_LIMITED, SES_OK},
    [SES_OUTCOME_SERVER_ERROR] = {SES_REASON_CONNECTOR_ERROR, SES_OK},
    [SES_OUTCOME_TIMEOUT] = {SES_REASON_CONNECTOR_TIMEOUT, SES_DEADLINE_EXCEEDED},
    [SES_OUTCOME_UNREACHABLE] = {SES_REASON_CONNECTOR_UNREACHABLE, SES_INTERNAL},
    [SES_OUTCOME_BAD_RESPONSE] = {SES_REASON_CONNECTOR_BAD_RESPONSE, SES_INTERNAL},
};

/* The platform's table, and UNKNOWN for all that is not in it: also for an error inside a 200. */
static enum ses_status status_of_http(uint32_t http_status)
{
    switch (http_status) {
    case 400:
        return SES_INVALID_ARGUMENT;
    case 401:
        return SES_UNAUTHENTICATED;
    case 403:
        return SES_PERMISSION_DENIED;
    case 404:
        return SES_NOT_FOUND;
    case 429:
        return SES_RESOURCE_EXHAUSTED;
    case 500:
        return SES_INTERNAL;
    case 501:
        return SES_UNIMPLEMENTED;
    case 503:
        return SES_UNAVAILABLE;
    case 504:
        return SES_DEADLINE_EXCEEDED;
    default:
        return SES_UNKNOWN;
    }
}

/* Not inside a UTF-8 sequence. */
static struct ses_slice cut(struct ses_slice text, size_t bytes_max)
{
    if (text.len <= bytes_max)
        return text;
    text.len = bytes_max;
    while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static struct ses_connector_result shortened(const struct ses_connector_result *result)
{
    struct ses_connector_result told = *result;

    told.code = cut(told.code, CODE_BYTES_MAX);
    told.message = cut(told.message, MESSAGE_BYTES_MAX);
    told.reason = cut(told.reason, REASON_BYTES_MAX);
    told.connector_transaction_id = cut(told.connector_transaction_id, CODE_BYTES_MAX);
    told.network_decline_code = cut(told.network_decline_code, CODE_BYTES_MAX);
    told.network_advice_code = cut(told.network_advice_code, CODE_BYTES_MAX);
    told.network_error_message = cut(told.network_error_message, CODE_BYTES_MAX);
    return told;
}

static struct ses_slice sentence(const struct ses_connector_result *told)
{
    return told->message.len > 0 ? told->message : ses_connector_sentence(told->outcome);
}

/* What came of the call, in the platform's words; where nothing was read result's own code says it. */
static struct ses_slice error_code(const struct ses_connector_result *told)
{
    bool answered = outcomes[told->outcome].no_answer == SES_OK;

    return answered ? SES_STR("CONNECTOR_ERROR_RESPONSE") : told->code;
}

static enum ses_status encode_detail(const struct ses_connector_result *told, struct ses_arena *arena,
                                     struct ses_slice *ret_bytes)
{
    Types__ConnectorError message;

    types__connector_error__init(&message);
    message.error_message = ses_arena_str(arena, sentence(told));
    message.error_code = ses_arena_str(arena, error_code(told));
    if (message.error_message == NULL || message.error_code == NULL)
        return SES_NO_MEMORY;
    message._http_status_code_case = TYPES__CONNECTOR_ERROR___HTTP_STATUS_CODE_HTTP_STATUS_CODE;
    message.http_status_code = told->status_code;
    SES_TRY(ses_connector_error_info(told, arena, &message.error_info));
    message._error_info_case = TYPES__CONNECTOR_ERROR___ERROR_INFO_ERROR_INFO;
    return ses_proto_pack(&message.base, arena, ret_bytes);
}

static void add_detail(const struct ses_connector_result *told, struct ses_arena *arena,
                       struct ses_error *error)
{
    struct ses_error_detail *detail = ses_arena_alloc(arena, sizeof(*detail));

    if (detail == NULL)
        return;
    detail->type = SES_STR("types.ConnectorError");
    if (encode_detail(told, arena, &detail->bytes) != SES_OK)
        return;
    error->details = detail;
    error->details_count = 1;
}

static void add_metadata(const struct ses_connector_result *told, const struct ses_connector *connector,
                         struct ses_arena *arena, struct ses_error *error)
{
    const char *http_status = ses_arena_printf(arena, "%u", (unsigned)told->status_code);

    ses_error_metadata(error, SES_STR("connector"), ses_slice_str(connector->name));
    if (http_status != NULL)
        ses_error_metadata(error, SES_STR("status_code"), ses_slice_str(http_status));
    if (told->code.len > 0)
        ses_error_metadata(error, SES_STR("connector_code"), told->code);
    if (told->reason.len > 0)
        ses_error_metadata(error, SES_STR("connector_reason"), told->reason);
}

/* The older generation's server knows one code, and a sentence that begins like this. */
static struct ses_slice older_sentence(const char *older, struct ses_slice text, struct ses_arena *arena)
{
    const char *whole = ses_arena_printf(arena, "%s creation failed: %.*s", older, SES_FMT(text));

    return ses_slice_str(whole == NULL ? older : whole);
}

void ses_connector_refusal(const struct ses_connector_result *result, const struct ses_connector *connector,
                           const char *older, struct ses_arena *arena, struct ses_error *ret_error)
{
    struct ses_connector_result told = shortened(result);

    SES_REQUIRE((unsigned)told.outcome < SES_OUTCOME_COUNT);
    ses_error_refuse(ret_error, outcomes[told.outcome].reason, sentence(&told));
    if (older != NULL) {
        ret_error->status = SES_INTERNAL;
        ret_error->message = older_sentence(older, ret_error->message, arena);
    } else {
        ret_error->status = outcomes[told.outcome].no_answer;
        if (ret_error->status == SES_OK)
            ret_error->status = status_of_http(told.status_code);
    }
    if (ses_reason_retry(ret_error->reason) != SES_RETRY_NO)
        ret_error->retry_delay_ms = RETRY_MS;
    add_metadata(&told, connector, arena, ret_error);
    add_detail(&told, arena, ret_error);
}
