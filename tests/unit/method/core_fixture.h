/* core_fixture.h - a whole worker but its sockets: real store, real key ring, real driver on a loop, one
 * service; exchanges whose door is a struct door; and a connector that answers what a test told it. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_CORE_FIXTURE_H
#define SESSIOND_TESTS_UNIT_METHOD_CORE_FIXTURE_H

#include <stdatomic.h>

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/base/clock.h>
#include <sessiond/codec/codec_proto.h>
#include <sessiond/method/service.h>
#include <sessiond/store/store_shared.h>

#include "unit_clock.h"

#include "exchange/door.h"
#include "method/core_stub.h"
#include "record_codec.h"
#include "toy_store.h"

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
    struct toy_cloud *cloud; /* NULL: the store is LMDB's */
    struct toy_options toy;
    unsigned opened;
    struct ses_keyring *ring;
    struct ses_driver *driver;
    struct ses_upstream *upstream; /* of the gateway; NULL: there is none */
    uint32_t upstream_deadline_ms;
    struct ses_service *service;
    struct ses_exchange_pool *pool;
    struct ses_metrics metrics;
    struct ses_secret seal, natural, log, step;
    struct ses_seal_key step_key;
    struct ses_connector_url url;
    struct stub stub;
    struct ses_arena read; /* core_read's */
    uint64_t ttl_ms;
    uint64_t quota_bytes;
};

/* cmocka's: state becomes the core. The store is the one that SES_TEST_STORE names (core_worker.c). */
int core_setup(void **state);
/* The same with a store in memory that answers inside the call until a test plans it otherwise. */
int core_setup_toy(void **state);
int core_teardown(void **state);
bool core_has_toy(const struct core *core);
/* After a test has closed or freed them: the same again, over the same data. */
void core_open_store(struct core *core);
void core_open_service(struct core *core);
void core_open_driver(struct core *core);
/* One turn of the worker's loop. */
void core_turn(struct core *core);
/* Turns until nothing is in flight and nothing is with the store. */
void core_settle(struct core *core);
uint64_t core_count(const struct core *core, enum ses_counter counter);
/* Records that were written. */
uint64_t core_puts(const struct core *core);

/* ---- its store, as of another worker: each waits for the answer, however late ---- */

/* The natural key as the service makes it. */
struct ses_store_key core_key(const struct core *core, const char *merchant, const char *id);
/* Record and version in ret_op; the body is there until the next of these calls. */
enum ses_status core_read(struct core *core, const struct ses_store_key *key, struct ses_store_op *ret_op);
/* The same of a session, which is decoded. */
enum ses_status core_stored(struct core *core, const char *id, struct ses_store_op *ret_op,
                            struct ses_session *ret_session);
enum ses_status core_put(struct core *core, const struct ses_store_version *expect,
                         const struct ses_record *record);
/* Keeps the key from every call until it is given back. */
void core_lease(struct core *core, const struct ses_store_key *key, struct ses_store_lease *lease);
void core_give_back(struct core *core, struct ses_store_lease *lease);

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

const struct ses_route *core_route(const struct core *core, const char *path);
/* An exchange on path that nobody has started. deadline_ms 0: none that ends. */
struct call *call_new(struct core *core, const char *path, uint64_t deadline_ms);
void call_header(struct call *call, const char *name, const char *value);
void call_body(struct call *call, const ProtobufCMessage *message);
void call_start(struct call *call);
/* Turns until it is answered. */
void call_wait(struct call *call);
void call_free(struct call *call);

/* The headers of a connector and its credentials; NULL: adyen, "k". */
void call_connector(struct call *call, const char *connector, const char *api_key);
/* Strings of an order outlive the packing. */
void order_fill(const struct order *order, old_request *m, Types__Money *money,
                Types__BrowserInformation *browser, Types__ConnectorState *state,
                Types__SecretString *metadata);
/* CreateSessionToken, started. */
struct call *core_call(struct core *core, struct order order);

/* Each waits for the answer. */
old_response *call_response(struct call *call);
/* The claims of a success. */
struct ses_claims call_claims(struct call *call);
/* Of a token in call's answer, test or live. */
struct ses_claims token_claims(struct call *call, const char *token);
bool call_replayed(const struct call *call);
/* The connector is held: both wait, and are then answered with one session, the second one as a repetition. */
void assert_one_answer(struct core *core, struct call *first, struct call *second);
/* The metadata of the answer; "": none of that name. */
const char *call_header_told(const struct call *call, const char *name);
const struct ses_error *call_error(struct call *call, enum ses_status status, const char *reason);

#endif
