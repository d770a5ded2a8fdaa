/* One function a method: the message, its call, its answer. */
#include "method/session_calls.h"

#define TEST_MODE 4 /* field number of test_mode in every request */

char *text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

static char *text_or(const char *literal, const char *usual)
{
    return text(literal == NULL ? usual : literal);
}

char *create(struct core *core, struct order order)
{
    struct call *call = core_call(core, order);
    char *token = strdup(call_response(call)->session_token);

    call_free(call);
    return token;
}

char *token_changed(struct core *core, const char *token, void (*change)(struct ses_claims *claims))
{
    struct call *call = call_new(core, SERVICE "GetSession", 0); /* for its memory */
    struct ses_claims claims = token_claims(call, token);
    char changed[SES_TOKEN_SIZE_MAX + 1];
    size_t len = 0;

    change(&claims);
    assert_ok(ses_token_mint(core->ring, &claims, SES_TOKEN_PUBLIC, changed, &len));
    changed[len] = '\0';
    call_free(call);
    return strdup(changed);
}

/* ---- any method ------------------------------------------------------------------------------ */

/* The fields of GetSession are what all requests begin with, under the same numbers. */
static struct ses_slice common_fields(struct call *call, struct caller caller)
{
    Sessiond__V1__GetSessionRequest m;
    struct ses_slice bytes;

    sessiond__v1__get_session_request__init(&m);
    m.session_token = text_or(caller.token, "");
    m.merchant_session_id = text_or(caller.id, "session_001");
    m._test_mode_case = TEST_MODE;
    m.test_mode = !caller.live;
    if (caller.browser != NULL) {
        m._browser_info_case = 3;
        m.browser_info = (Sessiond__V1__BrowserInformation *)(uintptr_t)caller.browser;
    }
    assert_ok(ses_proto_pack(&m.base, &call->x->arena, &bytes));
    return bytes;
}

/* Two encodings behind each other are the encoding of both messages merged. */
struct call *session_call(struct core *core, const char *method, struct caller caller,
                          const ProtobufCMessage *own)
{
    char path[96];
    struct call *call;
    struct ses_slice common, rest = SES_SLICE_EMPTY;
    uint8_t *body;

    (void)snprintf(path, sizeof(path), SERVICE "%s", method);
    call = call_new(core, path, 0);
    if (caller.tenant != NULL)
        call_header(call, "x-tenant-id", caller.tenant);
    if (caller.merchant != NULL)
        call_header(call, "x-merchant-id", caller.merchant);
    common = common_fields(call, caller);
    if (own != NULL)
        assert_ok(ses_proto_pack(own, &call->x->arena, &rest));
    body = ses_arena_alloc(&call->x->arena, common.len + rest.len + 1);
    memcpy(body, common.data, common.len);
    if (rest.len > 0)
        memcpy(body + common.len, rest.data, rest.len);
    call->x->body = ses_slice(body, common.len + rest.len);
    return call;
}

struct call *ask(struct core *core, const char *method, struct caller caller, const ProtobufCMessage *own)
{
    struct call *call = session_call(core, method, caller, own);

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

ProtobufCMessage *durable_answer(struct call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = answer(call, descriptor);

    assert_string_equal(call_header_told(call, "x-session-durability"),
                        core_has_toy(call->core) ? "replica" : "process");
    return message;
}

void refused(struct call *call, enum ses_status status, const char *reason)
{
    (void)call_error(call, status, reason);
    call_free(call);
}

void refused_with(struct call *call, enum ses_status status, const char *reason, const char *key,
                  const char *value)
{
    const struct ses_error *error = call_error(call, status, reason);

    assert_int_equal(error->metadata_count, 1);
    assert_true(ses_slice_eq_str(error->metadata[0].key, key));
    if (!ses_slice_eq_str(error->metadata[0].value, value))
        fail_msg("%s is %.*s", key, SES_FMT(error->metadata[0].value));
    call_free(call);
}

void violates(struct call *call, const char *field)
{
    const struct ses_error *error = call_error(call, SES_INVALID_ARGUMENT, "INVALID_FIELDS");

    assert_int_equal(error->violations_count, 1);
    if (!ses_slice_eq_str(error->violations[0].key, field))
        fail_msg("%.*s, not %s", SES_FMT(error->violations[0].key), field);
    call_free(call);
}

/* ---- each method ----------------------------------------------------------------------------- */

struct call *get_as(struct core *core, const char *token, const char *tenant)
{
    return ask(core, "GetSession", (struct caller){.token = token, .tenant = tenant}, NULL);
}

struct call *get(struct core *core, const char *token)
{
    return get_as(core, token, NULL);
}

Sessiond__V1__Session *got(struct call *call)
{
    return ((Sessiond__V1__GetSessionResponse *)durable_answer(
                call, &sessiond__v1__get_session_response__descriptor))
        ->session;
}

/* What an advance puts into the session, and what it says it is about. */
struct advance_parts {
    Sessiond__V1__ConnectorState state;
    Sessiond__V1__ConnectorSession connector;
    Sessiond__V1__Money money;
};

static void fill_parts(const struct advance *what, Sessiond__V1__AdvanceSessionRequest *m,
                       struct advance_parts *parts)
{
    sessiond__v1__connector_state__init(&parts->state);
    sessiond__v1__connector_session__init(&parts->connector);
    sessiond__v1__money__init(&parts->money);
    if (what->customer != NULL) {
        parts->state._connector_customer_id_case = 2;
        parts->state.connector_customer_id = text(what->customer);
        m->_state_case = 8;
        m->state = &parts->state;
    }
    if (what->transaction != NULL || what->connector_end_ms != 0) {
        parts->connector.transaction_id = text_or(what->transaction, "");
        parts->connector.expires_ms = what->connector_end_ms;
        m->connector_session = &parts->connector;
    }
    if (what->amount != 0) {
        parts->money.minor_amount = what->amount;
        parts->money.currency = SESSIOND__V1__CURRENCY__USD;
        m->amount = &parts->money;
    }
}

struct call *advance(struct core *core, struct advance what)
{
    Sessiond__V1__AdvanceSessionRequest m;
    struct advance_parts parts;

