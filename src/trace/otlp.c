/* One function a message of the protocol, from the outside inwards. */
#include "otlp.h"

#include <stdio.h>

#include <sessiond/codec/json_write.h>

#define STATUS_ERROR 2 /* Status.STATUS_CODE_ERROR */

static void key(struct ses_json *json, const char *name)
{
    ses_json_key(json, ses_slice_str(name));
}

static void put_number(struct ses_json *json, const char *name, uint64_t number, bool as_text)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

    key(json, name);
    if (as_text)
        ses_json_write_text(json, ses_slice(text, (size_t)len));
    else
        ses_json_raw(json, ses_slice(text, (size_t)len));
}

static void put_id(struct ses_json *json, const char *name, const uint8_t *id, size_t bytes)
{
    char text[SES_TRACE_ID_SIZE];

    ses_json_member(json, name, ses_slice(text, ses_hex_encode(ses_slice(id, bytes), text)));
}

/* ---- attributes ------------------------------------------------------------------------------ */

static void open_attribute(struct ses_json *json, const char *name)
{
    ses_json_element(json);
    ses_json_open(json, '{');
    ses_json_member(json, "key", ses_slice_str(name));
    key(json, "value");
    ses_json_open(json, '{');
}

static void close_attribute(struct ses_json *json)
{
    ses_json_close(json, '}');
    ses_json_close(json, '}');
}

static void put_text(struct ses_json *json, const char *name, struct ses_slice text)
{
    if (text.len == 0)
        return;
    open_attribute(json, name);
    ses_json_member(json, "stringValue", text);
    close_attribute(json);
}

static void put_int(struct ses_json *json, const char *name, uint64_t number)
{
    open_attribute(json, name);
    put_number(json, "intValue", number, true);
    close_attribute(json);
}

/* "sessiond.v1.SessionService/GetSession" */
static void put_rpc(struct ses_json *json, const struct ses_span *span)
{
    struct ses_slice name = ses_slice_str(span->name);
    size_t slash = ses_slice_find(name, '/');

    put_text(json, "rpc.system", ses_slice_str(span->rpc_system));
    put_text(json, "rpc.service", ses_slice_cut(name, 0, slash));
    put_text(json, "rpc.method", ses_slice_cut(name, slash + 1, name.len));
    put_int(json, "rpc.grpc.status_code", span->grpc_code);
}

static void put_attributes(struct ses_json *json, const struct ses_span *span)
{
    key(json, "attributes");
    ses_json_open(json, '[');
    if (span->rpc_system != NULL)
        put_rpc(json, span);
    else if (span->kind == SES_SPAN_SERVER && span->name[0] == '/')
        put_text(json, "http.route", ses_slice_str(span->name));
    put_text(json, "http.request.method", ses_slice_str(span->http_method));
    if (span->http_status != 0)
        put_int(json, "http.response.status_code", span->http_status);
    put_text(json, "sessiond.connector", ses_slice_str(span->connector));
    put_text(json, "sessiond.session", ses_slice_str(span->session));
    ses_json_close(json, ']');
}

/* ---- spans ----------------------------------------------------------------------------------- */

static bool has_parent(const struct ses_span *span)
{
    static const uint8_t none[SES_SPAN_ID_BYTES];

    return memcmp(span->parent_id, none, sizeof(none)) != 0;
}

static void put_span(struct ses_json *json, const struct ses_otlp_resource *resource,
                     const struct ses_span *span)
{
    uint64_t ahead = (uint64_t)resource->wall_ahead_ns;

    ses_json_element(json);
    ses_json_open(json, '{');
    put_id(json, "traceId", span->trace_id, SES_TRACE_ID_BYTES);
    put_id(json, "spanId", span->span_id, SES_SPAN_ID_BYTES);
    if (has_parent(span))
        put_id(json, "parentSpanId", span->parent_id, SES_SPAN_ID_BYTES);
    ses_json_member(json, "name", ses_slice_str(span->name));
    put_number(json, "kind", (uint64_t)span->kind, false);
    put_number(json, "startTimeUnixNano", span->began_mono_ns + ahead, true);
    put_number(json, "endTimeUnixNano", span->ended_mono_ns + ahead, true);
    put_attributes(json, span);
    if (span->failed) {
        key(json, "status");
        ses_json_open(json, '{');
        put_number(json, "code", STATUS_ERROR, false);
        ses_json_close(json, '}');
    }
    ses_json_close(json, '}');
}

static void put_resource(struct ses_json *json, const struct ses_otlp_resource *resource)
{
    key(json, "resource");
    ses_json_open(json, '{');
    key(json, "attributes");
    ses_json_open(json, '[');
    put_text(json, "service.name", ses_slice_str(resource->service_name));
    put_text(json, "service.instance.id", ses_slice_str(resource->instance));
    ses_json_close(json, ']');
    ses_json_close(json, '}');
}

static void put_scope_spans(struct ses_json *json, const struct ses_otlp_resource *resource,
                            const struct ses_spans *spans, size_t count)
{
    key(json, "scopeSpans");
    ses_json_open(json, '[');
    ses_json_element(json);
    ses_json_open(json, '{');
    key(json, "scope");
    ses_json_open(json, '{');
    ses_json_member(json, "name", SES_STR("sessiond"));
    ses_json_close(json, '}');
    key(json, "spans");
    ses_json_open(json, '[');
    for (size_t i = 0; i < count; i++)
        put_span(json, resource, ses_spans_at(spans, i));
    ses_json_close(json, ']');
    ses_json_close(json, '}');
    ses_json_close(json, ']');
}

enum ses_status ses_otlp_encode(const struct ses_otlp_resource *resource, const struct ses_spans *spans,
                                size_t count, struct ses_arena *arena, struct ses_slice *ret_json)
{
    struct ses_json json;

    ses_json_begin(&json, arena);
    ses_json_open(&json, '{');
    key(&json, "resourceSpans");
    ses_json_open(&json, '[');
    ses_json_element(&json);
    ses_json_open(&json, '{');
    put_resource(&json, resource);
    put_scope_spans(&json, resource, spans, count);
    ses_json_close(&json, '}');
    ses_json_close(&json, ']');
    ses_json_close(&json, '}');
    return ses_json_end(&json, ret_json);
}
