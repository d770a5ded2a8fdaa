/* One message for each method, with the fields that only it has. */
#include "method/each_method.h"

const char *method_name(const struct core *core, size_t i)
{
    size_t count = 0;
    const struct ses_route *routes = ses_service_routes(core->service, &count);

    for (const struct ses_route *route = routes; route < routes + count; route++) {
        if (strncmp(route->path, SERVICE, strlen(SERVICE)) == 0 && i-- == 0)
            return route->path + strlen(SERVICE);
    }
    return NULL;
}

static const ProtobufCMessage *event_message(void)
{
    static Sessiond__V1__AdvanceSessionRequest m;

    sessiond__v1__advance_session_request__init(&m);
    m.event = SESSIOND__V1__SESSION_EVENT__SESSION_EVENT_PROCESSING_STARTED;
    m.event_id = text("e1");
    return &m.base;
}

static const ProtobufCMessage *amount_message(void)
{
    static Sessiond__V1__UpdateSessionRequest m;
    static Sessiond__V1__Money money;

    sessiond__v1__update_session_request__init(&m);
    sessiond__v1__money__init(&money);
    money.minor_amount = 777;
    money.currency = SESSIOND__V1__CURRENCY__USD;
    m.amount = &money;
    return &m.base;
}

static const ProtobufCMessage *step_message(void)
{
    static Sessiond__V1__BeginStepRequest m;

    sessiond__v1__begin_step_request__init(&m);
    m.name = text("challenge");
    m.return_url = text(BACK_URL);
    return &m.base;
}

static const struct {
    const char *name;
    const ProtobufCMessage *(*own)(void); /* NULL: nothing of its own is needed */
} methods[] = {
    {"GetSession", NULL},        {"AdvanceSession", event_message}, {"UpdateSession", amount_message},
    {"BeginStep", step_message}, {"RevokeSession", NULL},           {"WatchSession", NULL},
};

struct call *method_call(struct core *core, const char *method, struct caller caller)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].name, method) == 0)
            return ask(core, method, caller, methods[i].own == NULL ? NULL : methods[i].own());
    }
    fail_msg("%s is not among the methods that are walked", method);
    return NULL;
}

void accepted(struct call *call)
{
    struct core *core = call->core;

    WAIT_DOING(core_turn(core), call->door.ended + call->door.sent != 0);
    if (call->door.failed)
        fail_msg("%s failed: %s", call->x->route->path, call->door.error_message);
    assert_int_equal(call->door.sent, 1);
    call_free(call);
    core_settle(core); /* a stream may be looking */
}

static void refuses(struct core *core, const char *method, struct caller caller, enum ses_status status,
                    const char *reason, const char *key, const char *value)
{
    struct call *call = method_call(core, method, caller);

    print_message("%s\n", method);
    if (key == NULL)
        refused(call, status, reason);
    else
        refused_with(call, status, reason, key, value);
}

void all_refuse(struct core *core, struct caller caller, enum ses_status status, const char *reason,
                const char *key, const char *value)
{
    uint64_t puts = core_puts(core);
    const char *method;

    for (size_t i = 0; (method = method_name(core, i)) != NULL; i++)
        refuses(core, method, caller, status, reason, key, value);
    assert_int_equal(core_puts(core), puts);
    assert_int_equal(ses_service_in_flight(core->service), 0);
}
