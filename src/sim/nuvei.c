/* Nuvei's getSessionToken, as its documents have it: a SHA-256 over the call's members and the
 * merchant's secret, and errors inside a 200. Written against the documents, not against our connector. */
#include "sim.h"

#include <jansson.h>
#include <sodium.h>

#include <sessiond/base/encode.h>

#define TEST_SECRET "nuvei_secret"

struct call {
    struct ses_slice merchant_id, site_id, request_id, timestamp, checksum;
};

static bool read_text(const json_t *json, const char *key, struct ses_slice *ret_text)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_string(value))
        return false;
    *ret_text = ses_slice(json_string_value(value), json_string_length(value));
    return true;
}

static bool read_call(const json_t *json, struct call *call)
{
    return read_text(json, "merchantId", &call->merchant_id) &&
           read_text(json, "merchantSiteId", &call->site_id) &&
           read_text(json, "clientRequestId", &call->request_id) &&
           read_text(json, "timeStamp", &call->timestamp) && read_text(json, "checksum", &call->checksum);
}

/* Fourteen digits; whether they are a date is not looked at. */
static bool timestamp_ok(struct ses_slice timestamp)
{
    uint64_t number;

    return timestamp.len == 14 && ses_parse_u64(timestamp, 99991231235959, &number) == SES_OK;
}

/* In the order of the documents; the connector must arrive at the same bytes by itself. */
static bool checksum_ok(const struct call *call)
{
    const struct ses_slice parts[] = {call->merchant_id, call->site_id, call->request_id, call->timestamp,
                                      SES_STR(TEST_SECRET)};
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[SES_HEX_SIZE(crypto_hash_sha256_BYTES)];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
    crypto_hash_sha256_final(&state, hash);
    ses_hex_encode(ses_slice(hash, sizeof(hash)), text);
    return ses_slice_eq_str(call->checksum, text);
}

/* Errors inside a 200, as the real API gives them. */
static void say_error(struct sim_reply *reply, int code, const char *reason)
{
    sim_say(reply, 200, "{\"internalRequestId\":0,\"status\":\"ERROR\",\"errCode\":%d,\"reason\":\"%s\"}",
            code, reason);
}

/* The serial number makes the token: the same call again gets another one. */
static void say_token(struct sim *sim, const struct call *call, struct sim_reply *reply)
{
    char token[SIM_TOKEN_SIZE];

    sim_token(sim, "nuvei", ++sim->serial, token);
    if (reply->behaviour.mode == SIM_NO_TOKEN)
        sim_say(reply, 200, "{\"status\":\"SUCCESS\",\"errCode\":0,\"reason\":\"\",\"version\":\"1.0\",");
    else
        sim_say(reply, 200,
                "{\"sessionToken\":\"%s\",\"status\":\"SUCCESS\",\"errCode\":0,\"reason\":\"\","
                "\"version\":\"1.0\",",
                token);
    SES_REQUIRE(ses_buf_appendf(&reply->body, "\"internalRequestId\":%llu,\"clientRequestId\":",
                                (unsigned long long)sim->serial) == SES_OK);
    sim_say_json(&reply->body, call->request_id);
    SES_REQUIRE(ses_buf_append_str(&reply->body, "}") == SES_OK);
}

void sim_nuvei(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    json_auto_t *json =
        json_loadb((const char *)request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    struct call call;

    if (!read_call(json, &call) || call.request_id.len > SIM_ID_BYTES_MAX) {
        say_error(reply, 1000, "Invalid request");
        return;
    }
    reply->behaviour = sim_behaviour_of(call.request_id, sim->behaviour);
    if (!timestamp_ok(call.timestamp)) {
        say_error(reply, 1000, "Invalid timeStamp");
    } else if (!checksum_ok(&call)) {
        say_error(reply, 1001, "Invalid checksum");
    } else if (reply->behaviour.mode == SIM_DECLINED) {
        say_error(reply, 1060, "Session creation declined");
    } else if (reply->behaviour.mode == SIM_HTTP) {
        sim_say(reply, reply->behaviour.http_status,
                "{\"status\":\"ERROR\",\"errCode\":\"%u\",\"reason\":\"simulated HTTP %u\"}",
                reply->behaviour.http_status, reply->behaviour.http_status);
    } else {
        sim_effect(sim, call.request_id);
        say_token(sim, &call, reply);
    }
}
