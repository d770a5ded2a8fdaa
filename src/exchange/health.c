/* The state of each service is a bool here, set by service.c; a Watch stream is an exchange that stays
 * open and is told of changes. Watchers are in one list, walked on a change: there are few changes. */
#include <sessiond/exchange/health.h>

#include <stdlib.h>

#include <grpc/health/v1/health.pb-c.h>

#include <sessiond/exchange/message.h>

/* Each holds an exchange; without a bound one client could take the pool with streams that never end. */
#define DEFAULT_WATCHERS_MAX 1024
/* A client watches a service once on each connection; a proxy carries many clients on one. */
#define WATCHES_PER_CONNECTION 128
/* A watcher that reads nothing while this much waits for it is let go: a state is 7 bytes on the wire. */
#define BACKLOG_BYTES_MAX 4096

struct entry {
    const char *name;
    bool serving;
};

struct ses_health {
    struct entry entries[SES_HEALTH_SERVICES_MAX + 1]; /* the first is the server as a whole */
    size_t entries_count;
    struct ses_list watchers;
    unsigned watchers_count;
    unsigned watchers_max;
    bool draining;
};

/* One Watch stream; lies in its exchange's arena. */
struct watcher {
    struct ses_list node;
    struct ses_exchange *exchange;
    struct ses_health *health;
    const struct entry *entry; /* NULL: a service that does not exist */
    struct ses_slice frames[2];
};

static struct entry *find_entry(struct ses_health *health, const char *service)
{
    for (size_t i = 0; i < health->entries_count; i++) {
        if (strcmp(health->entries[i].name, service) == 0)
            return &health->entries[i];
    }
    return NULL;
}

/* UNKNOWN is never said: a worker knows its own state from its first moment on. */
static Grpc__Health__V1__HealthCheckResponse__ServingStatus state_of(const struct entry *entry)
{
    if (entry == NULL)
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    return entry->serving ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                          : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

/* Takes the service's name out of the request; on failure the exchange is answered. */
SES_MUST_CHECK static enum ses_status read_service(struct ses_exchange *x, const char **ret_service)
{
    ProtobufCMessage *message;
    struct ses_error error;

    enum ses_status status =
        ses_message_decode(x, x->body, &grpc__health__v1__health_check_request__descriptor, &message, &error);
    if (status != SES_OK) {
        ses_exchange_fail(x, &error);
        return status;
    }
    Grpc__Health__V1__HealthCheckRequest request;
    memcpy(&request, message, sizeof(request));
    *ret_service = request.service;
    return SES_OK;
}

static void answer(struct ses_exchange *x, const ProtobufCMessage *message)
{
    struct ses_slice bytes;

    if (ses_message_encode(x, message, &bytes) == SES_OK)
        ses_exchange_reply(x, bytes);
    else
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
}

/* Check: an unknown name is NOT_FOUND. For a Watch it is SERVICE_UNKNOWN in a message, and the stream
 * stays: the protocol's two rules (doc/health-checking.md). */
static void on_check(struct ses_exchange *x, void *arg)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    const char *service;

    if (read_service(x, &service) != SES_OK)
        return;
    const struct entry *entry = find_entry(arg, service);
    if (entry == NULL) {
        ses_exchange_fail_status(
            x, SES_NOT_FOUND,
            "no such service here: List tells which there are, and an empty name is all of them");
        return;
    }
    response.status = state_of(entry);
    answer(x, &response.base);
}

/* The request says nothing, but what is none is refused here as anywhere. The rest on the stack: the answer is
 * encoded before the function returns. */
static void on_list(struct ses_exchange *x, void *arg)
{
    const struct ses_health *health = arg;
    ProtobufCMessage *request;
    struct ses_error error;
    Grpc__Health__V1__HealthListResponse response = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    Grpc__Health__V1__HealthListResponse__StatusesEntry rows[SES_HEALTH_SERVICES_MAX + 1],
        *pointers[SES_HEALTH_SERVICES_MAX + 1];
    Grpc__Health__V1__HealthCheckResponse states[SES_HEALTH_SERVICES_MAX + 1];

    if (ses_message_decode(x, x->body, &grpc__health__v1__health_list_request__descriptor, &request,
                           &error) != SES_OK) {
        ses_exchange_fail(x, &error);
        return;
    }
    for (size_t i = 0; i < health->entries_count; i++) {
        grpc__health__v1__health_list_response__statuses_entry__init(&rows[i]);
        grpc__health__v1__health_check_response__init(&states[i]);
        states[i].status = state_of(&health->entries[i]);
        rows[i].key = (char *)(uintptr_t)health->entries[i].name; /* only read */
        rows[i].value = &states[i];
        pointers[i] = &rows[i];
    }
    response.statuses = pointers;
    response.n_statuses = health->entries_count;
    answer(x, &response.base);
}

/* Takes the watcher's reference with it: the watcher lies in the exchange's arena and is gone
 * afterwards. */
static void forget(struct watcher *watcher)
{
    ses_list_remove(&watcher->node);
    watcher->health->watchers_count--;
    ses_exchange_release(watcher->exchange);
}

static void on_watch_cancel(struct ses_exchange *x, void *arg)
{
    (void)x;
    forget(arg);
}

static size_t backlog_of(const struct ses_exchange *x)
{
    return x->ops->backlog == NULL ? 0 : x->ops->backlog(x);
}

/* A client that does not read must not make us hold its messages: 4096 bytes are some 600 changes of
 * state. */
static void tell(struct watcher *watcher)
{
    struct ses_exchange *x = watcher->exchange;

    if (backlog_of(x) <= BACKLOG_BYTES_MAX) {
        ses_exchange_send(x, watcher->frames[watcher->entry != NULL && watcher->entry->serving]);
        return;
    }
    ses_exchange_fail_status(x, SES_RESOURCE_EXHAUSTED, "the client does not read its Watch stream");
    forget(watcher);
}

