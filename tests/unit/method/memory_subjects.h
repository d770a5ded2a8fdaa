/* memory_subjects.h - every method as one row: its call, made and not yet started, and what its answer must
 * say. For test_no_memory.c, which runs them with too little memory. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_MEMORY_SUBJECTS_H
#define SESSIOND_TESTS_UNIT_METHOD_MEMORY_SUBJECTS_H

#include "method/session_calls.h"

#define BACK_URL  "http://localhost:3000/back"
#define ROOM_MAX  (1u << 20) /* of an exchange's arena */
#define TEST_MODE 4          /* field number of test_mode in every request of SessionService */

typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest new_request;
typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenResponse new_response;

/* ---- the calls ------------------------------------------------------------------------------- */

/* Each attempt is another merchant's, with a session of its own. */
struct stage {
    char merchant[16];
    char *token;  /* of the session, where the subject has one */
    char *handle; /* "/r/.." of its open step, where it has one */
};

struct subject {
    const char *name;
    bool session; /* there is one */
    bool step;    /* it is in a step, and the answer a page */
    bool frame;   /* in RETURN_MODE_FRAME */
    bool early;   /* an event waits for it, and closes it */
    bool kept;    /* it is itself an event that waits */
    bool once;    /* a second call is refused: the first one's answer has a new token */
    bool stream;  /* the answer is the first message of a stream */
    /* Made, not started. */
    struct call *(*make)(struct core *core, const struct stage *stage);
    void (*expect)(const struct call *call);
};

static inline struct call *as_merchant(struct core *core, const char *path, const struct stage *stage)
{
    struct call *call = call_new(core, path, 0);

    call_header(call, "x-merchant-id", stage->merchant);
    return call;
}

static inline struct call *make_create_of(struct core *core, const struct stage *stage, struct order order)
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

static inline struct call *make_create(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.metadata = "order=1"});
}

static inline struct call *make_continuation(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.customer = "cus_1"});
}

static inline struct call *make_replay(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.id = NULL});
}

static inline struct call *make_connector(struct core *core, const struct stage *stage)
{
    return make_create_of(core, stage, (struct order){.connector = "stripe"});
}

static inline struct call *make_json(struct core *core, const struct stage *stage)
{
    struct call *call = as_merchant(core, OLD_PATH, stage);

    call_connector(call, NULL, NULL);
    call->x->encoding = SES_ENCODING_JSON;
    call->x->body = SES_STR("{\"merchant_session_id\":\"session_001\",\"amount\":{\"minor_amount\":10000,"
                            "\"currency\":\"USD\"},\"metadata\":\"x\",\"test_mode\":true,"
                            "\"browser_info\":{\"accept_header\":\"text/html\",\"user_agent\":\"Moz\"}}");
    return call;
}

static inline struct call *make_newer(struct core *core, const struct stage *stage)
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

/* The fields that all requests of SessionService begin with. */
#define MAKE(core, stage, method, m, tail)                                                                   \
    struct call *call = as_merchant(core, SERVICE method, stage);                                            \
                                                                                                             \
    (m).session_token = (stage)->token == NULL ? text("") : (stage)->token;                                  \
    (m).merchant_session_id = text("session_001");                                                           \
    (m)._test_mode_case = TEST_MODE;                                                                         \
    (m).test_mode = true;                                                                                    \
    tail;                                                                                                    \
    call_body(call, &(m).base);                                                                              \
    return call

static inline struct call *make_get(struct core *core, const struct stage *stage)
{
    Sessiond__V1__GetSessionRequest m;

    sessiond__v1__get_session_request__init(&m);
    MAKE(core, stage, "GetSession", m, (void)0);
}

/* The token, if there is one; else the event is kept for the session to come. */
static inline struct call *make_advance(struct core *core, const struct stage *stage)
{
    Sessiond__V1__AdvanceSessionRequest m;

    sessiond__v1__advance_session_request__init(&m);
    m.event_id = text("e1");
    MAKE(core, stage, "AdvanceSession", m, m.event = SESSIOND__V1__SESSION_EVENT__SESSION_EVENT_COMPLETED);
}

/* Of a session that is there, but by somebody who has no token of it. */
static inline struct call *make_webhook(struct core *core, const struct stage *stage)
{
    struct stage nameless = *stage;

    nameless.token = NULL;
    return make_advance(core, &nameless);
}

static inline struct call *make_update(struct core *core, const struct stage *stage)
{
    Sessiond__V1__UpdateSessionRequest m;
    Types__SecretString secret;

    sessiond__v1__update_session_request__init(&m);
    types__secret_string__init(&secret);
    secret.value = text("changed");
    m._metadata_case = 7;
    MAKE(core, stage, "UpdateSession", m, m.metadata = &secret);
}

static inline struct call *make_begin_of(struct core *core, const struct stage *stage, bool frame)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.name = text("challenge");
    m.event_id = text("b1");
    m.return_url = text(BACK_URL);
    MAKE(core, stage, "BeginStep", m,
         m.return_mode = frame ? SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME
                               : SESSIOND__V1__RETURN_MODE__RETURN_MODE_REDIRECT);
}

