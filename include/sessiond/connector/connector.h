/* connector.h - payment processors: who they are, how a caller names one and hands us its credentials,
 * and the session call of those that have one (registry.h).
 *
 * A connector is a pure pair, build and parse, tested with golden files and no network; the driver (driver.h)
 * does the I/O.
 */
#ifndef SESSIOND_CONNECTOR_CONNECTOR_H
#define SESSIOND_CONNECTOR_CONNECTOR_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>
#include <sessiond/base/slice.h>

/* ---- identity ---- */

#define SES_CREDENTIAL_FIELDS_MAX 8

struct ses_connector_ops;

/* What is left at the connector by a session call whose answer nobody has read (its worker died, the connection broke):
 * decides whether an intent has to be on disk before the call. registry_table.c has each connector's reason. */
enum ses_call_leaves {
    SES_CALL_LEAVES_UNSTATED, /* no session call. Of one that makes one: taken for the next */
    SES_CALL_LEAVES_EFFECT,   /* an order, an intent, a charge: the next call has to settle it */
    SES_CALL_LEAVES_NOTHING   /* what ends by itself, and nobody but its receiver can use or see */
};

#define SES_CONNECTOR_NAME_BYTES_MAX 64u

/* One row per connector of the protocol's enum Connector, in static storage; or one made for a call that names a
 * connector which is not in the table (number 0, no session call), as long as its arena. */
struct ses_connector {
    uint32_t number;  /* enum Connector; not unique: razorpay_v2 shares razorpay's. 0: of a newer protocol */
    const char *name; /* snake_case as in x-connector, e.g. "nuvei"; unique */
    const char *variant; /* key inside x-connector-config's "config", e.g. "Nuvei"; NULL if it has none */
    const struct ses_connector_ops *ops; /* NULL: a session needs no outbound call */
    int metric;                          /* index for ses_metrics.connector_calls, -1 without ops */
    enum ses_call_leaves leaves;
};

/* [any] NULL if unknown; exact, case-sensitive. */
const struct ses_connector *ses_connector_by_name(struct ses_slice name);
/* [any] May a connector be called so? 1 to 64 of a-z, 0-9 and _, a letter first, not many digits. */
bool ses_connector_name_check(struct ses_slice name);
/* [any] A connector's name that this one may have been meant for: one edit away. NULL: none. */
const char *ses_connector_nearest(struct ses_slice name);
/* [any] The one with both, in constant time. name empty: the first with that number, for who was told no
 * name. NULL if there is none. */
const struct ses_connector *ses_connector_find(uint32_t number, struct ses_slice name);
/* [any] The metric's connector name for index 0.., NULL behind the last. */
const char *ses_connector_metric_name(int metric);

/* ---- credentials from request metadata ----
 * In one of three forms: x-connector-config; x-connector-auth; x-connector with x-auth and its keys. */

struct ses_credential {
    const char *name;       /* the config key, e.g. "api_key"; static */
    struct ses_slice value; /* secret */
};

#define SES_CREDENTIALS_DIGEST_BYTES 16

struct ses_credentials {
    const struct ses_connector *connector;
    /* Keyed hash of what they say, however it was spelled (credential_digest.c): who has other ones is
     * another caller. Without the connector's name and base_url, which are no secrets. */
    uint8_t digest[SES_CREDENTIALS_DIGEST_BYTES];
    /* The secret keys of the connector's config that were given; an absent one or null has no entry. */
    struct ses_credential fields[SES_CREDENTIAL_FIELDS_MAX];
    size_t fields_count;
    struct ses_slice base_url; /* empty: the configured one */
    /* Of a connector whose access tokens come from another host than its API's (jpmorgan, truelayer, trustpay). */
    struct ses_slice access_url;
};

/* The raw header values; empty slice = header absent. */
struct ses_connector_headers {
    struct ses_slice connector;        /* x-connector */
    struct ses_slice connector_config; /* x-connector-config */
    struct ses_slice connector_auth;   /* x-connector-auth */
    struct ses_slice auth;             /* x-auth */
    struct ses_slice api_key;          /* x-api-key */
    struct ses_slice key1;             /* x-key1 */
    struct ses_slice key2;             /* x-key2 */
    struct ses_slice api_secret;       /* x-api-secret */
    struct ses_slice auth_key_map;     /* x-auth-key-map */
    /* Of these an empty value is accepted, so being there is told apart. */
    bool api_key_present, key1_present, key2_present, api_secret_present;
};

