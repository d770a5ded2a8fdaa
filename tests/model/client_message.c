/* Requests as bytes: of the same request always the same ones. */
#include "client.h"

#include <sessiond/v1/session.pb-c.h>

#define BACK_URL "http://localhost:3000/back"
#define SERVICE  "/sessiond.v1.SessionService/"

/* Texts of one request; in static memory until the next one is packed. */
struct texts {
    char event_id[16], text[16], customer[16], step[16];
};

static char *known(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

static void name(char *text, size_t size, const char *prefix, unsigned number)
{
    text[0] = '\0';
    if (number != 0)
        (void)snprintf(text, size, "%s%u", prefix, number);
}

const char *client_path(uint8_t method)
{
    static const char *const paths[MODEL_METHODS] = {
        [MODEL_CREATE] = OLD_PATH,
        [MODEL_ADVANCE] = SERVICE "AdvanceSession",
        [MODEL_UPDATE] = SERVICE "UpdateSession",
        [MODEL_BEGIN] = SERVICE "BeginStep",
        [MODEL_RETURN] = "/r/",
        [MODEL_REVOKE_CALL] = SERVICE "RevokeSession",
        [MODEL_GET] = SERVICE "GetSession",
        [MODEL_WATCH] = SERVICE "WatchSession",
    };

    return paths[method];
}

static void header(struct ses_exchange *x, const char *key, const char *value)
{
    assert_ok(ses_exchange_add_header(x, ses_slice_str(key), ses_slice_str(value)));
}

static void pack(struct ses_exchange *x, const ProtobufCMessage *message)
{
    assert_ok(ses_proto_pack(message, &x->arena, &x->body));
}

static void fill_create(struct ses_exchange *x, const struct subject *subject,
                        const struct model_request *request, struct texts *texts)
{
    struct order order = {.id = subject->id, .amount = request->amount};
    old_request message;
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString metadata;

    types__merchant_authentication_service_create_session_token_request__init(&message);
    order.customer = request->customer != 0 ? texts->customer : NULL;
    order.metadata = request->text != 0 ? texts->text : NULL;
    header(x, "x-connector", subject->connector ? "stripe" : "adyen");
    if (subject->connector) {
        header(x, "x-connector-config", "{\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}");
    } else {
        header(x, "x-auth", "body-key");
        header(x, "x-api-key", "k");
        header(x, "x-key1", "m");
    }
    order_fill(&order, &message, &money, &browser, &state, &metadata);
    pack(x, &message.base);
}

/* Token, id and mode are the same fields everywhere; a macro, for the messages share no type. */
#define FILL_COMMON(m)                                                                                       \
    do {                                                                                                     \
        (m)->session_token = known(token);                                                                   \
        (m)->merchant_session_id = known(subject->id);                                                       \
        (m)->_test_mode_case = 4;                                                                            \
        (m)->test_mode = true;                                                                               \
    } while (0)

static void fill_money(Sessiond__V1__Money *money, const struct model_request *request)
{
    sessiond__v1__money__init(money);
    money->minor_amount = request->amount;
    money->currency = SESSIOND__V1__CURRENCY__USD;
}

static void fill_advance(struct ses_exchange *x, const struct subject *subject, const char *token,
                         const struct model_request *request, struct texts *texts)
{
    Sessiond__V1__AdvanceSessionRequest m;
    Sessiond__V1__ConnectorState state;
    Sessiond__V1__Money money;

    sessiond__v1__advance_session_request__init(&m);
    sessiond__v1__connector_state__init(&state);
    FILL_COMMON(&m);
    m.event = (Sessiond__V1__SessionEvent)request->event;
    m.event_id = texts->event_id;
    m.expected_version = request->expected_version;
    m.renew_token = request->renew != 0;
    m.step_seconds = request->step_seconds;
    fill_money(&money, request);
    if (request->amount != 0)
        m.amount = &money;
    state._connector_customer_id_case = 2;
    state.connector_customer_id = texts->customer;
    if (request->customer != 0) {
        m._state_case = 8;
        m.state = &state;
    }
    pack(x, &m.base);
}

static void fill_update(struct ses_exchange *x, const struct subject *subject, const char *token,
                        const struct model_request *request, struct texts *texts)
{
    Sessiond__V1__UpdateSessionRequest m;
    Sessiond__V1__SecretString secret;
    Sessiond__V1__Money money;

    sessiond__v1__update_session_request__init(&m);
    sessiond__v1__secret_string__init(&secret);
    FILL_COMMON(&m);
    m.expected_version = request->expected_version;
    m.renew_token = request->renew != 0;
    fill_money(&money, request);
    if (request->amount != 0)
        m.amount = &money;
    secret.value = texts->text;
    if (request->text != 0) {
        m._metadata_case = 7;
        m.metadata = &secret;
    }
    pack(x, &m.base);
}

static void fill_begin(struct ses_exchange *x, const struct subject *subject, const char *token,
                       const struct model_request *request, struct texts *texts)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    FILL_COMMON(&m);
    m.expected_version = request->expected_version;
    m.renew_token = request->renew != 0;
    m.name = texts->step;
    m.return_url = known(BACK_URL);
    m.event_id = texts->event_id;
    m.step_seconds = request->step_seconds;
    pack(x, &m.base);
}

static void fill_others(struct ses_exchange *x, const struct subject *subject, const char *token,
                        const struct model_request *request)
{
    Sessiond__V1__RevokeSessionRequest revoke;
    Sessiond__V1__GetSessionRequest get;
    Sessiond__V1__WatchSessionRequest watch;

    sessiond__v1__revoke_session_request__init(&revoke);
    sessiond__v1__get_session_request__init(&get);
    sessiond__v1__watch_session_request__init(&watch);
    FILL_COMMON(&revoke);
    FILL_COMMON(&get);
    FILL_COMMON(&watch);
    revoke.expected_version = request->expected_version;
    watch.from_version = request->from_version;
    pack(x, request->method == MODEL_REVOKE_CALL ? &revoke.base
            : request->method == MODEL_GET       ? &get.base
                                                 : &watch.base);
}

static void fill_return(struct ses_exchange *x, const struct subject *subject,
                        const struct model_request *request)
{
    static const struct ses_slice queries[] = {SES_STR_INIT(""), SES_STR_INIT("cres=1"),
                                               SES_STR_INIT("cres=2")};

    x->path = ses_slice_str(subject->handles[request->handle].path);
    x->http_method = SES_STR("GET");
    x->query = queries[request->payload];
}

void client_fill(struct ses_exchange *x, const struct subject *subject, const struct model_request *request)
{
    const char *token = request->token != 0 ? subject->tokens[request->token].text : "";
    struct texts texts;

    name(texts.event_id, sizeof(texts.event_id), "e", request->event_id);
    name(texts.text, sizeof(texts.text), "text-", request->text);
    name(texts.customer, sizeof(texts.customer), "c", request->customer);
    name(texts.step, sizeof(texts.step), "s", request->event_id);
    switch (request->method) {
    case MODEL_CREATE:
        fill_create(x, subject, request, &texts);
        break;
    case MODEL_ADVANCE:
        fill_advance(x, subject, token, request, &texts);
        break;
    case MODEL_UPDATE:
        fill_update(x, subject, token, request, &texts);
        break;
    case MODEL_BEGIN:
        fill_begin(x, subject, token, request, &texts);
        break;
    case MODEL_RETURN:
        fill_return(x, subject, request);
        break;
    default:
        fill_others(x, subject, token, request);
    }
}
