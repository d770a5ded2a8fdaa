/* The table of methods. A new one is a row here and a start function of its own; its row of ses_metrics.requests is its
 * place in the table, behind all rows stand health, reflection and whatever has no route. */
#include "method_table.h"

#include "session_call.h"
#include "access_token.h"
#include "client_token.h"
#include "create.h"
#include "gateway_routes.h"
#include "operator.h"
#include "resources.h"
#include "return.h"
#include "watch_session.h"

struct method_row {
    const char *path;  /* the last part of a method's is its flow */
    const char *alias; /* a plain JSON route of it, or NULL */
    const char *flow;  /* of a resource; NULL: a method */
    unsigned rights;   /* enum ses_right */
    enum ses_route_kind kind;
    bool get;
    bool get_or_post;
    bool any_host;
    bool no_side_effects;
    void (*start)(struct ses_exchange *x, void *service);
};

#define CREATE  "/types.MerchantAuthenticationService/"
#define SESSION "/sessiond.v1.SessionService/"
#define OPERATE "/sessiond.v1.OperatorService/"

static const struct method_row rows[] = {
    {.path = CREATE "CreateSessionToken",
     .alias = "/payments/create_session_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_session_token_start},
    {.path = CREATE "CreateServerSessionAuthenticationToken",
     .alias = "/payments/server_session_authentication_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_server_session_authentication_token_start},
    {.path = CREATE "CreateAccessToken",
     .alias = "/payments/create_access_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_access_token_start},
    {.path = CREATE "CreateServerAuthenticationToken",
     .alias = "/payments/server_authentication_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_server_authentication_token_start},
    {.path = CREATE "CreateSdkSessionToken",
     .alias = "/payments/create_sdk_session_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_sdk_session_token_start},
    {.path = CREATE "CreateClientAuthenticationToken",
     .alias = "/payments/client_authentication_token",
     .rights = SES_RIGHT_CREATE,
     .start = ses_create_client_authentication_token_start},
    {.path = SESSION "GetSession",
     .rights = SES_RIGHT_CONTINUE,
     .no_side_effects = true,
     .start = ses_get_session_start},
    /* Without a token it is a webhook: which of the two, the method sees. */
    {.path = SESSION "AdvanceSession",
     .rights = (unsigned)SES_RIGHT_CONTINUE | (unsigned)SES_RIGHT_WEBHOOK,
     .start = ses_advance_session_start},
    {.path = SESSION "UpdateSession", .rights = SES_RIGHT_CONTINUE, .start = ses_update_session_start},
    {.path = SESSION "BeginStep", .rights = SES_RIGHT_CONTINUE, .start = ses_begin_step_start},
    {.path = SESSION "RevokeSession", .rights = SES_RIGHT_CONTINUE, .start = ses_revoke_session_start},
    {.path = SESSION "WatchSession",
     .rights = SES_RIGHT_CONTINUE,
     .kind = SES_ROUTE_SERVER_STREAM,
     .start = ses_watch_session_start},
    /* What an operator looks at is written down: no GET, which browsers and proxies may make of themselves. */
    {.path = OPERATE "ShowSession", .rights = SES_RIGHT_OPERATE, .start = ses_operator_show_session_start},
    {.path = OPERATE "RevokeSession",
     .rights = SES_RIGHT_OPERATE,
     .start = ses_operator_revoke_session_start},
    {.path = OPERATE "SetLogLevel", .rights = SES_RIGHT_OPERATE, .start = ses_operator_set_log_level_start},
    /* Shoppers have no credentials, the handle is what opens it, and no shopper is left standing for a proxy's rewriting: any host. */
    {.path = SES_RETURN_PATH,
     .flow = "Return",
     .kind = SES_ROUTE_PLAIN,
     .get_or_post = true,
     .any_host = true,
     .start = ses_return_start},
    {.path = "/health",
     .flow = "Health",
     .kind = SES_ROUTE_PLAIN,
     .get = true,
     .start = ses_resource_health_start},
    {.path = "/.well-known/paseto-keys",
     .flow = "PasetoKeys",
     .kind = SES_ROUTE_PLAIN,
     .get = true,
     .start = ses_resource_keys_start},
    {.path = "/openapi.json",
     .flow = "OpenApi",
     .kind = SES_ROUTE_PLAIN,
     .get = true,
     .start = ses_resource_openapi_start},
};

enum {
    ROWS = sizeof(rows) / sizeof(rows[0]),
    HEALTH_AT = ROWS,
    REFLECTION_AT = HEALTH_AT + SES_HEALTH_ROUTES,
    GATEWAY = REFLECTION_AT +
              SES_REFLECTION_ROUTES, /* all of its methods: which they are is the operator's choice */
    UNKNOWN,
    METRICS
};

_Static_assert((int)METRICS <= (int)SES_METRIC_METHODS_MAX, "a row on the board each");
_Static_assert((int)UNKNOWN + 6 + (int)SES_GATEWAY_METHODS <= (int)SES_ROUTES_MAX,
               "room for all routes, six of them with an alias");

static const char *flow_of(const struct method_row *row)
{
    return row->flow != NULL ? row->flow : strrchr(row->path, '/') + 1;
}

static struct ses_route route_of(const struct method_row *row, void *service)
{
    return (struct ses_route){.path = row->path,
                              .kind = row->kind,
                              .get = row->get,
                              .get_or_post = row->get_or_post,
                              .rights = row->rights,
                              .any_host = row->any_host,
                              .no_side_effects = row->no_side_effects,
                              .flow = flow_of(row),
                              .metric = (int)(row - rows),
                              .start = row->start,
                              .arg = service};
}

size_t ses_method_table_routes(struct ses_service *service, struct ses_route ret_routes[SES_ROUTES_MAX])
{
    size_t count = 0;

    for (const struct method_row *row = rows; row < rows + ROWS; row++) {
        ret_routes[count++] = route_of(row, service);
        if (row->alias == NULL)
            continue;
        ret_routes[count] = route_of(row, service);
        ret_routes[count].path = row->alias;
        ret_routes[count++].kind = SES_ROUTE_ALIAS;
    }
    ses_health_routes(service->health, HEALTH_AT, &ret_routes[count]);
    count += SES_HEALTH_ROUTES;
    ses_reflection_routes(service->reflection, REFLECTION_AT, &ret_routes[count]);
    count += SES_REFLECTION_ROUTES;
    return count + ses_gateway_routes(service, GATEWAY, &ret_routes[count]);
}

/* Called by other processes than the workers (the housekeeper renders /metrics): it needs no service. */
const char *ses_method_metric_name(int metric)
{
    if (metric < 0 || metric >= METRICS)
        return NULL;
    if (metric < ROWS)
        return rows[metric].flow != NULL ? rows[metric].flow : rows[metric].path + 1;
    if (metric < REFLECTION_AT)
        return ses_health_path(metric - HEALTH_AT) + 1;
    if (metric == GATEWAY)
        return "gateway";
    return metric < UNKNOWN ? ses_reflection_path(metric - REFLECTION_AT) + 1 : "unknown";
}

int ses_method_metric_unknown(void)
{
    return UNKNOWN;
}

/* Health's Watch and both reflections are streams too; their rows follow Health's and reflection's
 * first. */
bool ses_method_metric_streams(int metric)
{
    if (metric < ROWS)
        return rows[metric].kind == SES_ROUTE_SERVER_STREAM;
    return metric == HEALTH_AT + SES_HEALTH_WATCH || (metric >= REFLECTION_AT && metric < GATEWAY);
}
