#include "budget.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/caller/caller_key.h>
#include <sessiond/method/caller_gate.h>

#include "caller_certificate.h"
#include "caller_write.h"
#include "usual.h"

#define CALLERS 10000u

/* The callers of a large platform, each with a key and two merchants; the key of the one in the middle is kept. */
static struct ses_callers *new_callers(const struct ses_secret *hash_key, char ret_key[SES_CALLER_KEY_SIZE])
{
    char keyed_by[SES_CALLER_KEYED_BY_SIZE];
    struct ses_callers *callers;
    struct ses_fault fault;
    struct ses_buf text;

    ses_caller_keyed_by(hash_key, keyed_by);
    ses_buf_init(&text, SES_CALLERS_FILE_MAX);
    BUDGET_OK(caller_write_head(&text, keyed_by));
    for (unsigned i = 0; i < CALLERS; i++) {
        char name[32];
        char key_text[SES_CALLER_KEY_SIZE];
        struct ses_slice places[] = {SES_STR("another"), ses_slice_str(name)};
        struct ses_caller_key key = {.id = 0};
        struct ses_caller caller = {.name = ses_slice_str(name),
                                    .tenants = {.any = true},
                                    .merchants = {.count = 2, .names = places},
                                    .rights = SES_RIGHT_CREATE,
                                    .modes = SES_CALLER_TEST,
                                    .keys = &key,
                                    .keys_count = 1};

        (void)snprintf(name, sizeof(name), "caller-%u", i);
        caller.name = places[1] = ses_slice_str(name);
        ses_caller_key_make(i == CALLERS / 2 ? ret_key : key_text);
        BUDGET_OK(ses_caller_key_parse(ses_slice_str(i == CALLERS / 2 ? ret_key : key_text), &key.id));
        ses_caller_key_hash(hash_key, ses_slice_str(i == CALLERS / 2 ? ret_key : key_text), key.hash);
        BUDGET_OK(caller_write(&text, 2, &caller));
    }
    BUDGET_OK(ses_callers_parse("callers.yaml", ses_buf_view(&text), keyed_by, &callers, &fault));
    ses_buf_done(&text);
    return callers;
}

static struct ses_exchange *new_call(struct ses_exchange_pool *pool, const struct ses_route *route,
                                     const char *key)
{
    static const char *const headers[][2] = {
        {"te", "trailers"},
        {"user-agent", "grpc-c/1.51"},
        {"grpc-accept-encoding", "identity, gzip"},
        {"x-connector", "adyen"},
        {"x-request-id", "r"},
        {"x-connector-config", "{}"},
        {"x-tenant-id", "tenant"},
        {"x-merchant-id", "caller-5000"},
    };
    struct ses_exchange *x;
    char bearer[SES_CALLER_KEY_SIZE + 8];

    BUDGET_OK(ses_exchange_new(pool, &x));
    x->route = route;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        BUDGET_OK(ses_exchange_add_header(x, ses_slice_str(headers[i][0]), ses_slice_str(headers[i][1])));
    (void)snprintf(bearer, sizeof(bearer), "Bearer %s", key);
    BUDGET_OK(ses_exchange_add_header(x, SES_STR("authorization"), ses_slice_str(bearer)));
    return x;
}

/* Who calls, of 10,000: head, key, right, tenant, merchant. */
void budget_caller(const char *dir, unsigned operations)
{
    static const struct ses_route route = {.path = "/x", .rights = SES_RIGHT_CREATE};
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_caller_gate gate = {.callers = NULL};
    struct ses_exchange_pool *pool;
    struct ses_secret hash_key;
    char key[SES_CALLER_KEY_SIZE];
    struct ses_exchange *x;
    struct ses_error error;

    (void)dir;
    BUDGET_OK(ses_secret_new(32, &hash_key));
    gate.callers = new_callers(&hash_key, key);
    gate.hash_key = &hash_key;
    options.exchanges_max = 4;
    BUDGET_OK(ses_exchange_pool_new(&options, &pool));
    x = new_call(pool, &route, key);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++)
                     BUDGET_OK(ses_caller_gate_admit(&gate, x, NULL, &error)));
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
    ses_callers_free(gate.callers);
    ses_secret_free(&hash_key);
}

/* Whose certificate, of 10,000 callers that have none of its names: thumbprint, two alternative names, common name. */
void budget_certificate(const char *dir, unsigned operations)
{
    struct ses_tls_peer *peer = calloc(1, sizeof(*peer) + 2 * sizeof(peer->sans[0]));
    const struct ses_caller *caller;
    struct ses_callers *callers;
    struct ses_secret hash_key;
    char key[SES_CALLER_KEY_SIZE];
    bool ambiguous;

    (void)dir;
    SES_REQUIRE(peer != NULL);
    BUDGET_OK(ses_secret_new(32, &hash_key));
    callers = new_callers(&hash_key, key);
    peer->sans_count = 2;
    peer->sans[1].kind = SES_TLS_SAN_URI;
    (void)snprintf(peer->sans[0].text, sizeof(peer->sans[0].text), "checkout.shop.internal");
    (void)snprintf(peer->sans[1].text, sizeof(peer->sans[1].text), "spiffe://shop.internal/checkout");
    (void)snprintf(peer->common_name, sizeof(peer->common_name), "checkout");
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) SES_REQUIRE(
        ses_caller_by_certificate(callers, peer, 1, &caller, &ambiguous) == SES_CALLER_UNKNOWN));
    ses_callers_free(callers);
    ses_secret_free(&hash_key);
    free(peer);
}
