/* One function a method: the message, its call, its answer. */
#include "method/session_calls.h"

char *text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

char *create(struct core *core, struct order order)
{
    struct call *call = core_call(core, order);
    char *token = strdup(call_response(call)->session_token);

    call_free(call);
    return token;
}

struct call *ask(struct core *core, const char *method, const ProtobufCMessage *message)
{
    char path[96];
    struct call *call;

    (void)snprintf(path, sizeof(path), SERVICE "%s", method);
    call = call_new(core, path, 0);
    call_body(call, message);
    call_start(call);
    return call;
}

ProtobufCMessage *answer(struct call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = NULL;

    call_wait(call);
    if (call->door.failed)
        fail_msg("failed: %s", call->door.error_message);
    assert_ok(ses_proto_unpack(descriptor, door_message(&call->door, 0), &call->x->arena, &message));
    return message;
}

struct call *get_as(struct core *core, const char *token, const char *tenant)
{
    Sessiond__V1__GetSessionRequest m;
    struct call *call = call_new(core, SERVICE "GetSession", 0);

    sessiond__v1__get_session_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    if (tenant != NULL)
        call_header(call, "x-tenant-id", tenant);
    call_body(call, &m.base);
    call_start(call);
    return call;
}

struct call *get(struct core *core, const char *token)
{
    return get_as(core, token, NULL);
}

Sessiond__V1__Session *got(struct call *call)
{
    return ((Sessiond__V1__GetSessionResponse *)answer(call, &sessiond__v1__get_session_response__descriptor))
        ->session;
}

struct call *advance(struct core *core, struct advance what)
{
    Sessiond__V1__AdvanceSessionRequest m;
    Types__ConnectorState state = TYPES__CONNECTOR_STATE__INIT;
    Sessiond__V1__ConnectorSession connector;

    sessiond__v1__advance_session_request__init(&m);
    sessiond__v1__connector_session__init(&connector);
    m.session_token = text(what.token == NULL ? "" : what.token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.event = (Sessiond__V1__SessionEvent)what.event;
    m.event_id = text(what.id == NULL ? "" : what.id);
    m.expected_version = what.expected;
    if (what.customer != NULL) {
        state._connector_customer_id_case = 2;
        state.connector_customer_id = text(what.customer);
        m._state_case = 8;
        m.state = &state;
    }
    if (what.transaction != NULL) {
        connector.transaction_id = text(what.transaction);
        m.connector_session = &connector;
    }
    return ask(core, "AdvanceSession", &m.base);
}

Sessiond__V1__AdvanceSessionResponse *advanced(struct call *call)
{
    return (Sessiond__V1__AdvanceSessionResponse *)answer(
        call, &sessiond__v1__advance_session_response__descriptor);
}

struct call *begin(struct core *core, const char *token, const char *url)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m.name = text("challenge");
    m.return_url = text(url);
    return ask(core, "BeginStep", &m.base);
}

struct call *update(struct core *core, const char *token, const char *metadata)
{
    Sessiond__V1__UpdateSessionRequest m;
    Types__SecretString secret;

    sessiond__v1__update_session_request__init(&m);
    types__secret_string__init(&secret);
    secret.value = text(metadata);
    m.session_token = text(token);
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    m._metadata_case = 7;
    m.metadata = &secret;
    return ask(core, "UpdateSession", &m.base);
}
