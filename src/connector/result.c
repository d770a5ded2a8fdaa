/* From an HTTP status to a reader and to an outcome. A success or a decline that nobody can read becomes
 * BAD_RESPONSE, 502: a connector that may have acted must not look like one that declined.
 */
#include "result.h"

#include "text.h"

static const char *const outcome_codes[SES_OUTCOME_COUNT] = {
    [SES_OUTCOME_SUCCESS] = "SUCCESS",
    [SES_OUTCOME_DECLINED] = "CONNECTOR_DECLINED",
    [SES_OUTCOME_AUTH_FAILED] = "CONNECTOR_AUTH_FAILED",
    [SES_OUTCOME_RATE_LIMITED] = "CONNECTOR_RATE_LIMITED",
    [SES_OUTCOME_SERVER_ERROR] = "CONNECTOR_ERROR",
    [SES_OUTCOME_TIMEOUT] = "CONNECTOR_TIMEOUT",
    [SES_OUTCOME_UNREACHABLE] = "CONNECTOR_UNREACHABLE",
    [SES_OUTCOME_BAD_RESPONSE] = "CONNECTOR_BAD_RESPONSE",
};

const char *ses_outcome_code(enum ses_connector_outcome outcome)
{
    SES_REQUIRE((unsigned)outcome < SES_OUTCOME_COUNT);
    return outcome_codes[outcome];
}

bool ses_outcome_unknown(enum ses_connector_outcome outcome)
{
    return outcome == SES_OUTCOME_TIMEOUT || outcome == SES_OUTCOME_BAD_RESPONSE ||
           outcome == SES_OUTCOME_SERVER_ERROR;
}

void ses_connector_result_transport(enum ses_connector_outcome outcome,
                                    struct ses_connector_result *ret_result)
{
    *ret_result = (struct ses_connector_result){.outcome = outcome, .status_code = 502};
    switch (outcome) {
    case SES_OUTCOME_TIMEOUT:
        ret_result->status_code = 504;
        ret_result->code = SES_STR("REQUEST_TIMEOUT");
        ret_result->message = SES_STR("The connector did not answer in time");
        break;
    case SES_OUTCOME_UNREACHABLE:
        ret_result->code = SES_STR("CONNECTOR_UNREACHABLE");
        ret_result->message = SES_STR("The connector could not be reached");
        break;
    default:
        ret_result->outcome = SES_OUTCOME_BAD_RESPONSE;
        ret_result->code = SES_STR("RESPONSE_DESERIALIZATION_FAILED");
        ret_result->message = SES_STR("The connector's answer could not be read");
        break;
    }
}

enum ses_status ses_result_text(const struct ses_answer *answer, struct ses_slice text, size_t chars_max,
                                struct ses_slice *ret_text)
{
    if (text.len == 0) {
        *ret_text = SES_SLICE_EMPTY;
        return SES_OK;
    }
    return ses_text_lossy(answer->arena, text, chars_max, ret_text);
}

enum ses_status ses_result_value(const struct ses_answer *answer, const json_t *value,
                                 struct ses_slice *ret_text)
{
    const char *number;

