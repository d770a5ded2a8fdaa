/* core_fixture.h - a whole worker but its sockets: real store, real key ring, real driver on a loop, one
 * service; exchanges whose door is a struct door; and a connector that answers what a test told it. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_CORE_FIXTURE_H
#define SESSIOND_TESTS_UNIT_METHOD_CORE_FIXTURE_H

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/base/clock.h>
#include <sessiond/codec/codec_proto.h>
#include <sessiond/method/service.h>
#include <sessiond/store/store_shared.h>

#include "unit_clock.h"

#include "method/core_stub.h"
#include "exchange/door.h"
#include "record_codec.h"

#define MS              UINT64_C(1000000)
#define CORE_OVERLAP_MS 60000

/* ---- a worker -------------------------------------------------------------------------------- */

struct core {
    char dir[512];
    char store_dir[544];
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_store_shared *store_shared;
    struct ses_store *store;
    struct ses_keyring *ring;
    struct ses_driver *driver;
    struct ses_service *service;
    struct ses_exchange_pool *pool;
    struct ses_metrics metrics;
    struct ses_secret seal, natural, log, step;
    struct ses_connector_url url;
    struct stub stub;
    uint64_t ttl_ms;
    uint64_t quota_bytes;
};

static inline int core_remove(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void core_secret(struct ses_secret *secret, uint8_t fill)
{
    assert_ok(ses_secret_new(32, secret));
    memset(secret->bytes, fill, 32);
}

static inline void core_open_store(struct core *core)
{
    struct ses_seal_key seal = {1, &core->seal};
    struct ses_store_options options = ses_usual_store();

    options.dir = core->store_dir;
    options.shared = core->store_shared;
    options.seal_keys = &seal;
    options.seal_keys_count = 1;
    options.durability = SES_DURABILITY_PROCESS;
    options.quota_bytes = core->quota_bytes;
    options.map_bytes = 64u << 20;
    options.metrics = &core->metrics;
    assert_ok(ses_store_open(&options, &core->store));
}

static inline void core_open_service(struct core *core)
{
    struct ses_service_options options = {
        .store = core->store,
        .keyring = core->ring,
        .driver = core->driver,
        .timers = core->timers,
        .policy = {.overrides = &core->url, .overrides_count = 1, .sandbox = true},
        .natural_key = &core->natural,
        .log_key = &core->log,
        .step_key = &core->step,
        .rotation_overlap_ms = CORE_OVERLAP_MS,
        .issuer = "sessiond",
        .audience = "payments",
        .session_ttl_ms = core->ttl_ms != 0 ? core->ttl_ms : SES_USUAL_session_ttl_seconds * UINT64_C(1000),
        .connector_deadline_margin_ms = SES_USUAL_connector_deadline_margin_ms,
        .credential_cache_entries = SES_USUAL_session_credential_cache_entries,
        .token_cache_entries = SES_USUAL_session_token_cache_entries,
        .closed_ms = SES_USUAL_session_closed_seconds * UINT64_C(1000),
        .step_ms = SES_USUAL_session_step_seconds * UINT64_C(1000),
        .inbox_ms = SES_USUAL_session_inbox_seconds * UINT64_C(1000),
        .watch_alive_ms = SES_USUAL_session_watch_alive_seconds * UINT64_C(1000),
        .public_url = "http://127.0.0.1:8080",
        .metrics = &core->metrics,
    };

    assert_ok(ses_service_new(&options, &core->service));
}

static inline void core_open_driver(struct core *core)
{
    struct ses_driver_options options = usual_driver();

    options.loop = &core->loop;
    options.connect_timeout_ms = 2 * UNIT_PATIENCE_MS;
    options.total_timeout_ms = 2 * UNIT_PATIENCE_MS;
    assert_ok(ses_driver_new(&options, &core->driver));
}

static inline int core_setup(void **state)
{
    struct core *core = calloc(1, sizeof(*core));
    struct ses_fault fault;
    char keys[544];

    ses_random_init();
    assert_non_null(mkdtemp(unit_temporary("core", core->dir, sizeof(core->dir))));
    (void)snprintf(core->store_dir, sizeof(core->store_dir), "%s/store", core->dir);
    (void)snprintf(keys, sizeof(keys), "%s/keys", core->dir);
    assert_int_equal(mkdir(core->store_dir, 0700), 0);
    assert_ok(ses_keyring_init_dir(keys, &fault));
    assert_ok(ses_keyring_load(keys, &core->ring, &fault));
    core_secret(&core->seal, 1);
    core_secret(&core->natural, 2);
    core_secret(&core->log, 3);
    core_secret(&core->step, 4);
    stub_start(&core->stub);
    core->url =
        (struct ses_connector_url){ses_connector_by_name(SES_STR("stripe")), core->stub.url, core->stub.url};
    assert_int_equal(uv_loop_init(&core->loop), 0);
    assert_ok(ses_timers_new(&core->loop, &core->timers));
    core_open_driver(core);
    assert_ok(ses_store_shared_create(10000, 1, &core->store_shared));
    core_open_store(core);
    core->pool = door_pool(1 << 20);
    core_open_service(core);
    *state = core;
    return 0;
}

static inline int core_teardown(void **state)
{
    struct core *core = *state;

    assert_int_equal(ses_service_in_flight(core->service), 0);
    ses_service_free(core->service);
    ses_driver_free(core->driver);
    ses_timers_free(core->timers);
    ses_store_close(core->store);
    ses_store_shared_close(core->store_shared);
    WAIT_UNTIL(uv_run(&core->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&core->loop), 0);
    stub_stop(&core->stub);
    ses_exchange_pool_free(core->pool);
    ses_keyring_free(core->ring);
    ses_secret_free(&core->seal);
    ses_secret_free(&core->natural);
    ses_secret_free(&core->log);
    ses_secret_free(&core->step);
    (void)nftw(core->dir, core_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(core);
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

typedef Types__MerchantAuthenticationServiceCreateSessionTokenRequest old_request;
typedef Types__MerchantAuthenticationServiceCreateSessionTokenResponse old_response;

#define OLD_PATH "/types.MerchantAuthenticationService/CreateSessionToken"
#define NEW_PATH "/types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken"

struct call {
    struct core *core;
    struct ses_exchange *x;
    struct door door;
};

/* What a test changes in the example call. */
struct order {
    const char *id;
    int64_t amount;
    const char *user_agent;
    const char *customer; /* state.connector_customer_id */
    const char *metadata;
    const char *connector; /* default adyen: no outbound call */
    const char *api_key;   /* default "k", or stripe's */
    const char *merchant;
    uint64_t deadline_ms; /* default: none that ends */
    bool live;
};

static inline const struct ses_route *core_route(const struct core *core, const char *path)
{
    size_t count = 0;
    const struct ses_route *routes = ses_service_routes(core->service, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    }
    fail_msg("no route %s", path);
    return NULL;
}

static inline void call_header(struct call *call, const char *name, const char *value)
{
    assert_ok(ses_exchange_add_header(call->x, ses_slice_str(name), ses_slice_str(value)));
}

static inline struct call *call_new(struct core *core, const char *path, uint64_t deadline_ms)
{
    struct call *call = calloc(1, sizeof(*call));

    call->core = core;
    call->x = door_exchange(core->pool, &call->door, core_route(core, path));
    call->x->deadline_mono_ns =
        ses_clock_mono_ns() + (deadline_ms == 0 ? UNIT_PATIENCE_MS : deadline_ms) * MS;
    return call;
}

static inline void call_start(struct call *call)
{
    call->x->route->start(call->x, call->x->route->arg);
}

static inline void call_body(struct call *call, const ProtobufCMessage *message)
{
    assert_ok(ses_proto_pack(message, &call->x->arena, &call->x->body));
}

static inline void call_connector(struct call *call, const char *connector, const char *api_key)
{
    if (connector != NULL && strcmp(connector, "stripe") == 0) {
        call_header(call, "x-connector", "stripe");
        call_header(call, "x-connector-config", "{\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}");
        return;
    }
    call_header(call, "x-connector", connector == NULL ? "adyen" : connector);
    call_header(call, "x-auth", "body-key");
    call_header(call, "x-api-key", api_key == NULL ? "k" : api_key);
    call_header(call, "x-key1", "m");
}

/* Strings of an order outlive the packing. */
static inline void order_fill(const struct order *order, old_request *m, Types__Money *money,
                              Types__BrowserInformation *browser, Types__ConnectorState *state,
                              Types__SecretString *metadata)
{
    types__money__init(money);
    money->minor_amount = order->amount == 0 ? 10000 : order->amount;
    money->currency = TYPES__CURRENCY__USD;
    m->amount = money;
    m->_merchant_session_id_case = 1;
    m->merchant_session_id = (char *)(uintptr_t)(order->id == NULL ? "session_001" : order->id);
    types__browser_information__init(browser);
    browser->_accept_header_case = 8;
    browser->accept_header = (char *)(uintptr_t) "text/html";
    browser->_user_agent_case = 9;
    browser->user_agent =
        (char *)(uintptr_t)(order->user_agent == NULL ? "Mozilla/5.0..." : order->user_agent);
    m->_browser_info_case = 6;
    m->browser_info = browser;
    m->_test_mode_case = 7;
    m->test_mode = !order->live;
    if (order->customer != NULL) {
        types__connector_state__init(state);
        state->_connector_customer_id_case = 2;
        state->connector_customer_id = (char *)(uintptr_t)order->customer;
        m->_state_case = 5;
        m->state = state;
    }
    if (order->metadata != NULL) {
        types__secret_string__init(metadata);
        metadata->value = (char *)(uintptr_t)order->metadata;
        m->_metadata_case = 3;
        m->metadata = metadata;
    }
}

static inline struct call *core_call(struct core *core, struct order order)
{
    struct call *call = call_new(core, OLD_PATH, order.deadline_ms);
    old_request message = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST__INIT;
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString metadata;

    call_connector(call, order.connector, order.api_key);
    if (order.merchant != NULL)
        call_header(call, "x-merchant-id", order.merchant);
    order_fill(&order, &message, &money, &browser, &state, &metadata);
    call_body(call, &message.base);
    call_start(call);
    return call;
}

/* One turn of the worker's loop. */
static inline void core_turn(struct core *core)
{
    (void)uv_run(&core->loop, UV_RUN_NOWAIT);
    ses_store_complete(core->store);
    ses_store_watch_dispatch(core->store);
    ses_service_turn(core->service);
}

static inline void call_wait(struct call *call)
{
    WAIT_DOING(core_turn(call->core), call->door.ended != 0 || call->door.raws != 0);
}

static inline void call_free(struct call *call)
{
    ses_exchange_release(call->x);
    free(call);
}

static inline void core_settle(struct core *core)
{
    WAIT_DOING(core_turn(core),
               ses_service_in_flight(core->service) == 0 && ses_store_pending(core->store) == 0);
}

static inline old_response *call_response(struct call *call)
{
    ProtobufCMessage *message = NULL;

    call_wait(call);
    if (call->door.failed)
        fail_msg("failed: %s", call->door.error_message);
    assert_ok(
        ses_proto_unpack(&types__merchant_authentication_service_create_session_token_response__descriptor,
                         door_message(&call->door, 0), &call->x->arena, &message));
    return (old_response *)message;
}

/* The claims of a success. */
/* Of a token in call's answer, test or live. */
static inline struct ses_claims token_claims(struct call *call, const char *token)
{
    struct ses_claims claims;

    assert_memory_equal(token, "sess_", 5);
    if (ses_token_verify(call->core->ring, ses_slice_str(token), true, ses_clock_wall_ms(), &call->x->arena,
                         &claims) != SES_OK)
        assert_ok(ses_token_verify(call->core->ring, ses_slice_str(token), false, ses_clock_wall_ms(),
                                   &call->x->arena, &claims));
    return claims;
}

static inline struct ses_claims call_claims(struct call *call)
{
    old_response *response = call_response(call);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    return token_claims(call, response->session_token);
}

static inline bool call_replayed(const struct call *call)
{
    for (size_t i = 0; i < call->x->reply_headers_count; i++) {
        if (ses_slice_eq_str(call->x->reply_headers[i].name, "x-session-replayed"))
            return ses_slice_eq_str(call->x->reply_headers[i].value, "true");
    }
    return false;
}

static inline const struct ses_error *call_error(struct call *call, enum ses_status status,
                                                 const char *reason)
{
    call_wait(call);
    assert_true(call->door.failed);
    if (call->door.error.status != status || !ses_slice_eq_str(call->door.error.reason, reason))
        fail_msg("%s %.*s: %s", ses_status_name(call->door.error.status), SES_FMT(call->door.error.reason),
                 call->door.error_message);
    return &call->door.error;
}

static inline uint64_t core_count(const struct core *core, enum ses_counter counter)
{
    return atomic_load(&core->metrics.counter[counter]);
}

/* The natural key as the service makes it. */
static inline struct ses_store_key core_key(const struct core *core, const char *merchant, const char *id)
{
    struct ses_slice parts[] = {SES_STR("DefaultTenantId"), ses_slice_str(merchant), SES_STR("test"),
                                ses_slice_str(id)};
    struct ses_store_key key;

    ses_hash_parts(ses_slice(core->natural.bytes, 32), parts, 4, key.bytes);
    return key;
}

/* The stored session; SES_NOT_FOUND and the like as they come. */
static inline enum ses_status core_stored(struct core *core, const char *id, struct ses_arena *arena,
                                          struct ses_record *ret_record, struct ses_session *ret_session,
                                          struct ses_store_ref *ret_ref)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", id);
    const struct ses_record_origin *origin;
    bool claimed = false;

    SES_TRY(ses_store_get(core->store, &key, arena, ret_record, ret_ref, &claimed));
    return ses_session_record_decode(ret_record->body, arena, ret_session, &origin);
}

#endif
