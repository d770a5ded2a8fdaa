/* service.h - what the methods of one worker share. Made by the worker after fork, passed to every route as
 * its arg. */
#ifndef SESSIOND_METHOD_SERVICE_H
#define SESSIOND_METHOD_SERVICE_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/secret.h>
#include <sessiond/connector/connector.h>
#include <sessiond/connector/driver.h>
#include <sessiond/domain/binding.h>
#include <sessiond/exchange/exchange.h>
#include <sessiond/method/gateway.h>
#include <sessiond/net/timer.h>
#include <sessiond/store/store.h>
#include <sessiond/token/token.h>

struct ses_service;

/* Where a merchant's shoppers may be sent: scheme, host and port, e.g. "https://shop.example". */
struct ses_merchant_origin {
    const char *merchant;
    const char *origin;
};

struct ses_merchant_binding {
    const char *merchant;
    struct ses_binding_policy policy; /* what is 0 in it: as for every merchant */
};

struct ses_service_options {
    struct ses_store *store;
    const struct ses_keyring *keyring;
    struct ses_driver *driver;
    struct ses_timers *timers;
    struct ses_connector_policy policy;
    const struct ses_secret *natural_key; /* keys the hash of natural keys, fingerprints, idempotency keys */
    const struct ses_secret *log_key;     /* keys pseudonyms of session ids */
    const struct ses_seal_key *step_keys; /* seal step handles, the first one */
    size_t step_keys_count;
    const char *issuer; /* token iss, aud */
    const char *audience;
    enum ses_token_purpose token_purpose; /* of those that are minted; all are taken */
    /* Whether everybody who may get a token takes them all; NULL: yes. Until then SES_TOKEN_PLAIN is minted. */
    const _Atomic bool *token_forms_known;
    uint64_t session_ttl_ms; /* of these numbers only those that say so may be 0 */
    /* Kept back from the caller's deadline for commit and reply. */
    uint64_t connector_deadline_margin_ms;
    bool connector_errors_status; /* a refusal is told by status where the caller has not said how */
    unsigned credential_cache_entries;
    uint64_t closed_ms;           /* a closed session answers late calls */
    uint64_t step_ms;             /* limit of a step */
    uint64_t rotation_overlap_ms; /* 0: none */
    uint32_t attempts_max;        /* failed ones of a payment; 0: no bound */
    uint64_t inbox_ms;            /* events kept for a session to come */
    uint64_t watch_alive_ms;      /* a silent WatchSession stream tells its state again */
    /* What browsers call this server, without '/' at its end, e.g. "https://pay.example". */
    const char *public_url;
    const struct ses_merchant_origin *return_urls;
    size_t return_urls_count;
    struct ses_binding_policy binding; /* of merchants that are not in the list */
    const struct ses_merchant_binding *bindings;
    size_t bindings_count;
    _Atomic uint32_t *log_level; /* of every process, enum ses_log_level; each follows within a second */
    struct ses_log *log;
    struct ses_metrics *metrics;
    struct ses_made_body openapi; /* GET /openapi.json, static; empty: there is none */
    struct ses_gateway_options gateway;
};

SES_MUST_CHECK enum ses_status ses_service_new(const struct ses_service_options *options,
                                               struct ses_service **ret_service);
void ses_service_free(struct ses_service *service);
/* The route table of all methods with service as their arg: session RPCs, their plain JSON routes, health,
 * reflection, GET /health, GET /.well-known/paseto-keys, GET /openapi.json. Valid as long as the service. */
const struct ses_route *ses_service_routes(const struct ses_service *service, size_t *ret_count);
/* End of a loop turn, before connections are flushed: hands the store its batch, then signs what was just
 * handed over (the disk works meanwhile). */
void ses_service_turn(struct ses_service *service);
/* The worker leaves: open streams end, none begins. Health speaks of the server, not of the worker: it
 * becomes NOT_SERVING only if the whole server stops. */
void ses_service_set_draining(struct ses_service *service, bool server_stops);
/* What the rank above knows of all workers, for the next ses_service_check_health: not ready is NOT_SERVING
 * for all; without creates only the service that makes sessions is. */
void ses_service_set_ready(struct ses_service *service, bool ready, bool creates);
/* Health is SERVING while the store is healthy, enough workers serve and the server does not stop; Watch
 * streams are told of changes (call from a timer, 200 ms). */
void ses_service_check_health(struct ses_service *service);
/* Exchanges that wait for the store, a connector or a claim. */
unsigned ses_service_in_flight(const struct ses_service *service);
/* [runtime] Name of method-metric row i, for /metrics labels: "Service/Method"; NULL behind the last. */
const char *ses_method_metric_name(int metric);
/* [runtime] The row of requests whose path no route has, for the exchanges' pool. */
int ses_method_metric_unknown(void);
/* [runtime] Does the row count streaming calls? How long they last is no latency. */
bool ses_method_metric_streams(int metric);

#endif