    sessiond__v1__advance_session_request__init(&m);
    m.event = (Sessiond__V1__SessionEvent)what.event;
    m.event_id = text_or(what.id, "");
    m.expected_version = what.expected;
    m.connector_payment_id = text_or(what.payment_id, "");
    m.step_seconds = what.step_seconds;
    m.renew_token = what.renew;
    fill_parts(&what, &m, &parts);
    return ask(core, "AdvanceSession", (struct caller){.token = what.token}, &m.base);
}

Sessiond__V1__AdvanceSessionResponse *advanced(struct call *call)
{
    return (Sessiond__V1__AdvanceSessionResponse *)durable_answer(
        call, &sessiond__v1__advance_session_response__descriptor);
}

struct call *update(struct core *core, struct update what)
{
    Sessiond__V1__UpdateSessionRequest m;
    Sessiond__V1__SecretString metadata, feature_data;
    Sessiond__V1__Money money;

    sessiond__v1__update_session_request__init(&m);
    sessiond__v1__secret_string__init(&metadata);
    sessiond__v1__secret_string__init(&feature_data);
    sessiond__v1__money__init(&money);
    m.expected_version = what.expected;
    m.renew_token = what.renew;
    if (what.amount != 0) {
        money.minor_amount = what.amount;
        money.currency = what.currency == 0 ? SESSIOND__V1__CURRENCY__USD : what.currency;
        m.amount = &money;
    }
    if (what.metadata != NULL) {
        metadata.value = text(what.metadata);
        m._metadata_case = 7;
        m.metadata = &metadata;
    }
    if (what.feature_data != NULL) {
        feature_data.value = text(what.feature_data);
        m._connector_feature_data_case = 8;
        m.connector_feature_data = &feature_data;
    }
    return ask(core, "UpdateSession", (struct caller){.token = what.token}, &m.base);
}

Sessiond__V1__UpdateSessionResponse *updated(struct call *call)
{
    return (Sessiond__V1__UpdateSessionResponse *)durable_answer(
        call, &sessiond__v1__update_session_response__descriptor);
}

struct call *begin(struct core *core, struct begin what)
{
    Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.expected_version = what.expected;
    m.name = text_or(what.name, "challenge");
    m.return_url = text_or(what.url, BACK_URL);
    m.step_seconds = what.step_seconds;
    m.event_id = text_or(what.id, "");
    m.return_mode = (Sessiond__V1__ReturnMode)what.mode;
    m.renew_token = what.renew;
    return ask(core, "BeginStep", (struct caller){.token = what.token}, &m.base);
}

Sessiond__V1__BeginStepResponse *begun(struct call *call)
{
    return (Sessiond__V1__BeginStepResponse *)durable_answer(call,
                                                             &sessiond__v1__begin_step_response__descriptor);
}

char *begun_path(struct call *call)
{
    char *path = strdup(strstr(begun(call)->return_url, "/r/"));

    call_free(call);
    return path;
}

char *begun_handle(struct call *call)
{
    char *handle = strdup(begun(call)->step_handle);

    call_free(call);
    return handle;
}

struct call *revoke_session(struct core *core, const char *token, uint64_t expected)
{
    Sessiond__V1__RevokeSessionRequest m;

    sessiond__v1__revoke_session_request__init(&m);
    m.expected_version = expected;
    return ask(core, "RevokeSession", (struct caller){.token = token}, &m.base);
}

Sessiond__V1__Session *revoked(struct call *call)
{
    return ((Sessiond__V1__RevokeSessionResponse *)durable_answer(
                call, &sessiond__v1__revoke_session_response__descriptor))
        ->session;
}

struct call *watch(struct core *core, const char *token, uint64_t from_version)
{
    Sessiond__V1__WatchSessionRequest m;

    sessiond__v1__watch_session_request__init(&m);
    m.from_version = from_version;
    return session_call(core, "WatchSession", (struct caller){.token = token}, &m.base);
}

/* ---- on the way ------------------------------------------------------------------------------ */

void tell(struct core *core, const char *token, int event, int outcome)
{
    struct call *call = advance(core, (struct advance){.token = token, .event = event});

    assert_int_equal(advanced(call)->outcome, outcome);
    call_free(call);
}

struct ses_session stored_session(struct core *core)
{
    struct ses_store_op read;
    struct ses_session session;

    assert_ok(core_stored(core, "session_001", &read, &session));
    return session;
}
