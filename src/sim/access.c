/* Access tokens and client tokens of the APIs that give some out: each its own path, coding and names, in one manner. Whoever
 * calls with a credential that is the word "wrong" is refused. The life is half an hour. */
#include "sim.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>

#define LIFE_SECONDS 1800

/* In answers '@' stands for the token and '#' for when it ends. */
struct access_api {
    const char *connector;
    const char *path;
    const char *answer;
    const char *refusal;
};

#define OAUTH "{\"access_token\":\"@\",\"token_type\":\"Bearer\",\"expires_in\":1800}"

static const struct access_api apis[] = {
    {"adyen", "/adyen/v68/sessions", "{\"id\":\"CS@\",\"sessionData\":\"@\"}",
     "{\"status\":401,\"errorCode\":\"000\",\"message\":\"HTTP Status Response - Unauthorized\","
     "\"errorType\":\"security\"}"},
    {"airwallex", "/airwallex/authentication/login", "{\"token\":\"@\",\"expires_at\":\"#\"}",
     "{\"code\":\"credentials_invalid\",\"message\":\"UNAUTHORIZED\",\"source\":\"\"}"},
    {"billwerk", "/billwerk/v1/session/charge", "{\"id\":\"cs_@\",\"url\":\"https://checkout.example/@\"}",
     "{\"code\":17,\"error\":\"Unauthorized\"}"},
    /* The token is told by a header. */
    {"bluesnap", "/bluesnap/services/2/payment-fields-tokens", NULL,
     "{\"message\":[{\"code\":\"10000\",\"description\":\"Unauthorized\"}]}"},
    {"braintree", "/braintree", "{\"data\":{\"createClientToken\":{\"clientToken\":\"@\"}}}",
     "{\"errors\":[{\"message\":\"Authentication credentials are invalid.\","
     "\"extensions\":{\"legacyCode\":\"50000\"}}]}"},
    {"cybersource", "/cybersource/microform/v2/sessions", "@",
     "{\"response\":{\"rmsg\":\"Authentication Failed\"}}"},
    {"datatrans", "/datatrans/v1/transactions/secureFields", "{\"transactionId\":\"@\"}",
     "{\"error\":{\"code\":\"UNAUTHORIZED\",\"message\":\"unauthorized\"}}"},
    {"fiservcommercehub", "/fiservcommercehub/security/v1/keys/generate",
     "{\"gatewayResponse\":{},\"asymmetricKeyDetails\":{\"keyId\":\"key-1\",\"encodedPublicKey\":\"@\"}}",
     "{\"error\":[{\"type\":\"GATEWAY\",\"code\":\"401\",\"message\":\"Unauthorized\"}]}"},
    {"getnet", "/getnet/authentication/oauth2/access_token", OAUTH,
     "{\"error_code\":\"401\",\"message\":\"Unauthorized\"}"},
    {"globalpay", "/globalpay/accesstoken",
     "{\"token\":\"@\",\"type\":\"Bearer\",\"seconds_to_expire\":1800}",
     "{\"error_code\":\"ACTION_NOT_AUTHORIZED\",\"detailed_error_code\":\"40004\","
     "\"detailed_error_description\":\"Credentials not recognized\"}"},
    {"iatapay", "/iatapay/oauth/token", OAUTH,
     "{\"error\":\"invalid_client\",\"message\":\"Bad credentials\",\"reason\":\"Bad client credentials\"}"},
    {"itaubank", "/itaubank/api/oauth/jwt", OAUTH,
     "{\"codigo\":\"401\",\"mensagem\":\"Credenciais invalidas\"}"},
    {"jpmorgan", "/jpmorgan/am/oauth2/alpha/access_token", OAUTH,
     "{\"responseCode\":\"INVALID_CLIENT\",\"responseMessage\":\"Client authentication failed\"}"},
    {"kount", "/kount/oauth2/server-1/v1/token", OAUTH, "{\"error\":\"invalid_client\"}"},
    {"mollie", "/mollie/payments",
     "{\"resource\":\"payment\",\"id\":\"tr_@\",\"mode\":\"test\",\"status\":\"open\",\"amount\":{},"
     "\"description\":\"Payment\",\"createdAt\":\"#\",\"_links\":{\"self\":{},"
     "\"checkout\":{\"href\":\"https://pay.example/@\"}}}",
     "{\"status\":401,\"title\":\"Unauthorized Request\","
     "\"detail\":\"Missing authentication, or failed to authenticate\"}"},
    {"multisafepay", "/multisafepay/auth/api_token", "{\"success\":true,\"data\":{\"api_token\":\"@\"}}",
     "{\"success\":false,\"data\":{},\"error_code\":1032,\"error_info\":\"Invalid API key\"}"},
    {"nexinets", "/nexinets/orders", "{\"orderId\":\"@\"}",
     "{\"status\":401,\"code\":9003,\"message\":\"no\",\"errors\":[{\"field\":\"api_key\",\"message\":\"wrong\"}]}"},
    {"nexixpay", "/nexixpay/orders/hpp", "{\"securityToken\":\"@\",\"hostedPage\":\"https://pay.example/@\"}",
     "{\"errors\":[{\"code\":\"GW0001\",\"description\":\"Invalid merchant\"}]}"},
    {"payload", "/payload/access_tokens", "{\"id\":\"@\"}",
     "{\"error_type\":\"Unauthorized\",\"error_description\":\"Invalid API key\"}"},
    {"paypal", "/paypal/v1/identity/generate-token", "{\"client_token\":\"@\",\"expires_in\":1800}",
     "{\"error\":\"invalid_client\",\"name\":\"invalid_client\",\"message\":\"Client Authentication failed\"}"},
    {"paypal", "/paypal/v1/oauth2/token", OAUTH,
     "{\"error\":\"invalid_client\",\"error_description\":\"Client Authentication failed\"}"},
    {"pinelabs_online", "/pinelabs_online/token", "{\"access_token\":\"@\",\"expires_at\":\"#\"}",
     "{\"error\":\"UNAUTHORIZED\",\"error_description\":\"Client credentials are invalid\"}"},
    {"qwikcilver", "/qwikcilver/v2/authorize",
     "{\"authToken\":\"@\",\"responseCode\":0,\"responseMessage\":\"Transaction successful.\"}", "{}"},
    {"rapyd", "/rapyd/v1/checkout",
     "{\"status\":{},\"data\":{\"id\":\"checkout_@\",\"redirect_url\":\"https://pay.example/@\"}}",
     "{\"status\":{\"error_code\":\"UNAUTHORIZED_API_CALL\",\"status\":\"ERROR\",\"message\":\"no\"}}"},
    {"revolut", "/revolut/api/orders", "{\"id\":\"@\",\"token\":\"@\"}",
     "{\"code\":1000,\"message\":\"Unauthorised\",\"timestamp\":1}"},
    {"shift4", "/shift4/checkout-sessions", "{\"clientSecret\":\"cs_@\"}",
     "{\"error\":{\"message\":\"Provided API key is invalid\"}}"},
    {"truelayer", "/truelayer/connect/token", OAUTH,
     "{\"error\":\"invalid_client\",\"error_description\":\"Invalid client_id\"}"},
    {"trustpay", "/trustpay/api/oauth2/token",
     "{\"access_token\":\"@\",\"token_type\":\"Bearer\",\"expires_in\":1800,"
     "\"ResultInfo\":{\"ResultCode\":1150000,\"CorrelationId\":\"c-1\"}}",
     "{\"ResultInfo\":{\"ResultCode\":1132003,\"AdditionalInfo\":\"Invalid credentials\"}}"},
    {"volt", "/volt/oauth", OAUTH, "{\"code\":401,\"message\":\"Invalid credentials\"}"},
};