static inline struct call *make_begin(struct core *core, const struct stage *stage)
{
    return make_begin_of(core, stage, false);
}

static inline struct call *make_begin_frame(struct core *core, const struct stage *stage)
{
    return make_begin_of(core, stage, true);
}

static inline struct call *make_revoke(struct core *core, const struct stage *stage)
{
    Sessiond__V1__RevokeSessionRequest m;

    sessiond__v1__revoke_session_request__init(&m);
    MAKE(core, stage, "RevokeSession", m, (void)0);
}

static inline struct call *make_watch(struct core *core, const struct stage *stage)
{
    Sessiond__V1__WatchSessionRequest m;

    sessiond__v1__watch_session_request__init(&m);
    MAKE(core, stage, "WatchSession", m, (void)0);
}

/* type NULL: a GET, body its query. */
static inline struct call *make_return_of(struct core *core, const struct stage *stage, const char *type,
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

static inline struct call *make_return_query(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, NULL, "cres=ab%20c&threeDSSessionData=x");
}

static inline struct call *make_return_form(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "application/x-www-form-urlencoded", "cres=Andr%E9&MD=1");
}

static inline struct call *make_return_text(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "text/plain", "cres=eyJ0\r\nMD=1\r\n");
}

static inline struct call *make_return_json(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "application/json", "{\"cres\":\"eyJ0\",\"o\":{\"a\": [1]}}");
}

static inline struct call *make_return_multipart(struct core *core, const struct stage *stage)
{
    return make_return_of(core, stage, "multipart/form-data; boundary=b",
                          "--b\r\nContent-Disposition: form-data; name=\"cres\"\r\n\r\neyJ0\r\n"
                          "--b\r\nContent-Disposition: form-data; name=\"MD\"\r\n\r\n1\r\n--b--\r\n");
}

/* ---- their answers --------------------------------------------------------------------------- */

static inline ProtobufCMessage *
unpacked(const struct call *call, const ProtobufCMessageDescriptor *descriptor, struct ses_arena *arena)
{
    ProtobufCMessage *message = NULL;

    ses_arena_init(arena, ROOM_MAX);
    assert_ok(ses_proto_unpack(descriptor, door_message(&call->door, 0), arena, &message));
    return message;
}

static inline void expect_token(const struct call *call)
{
    struct ses_arena arena;
    const old_response *response = (const old_response *)unpacked(
        call, &types__merchant_authentication_service_create_session_token_response__descriptor, &arena);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    assert_memory_equal(response->session_token, "sess_", 5);
    ses_arena_done(&arena);
}

static inline void expect_replay(const struct call *call)
{
    expect_token(call);
    assert_true(call_replayed(call));
}

static inline void expect_newer(const struct call *call)
{
    struct ses_arena arena;
    const new_response *response = (const new_response *)unpacked(
        call,
        &types__merchant_authentication_service_create_server_session_authentication_token_response__descriptor,
        &arena);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    assert_memory_equal(response->session_token, "sess_", 5);
    ses_arena_done(&arena);
}

static inline void expect_json(const struct call *call)
{
    assert_non_null(strstr((const char *)call->door.message[0], "sess_"));
    assert_int_equal(call->door.message[0][call->door.message_len[0] - 1], '}');
}

/* The parts of a session that every answer has, and its status. */
static inline void expect_session(const Sessiond__V1__Session *session, Sessiond__V1__SessionStatus status)
{
    assert_non_null(session);
    assert_int_equal(session->status, status);
    assert_true(strlen(session->session_id) > 0);
    assert_string_equal(session->merchant_session_id, "session_001");
    assert_string_equal(session->connector_name, "adyen");
    assert_int_equal(session->amount->minor_amount, 10000);
    assert_true(session->version >= 1);
}

#define STATUS(name) SESSIOND__V1__SESSION_STATUS__SESSION_STATUS_##name

