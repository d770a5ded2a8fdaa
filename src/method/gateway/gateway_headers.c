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

_Static_assert(sizeof(passed) / sizeof(passed[0]) + 3 <= SES_GATEWAY_METADATA_MAX,
               "request id and trace besides");

static void add(struct ses_gateway_call *call, struct ses_slice name, struct ses_slice value)
{
    call->metadata[call->metadata_count++] = (struct ses_upstream_pair){name, value};
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

static enum ses_status check_size(const struct ses_gateway_call *call, struct ses_error *ret_error)
{
    size_t bytes = 0;

    for (size_t i = 0; i < call->metadata_count; i++)
        bytes += call->metadata[i].name.len + call->metadata[i].value.len + FIELD_BYTES;
    if (bytes <= HEADERS_BYTES_MAX)
        return SES_OK;
    ses_error_set(
        ret_error, SES_INVALID_ARGUMENT,
        SES_STR("the headers that are passed on are larger than the payment server takes (15 KiB)"));
    return ret_error->status;
}

/* The server learns which trace the call belongs to. */
static enum ses_status add_trace(struct ses_gateway_call *call)
{
    struct ses_trace_headers headers;

    SES_TRY(ses_exchange_trace_call(call->x, &headers));
    add(call, SES_STR("traceparent"), headers.traceparent);
    if (headers.tracestate.len > 0)
        add(call, SES_STR("tracestate"), headers.tracestate);
    return SES_OK;
}

enum ses_status ses_gateway_headers(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    SES_TRY(check_connector(call, ret_error));
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        struct ses_slice value = ses_exchange_header(call->x, (const char *)passed[i].data, NULL);

        if (is_passed(passed[i], value))
            add(call, passed[i], value);
    }
    add(call, SES_STR("x-request-id"), ses_slice_str(call->x->request_id));
    if (add_trace(call) != SES_OK)
        return refuse_memory(ret_error);
    return check_size(call, ret_error);
}
