/* The list is of what the server reads, by name: nothing of ours, of the connection or of whatever else a client sends can
 * get there. */
#include <sessiond/caller/caller_key.h>
#include <sessiond/exchange/exchange_trace.h>

#include "gateway_call.h"

/* A header list of the server's is 16 KiB, 32 bytes a field (RFC 9113 section 6.5.2); the protocol's own need some. */
#define HEADERS_BYTES_MAX (SES_UPSTREAM_HEADERS_MAX - SES_KIB)
#define FIELD_BYTES       32u

static const struct ses_slice passed[] = {
    SES_STR_INIT("x-connector"),
    SES_STR_INIT("x-connector-config"),
    SES_STR_INIT("x-connector-auth"),
    SES_STR_INIT("x-auth"),
    SES_STR_INIT("x-api-key"),
    SES_STR_INIT("x-key1"),
    SES_STR_INIT("x-key2"),
    SES_STR_INIT("x-api-secret"),
    SES_STR_INIT("x-auth-key-map"),
    SES_STR_INIT("x-merchant-id"),
    SES_STR_INIT("x-tenant-id"),
    SES_STR_INIT("x-reference-id"),
    SES_STR_INIT("x-resource-id"),
    SES_STR_INIT("x-environment"),
    SES_STR_INIT("x-shadow-mode"),
    SES_STR_INIT("x-lineage-ids"),
    SES_STR_INIT("x-connector-request-reference-id"),
};

#define PASSED_COUNT (sizeof(passed) / sizeof(passed[0]))

/* Of 20 a call has some six: those are copied into the arena. */
struct list {
    struct ses_upstream_pair pairs[PASSED_COUNT + 3]; /* request id, traceparent and tracestate besides */
    size_t count;
    size_t bytes;
};

static void add(struct list *list, struct ses_slice name, struct ses_slice value)
{
    list->pairs[list->count++] = (struct ses_upstream_pair){name, value};
    list->bytes += name.len + value.len + FIELD_BYTES;
}

/* A caller's own key opens this server and no other. */
static bool is_passed(struct ses_slice name, struct ses_slice value)
{
    return value.len > 0 && !(ses_slice_eq_str(name, "x-api-key") && ses_caller_key_is_one(value));
}

static enum ses_status refuse_memory(struct ses_error *error)
{
    ses_error_set(error, SES_NO_MEMORY, SES_STR("out of memory"));
    return SES_NO_MEMORY;
}

static void name_connector(struct ses_gateway_call *call, const struct ses_connector *connector)
{
    if (connector != NULL && call->connector.name == NULL)
        call->connector =
            (struct ses_connector_identity){.number = connector->number, .name = connector->name};
}

/* As the payment server reads them: a configuration before x-connector. A name that no connector can have is one that it
 * refuses, and nothing here is known by it. */
static enum ses_status check_connector(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    static const char *const configs[] = {"x-connector-config", "x-connector-auth"};
    struct ses_slice name = ses_exchange_header(call->x, "x-connector", NULL);

    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        struct ses_slice text = ses_exchange_header(call->x, configs[i], NULL);
        const struct ses_connector *connector = NULL;

        if (text.len > 0)
            SES_TRY(ses_connector_config_check(&call->service->options.policy, call->service->passed_configs,
                                               text, &call->x->arena, &connector, ret_error));
        name_connector(call, connector);
    }
    if (call->connector.name != NULL || name.len == 0)
        return SES_OK;
    name_connector(call, ses_connector_by_name(name));
    if (call->connector.name == NULL)
        call->connector.name = ses_arena_str(&call->x->arena, name);
    return call->connector.name != NULL ? SES_OK : refuse_memory(ret_error);
}

static enum ses_status check_size(const struct list *list, struct ses_error *ret_error)
{
    if (list->bytes <= HEADERS_BYTES_MAX)
        return SES_OK;
    ses_error_set(
        ret_error, SES_INVALID_ARGUMENT,
        SES_STR("the headers that are passed on are larger than the payment server takes (15 KiB)"));
    return ret_error->status;
}

static void add_passed(const struct ses_gateway_call *call, struct list *list)
{
    for (size_t i = 0; i < PASSED_COUNT; i++) {
        struct ses_slice value = ses_exchange_header(call->x, (const char *)passed[i].data, NULL);

        if (is_passed(passed[i], value))
            add(list, passed[i], value);
    }
}

/* The server learns which trace the call belongs to. */
static enum ses_status add_trace(const struct ses_gateway_call *call, struct list *list)
{
    struct ses_trace_headers headers;

    SES_TRY(ses_exchange_trace_call(call->x, &headers));
    add(list, SES_STR("traceparent"), headers.traceparent);
    if (headers.tracestate.len > 0)
        add(list, SES_STR("tracestate"), headers.tracestate);
    return SES_OK;
}

static enum ses_status keep(struct ses_gateway_call *call, const struct list *list)
{
    struct ses_upstream_pair *pairs = ses_arena_alloc(&call->x->arena, list->count * sizeof(list->pairs[0]));

    if (pairs == NULL)
        return SES_NO_MEMORY;
    memcpy(pairs, list->pairs, list->count * sizeof(list->pairs[0]));
    call->metadata = pairs;
    call->metadata_count = list->count;
    return SES_OK;
}

enum ses_status ses_gateway_headers(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct list list;

    list.count = 0;
    list.bytes = 0;
    SES_TRY(check_connector(call, ret_error));
    add_passed(call, &list);
    add(&list, SES_STR("x-request-id"), ses_slice_str(call->x->request_id));
    if (add_trace(call, &list) != SES_OK)
        return refuse_memory(ret_error);
    SES_TRY(check_size(&list, ret_error));
    return keep(call, &list) == SES_OK ? SES_OK : refuse_memory(ret_error);
}
