/* Calls of CreateSessionToken and what came of them. */
#include "method/core_fixture.h"

const struct ses_route *core_route(const struct core *core, const char *path)
{
    size_t count = 0;
    const struct ses_route *routes = ses_service_routes(core->service, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    }
    fail_msg("no route %s", path);
    return NULL;
}

void call_header(struct call *call, const char *name, const char *value)
{
    assert_ok(ses_exchange_add_header(call->x, ses_slice_str(name), ses_slice_str(value)));
}

struct call *call_new(struct core *core, const char *path, uint64_t deadline_ms)
{
    struct call *call = calloc(1, sizeof(*call));

    call->core = core;
    call->x = door_exchange(core->pool, &call->door, core_route(core, path));
    call->x->deadline_mono_ns =
        ses_clock_mono_ns() + (deadline_ms == 0 ? UNIT_PATIENCE_MS : deadline_ms) * MS;
    return call;
}

void call_start(struct call *call)
{
    call->x->route->start(call->x, call->x->route->arg);
}

void call_body(struct call *call, const ProtobufCMessage *message)
{
    assert_ok(ses_proto_pack(message, &call->x->arena, &call->x->body));
}

void call_connector(struct call *call, const char *connector, const char *api_key)
{
    static const char *const configs[][2] = {
        {"stripe", "{\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}"},
        {"nuvei",
         "{\"config\":{\"Nuvei\":{\"merchant_id\":\"m\",\"merchant_site_id\":\"s\",\"merchant_secret\":\"x\"}}}"},
    };

    for (size_t i = 0; connector != NULL && i < sizeof(configs) / sizeof(configs[0]); i++) {
        if (strcmp(connector, configs[i][0]) != 0)
            continue;
        call_header(call, "x-connector", connector);
        call_header(call, "x-connector-config", configs[i][1]);
        return;
    }
    call_header(call, "x-connector", connector == NULL ? "adyen" : connector);
    call_header(call, "x-auth", "body-key");
    call_header(call, "x-api-key", api_key == NULL ? "k" : api_key);
    call_header(call, "x-key1", "m");
}

void order_fill(const struct order *order, old_request *m, Types__Money *money,
                Types__BrowserInformation *browser, Types__ConnectorState *state,
                Types__SecretString *metadata)
{
    types__money__init(money);
    money->minor_amount = order->amount == 0 ? 10000 : order->amount;
    money->currency = TYPES__CURRENCY__USD;
    m->amount = money;
    m->_merchant_session_id_case = 1;
    m->merchant_session_id = (char *)(uintptr_t)(order->id == NULL ? "session_001" : order->id);
    types__browser_information__init(browser);
    browser->_accept_header_case = 8;
    browser->accept_header = (char *)(uintptr_t) "text/html";
    browser->_user_agent_case = 9;
    browser->user_agent =
        (char *)(uintptr_t)(order->user_agent == NULL ? "Mozilla/5.0..." : order->user_agent);
    m->_browser_info_case = 6;
    m->browser_info = browser;
    m->_test_mode_case = 7;
    m->test_mode = !order->live;
    if (order->customer != NULL) {
        types__connector_state__init(state);
        state->_connector_customer_id_case = 2;
        state->connector_customer_id = (char *)(uintptr_t)order->customer;
        m->_state_case = 5;
        m->state = state;
    }
    if (order->metadata != NULL) {
        types__secret_string__init(metadata);
        metadata->value = (char *)(uintptr_t)order->metadata;
        m->_metadata_case = 3;
        m->metadata = metadata;
    }
}

struct call *core_call(struct core *core, struct order order)
{
    struct call *call = call_new(core, OLD_PATH, order.deadline_ms);
    old_request message = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST__INIT;
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString metadata;

    call_connector(call, order.connector, order.api_key);
    if (order.merchant != NULL)
        call_header(call, "x-merchant-id", order.merchant);
    order_fill(&order, &message, &money, &browser, &state, &metadata);
    call_body(call, &message.base);
    call_start(call);
    return call;
}

void call_wait(struct call *call)
{
    WAIT_DOING(core_turn(call->core), call->door.ended != 0 || call->door.raws != 0);
}

/* Like a door whose client has gone: nothing is told to it any more. */
void call_free(struct call *call)
{
    if (!call->x->answered && !call->x->cancelled)
        ses_exchange_cancel(call->x, SES_CANCELLED);
    ses_exchange_release(call->x);
    free(call);
}

old_response *call_response(struct call *call)
{
    ProtobufCMessage *message = NULL;

    call_wait(call);
    if (call->door.failed)
        fail_msg("failed: %s", call->door.error_message);
    assert_ok(
        ses_proto_unpack(&types__merchant_authentication_service_create_session_token_response__descriptor,
                         door_message(&call->door, 0), &call->x->arena, &message));
    return (old_response *)message;
}

struct ses_claims token_claims(struct call *call, const char *token)
{
    struct ses_claims claims;

    assert_memory_equal(token, "sess_", 5);
    if (ses_token_verify(call->core->ring, ses_slice_str(token), true, ses_clock_wall_ms(), &call->x->arena,
                         &claims) != SES_OK)
        assert_ok(ses_token_verify(call->core->ring, ses_slice_str(token), false, ses_clock_wall_ms(),
                                   &call->x->arena, &claims));
    return claims;
}

struct ses_claims call_claims(struct call *call)
{
    old_response *response = call_response(call);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    return token_claims(call, response->session_token);
}

const char *call_header_told(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->x->reply_headers_count; i++) {
        if (ses_slice_eq_str(call->x->reply_headers[i].name, name))
            return (const char *)call->x->reply_headers[i].value.data; /* literals, all of them */
    }
    return "";
}

bool call_replayed(const struct call *call)
{
    return strcmp(call_header_told(call, "x-session-replayed"), "true") == 0;
}

void assert_one_answer(struct core *core, struct call *first, struct call *second)
{
    struct ses_claims a, b;

    for (int i = 0; i < 20; i++)
        core_turn(core);
    atomic_store(&core->stub.held, false);
    a = call_claims(first);
    b = call_claims(second);
    assert_memory_equal(a.session_id, b.session_id, 16);
    assert_true(call_replayed(second));
}

const struct ses_error *call_error(struct call *call, enum ses_status status, const char *reason)
{
    call_wait(call);
    assert_true(call->door.failed);
    if (call->door.error.status != status || strcmp(ses_reason_name(call->door.error.reason), reason) != 0)
        fail_msg("%s %s: %s", ses_status_name(call->door.error.status),
                 ses_reason_name(call->door.error.reason), call->door.error_message);
    return &call->door.error;
}
