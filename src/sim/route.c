/* route.c - which path is whose, and what the global knobs do: POST /control, GET /effects, GET /healthz. */
#include "sim.h"

#include <jansson.h>

static void say_modes(struct sim_reply *reply)
{
    sim_say(reply, 400, "{\"error\":\"mode is one of ");
    SES_REQUIRE(sim_modes_append(&reply->body) == SES_OK &&
                ses_buf_append_str(&reply->body, "\"}") == SES_OK);
}

/* {"latency_ms":..,"mode":"..","clear":true}: every key is optional, the others stay as they are.
 * Everything is checked before anything is changed: a refused request leaves the simulator as it was. */
void sim_control(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    json_auto_t *json =
        json_loadb((const char *)request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *latency = json_object_get(json, "latency_ms");
    const json_t *mode = json_object_get(json, "mode");
    struct sim_behaviour behaviour = sim->behaviour;

    if (!json_is_object(json) || (latency != NULL && !json_is_integer(latency)) ||
        (mode != NULL && !json_is_string(mode))) {
        sim_say(reply, 400,
                "{\"error\":\"want {\\\"latency_ms\\\":0,\\\"mode\\\":\\\"normal\\\",\\\"clear\\\":true}\"}");
        return;
    }
    if (latency != NULL) {
        json_int_t value = json_integer_value(latency);

        if (value < 0 || value > (json_int_t)SIM_LATENCY_MS_MAX) {
            sim_say(reply, 400, "{\"error\":\"latency_ms is 0 to %u\"}", SIM_LATENCY_MS_MAX);
            return;
        }
        behaviour.latency_ms = (uint32_t)value;
    }
    if (mode != NULL && sim_mode_parse(ses_slice_str(json_string_value(mode)), &behaviour) != SES_OK) {
        say_modes(reply);
        return;
    }
    sim->behaviour = behaviour;
    if (json_is_true(json_object_get(json, "clear"))) {
        sim_table_clear(&sim->table);
        sim->effects = 0;
        sim->requests = 0;
    }
    sim_say(reply, 200, "{\"ok\":true}");
}

/* In the order in which they were first acted for. */
static enum ses_status say_orders(const struct sim *sim, struct ses_buf *body)
{
    bool first = true;

    SES_TRY(ses_buf_append_str(body, "\"orders\":{"));
    for (const struct sim_entry *entry = sim->table.oldest; entry != NULL; entry = entry->older_to_newer) {
        if (entry->kind != SIM_EFFECT)
            continue;
        if (!first)
            SES_TRY(ses_buf_append_byte(body, ','));
        first = false;
        sim_say_json(body, ses_slice(entry->key, entry->key_bytes));
        SES_TRY(ses_buf_appendf(body, ":%u", entry->count));
    }
    return ses_buf_append_str(body, "}}");
}

/* All orders, or with ?order=ID that one alone. */
void sim_effects(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    uint8_t order_id[SIM_ID_BYTES_MAX];
    size_t len;
    enum ses_status status = sim_parameter(request->query, "order", order_id, sizeof(order_id), &len);

    if (status == SES_OK) {
        const struct sim_entry *entry = sim_table_find(&sim->table, SIM_EFFECT, ses_slice(order_id, len));

        sim_say(reply, 200, "{\"count\":%u}", entry == NULL ? 0 : entry->count);
        return;
    }
    sim_say(reply, 200, "{\"total\":%llu,\"requests\":%llu,\"forgotten\":%llu,",
            (unsigned long long)sim->effects, (unsigned long long)sim->requests,
            (unsigned long long)sim->table.forgotten);
    if (status != SES_NOT_FOUND || say_orders(sim, &reply->body) != SES_OK)
        sim_say(reply, 500, "{\"error\":\"cannot list the effects\"}");
}

static void say_health(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    (void)sim;
    (void)request;
    sim_say(reply, 200, "{\"status\":\"healthy\"}");
}

static const struct {
    const char *path;
    bool post;      /* the others take both */
    bool connector; /* only these are counted as requests */
    void (*handle)(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
} routes[] = {
    {"/nuvei/getSessionToken.do", true, true, sim_nuvei},
    {"/paytm/theia/api/v1/initiateTransaction", true, true, sim_paytm},
    {"/stripe/v1/payment_intents", true, true, sim_stripe},
    {"/payu/pl/standard/user/oauth/authorize", true, true, sim_payu},
    {"/authorizedotnet", true, true, sim_authorizedotnet},
    {"/acs/challenge", false, false, sim_acs_challenge},
    {"/acs/answer", true, false, sim_acs_answer},
    {"/control", true, false, sim_control},
    {"/effects", false, false, sim_effects},
    {"/healthz", false, false, say_health},
};

/* Modes that do not depend on the connector: the body, whatever it was, is replaced. */
static void apply_mode(struct sim_reply *reply)
{
    static const char pad[64] = "big bigger biggest big bigger biggest big bigger biggest big, \n ";

    if (reply->status != 200)
        return;
    if (reply->behaviour.mode == SIM_RUBBISH)
        sim_say(reply, 200, "<html><body>It works!</body></html>");
    if (reply->behaviour.mode != SIM_BIG)
        return;
    ses_buf_clear(&reply->body);
    for (size_t i = 0; i < SIM_BIG_ANSWER_BYTES / sizeof(pad); i++)
        SES_REQUIRE(ses_buf_append(&reply->body, ses_slice(pad, sizeof(pad))) == SES_OK);
}

void sim_route(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    reply->behaviour = (struct sim_behaviour){.mode = SIM_NORMAL};
    reply->replayed = false;
    reply->html = false;
    reply->location[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!ses_slice_eq_str(request->path, routes[i].path))
            continue;
        if (routes[i].post && !request->post) {
            sim_say(reply, 405, "{\"error\":\"method not allowed\"}");
            return;
        }
        if (routes[i].connector)
            sim->requests++;
        routes[i].handle(sim, request, reply);
        apply_mode(reply);
        return;
    }
    if ((request->post || ses_slice_starts(request->path, SES_STR("/multisafepay/"))) &&
        sim_access(sim, request, reply)) {
        sim->requests++;
        apply_mode(reply);
        return;
    }
    sim_say(reply, 404, "{\"error\":\"no such path\"}");
}
