#include "client_token.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/connector/access_token.h>

#include "call_headers.h"
#include "caller_check.h"
#include "change_loop.h"
#include "client_message.h"
#include "client_record.h"
#include "connector_call.h"
#include "connector_refusal.h"
#include "create_name.h"
#include "natural_key.h"
#include "refusal.h"

/* Where an answer comes from, in the order of the family's values (base/metrics.h). */
enum source { MADE, SETTLED, REPLAYED, REFUSED, UNKNOWN };

/* One call; in its exchange's arena. */
struct client {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_client_rpc *rpc;
    const struct ses_client_call *how;
    struct ses_slice base_url;
    struct ses_client_ask ask;
    struct ses_client_meaning meaning;
    struct ses_client_request told;
    struct ses_client_record current; /* what was read; in the scratch arena */
    struct ses_client_record made;
    bool settles; /* current is an intent, of this same call */
    bool asked;   /* the connector may have acted, and no answer of its own says what came of it */
    char idempotency_key[SES_IDEMPOTENCY_KEY_SIZE];
    struct ses_connector_call call;
    struct ses_change_loop loop;
    /* Behind loop.found nothing is zeroed. */
    struct ses_call_headers headers;
};

static struct client *client_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct client, loop);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void count(const struct client *c, enum source source)
{
    ses_family_add(c->service->options.metrics, SES_F_CLIENT_TOKENS, (size_t)source, 1);
}

static void give_back(struct client *c)
{
    ses_connector_call_leave(&c->call);
    ses_store_release(c->service->options.store, &c->loop.lease,
                      c->asked ? SES_LEASE_KEEP_INTENT : SES_LEASE_FORGET_INTENT);
}

static void fail(struct client *c, const struct ses_error *error)
{
    struct ses_error told = *error;

    give_back(c);
    ses_refusal_summarise(&told, &c->x->arena);
    ses_exchange_fail(c->x, &told);
    ses_change_loop_finish(&c->loop);
}

static void fail_internal(struct client *c, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_internal(&error, status);
    fail(c, &error);
}

static void answer(struct client *c, const struct ses_client_record *record, enum source source)
{
    struct ses_slice message;
    enum ses_status status = c->rpc->write(c->x, record->data, record->status_code, NULL, &message);

    count(c, source);
    if (status != SES_OK) {
        fail_internal(c, status);
        return;
    }
    if (source == REPLAYED)
        ses_exchange_reply_header(c->x, SES_STR("x-client-token-replayed"), SES_STR("true"));
    give_back(c);
    ses_service_reply(c->service, c->x, message);
    ses_change_loop_finish(&c->loop);
}

static void answer_refusal(struct client *c, const struct ses_connector_result *result)
{
    struct ses_slice message;
    struct ses_error error;
    enum ses_status status;

    count(c, c->asked ? UNKNOWN : REFUSED);
    if (ses_call_headers_by_status(c->service, &c->headers)) {
        ses_connector_refusal(result, c->headers.credentials.connector, NULL, &c->x->arena, &error);
        fail(c, &error);
        return;
    }
    status = c->rpc->write(c->x, SES_SLICE_EMPTY, result->status_code, result, &message);
    if (status != SES_OK) {
        fail_internal(c, status);
        return;
    }
    give_back(c);
    ses_exchange_reply(c->x, message);
    ses_change_loop_finish(&c->loop);
}

/* ---- what is stored -------------------------------------------------------------------------- */

/* What cannot be read is not passed over: behind it may be an effect. */
static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    struct client *c = client_of(loop);
    const struct ses_store_op *op = &loop->op;

    c->settles = false;
    c->asked = false;
    c->current = (struct ses_client_record){.made_ms = 0};
    ses_access_found_none(&loop->found, op->version, op->leased);
    if (status == SES_NOT_FOUND || (status == SES_OK && op->record.expires_ms <= now_ms))
        return SES_OK;
    SES_TRY(status);
    return ses_client_record_decode(&op->record, &c->service->scratch, &c->current);
}

/* Whose credentials are others is told no more than that. */
static uint32_t differing(const struct client *c)
{
    if (memcmp(c->current.credentials, c->headers.credentials.digest, sizeof(c->current.credentials)) != 0)
        return 1u << SES_CLIENT_CREDENTIALS;
    return ses_client_meaning_differing(&c->current.meaning, &c->meaning);
}

static void fail_unknown(struct client *c)
{
    struct ses_error error;

    count(c, UNKNOWN);
    ses_error_refuse(&error, SES_REASON_CLIENT_TOKEN_UNKNOWN,
                     SES_STR("whether the connector acted on an earlier call with this id is not known"));
    ses_error_metadata(&error, SES_STR("connector"), ses_slice_str(c->headers.credentials.connector->name));
    fail(c, &error);
}

static void take_key(struct client *c)
{
    struct ses_slice key = c->current.idempotency_key;

    c->settles = true;
    if (key.len == sizeof(c->idempotency_key) - 1)
        memcpy(c->idempotency_key, key.data, key.len);
}

static enum ses_change_verdict judge(struct client *c)
{
    bool unsettled = c->current.data.len == 0;
    uint32_t parts = differing(c);
    struct ses_error error;