/* [worker] A bounded cache of parsed headers: JSON of a repeated x-connector-config is parsed once. Keyed by
 * a hash of all header values; entries live in guarded or wiped memory and are dropped least recently used
 * first. */
struct ses_credential_cache;
SES_MUST_CHECK enum ses_status ses_credential_cache_new(size_t entries_max,
                                                        struct ses_credential_cache **ret_cache);
void ses_credential_cache_free(struct ses_credential_cache *cache);

/* [worker] Reads, checks and resolves. ret_error: SES_INVALID_ARGUMENT with an ErrorInfo reason that says
 * which check failed (MISSING_METADATA, INVALID_CONNECTOR, INVALID_CONNECTOR_CONFIG_JSON,
 * UNSUPPORTED_CONNECTOR, AUTH_CONVERSION_FAILED, ..., CONNECTOR_CONTRADICTION), naming headers and keys,
 * never values. Slices of ret_credentials point into arena. cache may be NULL. digest_key: 16 to 64 secret
 * bytes, the same for the life of a cache. */
SES_MUST_CHECK enum ses_status
ses_credentials_resolve(struct ses_credential_cache *cache, struct ses_slice digest_key,
                        const struct ses_connector_headers *headers, struct ses_arena *arena,
                        struct ses_credentials *ret_credentials, struct ses_error *ret_error);
/* [any] The value of a field, the empty slice if absent. */
struct ses_slice ses_credential_get(const struct ses_credentials *credentials, const char *name);

/* ---- base URLs ---- */

struct ses_connector_url {
    const struct ses_connector *connector;
    const char *sandbox; /* test_mode true */
    const char *production;
};

struct ses_connector_policy {
    const struct ses_connector_url *overrides; /* from the configuration or --sandbox; may be empty */
    size_t overrides_count;
    /* The operator's allow-list for base_url in x-connector-config: host or host:port. */
    const char *const *base_url_hosts;
    size_t base_url_hosts_count;
    bool sandbox; /* loopback hosts only, http:// allowed */
};

/* [worker] The URL to call. A base_url of the caller must be http(s), without user info, on the allow-list
 * (exact host, or host:port), and https; in the sandbox a loopback host, http or https. SES_INVALID_ARGUMENT,
 * reason BASE_URL_REFUSED. SES_FAILED_PRECONDITION, reason SANDBOX_LIVE_CALL: in the sandbox, and the URL for
 * this mode is not loopback. */
SES_MUST_CHECK enum ses_status ses_connector_base_url(const struct ses_connector_policy *policy,
                                                      const struct ses_credentials *credentials,
                                                      bool test_mode, struct ses_arena *arena,
                                                      struct ses_slice *ret_url, struct ses_error *ret_error);

/* [worker] Which configurations were found good under one policy, least recently used forgotten first: hashes under a key of its own.
 * entries_max: at least one. SES_NO_MEMORY. */
struct ses_connector_config_memo;
SES_MUST_CHECK enum ses_status ses_connector_config_memo_new(size_t entries_max,
                                                             struct ses_connector_config_memo **ret_memo);
void ses_connector_config_memo_free(struct ses_connector_config_memo *memo);

/* [worker] An x-connector-config (or x-connector-auth) that is passed on to a payment server: may each URL in it be called? By the rule
 * of a caller's base_url. ret_connector: whose it is, in arena or static; NULL: it names none. SES_INVALID_ARGUMENT:
 * BASE_URL_REFUSED, INVALID_CONNECTOR_CONFIG_JSON; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_connector_config_check(const struct ses_connector_policy *policy,
                                                          struct ses_connector_config_memo *memo,
                                                          struct ses_slice text, struct ses_arena *arena,
                                                          const struct ses_connector **ret_connector,
                                                          struct ses_error *ret_error);

/* ---- one session call: pure ---- */

struct ses_http_pair {
    struct ses_slice name; /* lower case */
    struct ses_slice value;
};

#define SES_OUTBOUND_HEADERS_MAX 12

struct ses_outbound_request {
    struct ses_slice url; /* absolute */
    bool get;             /* else POST; body is empty */
    struct ses_http_pair headers[SES_OUTBOUND_HEADERS_MAX];
    size_t headers_count;
    struct ses_slice body;
    bool idempotent; /* the connector honours our key: may be sent again */
};

/* Adds one; name and value are borrowed. There is room for what build makes and a trace context. */
void ses_request_header(struct ses_outbound_request *request, struct ses_slice name, struct ses_slice value);

