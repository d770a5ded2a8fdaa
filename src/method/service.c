/* The service as a whole: its table of methods, its keys, its life, and the one call a turn that drives
 * it. What a method does is in the method's own file. */
#include <sessiond/method/service.h>

#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "change_loop.h"
#include "create.h"
#include "method_table.h"
#include "service_core.h"
#include "watch_session.h"

#define REMEMBER_MIN_MS 15000
/* Two records of the store's largest size, decoded and encoded. The largest thing that is ever in it: a
 * read record, decoded, and its successor before it is sealed. */
#define SCRATCH_BYTES_MAX (4u * SES_STORE_BODY_MAX)

/* NOT_SERVING while new sessions are refused, though continuations go through it too: a probe that must not
 * take the server out for that asks for "" or for sessiond.v1.SessionService. */
#define CREATING_SERVICE "types.MerchantAuthenticationService"

const struct ses_route *ses_service_routes(const struct ses_service *service, size_t *ret_count)
{
    *ret_count = service->routes_count;
    return service->routes;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool numbers_are_set(const struct ses_service_options *options)
{
    return options->session_ttl_ms != 0 && options->connector_deadline_margin_ms != 0 &&
           options->credential_cache_entries != 0 && options->closed_ms != 0 && options->step_ms != 0 &&
           options->watch_alive_ms != 0 && options->inbox_ms != 0;
}

/* A session that ran out is remembered as long as it lived, no longer than an early event waits for its
 * session, and long enough that the event of a moment ago meets it, however short sessions are. */
static uint64_t remember_ms(const struct ses_service_options *options)
{
    uint64_t wanted_ms =
        options->session_ttl_ms > REMEMBER_MIN_MS ? options->session_ttl_ms : REMEMBER_MIN_MS;

    return wanted_ms < options->inbox_ms ? wanted_ms : options->inbox_ms;
}

/* The domain's view of the options: pure functions get their times and bounds by this struct. */
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
        "sessiond.v1.OperatorService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "connector_service", /* the platform's own server: what probes written for it ask for */
    };

    SES_TRY(ses_service_keys_make(&service->options, &service->keys_memory, &service->keys));
    SES_TRY(ses_credential_cache_new(service->options.credential_cache_entries, &service->credentials));
    if (service->options.gateway.upstream != NULL)
        SES_TRY(ses_connector_config_memo_new(service->options.credential_cache_entries,
                                              &service->passed_configs));
    SES_TRY(ses_health_new(services, sizeof(services) / sizeof(services[0]), 0, &service->health));
    return ses_reflection_new(&service->reflection);
}

/* The health is looked at once before anybody can ask: a service begins as NOT_SERVING (health.h). On
 * failure everything that was made so far is freed by ses_service_free, which takes a half made one. */
enum ses_status ses_service_new(const struct ses_service_options *options, struct ses_service **ret_service)
{
    struct ses_service *service = calloc(1, sizeof(*service));
    enum ses_status status;

    if (service == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(numbers_are_set(options) && options->public_url != NULL);
    service->options = *options;
    set_rules(service);
    ses_list_init(&service->to_sign);
    ses_list_init(&service->waiting);
    ses_list_init(&service->watch_streams);
    ses_arena_init(&service->scratch, SCRATCH_BYTES_MAX);
    status = make_parts(service);
    if (status != SES_OK) {
        ses_service_free(service);
        return status;
    }
    service->routes_count = ses_method_table_routes(service, service->routes);
    ses_service_check_health(service);
    *ret_service = service;
    return SES_OK;
}

/* Whoever waits is answered and the streams are ended while everything that they use is still there. */
void ses_service_free(struct ses_service *service)
{
    if (service == NULL)
        return;
    while (!ses_list_empty(&service->waiting))
        ses_change_loop_stop(SES_CONTAINER(service->waiting.next, struct ses_change_loop, node));
    ses_watch_session_drain(service);
    ses_reflection_free(service->reflection);
    ses_health_free(service->health);
    ses_connector_config_memo_free(service->passed_configs);
    ses_credential_cache_free(service->credentials);
    ses_arena_done(&service->scratch);
    ses_secret_free(&service->keys_memory);
    free(service);
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Signing may add to to_sign, hence a loop and not a walk. */
static void sign_all(struct ses_service *service)
{
    int64_t ahead_ms = ses_clock_ahead_ms();

    while (!ses_list_empty(&service->to_sign)) {
        struct ses_list *node = ses_list_pop(&service->to_sign);

        ses_create_sign(SES_CONTAINER(node, struct ses_create, to_sign), ahead_ms);
    }
}

/* The order is where the time goes: first the batch to the committer, whose sync (1 to 3 ms) is then
 * under way, then the signatures (17 us each) beside it. */
void ses_service_turn(struct ses_service *service)
{
    ses_store_flush(service->options.store);
    if (!ses_list_empty(&service->to_sign))
        sign_all(service);
    /* An answer can bring in a connection's next request at once. */
    ses_store_flush(service->options.store);
}

/* In a drain the health was said once, by ses_health_drain, and stays as it was said. */
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

/* The streams must not hold a draining worker back: they are told UNAVAILABLE, and come again
 * elsewhere. */
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
