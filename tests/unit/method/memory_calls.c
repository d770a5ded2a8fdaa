/* The calls of memory_calls.h: messages that have something of everything. */
#include "method/memory_calls.h"

#include <sessiond/v1/operator.pb-c.h>

typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest new_request;

/* ---- creates --------------------------------------------------------------------------------- */

static struct call *as_merchant(struct core *core, const char *path, const struct stage *stage)
{
    struct call *call = call_new(core, path, 0);

    call_header(call, "x-merchant-id", stage->merchant);
    return call;
}

static struct call *make_create_of(struct core *core, const struct stage *stage, struct order order)
{
    struct call *call = as_merchant(core, OLD_PATH, stage);
    old_request message = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST__INIT;
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString metadata;

    call_connector(call, order.connector, NULL);
    order_fill(&order, &message, &money, &browser, &state, &metadata);
    call_body(call, &message.base);
    return call;
}

struct call *make_create(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.metadata = "order=1"});
}

struct call *make_continuation(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.customer = "cus_1"});
}

struct call *make_replay(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.id = NULL});
}

struct call *make_connector(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.connector = "stripe"});
}

struct call *make_json(struct core *core, const struct stage *stage)
{
    struct call *call = as_merchant(core, OLD_PATH, stage);

    call_connector(call, NULL, NULL);
    call->x->encoding = SES_ENCODING_JSON;
    call->x->body = SES_STR("{\"merchant_session_id\":\"session_001\",\"amount\":{\"minor_amount\":10000,"
                            "\"currency\":\"USD\"},\"metadata\":\"x\",\"test_mode\":true,"
                            "\"browser_info\":{\"accept_header\":\"text/html\",\"user_agent\":\"Moz\"}}");
    return call;
}

struct call *make_newer(struct core *core, const struct stage *stage)
{
    struct call *call = as_merchant(core, NEW_PATH, stage);
    new_request message =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_SESSION_AUTHENTICATION_TOKEN_REQUEST__INIT;
    Types__PaymentSessionContext payment = TYPES__PAYMENT_SESSION_CONTEXT__INIT;
    Types__Customer customer = TYPES__CUSTOMER__INIT;
    Types__Money money = TYPES__MONEY__INIT;

    call_connector(call, NULL, NULL);
    money.minor_amount = 10000;
    money.currency = TYPES__CURRENCY__USD;
    customer._name_case = 1;
    customer.name = text("A. Shopper");
    payment.amount = &money;
    payment._customer_case = 4;
    payment.customer = &customer;
    message._merchant_server_session_id_case = 1;
    message.merchant_server_session_id = text("session_001");
    message._test_mode_case = 4;
    message.test_mode = true;
    message.domain_context_case = 5;
    message.payment = &payment;
    call_body(call, &message.base);
    return call;
}

/* ---- SessionService -------------------------------------------------------------------------- */

static struct call *make_call(struct core *core, const struct stage *stage, const char *method,
                              const ProtobufCMessage *own)
{
    return session_call(core, method, (struct caller){.token = stage->token, .merchant = stage->merchant},
                        own);
}

struct call *make_get(struct core *core, const struct stage *stage)
{
    return make_call(core, stage, "GetSession", NULL);
}

struct call *make_advance(struct core *core, const struct stage *stage)
{
    Sessiond__V1__AdvanceSessionRequest m;

    sessiond__v1__advance_session_request__init(&m);
    m.event = SESSIOND__V1__SESSION_EVENT__SESSION_EVENT_COMPLETED;
    m.event_id = text("e1");
    return make_call(core, stage, "AdvanceSession", &m.base);
}

struct call *make_webhook(struct core *core, const struct stage *stage)
{
    struct stage nameless = *stage;

    nameless.token = NULL;
    return make_advance(core, &nameless);
}

struct call *make_update(struct core *core, const struct stage *stage)
{
    Sessiond__V1__UpdateSessionRequest m;
    Sessiond__V1__SecretString secret;

    sessiond__v1__update_session_request__init(&m);
    sessiond__v1__secret_string__init(&secret);
    secret.value = text("changed");
    m._metadata_case = 7;
    m.metadata = &secret;
    return make_call(core, stage, "UpdateSession", &m.base);
}

static struct call *make_begin_of(struct core *core, const struct stage *stage, Sessiond__V1__ReturnMode mode)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.name = text("challenge");
    m.event_id = text("b1");
    m.return_url = text(BACK_URL);
    m.return_mode = mode;
    return make_call(core, stage, "BeginStep", &m.base);
}

struct call *make_begin(struct core *core, const struct stage *stage)
{
    return make_begin_of(core, stage, SESSIOND__V1__RETURN_MODE__RETURN_MODE_REDIRECT);
}

struct call *make_begin_frame(struct core *core, const struct stage *stage)
{
    return make_begin_of(core, stage, SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME);
}

struct call *make_revoke(struct core *core, const struct stage *stage)
{
    return make_call(core, stage, "RevokeSession", NULL);
}

struct call *make_watch(struct core *core, const struct stage *stage)
{
    return make_call(core, stage, "WatchSession", NULL);
}

/* ---- OperatorService ------------------------------------------------------------------------- */

static struct call *make_operator(struct core *core, const struct stage *stage, const char *path,
                                  const ProtobufCMessage *message)
{
    struct call *call = call_new(core, path, 0);

    call_header(call, "x-merchant-id", stage->merchant);
    call_body(call, message);
    return call;
}

struct call *make_show(struct core *core, const struct stage *stage)
{
    Sessiond__V1__ShowSessionRequest m;

    sessiond__v1__show_session_request__init(&m);
    m.merchant_session_id = text("session_001");
    m.test_mode = true;
    return make_operator(core, stage, "/sessiond.v1.OperatorService/ShowSession", &m.base);
}

struct call *make_operator_revoke(struct core *core, const struct stage *stage)
{
    Sessiond__V1__OperatorRevokeSessionRequest m;

    sessiond__v1__operator_revoke_session_request__init(&m);
    m.merchant_session_id = text("session_001");
    m.test_mode = true;
    m.reason = text("because");
    return make_operator(core, stage, "/sessiond.v1.OperatorService/RevokeSession", &m.base);
}

/* ---- returns --------------------------------------------------------------------------------- */

/* type NULL: a GET, body its query. */
static struct call *make_return_of(struct core *core, const struct stage *stage, const char *type,
                                   const char *body)
{
    struct call *call = call_new(core, "/r/", 0);

    call->x->path = ses_slice_str(stage->handle);
    call->x->http_method = type == NULL ? SES_STR("GET") : SES_STR("POST");
    if (type == NULL) {
        call->x->query = ses_slice_str(body);
    } else {
        call_header(call, "content-type", type);
        call->x->body = ses_slice_str(body);
    }
    return call;
}

struct call *make_return_query(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, NULL, "cres=ab%20c&threeDSSessionData=x");
}

struct call *make_return_form(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "application/x-www-form-urlencoded", "cres=Andr%E9&MD=1");
}

struct call *make_return_text(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "text/plain", "cres=eyJ0\r\nMD=1\r\n");
}

struct call *make_return_json(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "application/json", "{\"cres\":\"eyJ0\",\"o\":{\"a\": [1]}}");
}

struct call *make_return_multipart(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "multipart/form-data; boundary=b",
                          "--b\r\nContent-Disposition: form-data; name=\"cres\"\r\n\r\neyJ0\r\n"
                          "--b\r\nContent-Disposition: form-data; name=\"MD\"\r\n\r\n1\r\n--b--\r\n");
}