#define EXPECT(what, Message, message, status, tail)                                                         \
    static inline void expect_##what(const struct call *call)                                                \
    {                                                                                                        \
        struct ses_arena arena;                                                                              \
        const Sessiond__V1__##Message *m =                                                                   \
            (const Sessiond__V1__##Message *)unpacked(call, &sessiond__v1__##message##__descriptor, &arena); \
                                                                                                             \
        expect_session(m->session, status);                                                                  \
        tail;                                                                                                \
        ses_arena_done(&arena);                                                                              \
    }

EXPECT(got, GetSessionResponse, get_session_response, STATUS(OPEN), (void)0)
EXPECT(completed, AdvanceSessionResponse, advance_session_response, STATUS(COMPLETED),
       assert_int_equal(m->session->n_events, 1))
EXPECT(updated, UpdateSessionResponse, update_session_response, STATUS(OPEN),
       assert_string_equal(m->session->metadata->value, "changed"))
EXPECT(begun, BeginStepResponse, begin_step_response, STATUS(REDIRECTED),
       assert_string_equal(strstr(m->return_url, "/r/") + 3, m->step_handle))
EXPECT(revoked, RevokeSessionResponse, revoke_session_response, STATUS(REVOKED), (void)0)
EXPECT(watched, WatchSessionResponse, watch_session_response, STATUS(OPEN), (void)0)

static inline void expect_kept(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__AdvanceSessionResponse *m = (const Sessiond__V1__AdvanceSessionResponse *)unpacked(
        call, &sessiond__v1__advance_session_response__descriptor, &arena);

    assert_int_equal(m->outcome, SES_EVENT_KEPT);
    assert_null(m->session);
    ses_arena_done(&arena);
}

static inline void expect_duplicate(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__AdvanceSessionResponse *m = (const Sessiond__V1__AdvanceSessionResponse *)unpacked(
        call, &sessiond__v1__advance_session_response__descriptor, &arena);

    assert_int_equal(m->outcome, SES_EVENT_DUPLICATE);
    assert_int_equal(m->session->n_events, 1);
    expect_session(m->session, STATUS(COMPLETED));
    ses_arena_done(&arena);
}

/* What the browser brought is stored, whole. */
static inline void expect_returned(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__GetSessionResponse *m = (const Sessiond__V1__GetSessionResponse *)unpacked(
        call, &sessiond__v1__get_session_response__descriptor, &arena);

    expect_session(m->session, STATUS(RETURNED));
    assert_non_null(m->session->redirect_result);
    assert_int_equal(m->session->redirect_result->n_payload, 2);
    assert_string_equal(m->session->redirect_result->payload[0]->key, "cres");
    ses_arena_done(&arena);
}

static inline void expect_way_back(const struct call *call)
{
    bool found = false;

    for (size_t i = 0; i < call->x->reply_headers_count; i++)
        found = found || (ses_slice_eq_str(call->x->reply_headers[i].name, "location") &&
                          ses_slice_eq_str(call->x->reply_headers[i].value, BACK_URL));
    assert_int_equal(call->door.http_status, 303);
    assert_true(found);
}

static inline void expect_frame(const struct call *call)
{
    assert_int_equal(call->door.http_status, 200);
    assert_non_null(strstr((const char *)call->door.message[0], "data-outcome=\"returned\""));
    assert_non_null(strstr((const char *)call->door.message[0], BACK_URL));
    assert_non_null(strstr((const char *)call->door.message[0], "</html>"));
}

static const struct subject subjects[] = {
    {.name = "create", .make = make_create, .expect = expect_token},
    {.name = "create after an event", .early = true, .make = make_create, .expect = expect_token},
    {.name = "continuation", .session = true, .make = make_continuation, .expect = expect_token},
    {.name = "replay", .session = true, .make = make_replay, .expect = expect_replay},
    {.name = "create with a connector", .make = make_connector, .expect = expect_token},
    {.name = "create as JSON", .make = make_json, .expect = expect_json},
    {.name = "newer create", .make = make_newer, .expect = expect_newer},
    {.name = "GetSession", .session = true, .make = make_get, .expect = expect_got},
    {.name = "AdvanceSession", .session = true, .make = make_advance, .expect = expect_completed},
    {.name = "webhook", .session = true, .make = make_webhook, .expect = expect_completed},
    {.name = "early event", .kept = true, .make = make_advance, .expect = expect_kept},
    {.name = "UpdateSession", .session = true, .once = true, .make = make_update, .expect = expect_updated},
    {.name = "BeginStep", .session = true, .make = make_begin, .expect = expect_begun},
    {.name = "BeginStep in a frame", .session = true, .make = make_begin_frame, .expect = expect_begun},
    {.name = "RevokeSession", .session = true, .make = make_revoke, .expect = expect_revoked},
    {.name = "WatchSession", .session = true, .stream = true, .make = make_watch, .expect = expect_watched},
    {.name = "return", .session = true, .step = true, .make = make_return_query, .expect = expect_way_back},
    {.name = "form", .session = true, .step = true, .make = make_return_form, .expect = expect_way_back},
    {.name = "text", .session = true, .step = true, .make = make_return_text, .expect = expect_way_back},
    {.name = "JSON", .session = true, .step = true, .make = make_return_json, .expect = expect_way_back},
    {.name = "parts",
     .session = true,
     .step = true,
     .make = make_return_multipart,
     .expect = expect_way_back},
    {.name = "frame",
     .session = true,
     .step = true,
     .frame = true,
     .make = make_return_form,
     .expect = expect_frame},
};

/* Around a subject: how an early event comes, the session that takes it, and what is told of it then; what is
 * told of a return. */
static const struct subject keep = {.name = "keep", .make = make_webhook, .expect = expect_kept};
static const struct subject taken = {
    .name = "taken", .early = true, .make = make_create, .expect = expect_token};
static const struct subject applied = {.name = "applied", .make = make_webhook, .expect = expect_duplicate};
static const struct subject returned = {.name = "returned", .make = make_get, .expect = expect_returned};

#endif
