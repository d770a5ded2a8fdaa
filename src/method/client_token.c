#include "client_token.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/connector/access_token.h>

#include "caller_check.h"
#include "client_core.h"
#include "create_name.h"
#include "natural_key.h"
#include "refusal.h"

static struct ses_client *client_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_client, loop);
}

/* ---- what is stored -------------------------------------------------------------------------- */

/* What cannot be read is not passed over: behind it may be an effect. */
static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    struct ses_client *c = client_of(loop);
    const struct ses_store_op *op = &loop->op;

    c->settles = false;
    c->prolongs = false;
    c->asked = false;
    c->looks++;
    c->current = (struct ses_client_record){.made_ms = 0};
    ses_access_found_none(&loop->found, op->version, op->leased);
    if (status == SES_NOT_FOUND || (status == SES_OK && op->record.expires_ms <= now_ms))
        return SES_OK;
    SES_TRY(status);
    return ses_client_record_decode(&op->record, &c->service->scratch, &c->current);
}

/* Whose credentials are others is told no more than that. */
static uint32_t differing(const struct ses_client *c)
{
    if (memcmp(c->current.credentials, c->headers.credentials.digest, sizeof(c->current.credentials)) != 0)
        return 1u << SES_CLIENT_CREDENTIALS;
    return ses_client_meaning_differing(&c->current.meaning, &c->meaning);
}

/* Out of the scratch arena, which is the session's when it is read. */
static enum ses_status keep_current(struct ses_client *c)
{
    c->made = c->current;
    SES_TRY(ses_arena_copy(&c->x->arena, c->current.data, &c->made.data));
    return ses_arena_copy(&c->x->arena, c->current.idempotency_key, &c->made.idempotency_key);
}

/* A session that was looked at a moment ago and names the token need not be looked at again; but whoever has waited for another call's
 * token may find that the session has ended meanwhile, and one of an earlier version is not named yet. */
static void replay(struct ses_client *c)
{
    enum ses_status status;

    if (c->session == NULL || (c->session->named && c->looks == 1)) {
        ses_client_answer(c, &c->current, SES_CLIENT_REPLAYED);
        return;
    }
    status = keep_current(c);
    if (status != SES_OK)
        ses_client_fail_internal(c, status);
    else
        ses_client_settle(c, SES_CLIENT_REPLAYED);
}

static void take_key(struct ses_client *c)
{
    struct ses_slice key = c->current.idempotency_key;

    c->settles = true;
    if (key.len == sizeof(c->idempotency_key) - 1)
        memcpy(c->idempotency_key, key.data, key.len);
}

static enum ses_change_verdict judge(struct ses_client *c)
{
    bool unsettled = c->current.data.len == 0;
    uint32_t parts = differing(c);
    struct ses_error error;

    if (parts != 0) {
        ses_client_conflict(&c->ask, parts, unsettled, &c->x->arena, &error);
        ses_client_fail(c, &error);
        return SES_CHANGE_DONE;
    }
    if (!unsettled) {
        c->prolongs = c->session != NULL && c->session->ends_ms > c->current.ends_ms;
        if (c->prolongs)
            return SES_CHANGE_WRITE;
        replay(c);
        return SES_CHANGE_DONE;
    }
    if (ses_client_call_leaves(c->how) == SES_CLIENT_LEAVES_EFFECT) {
        ses_client_fail_unknown(c);
        return SES_CHANGE_DONE;
    }
    take_key(c);
    return SES_CHANGE_WRITE;
}

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_client *c = client_of(loop);

    (void)now_ms;
    if (loop->lease.held || c->current.made_ms == 0) /* held: decided before it was taken */
        return SES_CHANGE_WRITE;
    return judge(c);
}

/* ---- the call -------------------------------------------------------------------------------- */

