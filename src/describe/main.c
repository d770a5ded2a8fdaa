/* Writes what the server's tables hold, as JSON, to the file that it is given: routes, statuses, reasons, limits of
 * fields. The build makes /openapi.json, the reference and the catalogue of errors of it (docs/api): what is told
 * there cannot be something else than what the server does. Never installed.
 */
#include <jansson.h>

#include <sessiond/base/reasons.h>
#include <sessiond/domain/field.h>
#include <sessiond/domain/money.h>
#include <sessiond/domain/request.h>

#include "method_table.h"

/* jansson fails only for want of memory or for texts that are no UTF-8: neither is met in tables of ours. */
static void put(json_t *object, const char *key, json_t *value)
{
    SES_REQUIRE(json_object_set_new(object, key, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    SES_REQUIRE(json_array_append_new(array, value) == 0);
}

static json_t *text(struct ses_slice slice)
{
    return json_stringn(slice.len == 0 ? "" : (const char *)slice.data, slice.len);
}

/* ---- routes */

static const char *kind_name(enum ses_route_kind kind)
{
    switch (kind) {
    case SES_ROUTE_UNARY:
        return "unary";
    case SES_ROUTE_SERVER_STREAM:
        return "server_stream";
    case SES_ROUTE_BIDI:
        return "bidi";
    case SES_ROUTE_ALIAS:
        return "alias";
    case SES_ROUTE_PLAIN:
        return "plain";
    }
    return NULL;
}

static json_t *rights_of(unsigned rights)
{
    json_t *names = json_array();

    for (size_t i = 0; i < SES_RIGHT_WORDS; i++) {
        if ((rights & ses_right_words[i].bit) != 0)
            append(names, text(ses_right_words[i].text));
    }
    return names;
}

/* Routes with one flow and start function are one method under two names. */
static const char *alias_of(const struct ses_route *routes, size_t count, const struct ses_route *alias)
{
    for (size_t i = 0; i < count; i++) {
        if (routes[i].kind == SES_ROUTE_UNARY && routes[i].start == alias->start)
            return routes[i].path;
    }
    return NULL;
}

static json_t *route_of(const struct ses_route *routes, size_t count, const struct ses_route *route)
{
    json_t *object = json_object();
    bool plain = route->kind == SES_ROUTE_PLAIN;

    put(object, "path", json_string(route->path));
    put(object, "kind", json_string(kind_name(route->kind)));
    put(object, "get", json_boolean(route->no_side_effects || (plain && (route->get || route->get_or_post))));
    put(object, "post", json_boolean(!plain || !route->get || route->get_or_post));
    put(object, "rights", rights_of(route->rights));
    if (route->kind == SES_ROUTE_ALIAS)
        put(object, "alias_of", json_string(alias_of(routes, count, route)));
    return object;
}

/* The service is only pointed at. */
static json_t *all_routes(void)
{
    static struct ses_service service;
    static struct ses_route routes[SES_ROUTES_MAX];
    size_t count = ses_method_table_routes(&service, routes);
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        append(array, route_of(routes, count, &routes[i]));
    return array;
}

/* ---- errors */

static json_t *all_statuses(void)
{
    json_t *array = json_array();

    for (int i = 0; i <= (int)SES_UNAUTHENTICATED; i++) {
        enum ses_status status = (enum ses_status)i;
        json_t *object = json_object();

        put(object, "name", json_string(ses_status_name(status)));
        put(object, "grpc", json_integer(ses_status_grpc(status)));
        put(object, "connect", json_string(ses_status_connect_name(status)));
        put(object, "connect_http", json_integer(ses_status_http_connect(status)));
        put(object, "route_http", json_integer(ses_status_http_route(status)));
        append(array, object);
    }
    return array;
}

static json_t *all_reasons(void)
{
    static const struct {
        const char *name;
        const char *status;
        const char *retry;
        const char *meaning;
        const char *cause;
        const char *remedy;
    } rows[] = {
#define ROW(name, status, retry, meaning, cause, remedy) {#name, #status, #retry, meaning, cause, remedy},
        SES_REASON_TABLE(ROW)
#undef ROW
    };
    json_t *array = json_array();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *object = json_object();

        put(object, "name", json_string(rows[i].name));
        put(object, "status", json_string(rows[i].status));
        put(object, "retry", json_string(rows[i].retry));
        put(object, "meaning", json_string(rows[i].meaning));
        put(object, "cause", json_string(rows[i].cause));
        put(object, "remedy", json_string(rows[i].remedy));
        append(array, object);
    }
    return array;
}

/* ---- fields */

static json_t *all_fields(void)
{
    json_t *array = json_array();

    for (int i = 0; i < (int)(SES_FIELD_TEXTS + SES_FIELD_NUMBERS); i++) {
        enum ses_field field = (enum ses_field)i;
        struct ses_field_limit limit = ses_request_limit(field);
        json_t *object = json_object();

        put(object, "old", text(ses_field_path(SES_NAMING_SESSION_TOKEN, field)));
        put(object, "new", text(ses_field_path(SES_NAMING_SERVER_SESSION_TOKEN, field)));
        put(object, "form", limit.form == NULL ? json_null() : json_string(limit.form));
        put(object, "min", json_integer(limit.min));
        put(object, "max", json_integer(limit.max));
        put(object, "rule", text(limit.rule));
        append(array, object);
    }
    return array;
}

static json_t *refused_currencies(void)
{
    json_t *array = json_array();

    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++) {
        const struct ses_currency *currency = ses_currency_by_number(number);

        if (currency != NULL && !currency->accepted)
            append(array, json_string(currency->code));
    }
    return array;
}

int main(int argc, char **argv)
{
    json_t *tables = json_object();
    int failed;

    if (argc != 2)
        return 2;
    put(tables, "routes", all_routes());
    put(tables, "statuses", all_statuses());
    put(tables, "reasons", all_reasons());
    put(tables, "fields", all_fields());
    put(tables, "refused_currencies", refused_currencies());
    failed = json_dump_file(tables, argv[1], JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(tables);
    return failed == 0 ? 0 : 1;
}
