#include <sessiond/method/service.h>

#include <stdlib.h>

#include "continuation.h"
#include "create_session.h"
#include "resources.h"
#include "service_core.h"
#include "return.h"
#include "token_cache.h"
#include "watch_session.h"

#define DEFAULT_TTL_MS        900000
#define DEFAULT_MARGIN_MS     50
#define DEFAULT_CACHE_ENTRIES 256
#define DEFAULT_TOKEN_ENTRIES 16384
#define DEFAULT_CLOSED_MS     3600000
#define DEFAULT_STEP_MS       900000
#define DEFAULT_ALIVE_MS      25000
#define DEFAULT_INBOX_MS      600000
#define DEFAULT_PUBLIC_URL    "http://127.0.0.1:8080"
#define REMEMBER_MIN_MS       15000
/* Two records of the store's largest size, decoded and encoded. */
#define SCRATCH_BYTES_MAX (4u * SES_STORE_BODY_MAX)

/* In the order of enum ses_method_metric. */
/* NOT_SERVING while new sessions are refused, though continuations go through it too: a probe that must not
 * take the server out for that asks for "" or for sessiond.v1.SessionService. */
#define CREATING_SERVICE "types.MerchantAuthenticationService"

static const char *const metric_names[SES_METRIC_COUNT] = {
    [SES_METRIC_CREATE_SESSION_TOKEN] = "types.MerchantAuthenticationService/CreateSessionToken",
    [SES_METRIC_CREATE_SERVER_SESSION_TOKEN] =
        "types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken",
    [SES_METRIC_GET_SESSION] = "sessiond.v1.SessionService/GetSession",
    [SES_METRIC_ADVANCE_SESSION] = "sessiond.v1.SessionService/AdvanceSession",
    [SES_METRIC_UPDATE_SESSION] = "sessiond.v1.SessionService/UpdateSession",
    [SES_METRIC_BEGIN_STEP] = "sessiond.v1.SessionService/BeginStep",
    [SES_METRIC_REVOKE_SESSION] = "sessiond.v1.SessionService/RevokeSession",
    [SES_METRIC_WATCH_SESSION] = "sessiond.v1.SessionService/WatchSession",
    [SES_METRIC_HEALTH] = "grpc.health.v1.Health/Check",
    [SES_METRIC_HEALTH + 1] = "grpc.health.v1.Health/Watch",
    [SES_METRIC_HEALTH + 2] = "grpc.health.v1.Health/List",
    [SES_METRIC_REFLECTION] = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    [SES_METRIC_REFLECTION + 1] = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    [SES_METRIC_RETURN] = "Return",
    [SES_METRIC_HEALTH_RESOURCE] = "Health",
    [SES_METRIC_KEYS_RESOURCE] = "PasetoKeys",
    [SES_METRIC_UNKNOWN] = "unknown",
};

_Static_assert(SES_HEALTH_ROUTES == 3 && SES_REFLECTION_ROUTES == 2, "names above");
_Static_assert(SES_METRIC_COUNT <= (enum ses_method_metric)SES_METRIC_METHODS_MAX, "a row on the board each");

const char *ses_method_metric_name(int metric)
{
    return metric < 0 || metric >= (int)SES_METRIC_COUNT ? NULL : metric_names[metric];
}