static void begin_record(const struct ses_client *c, uint64_t now_ms, struct ses_client_record *ret_record)
{
    *ret_record = (struct ses_client_record){
        .made_ms = now_ms,
        .ends_ms = now_ms + c->service->options.session_ttl_ms,
        .meaning = c->meaning,
        .idempotency_key = ses_slice_str(c->idempotency_key),
    };
    if (c->session != NULL && c->session->ends_ms > ret_record->ends_ms)
        ret_record->ends_ms = c->session->ends_ms;
    memcpy(ret_record->credentials, c->headers.credentials.digest, sizeof(ret_record->credentials));
}

static enum ses_status encode(struct ses_client *c, const struct ses_client_record *record,
                              struct ses_record *ret_record)
{
    uint8_t id[SES_SESSION_ID_SIZE];

    ses_service_session_id(record->made_ms, id);
    ses_arena_reset(&c->service->scratch);
    return ses_client_record_encode(record, id, &c->service->scratch, ret_record);
}

static enum ses_status put(struct ses_client *c)
{
    struct ses_record record;

    SES_TRY(encode(c, &c->made, &record));
    return ses_change_loop_put(&c->loop, &record);
}

static void put_made(struct ses_client *c)
{
    ses_change_loop_resume(&c->loop, put(c));
}

static void keep(struct ses_client *c, const struct ses_connector_result *result)
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
    struct ses_client *c = SES_CONTAINER(call, struct ses_client, call);
    struct ses_connector_result result = {.outcome = outcome};
    enum ses_status status = SES_OK;

    c->asked = true;
    if (http_status == 0) {
        ses_connector_result_transport(outcome, &result);
    } else {
        c->told.location = ses_driver_location(c->service->options.driver);
        status = ses_client_parse(c->how, &c->told, http_status, body, &c->x->arena, &result);
    }
    if (status != SES_OK) {
        ses_client_fail_internal(c, status);
        return;
    }
    c->x->connector_status = result.status_code;
    c->asked = result.outcome == SES_OUTCOME_SUCCESS || ses_outcome_unknown(result.outcome);
    if (result.outcome != SES_OUTCOME_SUCCESS) {
        ses_client_answer_refusal(c, &result);
        return;
    }
    keep(c, &result);
    ses_client_keep(c, put_made);
}

static enum ses_status build(struct ses_client *c, struct ses_error *ret_error)
{
    ses_client_ask_tell(&c->ask, &c->told);
    c->told.payment.credentials = &c->headers.credentials;
    c->told.config = c->headers.metadata.connector.connector_config;
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
static enum ses_status refused(struct ses_client *c, const struct ses_error *error)
{
    ses_client_fail(c, error);
    return SES_PENDING;
}

static enum ses_status refused_call(struct ses_client *c, enum ses_status status)
{
    struct ses_error error;

    ses_connector_call_refusal(&c->call, status, &error);
    return refused(c, &error);
}

static enum ses_status take_lease(struct ses_client *c, uint64_t now_ms)
{
    struct ses_client_record intent;
    struct ses_record record;

