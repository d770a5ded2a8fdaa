/* qwikcilver: a login of a terminal; refusals come inside a 200. */
#include "access.h"

#include <sessiond/base/rfc3339.h>

#include "request.h"
#include "text.h"

/* A number that differs in each call, and when it is made. */
static enum ses_status write_body(const struct ses_access_request *request, struct ses_arena *arena,
                                  struct ses_slice *ret_body, struct ses_error *error)
{
    static const struct access_pair pairs[] = {{"TerminalID", NULL, "terminal_id"},
                                               {"Username", NULL, "username"},
                                               {"Password", NULL, "password"},
                                               {NULL, NULL, NULL}};
    char date[SES_RFC3339_SIZE];
    struct ses_slice login;
    uint32_t number;
    const char *body;

    memcpy(&number, request->random, sizeof(number));
    ses_rfc3339_encode(request->now_ms, date);
    SES_TRY(ses_access_body(request->credentials, ACCESS_JSON, pairs, arena, &login, error));
    body = ses_arena_printf(arena, "%.*s,\"TransactionId\":%u,\"DateAtClient\":\"%s\"}",
                            SES_FMT(ses_slice_cut(login, 0, login.len - 1)), number, date);
    if (body == NULL)
        return ses_request_no_memory(error);
    *ret_body = ses_slice_str(body);
    return SES_OK;
}

enum ses_status ses_access_build_qwikcilver(const struct ses_access_request *request, struct ses_arena *arena,
                                            struct ses_outbound_request *ret_request,
                                            struct ses_error *ret_error)
{
    static const struct access_pair bearer = {"authorization", "Bearer ", "bootstrap_bearer_token"};

    SES_TRY(write_body(request, arena, &ret_request->body, ret_error));
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json"));
    return ses_access_header(request->credentials, &bearer, arena, ret_request, ret_error);
}

enum ses_status ses_access_read_qwikcilver(const struct ses_access_call *call,
                                           const struct ses_answer *answer,
                                           struct ses_connector_result *ret_result)
{
    const json_t *code = json_object_get(answer->json, "responseCode");
    struct ses_slice code_text;
    struct ses_slice message;

    if (!json_is_integer(code))
        return SES_MALFORMED;
    if (json_integer_value(code) == 0)
        return ses_access_read_token(call, answer, ret_result);
    SES_TRY(ses_access_read_text(answer, "responseCode", &code_text));
    SES_TRY(ses_access_read_text(answer, "responseMessage", &message));
    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    return ses_result_error(answer, code_text, message, message, ret_result);
}
