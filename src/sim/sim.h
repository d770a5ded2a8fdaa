/* sim.h - sessiond-sim: a server that answers like the session calls of Nuvei, Paytm, Stripe, PayU and
 * Authorize.Net and like APIs that give out access tokens, checks what the real ones check, and like a bank's 3-D
 * Secure page (acs.c), so that the whole path can be tried
 * without them. It shares only rank base with the server: the same mistake must not be made twice.
 *
 * Test credentials: Nuvei any merchant_id and merchant_site_id with merchant_secret "nuvei_secret"; Paytm any
 * merchant_id with one of the merchant_keys of paytm.c ("0123456789abcdef", ...); Stripe any api_key that
 * starts with "sk_test_"; PayU any api_secret with api_key "payu_key"; Authorize.Net any name with transaction_key "anet_key".
 * These two are told no order: their api_secret or name stands for its id.
 *
 * Paths (route.c):
 *
 *   POST     /nuvei/getSessionToken.do                     nuvei.c
 *   POST     /paytm/theia/api/v1/initiateTransaction       paytm.c
 *   POST     /stripe/v1/payment_intents                    stripe.c
 *   POST     /payu/pl/standard/user/oauth/authorize        payu.c
 *   POST     /authorizedotnet                              authorizedotnet.c
 *   POST     /<connector>/..                               access.c: access tokens
 *   GET|POST /acs/challenge, POST /acs/answer              acs.c
 *   POST     /control                                      behaviour of everybody, or forget everything
 *   GET      /effects, /effects?order=ID                   what connectors have acted for, and how often
 *   GET      /healthz
 *
 * A connector's path counts an effect exactly when the real one would have acted: that is what tests of the
 * server's idempotency look at.
 */
#ifndef SESSIOND_SRC_SIM_SIM_H
#define SESSIOND_SRC_SIM_SIM_H

#include <stdio.h>
#include <uv.h>

#include <sessiond/base/buf.h>

#define SIM_CONNECTIONS_MAX    4096
#define SIM_REQUEST_BODY_MAX   (64u * 1024)
#define SIM_REQUEST_HEADER_MAX (32u * 1024)
#define SIM_REPLY_MAX          (64u * 1024 * 1024) /* GET /effects with a full table */
#define SIM_TABLE_ENTRIES_MAX  (512u * 1024)
#define SIM_LATENCY_MS_MAX     60000u
#define SIM_ID_BYTES_MAX       255
#define SIM_TOKEN_SIZE         33
#define SIM_BIG_ANSWER_BYTES   (1024u * 1024)

/* ---- behaviour: told by the order id's prefix or for all requests by POST /control ---- */

/* What each does: the table of behaviour.c. */
enum sim_mode {
    SIM_NORMAL,
    SIM_HANG,
    SIM_CLOSE_HALF,
    SIM_RESET,
    SIM_RUBBISH,
    SIM_BIG,
    SIM_NO_TOKEN,
    SIM_DECLINED,
    SIM_HTTP
};

struct sim_behaviour {
    enum sim_mode mode;
    unsigned http_status;
    uint32_t latency_ms; /* beside any mode: sim-slow-500-sim-hang- */
};

/* fallback is kept where the id says nothing. */
struct sim_behaviour sim_behaviour_of(struct ses_slice order_id, struct sim_behaviour fallback);
/* "normal", "hang", "http-500", ... as in the prefixes. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status sim_mode_parse(struct ses_slice text, struct sim_behaviour *behaviour);
/* All that the former takes, on one line. SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status sim_modes_append(struct ses_buf *buf);
/* All prefixes with what they do, a line each: for --help. */
void sim_prefixes_print(FILE *file);

/* ---- what was accepted, bounded: the oldest entries are forgotten ---- */

enum sim_kind {
    SIM_EFFECT,      /* order id -> how often a connector acted for it */
    SIM_PAYTM_ORDER, /* merchant id and order id -> serial of the first */
    SIM_STRIPE_KEY   /* Idempotency-Key -> its parameters and serial */
};

struct sim_entry {
    struct sim_entry *next; /* in the bucket */
    struct sim_entry *older_to_newer;
    uint64_t hash;
    uint64_t serial;
    uint32_t count;
    enum sim_kind kind;
    uint8_t parameters[32];
    size_t key_bytes;
    uint8_t key[];
};

struct sim_table {
    struct sim_entry **buckets;
    struct sim_entry *oldest;
    struct sim_entry *newest;
    size_t count;
    uint64_t forgotten;
};

SES_MUST_CHECK enum ses_status sim_table_init(struct sim_table *table);
void sim_table_done(struct sim_table *table);
void sim_table_clear(struct sim_table *table);
struct sim_entry *sim_table_find(const struct sim_table *table, enum sim_kind kind, struct ses_slice key);
/* A new entry with count 0; the key must not be there. NULL without memory. */
struct sim_entry *sim_table_add(struct sim_table *table, enum sim_kind kind, struct ses_slice key);

/* ---- one request ---- */

struct sim {
    uv_loop_t *loop;
    uint64_t seed;
    uint64_t serial; /* of the last thing made */
    uint64_t effects;
    uint64_t requests;
    unsigned connections;
    struct sim_behaviour behaviour; /* of everybody */
    struct sim_table table;
    struct uv_tcp_s listener;
    bool leaving; /* takes no more connections, each answer is its connection's last */
    uv_timer_t leave;
    uint64_t leave_since_ms;
    struct sim_connection *first; /* list of all */
};

struct sim_request {
    bool post;
    struct ses_slice path; /* without query */
    struct ses_slice query;
    struct ses_slice authorization;
    struct ses_slice idempotency_key;
    struct ses_slice content_type;
    struct ses_slice body;
};

struct sim_reply {
    unsigned status;
    bool replayed;                 /* header idempotent-replayed */
    bool html;                     /* a page for a browser instead of JSON */
    char location[SIM_TOKEN_SIZE]; /* the last part of header location; empty: none */
    struct ses_buf body;
    struct sim_behaviour behaviour;
};

/* Fills reply for any request. */
void sim_route(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_nuvei(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_paytm(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_payu(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_authorizedotnet(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_stripe(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
/* False: its path is none of an access token's. */
bool sim_access(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_control(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_acs_challenge(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_acs_answer(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);
void sim_effects(struct sim *sim, const struct sim_request *request, struct sim_reply *reply);

/* Counts that a connector acted for an order. */
void sim_effect(struct sim *sim, struct ses_slice order_id);
/* 32 hex digits that depend on the seed, the label and the serial alone. */
void sim_token(const struct sim *sim, const char *label, uint64_t serial, char ret_token[SIM_TOKEN_SIZE]);
/* Replaces the body; formatted as printf does. */
void sim_say(struct sim_reply *reply, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends a JSON string. */
void sim_say_json(struct ses_buf *body, struct ses_slice text);
/* Percent-decodes (and turns '+' into a space) into ret_text[room]. SES_MALFORMED, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status sim_url_decode(struct ses_slice text, uint8_t *ret_text, size_t room,
                                              size_t *ret_len);
/* The decoded value of a form or query parameter. SES_NOT_FOUND, SES_MALFORMED, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status sim_parameter(struct ses_slice form, const char *name, uint8_t *ret_text,
                                             size_t room, size_t *ret_len);

/* ---- connections ---- */

struct sim_connection;
/* uv_connection_cb of sim->listener. */
void sim_on_connection(uv_stream_t *listener, int status);
void sim_close_all(struct sim *sim);
/* Those on which nothing is being answered. */
void sim_close_idle(struct sim *sim);

#endif