bool ses_method_metric_streams(int metric)
{
    return metric == SES_METRIC_WATCH_SESSION || metric == SES_METRIC_HEALTH + 1 ||
           metric == SES_METRIC_REFLECTION || metric == SES_METRIC_REFLECTION + 1;
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* Methods, and the plain JSON routes that the protocol's HTTP mode has for them. */
static const struct ses_route session_routes[] = {
    {.path = "/types.MerchantAuthenticationService/CreateSessionToken",
     .kind = SES_ROUTE_UNARY,
     .flow = "CreateSessionToken",
     .metric = SES_METRIC_CREATE_SESSION_TOKEN,
     .start = ses_create_session_token_start},
    {.path = "/types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken",
     .kind = SES_ROUTE_UNARY,
     .flow = "CreateServerSessionAuthenticationToken",
     .metric = SES_METRIC_CREATE_SERVER_SESSION_TOKEN,
     .start = ses_create_server_session_authentication_token_start},
    {.path = "/payments/create_session_token",
     .kind = SES_ROUTE_ALIAS,
     .flow = "CreateSessionToken",
     .metric = SES_METRIC_CREATE_SESSION_TOKEN,
     .start = ses_create_session_token_start},
    {.path = "/payments/server_session_authentication_token",
     .kind = SES_ROUTE_ALIAS,
     .flow = "CreateServerSessionAuthenticationToken",
     .metric = SES_METRIC_CREATE_SERVER_SESSION_TOKEN,
     .start = ses_create_server_session_authentication_token_start},
    {.path = "/sessiond.v1.SessionService/GetSession",
     .kind = SES_ROUTE_UNARY,
     .flow = "GetSession",
     .metric = SES_METRIC_GET_SESSION,
     .start = ses_get_session_start},
    {.path = "/sessiond.v1.SessionService/AdvanceSession",
     .kind = SES_ROUTE_UNARY,
     .flow = "AdvanceSession",
     .metric = SES_METRIC_ADVANCE_SESSION,
     .start = ses_advance_session_start},
    {.path = "/sessiond.v1.SessionService/UpdateSession",
     .kind = SES_ROUTE_UNARY,
     .flow = "UpdateSession",
     .metric = SES_METRIC_UPDATE_SESSION,
     .start = ses_update_session_start},
    {.path = "/sessiond.v1.SessionService/BeginStep",
     .kind = SES_ROUTE_UNARY,
     .flow = "BeginStep",
     .metric = SES_METRIC_BEGIN_STEP,
     .start = ses_begin_step_start},
    {.path = "/sessiond.v1.SessionService/RevokeSession",
     .kind = SES_ROUTE_UNARY,
     .flow = "RevokeSession",
     .metric = SES_METRIC_REVOKE_SESSION,
     .start = ses_revoke_session_start},
    {.path = "/sessiond.v1.SessionService/WatchSession",
     .kind = SES_ROUTE_SERVER_STREAM,
     .flow = "WatchSession",
     .metric = SES_METRIC_WATCH_SESSION,
     .start = ses_watch_session_start},
    {.path = SES_RETURN_PATH,
     .kind = SES_ROUTE_PLAIN,
     .get_or_post = true,
     .any_host =
         true, /* the handle is what opens it, and no shopper is left standing for a proxy's rewriting */
     .flow = "Return",
     .metric = SES_METRIC_RETURN,
     .start = ses_return_start},
    {.path = "/health",
     .kind = SES_ROUTE_PLAIN,
     .get = true,
     .flow = "Health",
     .metric = SES_METRIC_HEALTH_RESOURCE,
     .start = ses_resource_health_start},
    {.path = "/.well-known/paseto-keys",
     .kind = SES_ROUTE_PLAIN,
     .get = true,
     .flow = "PasetoKeys",
     .metric = SES_METRIC_KEYS_RESOURCE,
     .start = ses_resource_keys_start},
};

#define SESSION_ROUTES (sizeof(session_routes) / sizeof(session_routes[0]))

_Static_assert(SESSION_ROUTES + SES_HEALTH_ROUTES + SES_REFLECTION_ROUTES <= SES_ROUTES_MAX,
               "room for all routes");

static void fill_routes(struct ses_service *service)
{
    memcpy(service->routes, session_routes, sizeof(session_routes));
    for (size_t i = 0; i < SESSION_ROUTES; i++)
        service->routes[i].arg = service;
    service->routes_count = SESSION_ROUTES;
    ses_health_routes(service->health, SES_METRIC_HEALTH, &service->routes[service->routes_count]);
    service->routes_count += SES_HEALTH_ROUTES;
    ses_reflection_routes(service->reflection, SES_METRIC_REFLECTION,
                          &service->routes[service->routes_count]);
    service->routes_count += SES_REFLECTION_ROUTES;
}

const struct ses_route *ses_service_routes(const struct ses_service *service, size_t *ret_count)
{
    *ret_count = service->routes_count;
    return service->routes;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void derive(const struct ses_secret *secret, struct ses_slice purpose, struct ses_tag_key *ret_key)
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(ses_slice(secret->bytes, secret->len), purpose, hash);
    memcpy(ret_key->bytes, hash, sizeof(ret_key->bytes));
    ses_wipe(hash, sizeof(hash));
}

static enum ses_status make_keys(struct ses_service *service)
{
    SES_TRY(ses_secret_new(sizeof(*service->keys), &service->keys_memory));
    service->keys = (struct ses_service_keys *)(void *)service->keys_memory.bytes;
    derive(service->options.natural_key, SES_STR("payload tags"), &service->keys->payload);
    derive(service->options.natural_key, SES_STR("tenant tags"), &service->keys->tenant);
    derive(service->options.log_key, SES_STR("session pseudonyms"), &service->keys->log);
    ses_hash(ses_slice(service->options.natural_key->bytes, service->options.natural_key->len),
             SES_STR("connector credentials"), service->keys->credentials);
    service->keys->random_used = sizeof(service->keys->random);
    return SES_OK;
}

static void fill_defaults(struct ses_service_options *options)
{
    if (options->session_ttl_ms == 0)
        options->session_ttl_ms = DEFAULT_TTL_MS;
    if (options->connector_deadline_margin_ms == 0)
        options->connector_deadline_margin_ms = DEFAULT_MARGIN_MS;
    if (options->credential_cache_entries == 0)
        options->credential_cache_entries = DEFAULT_CACHE_ENTRIES;
    if (options->token_cache_entries == 0)
        options->token_cache_entries = DEFAULT_TOKEN_ENTRIES;
    if (options->closed_ms == 0)
        options->closed_ms = DEFAULT_CLOSED_MS;
    if (options->step_ms == 0)
        options->step_ms = DEFAULT_STEP_MS;
    if (options->watch_alive_ms == 0)
        options->watch_alive_ms = DEFAULT_ALIVE_MS;
    if (options->inbox_ms == 0)
        options->inbox_ms = DEFAULT_INBOX_MS;
    if (options->public_url == NULL)
        options->public_url = DEFAULT_PUBLIC_URL;
}

/* A session that ran out is remembered as long as it lived, no longer than an early event waits for its
 * session, and long enough that the event of a moment ago meets it, however short sessions are. */
static uint64_t remember_ms(const struct ses_service_options *options)
{
    uint64_t wanted_ms =
        options->session_ttl_ms > REMEMBER_MIN_MS ? options->session_ttl_ms : REMEMBER_MIN_MS;

    return wanted_ms < options->inbox_ms ? wanted_ms : options->inbox_ms;
}

static void set_rules(struct ses_service *service)
{
    service->rules = (struct ses_session_rules){
        .ttl_ms = service->options.session_ttl_ms,
        .closed_ms = service->options.closed_ms,
        .step_ms = service->options.step_ms,
        .remember_ms = remember_ms(&service->options),
        .overlap_ms = service->options.rotation_overlap_ms,
        .attempts_max = service->options.attempts_max,
    };
}

static enum ses_status make_parts(struct ses_service *service)
{
    /* All that reflection lists: a probe may ask for any of them by name. */
    static const char *const services[] = {
        CREATING_SERVICE,
        "sessiond.v1.SessionService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    };

    SES_TRY(make_keys(service));
    SES_TRY(ses_credential_cache_new(service->options.credential_cache_entries, &service->credentials));
    SES_TRY(ses_token_cache_new(service->options.token_cache_entries, &service->tokens));
    SES_TRY(ses_health_new(services, sizeof(services) / sizeof(services[0]), 0, &service->health));
    return ses_reflection_new(&service->reflection);
}

enum ses_status ses_service_new(const struct ses_service_options *options, struct ses_service **ret_service)
{
    struct ses_service *service = calloc(1, sizeof(*service));
    enum ses_status status;

    if (service == NULL)
        return SES_NO_MEMORY;
    service->options = *options;
    fill_defaults(&service->options);
    set_rules(service);
    ses_list_init(&service->to_sign);
    ses_list_init(&service->waiting);
    ses_list_init(&service->changes);
    ses_list_init(&service->watch_streams);
    ses_arena_init(&service->scratch, SCRATCH_BYTES_MAX);
    status = make_parts(service);
    if (status != SES_OK) {
        ses_service_free(service);
        return status;
    }
    fill_routes(service);
    ses_service_check_health(service);
    *ret_service = service;
    return SES_OK;
}

void ses_service_free(struct ses_service *service)
{
    if (service == NULL)
        return;
    while (!ses_list_empty(&service->waiting))
        ses_create_stop_waiting(SES_CONTAINER(service->waiting.next, struct ses_create, node));
    while (!ses_list_empty(&service->changes))
        ses_change_stop_waiting(SES_CONTAINER(service->changes.next, struct ses_change, node));
    ses_watch_session_drain(service);
    ses_reflection_free(service->reflection);
    ses_health_free(service->health);
    ses_credential_cache_free(service->credentials);
    ses_token_cache_free(service->tokens);
    ses_arena_done(&service->scratch);
    ses_secret_free(&service->keys_memory);
    free(service);
}

/* ---- work ------------------------------------------------------------------------------------ */

void ses_service_session_id(struct ses_service *service, uint64_t now_ms,
                            uint8_t ret_id[SES_SESSION_ID_BYTES])
{
    struct ses_service_keys *keys = service->keys;
    const size_t random_len = SES_SESSION_ID_BYTES - 6;

    if (keys->random_used + random_len > sizeof(keys->random)) {
        ses_random_bytes(keys->random, sizeof(keys->random));
        keys->random_used = 0;
    }
    for (size_t i = 0; i < 6; i++)
        ret_id[i] = (uint8_t)(now_ms >> (8 * (5 - i)));
    memcpy(ret_id + 6, keys->random + keys->random_used, random_len);
    ses_wipe(keys->random + keys->random_used, random_len); /* never used twice, never found later */
    keys->random_used += random_len;
}

struct ses_binding_policy ses_service_binding(const struct ses_service *service, struct ses_slice merchant)
{
    struct ses_binding_policy policy = service->options.binding;

    for (size_t i = 0; i < service->options.bindings_count; i++) {
        const struct ses_merchant_binding *row = &service->options.bindings[i];

        if (!ses_slice_eq_str(merchant, row->merchant))
            continue;
        if (row->policy.mode != SES_BINDING_DEFAULT)
            policy.mode = row->policy.mode;
        if (row->policy.missing != SES_BINDING_MISSING_DEFAULT)
            policy.missing = row->policy.missing;
    }
    return policy;
}

void ses_tell_late_success(const struct ses_service *service, const struct ses_exchange *x)
{
    struct ses_log_line line;

    ses_count(service->options.metrics, SES_C_SESSIONS_LATE_SUCCESS, 1);
    if (service->options.log == NULL)
        return;
    ses_log_begin(service->options.log, SES_LOG_WARN, "late_success", &line);
    ses_log_str(&line, "request_id", x->request_id);
    ses_log_slice(&line, "merchant", x->merchant);
    ses_log_str(&line, "session", x->session_pseudonym);
    ses_log_end(&line);
}

void ses_service_turn(struct ses_service *service)
{
    ses_store_flush(service->options.store);
    while (!ses_list_empty(&service->to_sign)) {
        struct ses_list *node = ses_list_pop(&service->to_sign);

        ses_create_sign(SES_CONTAINER(node, struct ses_create, node));
    }
    /* An answer can bring in a connection's next request at once. */
    ses_store_flush(service->options.store);
}

bool ses_service_serving(const struct ses_service *service)
{
    return !service->stopping && !service->unready && ses_store_healthy(service->options.store);
}

void ses_service_check_health(struct ses_service *service)
{
    bool serving = ses_service_serving(service);

    if (service->draining)
        return;
    ses_health_set_rest(service->health, CREATING_SERVICE, serving);
    ses_health_set(service->health, CREATING_SERVICE, serving && !service->full);
}

void ses_service_set_ready(struct ses_service *service, bool ready, bool creates)
{
    service->unready = !ready;
    service->full = !creates;
}

void ses_service_set_draining(struct ses_service *service, bool server_stops)
{
    service->draining = true;
    service->stopping = server_stops;
    ses_watch_session_drain(service);
    ses_health_drain(service->health, server_stops);
}

unsigned ses_service_in_flight(const struct ses_service *service)
{
    return service->in_flight;
}
