/* Authorize.Net's API: one address, the kind of call is the body's only member, answers begin with a byte order mark, refusals
 * come with 200. Of this call an id of an order is not told, so what is to go wrong is told by the name, and effects are counted
 * under it. */
#include "sim.h"

#include <jansson.h>

#define TEST_KEY "anet_key"
#define MARK     "\xef\xbb\xbf"

static bool read_text(const json_t *json, const char *key, struct ses_slice *ret_text)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_string(value))
        return false;
    *ret_text = ses_slice(json_string_value(value), json_string_length(value));
    return true;
}

static void say_error(struct sim_reply *reply, unsigned status, const char *code, const char *text)
{
    sim_say(reply, status,
            MARK "{\"messages\":{\"resultCode\":\"Error\",\"message\":[{\"code\":\"%s\",\"text\":\"%s\"}]}}",
            code, text);
}

static void say_key(struct sim *sim, struct sim_reply *reply)
{
    char key[SIM_TOKEN_SIZE];

    sim_token(sim, "authorizedotnet", ++sim->serial, key);
    sim_say(reply, 200, MARK "{\"isTestMode\":true,");
    if (reply->behaviour.mode != SIM_NO_TOKEN)
        SES_REQUIRE(ses_buf_appendf(&reply->body, "\"publicClientKey\":\"%s\",", key) == SES_OK);
    SES_REQUIRE(ses_buf_append_str(&reply->body,
                                   "\"messages\":{\"resultCode\":\"Ok\",\"message\":[{\"code\":\"I00001\","
                                   "\"text\":\"Successful.\"}]}}") == SES_OK);
}

void sim_authorizedotnet(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    json_auto_t *json =
        json_loadb((const char *)request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *credentials =
        json_object_get(json_object_get(json, "getMerchantDetailsRequest"), "merchantAuthentication");
    struct ses_slice name, key;

    if (!read_text(credentials, "name", &name) || !read_text(credentials, "transactionKey", &key) ||
        name.len > SIM_ID_BYTES_MAX) {
        say_error(reply, 200, "E00003", "The element is invalid.");
        return;
    }
    reply->behaviour = sim_behaviour_of(name, sim->behaviour);
    if (!ses_slice_eq_str(key, TEST_KEY)) {
        say_error(reply, 200, "E00007", "User authentication failed due to invalid authentication values.");
    } else if (reply->behaviour.mode == SIM_DECLINED) {
        say_error(reply, 200, "E00008", "User authentication failed. The account or API user is inactive.");
    } else if (reply->behaviour.mode == SIM_HTTP) {
        say_error(reply, reply->behaviour.http_status, "E00001", "simulated HTTP error");
    } else {
        sim_effect(sim, name);
        say_key(sim, reply);
    }
}
