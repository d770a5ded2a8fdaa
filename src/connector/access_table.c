/* access_table.c - one row a connector. Names and orders are those of the requests that the platform's published library
 * makes. */
#include "access.h"

#include "request.h"
#include "text.h"
#include "url.h"

#define TEXT(name, text)                                                                                     \
    {                                                                                                        \
        name, text, NULL                                                                                     \
    }
#define KEY(name, credential)                                                                                \
    {                                                                                                        \
        name, NULL, credential                                                                               \
    }
#define GRANT                 TEXT("grant_type", "client_credentials")
#define BASIC(user, password) .basic_user = (user), .basic_password = (password)
#define OAUTH                 .token = "access_token", .life = ACCESS_LIFE_SECONDS, .ends = "expires_in"

/* ---- URLs that are more than base and path --------------------------------------------------- */

/* The authorization server's id is a part of the path. */
static enum ses_status locate_kount(const struct ses_access_request *request, struct ses_arena *arena,
                                    const char **ret_url, struct ses_error *ret_error)
{
    struct ses_slice id;
    struct ses_text path;

    SES_TRY(ses_request_credential(request->credentials, "auth_server_id", &id, ret_error));
    if (ses_text_init(&path, arena, sizeof("oauth2//v1/token") + SES_TEXT_PERCENT_ROOM(id.len)) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_str(&path, "oauth2/");
    ses_text_percent(&path, id);
    ses_text_add(&path, ses_slice("/v1/token", sizeof("/v1/token")));
    *ret_url = ses_url_join(arena, request->base_url, (const char *)path.data);
    return SES_OK;
}

/* Beside the API that the base URL names: api/pay/v1 and api/auth/v1. */
static enum ses_status locate_pinelabs(const struct ses_access_request *request, struct ses_arena *arena,
                                       const char **ret_url, struct ses_error *ret_error)
{
    static const char pay[] = "api/pay/v1";
    struct ses_slice base = request->base_url;
    size_t at = 0;

    (void)ret_error;
    while (at + sizeof(pay) - 1 <= base.len && memcmp(base.data + at, pay, sizeof(pay) - 1) != 0)
        at++;
    if (at + sizeof(pay) - 1 <= base.len)
        *ret_url = ses_arena_printf(arena, "%.*sapi/auth/v1%.*s/token", SES_FMT(ses_slice_cut(base, 0, at)),
                                    SES_FMT(ses_slice_cut(base, at + sizeof(pay) - 1, base.len)));
    else
        *ret_url = ses_arena_printf(arena, "%.*s/token", SES_FMT(base));
    return SES_OK;
}

/* ---- answers that are more than a row -------------------------------------------------------- */

/* A refusal inside a 200 has no token, and says why beside it. */
static enum ses_status read_trustpay(const struct ses_access_call *call, const struct ses_answer *answer,
                                     struct ses_connector_result *ret_result)
{
    const json_t *info = json_object_get(answer->json, "ResultInfo");
    struct ses_answer inner = *answer;

    if (!json_is_object(info))
        return SES_MALFORMED;
    if (json_is_string(json_object_get(answer->json, call->token)))
        return ses_access_read_token(call, answer, ret_result);
    inner.json = info;
    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    return call->read_error(call, &inner, ret_result);
}

static enum ses_status fail_trustpay(const struct ses_access_call *call, const struct ses_answer *answer,
                                     struct ses_connector_result *ret_result)
{
    const json_t *info = json_object_get(answer->json, "ResultInfo");
    const json_t *at = info != NULL ? info : answer->json;
    struct ses_answer inner = *answer;
    struct ses_slice code;
    struct ses_slice message;

    (void)call;
    inner.json = at;
    SES_TRY(ses_access_read_text(&inner, "ResultCode", &code));
    SES_TRY(ses_access_read_text(&inner, "AdditionalInfo", &message));
    return ses_result_error(answer, code, message, message, ret_result);
}

/* Its source, where it told one, says which part of the request is meant. */
static enum ses_status fail_airwallex(const struct ses_access_call *call, const struct ses_answer *answer,
                                      struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice reason;
    struct ses_slice source;
    const char *message;

    SES_TRY(ses_access_read_text(answer, call->code, &code));
    SES_TRY(ses_access_read_text(answer, call->message, &reason));
    SES_TRY(ses_access_read_text(answer, "source", &source));
    message = ses_arena_printf(answer->arena, "%.*s%s%.*s", SES_FMT(reason), source.len > 0 ? " " : "",
                               SES_FMT(source));
    if (message == NULL)
        return SES_NO_MEMORY;
    return ses_result_error(answer, code, ses_slice_str(message), reason, ret_result);
}

static enum ses_status fail_truelayer(const struct ses_access_call *call, const struct ses_answer *answer,
                                      struct ses_connector_result *ret_result)
{
    struct ses_answer inner = *answer;
    struct ses_slice code;
    struct ses_slice message;
    struct ses_slice reason;

    SES_TRY(ses_access_read_text(answer, call->code, &code));
    SES_TRY(ses_access_read_text(answer, call->message, &message));
    inner.json = json_object_get(answer->json, "error_details");
    SES_TRY(ses_access_read_text(&inner, "reason", &reason));
    return ses_result_error(answer, code, message, reason, ret_result);
}

/* Whatever it says else. */
static enum ses_status fail_kount(const struct ses_access_call *call, const struct ses_answer *answer,
                                  struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice message;

    SES_TRY(ses_access_read_text(answer, call->code, &code));
    SES_TRY(ses_access_read_text(answer, call->message, &message));
    if (code.len == 0 || message.len == 0) {
        code = SES_STR("KOUNT_ERROR");
        message = SES_STR("Kount request failed");
    }
    return ses_result_error(answer, code, message, SES_SLICE_EMPTY, ret_result);
}

/* clang-format off */
static const struct ses_access_call calls[] = {
    {.connector = "airwallex", .path = "authentication/login", .coding = ACCESS_JSON,
     .headers = {KEY("x-api-key", "api_key"), KEY("x-client-id", "client_id")},
     .token = "token", .fixed_type = "Bearer", .life = ACCESS_LIFE_INSTANT, .ends = "expires_at",
     .code = "code", .message = "message", .read_error = fail_airwallex},
    {.connector = "fiservcommercehub", .path = "security/v1/keys/generate", .build = ses_access_build_fiserv,
     .life = ACCESS_LIFE_FIXED, .fixed_seconds = 604800,
     .read_success = ses_access_read_fiserv, .read_error = ses_access_fail_fiserv},
    {.connector = "getnet", .path = "authentication/oauth2/access_token", BASIC("api_key", "api_secret"),
     .body = {GRANT}, OAUTH, .type = "token_type", .code = "error_code", .message = "message"},
    {.connector = "globalpay", .path = "accesstoken", .build = ses_access_build_globalpay,
     .token = "token", .type = "type", .life = ACCESS_LIFE_SECONDS, .ends = "seconds_to_expire",
     .code = "error_code", .message = "detailed_error_description"},
    {.connector = "iatapay", .path = "oauth/token", BASIC("client_id", "client_secret"),
     .body = {GRANT, TEXT("scope", "payment")}, OAUTH, .fixed_type = "Bearer",
     .code = "error", .message = "message", .message_else = "Unknown error", .reason = "reason"},
    {.connector = "itaubank", .path = "api/oauth/jwt",
     .headers = {TEXT("accept", "*/*"), TEXT("user-agent", "Hyperswitch")},
     .body = {GRANT, KEY("client_id", "client_id"), KEY("client_secret", "client_secret")},
     OAUTH, .type = "token_type", .code = "codigo", .message = "mensagem", .reason = "campos"},
    /* The scope is the sandbox's in production too. */
    {.connector = "jpmorgan", .path = "am/oauth2/alpha/access_token", BASIC("client_id", "client_secret"),
     .body = {GRANT, TEXT("scope", "jpm:payments:sandbox")}, OAUTH, .type = "token_type",
     .code = "responseCode", .message = "responseMessage"},
    {.connector = "kount", .locate = locate_kount, .headers = {{"authorization", "Basic ", "api_key"}},
     .body = {GRANT, TEXT("scope", "k1_integration_api")}, OAUTH, .type = "token_type",
     .code = "code", .message = "message", .read_error = fail_kount},
    /* What type it is, it tells and nobody passes on. */
    {.connector = "paypal", .path = "v1/oauth2/token", BASIC("client_id", "client_secret"),
     .body = {GRANT, KEY("client_id", "client_id"), KEY("client_secret", "client_secret")}, OAUTH,
     .code = "error", .message = "error", .reason = "error_description"},
    {.connector = "pinelabs_online", .locate = locate_pinelabs, .coding = ACCESS_JSON,
     .body = {KEY("client_id", "client_id"), KEY("client_secret", "client_secret"), GRANT},
     .token = "access_token", .life = ACCESS_LIFE_INSTANT, .ends = "expires_at", .early_seconds = 60,
     .code = "error", .message = "error_description", .reason = "message"},
    {.connector = "qwikcilver", .path = "v2/authorize", .build = ses_access_build_qwikcilver,
     .token = "authToken", .fixed_type = "Bearer", .life = ACCESS_LIFE_FIXED, .fixed_seconds = 1200,
     .read_success = ses_access_read_qwikcilver},
    {.connector = "truelayer", .path = "connect/token",
     .body = {GRANT, KEY("client_id", "client_id"), KEY("client_secret", "client_secret"),
              TEXT("scope", "payments")},
     OAUTH, .type = "token_type", .code = "error", .message = "error_description", .read_error = fail_truelayer},
    /* The type that is passed on is this word. */
    {.connector = "trustpay", .path = "api/oauth2/token", BASIC("project_id", "secret_key"), .body = {GRANT},
     OAUTH, .fixed_type = "client_credentials", .read_success = read_trustpay, .read_error = fail_trustpay},
    {.connector = "volt", .path = "oauth", .coding = ACCESS_JSON,
     .body = {TEXT("grant_type", "password"), KEY("client_id", "client_id"),
              KEY("client_secret", "client_secret"), KEY("username", "username"), KEY("password", "password")},
     OAUTH, .type = "token_type", .code = "code", .message = "message"},
};
/* clang-format on */

const struct ses_access_call *ses_access_call_of(const struct ses_connector *connector)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].connector, connector->name) == 0)
            return &calls[i];
    }
    return NULL;
}
