/* PayU's OAuth: client credentials as a form in, a bearer out. An id of an order is not told, so what is to go wrong is told by
 * client_id, and effects are counted under it. */
#include "sim.h"

#define TEST_SECRET "payu_key" /* as client_secret, which the platform's config calls api_key */

struct call {
    uint8_t grant[24], id[SIM_ID_BYTES_MAX], secret[32];
    size_t grant_len, id_len, secret_len;
};

static bool read_call(const struct sim_request *request, struct call *call)
{
    struct ses_slice form = request->body;

    return ses_slice_eq_str(request->content_type, "application/x-www-form-urlencoded") &&
           sim_parameter(form, "grant_type", call->grant, sizeof(call->grant), &call->grant_len) == SES_OK &&
           sim_parameter(form, "client_id", call->id, sizeof(call->id), &call->id_len) == SES_OK &&
           sim_parameter(form, "client_secret", call->secret, sizeof(call->secret), &call->secret_len) ==
               SES_OK &&
           ses_slice_eq_str(ses_slice(call->grant, call->grant_len), "client_credentials") &&
           call->id_len > 0 && ses_utf8_check(ses_slice(call->id, call->id_len));
}

static void say_error(struct sim_reply *reply, unsigned status, const char *code, const char *text)
{
    sim_say(reply, status, "{\"error\":\"%s\",\"error_description\":\"%s\"}", code, text);
}

static void say_token(struct sim *sim, struct sim_reply *reply)
{
    char token[SIM_TOKEN_SIZE];

    sim_token(sim, "payu", ++sim->serial, token);
    if (reply->behaviour.mode == SIM_NO_TOKEN)
        sim_say(reply, 200,
                "{\"token_type\":\"bearer\",\"expires_in\":43199,\"grant_type\":\"client_credentials\"}");
    else
        sim_say(reply, 200,
                "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":43199,"
                "\"grant_type\":\"client_credentials\"}",
                token);
}

void sim_payu(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    struct call call = {0};
    struct ses_slice client;

    if (!read_call(request, &call)) {
        say_error(reply, 400, "invalid_request", "Missing or invalid parameter");
        return;
    }
    client = ses_slice(call.id, call.id_len);
    reply->behaviour = sim_behaviour_of(client, sim->behaviour);
    if (!ses_slice_eq_str(ses_slice(call.secret, call.secret_len), TEST_SECRET)) {
        say_error(reply, 401, "invalid_client", "Bad client credentials");
    } else if (reply->behaviour.mode == SIM_DECLINED) {
        say_error(reply, 400, "unauthorized_client", "Client is not allowed this grant");
    } else if (reply->behaviour.mode == SIM_HTTP) {
        say_error(reply, reply->behaviour.http_status, "simulated", "simulated HTTP error");
    } else {
        sim_effect(sim, client);
        say_token(sim, reply);
    }
}