/* Of an address what a connector's session call can tell; data NULL: absent. */
struct ses_call_address {
    struct ses_slice first_name, last_name, line1, line2, city, state, zip_code, email, phone_number;
    struct ses_slice country; /* two letters */
};

struct ses_session_call {
    const struct ses_credentials *credentials;
    struct ses_slice base_url;
    struct ses_slice merchant_session_id;
    int64_t minor_amount;
    const char *currency;     /* "USD" */
    unsigned exponent;        /* minor-unit digits */
    struct ses_slice os_type; /* browser_info.os_type, empty if absent */
    bool os_type_present;
    struct ses_slice customer_id; /* customer.id; data NULL: absent */
    struct ses_call_address billing, shipping;
    struct ses_slice idempotency_key; /* text derived from the natural key */
    uint64_t now_ms;
    uint8_t salt[3]; /* random; fixed in tests */
};

enum ses_connector_outcome {
    SES_OUTCOME_SUCCESS,
    SES_OUTCOME_DECLINED,     /* CONNECTOR_DECLINED: it answered with an error of its own */
    SES_OUTCOME_AUTH_FAILED,  /* CONNECTOR_AUTH_FAILED: 401, 403 */
    SES_OUTCOME_RATE_LIMITED, /* CONNECTOR_RATE_LIMITED: 429 */
    SES_OUTCOME_SERVER_ERROR, /* CONNECTOR_ERROR: 5xx */
    SES_OUTCOME_TIMEOUT,      /* CONNECTOR_TIMEOUT -> status_code 504 */
    SES_OUTCOME_UNREACHABLE,  /* CONNECTOR_UNREACHABLE -> 502 */
    SES_OUTCOME_BAD_RESPONSE, /* CONNECTOR_BAD_RESPONSE -> 502 */
    SES_OUTCOME_COUNT
};

struct ses_connector_result {
    enum ses_connector_outcome outcome;
    uint32_t status_code;     /* the connector's HTTP status; 504, 502 as above; 200 on success */
    struct ses_slice code;    /* error.connector_details.code; may be empty */
    struct ses_slice message; /* .message */
    struct ses_slice reason;  /* .reason; absent when empty */
    struct ses_slice network_decline_code; /* error.issuer_details.network_details.decline_code */
    struct ses_slice network_advice_code;
    struct ses_slice network_error_message; /* .network_details.error_message */
    struct ses_slice connector_transaction_id;
    /* The connector knew this id from an earlier call and gave that call's session_token again, as an error.
     * Whoever knows that the earlier call was his own, cut off before its answer came, may take it for a
     * success. */
    bool repeated;
    /* success, or repeated */
    struct ses_slice session_token; /* its own token or client secret: secret, kept in the record only */
    struct ses_slice session_id;    /* its id, if it has one */
    uint64_t expires_ms;            /* its own expiry, the world's time; 0 = none told */
    uint64_t life_ms;               /* likewise, counted from when it was asked */
    uint32_t payment_status; /* of a refusal, enum types.PaymentStatus; 0: it says nothing of the payment */
    struct ses_slice token_type; /* of an access token (access_token.h): "Bearer"; empty: none told */
};

struct ses_connector_ops {
    /* Makes the request bytes. ret_error: SES_INVALID_ARGUMENT naming the missing credential, or with reason
     * SES_REASON_AMOUNT_NOT_ACCEPTED. */
    enum ses_status (*build)(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error);
    /* Reads an answer that arrived whole. Always yields a result; SES_NO_MEMORY only. */
    enum ses_status (*parse)(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result);
    /* What the connector's documents say that its session lives, from its making; 0: they say nothing. An
     * answer that tells an end itself counts before it. */
    uint64_t session_life_ms;
};

/* [any] The result of a call that brought no readable answer (http_status 0 from the driver): TIMEOUT 504,
 * UNREACHABLE and anything else (BAD_RESPONSE) 502, with code and message; static texts. */
void ses_connector_result_transport(enum ses_connector_outcome outcome,
                                    struct ses_connector_result *ret_result);

/* [any] The connector may have acted although no answer of its own says so. */
bool ses_outcome_unknown(enum ses_connector_outcome outcome);

/* [any] unified_details.code of an outcome, e.g. "CONNECTOR_TIMEOUT"; static. */
const char *ses_outcome_code(enum ses_connector_outcome outcome);

#endif