/* Both answers that this watcher can ever hear are encoded once: a stream may live for days, its arena must
 * not grow. */
SES_MUST_CHECK static enum ses_status encode_frames(struct ses_exchange *x, struct watcher *watcher)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    response.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    SES_TRY(ses_message_encode(x, &response.base, &watcher->frames[1]));
    response.status = watcher->entry == NULL
                          ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN
                          : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    return ses_message_encode(x, &response.base, &watcher->frames[0]);
}

static void on_watch(struct ses_exchange *x, void *arg)
{
    struct ses_health *health = arg;
    const char *service;

    if (read_service(x, &service) != SES_OK)
        return;
    if (health->draining || health->watchers_count >= health->watchers_max) {
        ses_exchange_fail_status(x, health->draining ? SES_UNAVAILABLE : SES_RESOURCE_EXHAUSTED,
                                 health->draining ? "draining" : "too many Watch streams");
        return;
    }
    struct watcher *watcher = ses_arena_zalloc(&x->arena, sizeof(*watcher));
    if (watcher != NULL)
        *watcher = (struct watcher){.exchange = x, .health = health, .entry = find_entry(health, service)};
    if (watcher == NULL || encode_frames(x, watcher) != SES_OK) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    ses_exchange_hold(x);
    ses_list_push_back(&health->watchers, &watcher->node);
    health->watchers_count++;
    x->cancel = on_watch_cancel;
    x->cancel_arg = watcher;
    tell(watcher);
}

static const struct ses_route routes[SES_HEALTH_ROUTES] = {
    {.path = "/grpc.health.v1.Health/Check",
     .kind = SES_ROUTE_UNARY,
     .flow = "HealthCheck",
     .start = on_check},
    [SES_HEALTH_WATCH] = {.path = "/grpc.health.v1.Health/Watch",
                          .kind = SES_ROUTE_SERVER_STREAM,
                          .streams_per_connection = WATCHES_PER_CONNECTION,
                          .short_messages = true,
                          .flow = "HealthWatch",
                          .start = on_watch},
    {.path = "/grpc.health.v1.Health/List", .kind = SES_ROUTE_UNARY, .flow = "HealthList", .start = on_list},
};

const char *ses_health_path(int route)
{
    return routes[route].path;
}

void ses_health_routes(struct ses_health *health, int metric, struct ses_route ret_routes[SES_HEALTH_ROUTES])
{
    for (int i = 0; i < SES_HEALTH_ROUTES; i++) {
        ret_routes[i] = routes[i];
        ret_routes[i].arg = health;
        ret_routes[i].metric = metric < 0 ? -1 : metric + i;
    }
}

enum ses_status ses_health_new(const char *const *services, size_t services_count, unsigned watchers_max,
                               struct ses_health **ret_health)
{
    SES_REQUIRE(services_count <= SES_HEALTH_SERVICES_MAX);
    struct ses_health *health = calloc(1, sizeof(*health));

    if (health == NULL)
        return SES_NO_MEMORY;
    health->entries[0].name = "";
    for (size_t i = 0; i < services_count; i++)
        health->entries[i + 1].name = services[i];
    health->entries_count = services_count + 1;
    health->watchers_max = watchers_max == 0 ? DEFAULT_WATCHERS_MAX : watchers_max;
    ses_list_init(&health->watchers);
    *ret_health = health;
    return SES_OK;
}

/* tell may end any watcher, not only its own (a connection that breaks takes all its streams along): hence a
 * list of those that have not been told yet, from which they can vanish. */
static void change(struct ses_health *health, struct entry *entry, bool serving)
{
    struct ses_list waiting, *node;

    if (entry->serving == serving || health->draining)
        return;
    entry->serving = serving;
    ses_list_init(&waiting);
    while ((node = ses_list_pop(&health->watchers)) != NULL)
        ses_list_push_back(&waiting, node);
    while ((node = ses_list_pop(&waiting)) != NULL) {
        struct watcher *watcher = SES_CONTAINER(node, struct watcher, node);
        ses_list_push_back(&health->watchers, node);
        if (watcher->entry == entry)
            tell(watcher);
    }
}

void ses_health_set(struct ses_health *health, const char *service, bool serving)
{
    struct entry *entry = find_entry(health, service);

    SES_REQUIRE(entry != NULL);
    change(health, entry, serving);
}

void ses_health_set_all(struct ses_health *health, bool serving)
{
    for (size_t i = 0; i < health->entries_count; i++)
        change(health, &health->entries[i], serving);
}

void ses_health_set_rest(struct ses_health *health, const char *except, bool serving)
{
    for (size_t i = 0; i < health->entries_count; i++) {
        if (strcmp(health->entries[i].name, except) != 0)
            change(health, &health->entries[i], serving);
    }
}

static void end_watches(struct ses_health *health)
{
    /* fail_status takes the answer, so no cancel function of that watcher can run any more; forget does
     * its work. */
    while (!ses_list_empty(&health->watchers)) {
        struct watcher *watcher = SES_CONTAINER(health->watchers.next, struct watcher, node);
        ses_exchange_fail_status(watcher->exchange, SES_UNAVAILABLE, "draining");
        forget(watcher);
    }
}

/* The last message says NOT_SERVING if the server stops; a worker that a reload replaces says nothing,
 * as the others go on serving, and its watchers connect again and find them. */
void ses_health_drain(struct ses_health *health, bool server_stops)
{
    if (server_stops)
        ses_health_set_all(health, false);
    health->draining = true;
    end_watches(health);
}

void ses_health_free(struct ses_health *health)
{
    if (health == NULL)
        return;
    end_watches(health);
    free(health);
}