    if (ses_client_call_leaves(c->how) == SES_CLIENT_LEAVES_NOTHING)
        return ses_change_loop_reserve(&c->loop, ses_connector_call_lease_ms(&c->call));
    begin_record(c, now_ms, &intent);
    SES_TRY(encode(c, &intent, &record));
    return ses_change_loop_lease(&c->loop, &record, ses_connector_call_lease_ms(&c->call));
}

/* A session that goes on is given the same token for as long. */
static enum ses_status prolong(struct ses_client *c)
{
    SES_TRY(keep_current(c));
    c->made.ends_ms = c->session->ends_ms;
    return put(c);
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_client *c = client_of(loop);
    const struct ses_secret *secret = c->service->options.natural_key;
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    if (loop->lease.held)
        return put(c);
    if (c->prolongs)
        return prolong(c);
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
static void ask_connector(struct ses_client *c)
{
    enum ses_status status;

    if (c->x->cancelled) {
        ses_client_give_back(c);
        ses_change_loop_finish(&c->loop);
        return;
    }
    status = ses_connector_call_start(&c->call);
    if (status != SES_OK) {
        (void)refused_call(c, status);
        return;
    }
    ses_exchange_waits(c->x);
}

static void leased(struct ses_change_loop *loop)
{
    ses_client_look_again(client_of(loop), ask_connector);
}

/* ---- the loop's other ends ------------------------------------------------------------------- */

static void committed(struct ses_change_loop *loop)
{
    struct ses_client *c = client_of(loop);

    ses_client_settle(c, c->prolongs  ? SES_CLIENT_REPLAYED
                         : c->settles ? SES_CLIENT_SETTLED
                                      : SES_CLIENT_MADE);
}

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    ses_client_fail(client_of(loop), error);
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

static enum ses_status find_call(struct ses_client *c, struct ses_error *ret_error)
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

/* A session has one name for all of its calls, so that the call itself needs none. */
static void take_session_name(struct ses_client *c)
{
    struct ses_session_request *request = &c->ask.request;
    struct ses_slice name = ses_exchange_header(c->x, "x-merchant-session-id", NULL);

    if (name.len == 0 || (request->present & SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID)) != 0)
        return;
    request->present |= SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID);
    request->text[SES_FIELD_MERCHANT_SESSION_ID] = name;
}

static enum ses_status read_call(struct ses_client *c, struct ses_error *ret_error)
{
    struct ses_session_request *request = &c->ask.request;

    c->ask.naming = c->rpc->naming;
    SES_TRY(ses_call_headers_read(c->service, c->x, &c->headers, ret_error));
    SES_TRY(c->rpc->read(c->x, &c->ask, ret_error));
    if (ses_access_session_named(c->x))
        take_session_name(c);
    else
        SES_TRY(ses_create_settle_name(c->x, c->headers.metadata.connector_reference, request, ret_error));
    SES_TRY(ses_caller_check(c->x, SES_RIGHT_CREATE, request->test_mode, ret_error));
    SES_TRY(ses_client_ask_check(&c->ask, ret_error));
    SES_TRY(find_call(c, ret_error));
    /* The host of its tokens, where it has one beside its API: jpmorgan's are one call with two purposes. */
    return ses_access_base_url(&c->service->options.policy, &c->headers.credentials, request->test_mode,
                               &c->x->arena, &c->base_url, ret_error);
}

static void begin(struct ses_client *c)
{
    struct ses_store_key key;

    ses_client_key(c, &key);
    ses_change_loop_start(
        &c->loop, c->service, c->x, &client_ops, &key,
        ses_natural_owner(c->service, c->headers.metadata.tenant, c->headers.metadata.merchant));
}

/* The session has made a PaymentIntent, or what it is called elsewhere, of its own: that is the one. */
static void begin_for_session(struct ses_client *c)
{
    if (c->session->token.len == 0 ||
        ses_client_of_session(c->how, c->session->token, &c->x->arena, &c->made.data) != SES_OK) {
        begin(c);
        return;
    }
    c->made.status_code = 200;
    ses_client_answer(c, &c->made, SES_CLIENT_REPLAYED);
}

static void start(struct ses_service *service, struct ses_exchange *x, const struct ses_client_rpc *rpc)
{
    struct ses_client *c = ses_arena_alloc(&x->arena, sizeof(*c));
    struct ses_error error;

    if (c == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    memset(c, 0, offsetof(struct ses_client, loop.found));
    c->service = service;
    c->x = x;
    c->rpc = rpc;
    ses_error_clear(&error);
    if (read_call(c, &error) != SES_OK) {
        ses_client_fail(c, &error);
        return;
    }
    ses_client_ask_meaning(&c->ask, &service->keys->payload, &x->arena, &c->meaning);
    if (!ses_access_session_named(x))
        begin(c);
    else if (ses_client_find_session(c, begin_for_session, &error) != SES_OK)
        ses_client_fail(c, &error);
}

void ses_create_sdk_session_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, &ses_client_rpc_sdk);
}

void ses_create_client_authentication_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, &ses_client_rpc_client);
}
