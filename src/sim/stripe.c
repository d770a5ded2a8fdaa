/* Stripe's PaymentIntents: form in, JSON out, and its rule for Idempotency-Key: the same key with the
 * same parameters gets the first answer, with others an error. */
#include "sim.h"

#include <sessiond/base/hash.h>

#define KEY_BYTES_MAX 255

struct call {
    uint8_t amount[24], currency[8], enabled[8], order_id[SIM_ID_BYTES_MAX];
    size_t amount_len, currency_len, enabled_len, order_id_len;
    uint64_t minor_amount;
};

/* rest is JSON that begins with a comma, or nothing. */
static void say_error(struct sim_reply *reply, unsigned status, const char *type, const char *message,
                      const char *rest)
{
    sim_say(reply, status, "{\"error\":{\"type\":\"%s\",\"message\":\"%s\"%s}}", type, message, rest);
}

/* Any key with the test prefix: which account it is does not matter here. */
static bool authorized(const struct sim_request *request)
{
    return ses_slice_starts(request->authorization, SES_STR("Bearer sk_test_")) &&
           request->authorization.len > sizeof("Bearer sk_test_") - 1;
}

/* Only what a session call of ours must contain; a real server takes far more. */
static bool read_call(const struct sim_request *request, struct call *call)
{
    struct ses_slice form = request->body;

    return ses_slice_eq_str(request->content_type, "application/x-www-form-urlencoded") &&
           sim_parameter(form, "amount", call->amount, sizeof(call->amount), &call->amount_len) == SES_OK &&
           sim_parameter(form, "currency", call->currency, sizeof(call->currency), &call->currency_len) ==
               SES_OK &&
           sim_parameter(form, "automatic_payment_methods[enabled]", call->enabled, sizeof(call->enabled),
                         &call->enabled_len) == SES_OK &&
           sim_parameter(form, "metadata[order_id]", call->order_id, sizeof(call->order_id),
                         &call->order_id_len) == SES_OK &&
           call->currency_len == 3 && ses_utf8_check(ses_slice(call->order_id, call->order_id_len)) &&
           ses_parse_u64(ses_slice(call->amount, call->amount_len), 99999999, &call->minor_amount) == SES_OK;
}

static void say_intent(const struct sim *sim, const struct call *call, uint64_t serial,
                       struct sim_reply *reply)
{
    char id[SIM_TOKEN_SIZE];
    char secret[SIM_TOKEN_SIZE];

    sim_token(sim, "pi", serial, id);
    sim_token(sim, "secret", serial, secret);
    sim_say(reply, 200,
            "{\"id\":\"pi_%.24s\",\"object\":\"payment_intent\",\"amount\":%llu,\"currency\":\"%.3s\","
            "\"livemode\":false,\"status\":\"requires_payment_method\",",
            id, (unsigned long long)call->minor_amount, (const char *)call->currency);
    if (reply->behaviour.mode != SIM_NO_TOKEN)
        SES_REQUIRE(ses_buf_appendf(&reply->body, "\"client_secret\":\"pi_%.24s_secret_%.24s\",", id,
                                    secret) == SES_OK);
    SES_REQUIRE(ses_buf_append_str(&reply->body, "\"metadata\":{\"order_id\":") == SES_OK);
    sim_say_json(&reply->body, ses_slice(call->order_id, call->order_id_len));
    SES_REQUIRE(ses_buf_append_str(&reply->body, "}}") == SES_OK);
}

/* The intent's serial. Same key and parameters: the first one's; another intent under a known key is
 * refused. */
static bool choose_serial(struct sim *sim, const struct sim_request *request, struct ses_slice order_id,
                          struct sim_reply *reply, uint64_t *ret_serial)
{
    const struct ses_slice parts[] = {request->authorization, request->body};
    struct ses_slice key = request->idempotency_key;
    struct sim_entry *entry = key.len == 0 ? NULL : sim_table_find(&sim->table, SIM_STRIPE_KEY, key);
    uint8_t parameters[SES_HASH_BYTES];

    ses_hash_parts(SES_SLICE_EMPTY, parts, 2, parameters);
    if (entry != NULL && memcmp(entry->parameters, parameters, sizeof(parameters)) != 0) {
        say_error(reply, 400, "idempotency_error",
                  "Keys for idempotent requests can only be used "
                  "with the same parameters they were first used with.",
                  "");
        return false;
    }
    reply->replayed = entry != NULL;
    if (entry == NULL) {
        sim_effect(sim, order_id);
        *ret_serial = ++sim->serial;
        entry = key.len == 0 ? NULL : sim_table_add(&sim->table, SIM_STRIPE_KEY, key);
        if (entry != NULL) {
            entry->serial = *ret_serial;
            memcpy(entry->parameters, parameters, sizeof(parameters));
        }
        return true;
    }
    *ret_serial = entry->serial;
    return true;
}

/* The two statuses that clients treat specially have Stripe's own words. */
static void say_http(struct sim_reply *reply)
{
    unsigned status = reply->behaviour.http_status;

    if (status == 429)
        say_error(reply, status, "invalid_request_error", "Too many requests", ",\"code\":\"rate_limit\"");
    else if (status == 401)
        say_error(reply, status, "invalid_request_error", "Invalid API Key provided", "");
    else
        say_error(reply, status, status >= 500 ? "api_error" : "invalid_request_error",
                  "simulated HTTP error", ",\"code\":\"simulated\"");
}

void sim_stripe(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    struct call call = {0};
    struct ses_slice order_id;
    uint64_t serial = 0;

    if (!authorized(request)) {
        say_error(reply, 401, "invalid_request_error", "Invalid API Key provided: ****", "");
        return;
    }
    if (!read_call(request, &call) || request->idempotency_key.len > KEY_BYTES_MAX) {
        say_error(reply, 400, "invalid_request_error", "Missing or invalid parameter",
                  ",\"code\":\"parameter_missing\"");
        return;
    }
    order_id = ses_slice(call.order_id, call.order_id_len);
    reply->behaviour = sim_behaviour_of(order_id, sim->behaviour);
    if (reply->behaviour.mode == SIM_DECLINED)
        say_error(reply, 402, "card_error", "Your card was declined.",
                  ",\"code\":\"card_declined\",\"decline_code\":\"insufficient_funds\","
                  "\"network_decline_code\":\"51\",\"payment_intent\":{\"id\":\"pi_declined\"}");
    else if (reply->behaviour.mode == SIM_HTTP)
        say_http(reply);
    else if (choose_serial(sim, request, order_id, reply, &serial))
        say_intent(sim, &call, serial, reply);
}