    if (parts != 0) {
        ses_client_conflict(&c->ask, parts, unsettled, &c->x->arena, &error);
        fail(c, &error);
        return SES_CHANGE_DONE;
    }
    if (!unsettled) {
        answer(c, &c->current, REPLAYED);
        return SES_CHANGE_DONE;
    }
    if (ses_client_call_leaves(c->how) == SES_CLIENT_LEAVES_EFFECT) {
        fail_unknown(c);
        return SES_CHANGE_DONE;
    }
    take_key(c);
    return SES_CHANGE_WRITE;
}

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct client *c = client_of(loop);

    (void)now_ms;
    if (loop->lease.held || c->current.made_ms == 0) /* held: decided before it was taken */
        return SES_CHANGE_WRITE;
    return judge(c);
}

/* ---- the call -------------------------------------------------------------------------------- */

static void begin_record(const struct client *c, uint64_t now_ms, struct ses_client_record *ret_record)
{
    *ret_record = (struct ses_client_record){
        .made_ms = now_ms,
        .ends_ms = now_ms + c->service->options.session_ttl_ms,
        .meaning = c->meaning,
        .idempotency_key = ses_slice_str(c->idempotency_key),
    };
    memcpy(ret_record->credentials, c->headers.credentials.digest, sizeof(ret_record->credentials));
}

static enum ses_status encode(struct client *c, const struct ses_client_record *record,
                              struct ses_record *ret_record)
{
    uint8_t id[SES_SESSION_ID_SIZE];

    ses_service_session_id(record->made_ms, id);
    ses_arena_reset(&c->service->scratch);
    return ses_client_record_encode(record, id, &c->service->scratch, ret_record);
}

static enum ses_status put(struct client *c)
{
    struct ses_record record;

    SES_TRY(encode(c, &c->made, &record));
    return ses_change_loop_put(&c->loop, &record);
}

static void keep(struct client *c, const struct ses_connector_result *result)
{
    uint64_t now_ms = ses_clock_now_ms();

    begin_record(c, now_ms, &c->made);
    c->made.data = result->session_token;
    c->made.status_code = result->status_code;
    if (result->life_ms != 0 && now_ms + result->life_ms < c->made.ends_ms)
        c->made.ends_ms = now_ms + result->life_ms;
}

/* asked is set before anything else: a failure of ours from here on must leave the intent behind. */
static void on_answer(struct ses_connector_call *call, uint32_t http_status,
                      enum ses_connector_outcome outcome, struct ses_slice body)
{
    struct client *c = SES_CONTAINER(call, struct client, call);
    struct ses_connector_result result = {.outcome = outcome};
    enum ses_status status = SES_OK;

    c->asked = true;
    if (http_status == 0)
        ses_connector_result_transport(outcome, &result);
    else
        status = ses_client_parse(c->how, &c->told, http_status, body, &c->x->arena, &result);
    if (status != SES_OK) {
        fail_internal(c, status);
        return;
    }
    c->x->connector_status = result.status_code;
    c->asked = result.outcome == SES_OUTCOME_SUCCESS || ses_outcome_unknown(result.outcome);
    if (result.outcome != SES_OUTCOME_SUCCESS) {
        answer_refusal(c, &result);
        return;
    }
    keep(c, &result);
    ses_change_loop_resume(&c->loop, put(c));
}

static enum ses_status build(struct client *c, struct ses_error *ret_error)
{
    ses_client_ask_tell(&c->ask, &c->told);
    c->told.payment.credentials = &c->headers.credentials;
    c->told.payment.base_url = c->base_url;
    c->told.payment.now_ms = ses_clock_wall_ms();
    c->told.payment.idempotency_key = ses_slice_str(c->idempotency_key);
    ses_random_bytes(c->told.random, sizeof(c->told.random));
    c->call = (struct ses_connector_call){.service = c->service,
                                          .x = c->x,
                                          .connector = c->headers.credentials.connector,
                                          .answered = on_answer};
    return ses_client_build(c->how, &c->told, &c->x->arena, &c->call.request, ret_error);
}

/* ---- the lease ------------------------------------------------------------------------------- */

/* Ends the call: the loop is told to leave it alone. */
static enum ses_status refused(struct client *c, const struct ses_error *error)
{
    fail(c, error);
    return SES_PENDING;
}

static enum ses_status refused_call(struct client *c, enum ses_status status)
{
    struct ses_error error;

    ses_connector_call_refusal(&c->call, status, &error);
    return refused(c, &error);
}

static enum ses_status take_lease(struct client *c, uint64_t now_ms)
{
    struct ses_client_record intent;
    struct ses_record record;