    *ret_text = SES_SLICE_EMPTY;
    if (json_is_string(value)) {
        *ret_text = ses_slice(json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        number = ses_arena_printf(answer->arena, "%lld", (long long)json_integer_value(value));
        if (number == NULL)
            return SES_NO_MEMORY;
        *ret_text = ses_slice_str(number);
    }
    return SES_OK;
}

enum ses_status ses_result_error(const struct ses_answer *answer, struct ses_slice code,
                                 struct ses_slice message, struct ses_slice reason,
                                 struct ses_connector_result *result)
{
    SES_TRY(ses_result_text(answer, code, SES_RESULT_CODE_CHARS, &result->code));
    SES_TRY(ses_result_text(answer, message, SES_RESULT_MESSAGE_CHARS, &result->message));
    return ses_result_text(answer, reason, SES_RESULT_REASON_CHARS, &result->reason);
}

enum ses_status ses_result_token(const struct ses_answer *answer, struct ses_slice token,
                                 struct ses_slice *ret_token)
{
    if (token.len == 0 || token.len > SES_RESULT_TOKEN_BYTES_MAX)
        return SES_MALFORMED;
    return ses_arena_copy(answer->arena, token, ret_token);
}

uint64_t ses_result_life_ms(int64_t seconds)
{
    if (seconds <= 0)
        return 0;
    return (uint64_t)(seconds < SES_RESULT_LIFE_SECONDS_MAX ? seconds : SES_RESULT_LIFE_SECONDS_MAX) * 1000;
}

static void unusable(const char *message, struct ses_connector_result *ret_result)
{
    *ret_result = (struct ses_connector_result){
        .outcome = SES_OUTCOME_BAD_RESPONSE,
        .status_code = 502,
        .code = SES_STR("RESPONSE_HANDLING_FAILED"),
        .message = ses_slice_str(message),
    };
}

static enum ses_status take_token(const struct ses_answer *answer, struct ses_slice token,
                                  const char *without, struct ses_connector_result *result)
{
    enum ses_status status = ses_result_token(answer, token, &result->session_token);

    if (status != SES_MALFORMED)
        return status;
    unusable(without, result);
    return SES_OK;
}

enum ses_status ses_result_session_token(const struct ses_answer *answer, struct ses_slice token,
                                         struct ses_connector_result *result)
{
    return take_token(answer, token, "The connector's answer lacks the session token", result);
}

enum ses_status ses_result_access_token(const struct ses_answer *answer, struct ses_slice token,
                                        struct ses_connector_result *result)
{
    return take_token(answer, token, "The connector's answer lacks the access token", result);
}

/* Those that the platform takes for a success, 302 among them. */
static bool success_status(uint32_t status)
{
    return status == 200 || status == 201 || status == 202 || status == 204 || status == 302;
}

static enum ses_connector_outcome error_outcome(uint32_t status)
{
    if (status >= 500)
        return SES_OUTCOME_SERVER_ERROR;
    if (status == 401 || status == 403)
        return SES_OUTCOME_AUTH_FAILED;
    return status == 429 ? SES_OUTCOME_RATE_LIMITED : SES_OUTCOME_DECLINED;
}

static struct ses_slice server_error_message(uint32_t status)
{
    switch (status) {
    case 500:
        return SES_STR("internal_server_error");
    case 501:
        return SES_STR("not_implemented");
    case 502:
        return SES_STR("bad_gateway");
    case 503:
        return SES_STR("service_unavailable");
    case 504:
        return SES_STR("gateway_timeout");
    case 505:
        return SES_STR("http_version_not_supported");
    case 506:
        return SES_STR("variant_also_negotiates");
    case 507:
        return SES_STR("insufficient_storage");
    case 508:
        return SES_STR("loop_detected");
    case 510:
        return SES_STR("not_extended");
    case 511:
        return SES_STR("network_authentication_required");
    default:
        return SES_STR("unknown_error");
    }
}

/* code = the number, message = its name, reason = the body. */
static enum ses_status read_server_error(const struct ses_answer *answer, struct ses_connector_result *result)
{
    const char *code = ses_arena_printf(answer->arena, "%u", (unsigned)answer->http_status);

    if (code == NULL)
        return SES_NO_MEMORY;
    return ses_result_error(answer, ses_slice_str(code), server_error_message(answer->http_status),
                            answer->body, result);
}

static enum ses_status read_error(const struct ses_answer_readers *readers, const struct ses_answer *answer,
                                  struct ses_connector_result *result)
{
    enum ses_status status;

    result->outcome = error_outcome(answer->http_status);
    result->status_code = answer->http_status;
    if (answer->http_status >= 500 && !readers->error_reads_5xx)
        return read_server_error(answer, result);
    status = readers->error(answer, result);
    /* A refused key or a rate limit is told by the number alone, whatever a proxy in between wrote into the
     * body. */
    if (status == SES_MALFORMED && result->outcome != SES_OUTCOME_DECLINED) {
        result->code = SES_STR("RESPONSE_DESERIALIZATION_FAILED");
        result->message = SES_STR("The connector's answer could not be read");
        return SES_OK;
    }
    return status;
}

enum ses_status ses_result_read(const struct ses_answer_readers *readers, uint32_t http_status,
                                struct ses_slice body, struct ses_arena *arena,
                                struct ses_connector_result *ret_result)
{
    return ses_result_read_for(readers, NULL, http_status, body, arena, ret_result);
}

enum ses_status ses_result_read_for(const struct ses_answer_readers *readers, const void *context,
                                    uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                                    struct ses_connector_result *ret_result)
{
    bool success = success_status(http_status);
    struct ses_answer answer = {.http_status = http_status, .body = body, .arena = arena, .context = context};
    struct ses_connector_result result = {.outcome = SES_OUTCOME_SUCCESS, .status_code = 200};
    json_t *json = NULL;
    enum ses_status status;

    /* json stays NULL for what is not JSON: error readers may take the text itself, success readers
     * where they say so. */
    status =
        ses_json_parse(success && body.len == 0 ? SES_STR("{}") : body, SES_JSON_ANSWER_DEPTH_MAX, &json);
    if (status == SES_NO_MEMORY)
        return status;
    answer.json = json;
    if (success)
        status =
            json == NULL && !readers->success_reads_text ? SES_MALFORMED : readers->success(&answer, &result);
    else if (http_status >= 400 && http_status <= 599)
        status = read_error(readers, &answer, &result);
    else
        status = SES_MALFORMED;
    ses_json_wipe(json); /* holds the connector's token */
    if (status == SES_MALFORMED)
        ses_connector_result_transport(SES_OUTCOME_BAD_RESPONSE, &result);
    else if (status != SES_OK)
        return status;
    *ret_result = result;
    return SES_OK;
}