static const struct access_api *api_of(struct ses_slice path)
{
    for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
        if (ses_slice_eq_str(path, apis[i].path))
            return &apis[i];
    }
    return NULL;
}

static bool begins_or_ends_wrong(struct ses_slice pair)
{
    return ses_slice_starts(pair, SES_STR("wrong:")) ||
           (pair.len >= 6 && memcmp(pair.data + pair.len - 6, ":wrong", 6) == 0);
}

/* In body and query as it is; in Basic authentication as base64 of "..:wrong" or "wrong:..". */
static bool is_refused(const struct sim_request *request)
{
    static const char *const words[] = {"\"wrong\"", "=wrong"};
    uint8_t pair[1024];
    size_t len;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (request->body.len > 0 &&
            memmem(request->body.data, request->body.len, words[i], strlen(words[i])) != NULL)
            return true;
    }
    if (ses_slice_eq_str(request->authorization, "Bearer wrong") ||
        ses_slice_eq_str(request->query, "api_key=wrong"))
        return true;
    if (!ses_slice_starts(request->authorization, SES_STR("Basic ")) ||
        ses_base64_decode(
            ses_slice_cut(request->authorization, sizeof("Basic ") - 1, request->authorization.len), pair,
            sizeof(pair), &len) != SES_OK)
        return false;
    return begins_or_ends_wrong(ses_slice(pair, len));
}

static void say_token(struct sim_reply *reply, const char *answer, const char *token, const char *ends)
{
    sim_say(reply, 200, "%s", "");
    for (const char *c = answer; *c != '\0'; c++) {
        if (*c == '@')
            SES_REQUIRE(ses_buf_append_str(&reply->body, token) == SES_OK);
        else if (*c == '#')
            SES_REQUIRE(ses_buf_append_str(&reply->body, ends) == SES_OK);
        else
            SES_REQUIRE(ses_buf_append_byte(&reply->body, (uint8_t)*c) == SES_OK);
    }
}

bool sim_access(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    const struct access_api *api = api_of(request->path);
    char token[SIM_TOKEN_SIZE];
    char ends[SES_RFC3339_SIZE];

    if (api == NULL)
        return false;
    reply->behaviour = sim->behaviour;
    if (is_refused(request)) {
        sim_say(reply, 401, "%s", api->refusal);
        return true;
    }
    if (reply->behaviour.mode == SIM_HTTP) {
        sim_say(reply, reply->behaviour.http_status, "%s", api->refusal);
        return true;
    }
    sim_token(sim, api->connector, ++sim->serial, token);
    ses_rfc3339_encode(ses_clock_wall_ms() + LIFE_SECONDS * 1000, ends);
    sim_effect(sim, ses_slice_str(api->path));
    if (api->answer == NULL) {
        sim_say(reply, 201, "%s", "");
        memcpy(reply->location, token, sizeof(token));
        return true;
    }
    say_token(reply, reply->behaviour.mode == SIM_NO_TOKEN ? "{}" : api->answer, token, ends);
    return true;
}