    if (ses_client_call_leaves(c->how) == SES_CLIENT_LEAVES_NOTHING)
        return ses_change_loop_reserve(&c->loop, ses_connector_call_lease_ms(&c->call));
    begin_record(c, now_ms, &intent);
    SES_TRY(encode(c, &intent, &record));
    return ses_change_loop_lease(&c->loop, &record, ses_connector_call_lease_ms(&c->call));
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct client *c = client_of(loop);
    const struct ses_secret *secret = c->service->options.natural_key;
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    if (loop->lease.held)
        return put(c);
    if (!c->settles)
        ses_client_idempotency_key(ses_slice(secret->bytes, secret->len),
                                   ses_slice(loop->key.bytes, sizeof(loop->key.bytes)), &c->meaning,
                                   c->idempotency_key);
    if (build(c, &error) != SES_OK)
        return refused(c, &error);
    status = ses_connector_call_take(&c->call, loop->owner);
    return status == SES_OK ? take_lease(c, now_ms) : refused_call(c, status);
}

/* The last moment at which a cancelled call can be dropped: nobody has been asked. */
static void leased(struct ses_change_loop *loop)
{
    struct client *c = client_of(loop);
    enum ses_status status;

    if (c->x->cancelled) {
        give_back(c);
        ses_change_loop_finish(loop);
        return;
    }
    status = ses_connector_call_start(&c->call);
    if (status != SES_OK) {
        (void)refused_call(c, status);
        return;
    }
    ses_exchange_waits(c->x);
}

/* ---- the loop's other ends ------------------------------------------------------------------- */

static void committed(struct ses_change_loop *loop)
{
    struct client *c = client_of(loop);

    answer(c, &c->made, c->settles ? SETTLED : MADE);
}

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    fail(client_of(loop), error);
}

/* Out of a place that was taken for a call which somebody else makes. */
static void lost(struct ses_change_loop *loop)
{
    ses_connector_call_leave(&client_of(loop)->call);
}

static const struct ses_change_loop_ops client_ops = {
    .take = take,
    .decide = decide,
    .write = write_record,
    .leased = leased,
    .lost = lost,
    .committed = committed,
    .failed = failed,
};

/* ---- start ----------------------------------------------------------------------------------- */

static enum ses_status find_call(struct client *c, struct ses_error *ret_error)
{
    const struct ses_connector *connector = c->headers.credentials.connector;

    c->how = ses_client_call_of(connector);
    if (c->how != NULL)
        return SES_OK;
    ses_error_refuse(ret_error, SES_REASON_CLIENT_TOKEN_UNSUPPORTED,
                     SES_STR("this connector's API has no tokens for a browser"));
    ses_error_metadata(ret_error, SES_STR("connector"), ses_slice_str(connector->name));
    return ret_error->status;
}

static enum ses_status read_call(struct client *c, struct ses_error *ret_error)
{
    struct ses_session_request *request = &c->ask.request;

    c->ask.naming = c->rpc->naming;
    SES_TRY(ses_call_headers_read(c->service, c->x, &c->headers, ret_error));
    SES_TRY(c->rpc->read(c->x, &c->ask, ret_error));
    SES_TRY(ses_create_settle_name(c->x, c->headers.metadata.connector_reference, request, ret_error));
    SES_TRY(ses_caller_check(c->x, SES_RIGHT_CREATE, request->test_mode, ret_error));
    SES_TRY(ses_client_ask_check(&c->ask, ret_error));
    SES_TRY(find_call(c, ret_error));
    /* The host of its tokens, where it has one beside its API: jpmorgan's are one call with two purposes. */
    return ses_access_base_url(&c->service->options.policy, &c->headers.credentials, request->test_mode,
                               &c->x->arena, &c->base_url, ret_error);
}

/* Beside sessions and access tokens, and never one's: theirs are of four and of seven parts, each with its length. */
static void make_key(const struct client *c, struct ses_store_key *ret_key)
{
    const struct ses_secret *secret = c->service->options.natural_key;
    const struct ses_slice parts[] = {
        c->headers.metadata.tenant,
        c->headers.metadata.merchant,
        c->ask.request.test_mode ? SES_STR("test") : SES_STR("live"),
        SES_STR("client token"),
        ses_slice_str(c->headers.credentials.connector->name),
        c->ask.request.text[SES_FIELD_MERCHANT_SESSION_ID],
    };

    ses_hash_parts(ses_slice(secret->bytes, secret->len), parts, sizeof(parts) / sizeof(parts[0]),
                   ret_key->bytes);
}

static void start(struct ses_service *service, struct ses_exchange *x, const struct ses_client_rpc *rpc)
{
    struct client *c = ses_arena_alloc(&x->arena, sizeof(*c));
    struct ses_error error;
    struct ses_store_key key;

    if (c == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    memset(c, 0, offsetof(struct client, loop.found));
    c->service = service;
    c->x = x;
    c->rpc = rpc;
    ses_error_clear(&error);
    if (read_call(c, &error) != SES_OK) {
        fail(c, &error);
        return;
    }
    ses_client_ask_meaning(&c->ask, &service->keys->payload, &x->arena, &c->meaning);
    make_key(c, &key);
    ses_change_loop_start(
        &c->loop, service, x, &client_ops, &key,
        ses_natural_owner(service, c->headers.metadata.tenant, c->headers.metadata.merchant));
}

void ses_create_sdk_session_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, &ses_client_rpc_sdk);
}

void ses_create_client_authentication_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, &ses_client_rpc_client);
}
