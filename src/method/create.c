/* The core's first half, as a user of change_loop.h: from the call to what is to be written, or to an
 * answer without a write. Nothing here blocks, and nothing is written but through create_write.c. */
#include "create.h"

#include <sessiond/base/clock.h>
#include <sessiond/domain/session_machine.h>

#include "caller_check.h"
#include "create_name.h"
#include "inbox.h"
#include "natural_key.h"
#include "refusal.h"

static struct ses_create *create_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_create, loop);
}

static void fail_conflict(struct ses_create *c, uint64_t differing, bool unsettled)
{
    struct ses_error error;

    ses_count(c->service->options.metrics, SES_C_SESSIONS_CONFLICT, 1);
    ses_refusal_conflict(&error, &c->x->arena, c->rpc->naming, differing, unsettled);
    ses_create_fail(c, &error);
}

/* ---- what is stored -------------------------------------------------------------------------- */

/* Events outlast the scratch arena where a connector is asked; few calls have any. */
static enum ses_status keep_inbox(struct ses_create *c, const struct ses_inbox *inbox)
{
    c->inbox = NULL;
    return inbox == NULL ? SES_OK : ses_inbox_copy(inbox, &c->x->arena, &c->inbox);
}

/* A record whose own expiry is over need not even be decodable to be replaced; events of an inbox have times of
 * their own. */
static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    struct ses_create *c = create_of(loop);
    const struct ses_store_op *op = &loop->op;

    c->phase = SES_CREATE_READING;
    c->asked = false;
    if (status == SES_OK && op->record.kind == SES_RECORD_SESSION && op->record.expires_ms <= now_ms) {
        ses_access_found_none(&loop->found, op->version, op->leased);
        return keep_inbox(c, NULL);
    }
    SES_TRY(ses_access_read(c->service, op, status, now_ms, &loop->found));
    return keep_inbox(c, loop->found.inbox);
}

/* ---- what that means ------------------------------------------------------------------------- */

/* What the session and the call agree in, taken from the call: its texts outlive the scratch arena, and
 * it names the connector where an older record has only its number. After this the session names
 * nothing in the scratch arena but what its new record is made of. */
static void identify(struct ses_create *c)
{
    struct ses_session *session = &c->loop.found.session;

    session->tenant = c->headers.metadata.tenant;
    session->merchant = c->headers.metadata.merchant;
    session->merchant_session_id = c->request.text[SES_FIELD_MERCHANT_SESSION_ID];
    session->test_mode = c->request.test_mode;
    session->connector = c->payload.connector;
    ses_name_session(c->service, c->x, session->id);
}

/* Nothing is written, and yet it goes through to_sign: the signatures of a burst of repeated calls, 17 us
 * each, wait until the turn's records are with the committer. */
static void replay(struct ses_create *c)
{
    identify(c);
    c->counter = SES_C_SESSIONS_REPLAYED;
    c->phase = SES_CREATE_SIGNING;
    ses_change_loop_hold(&c->loop);
    ses_list_push_back(&c->service->to_sign, &c->to_sign);
}

static enum ses_change_verdict plan(struct ses_create *c, enum ses_create_plan what)
{
    c->plan = what;
    return SES_CHANGE_WRITE;
}

/* Whose browser is missing is judged by the merchant's policy before the comparison, because a payload
 * without browser_info is either a difference or none. SES_DECISION_COUNT is no decision; it is listed
 * for the compiler. */
static enum ses_change_verdict judge_session(struct ses_create *c, uint64_t now_ms)
{
    const struct ses_session *session = &c->loop.found.session;
    struct ses_binding_policy policy = ses_service_binding(c->service, c->headers.metadata.merchant);
    struct ses_error error;
    uint64_t differing = 0;

    c->payload.missing_refused = ses_binding_refuses_missing(&policy);
    switch (ses_idempotency_decide(session, &c->payload, now_ms, &differing)) {
    case SES_DECISION_REPLAY:
        if (!session->credentials.known)
            return plan(c, SES_CREATE_ADOPTED);
        replay(c);
        break;
    case SES_DECISION_CONTINUE:
        return plan(c, SES_CREATE_CONTINUED);
    case SES_DECISION_CONFLICT:
        fail_conflict(c, differing, false);
        break;
    case SES_DECISION_CLOSED:
        ses_refusal_closed(&error, session->status);
        ses_create_fail(c, &error);
        break;
    case SES_DECISION_CREATE:
    case SES_DECISION_COUNT:
        return plan(c, SES_CREATE_ANEW);
    }
    return SES_CHANGE_DONE;
}

/* Nobody was told of this session, and the connector may have acted for it. The same payload is the same call
 * again: same id, same idempotency key. Any other would be a second effect beside an unknown first one. */
static enum ses_change_verdict judge_intent(struct ses_create *c)
{
    const struct ses_access_found *found = &c->loop.found;
    uint64_t differing = ses_idempotency_unsettled(&found->session, &c->payload);
    struct ses_slice key = ses_record_origin_key(found->origin);

    if (differing != 0) {
        fail_conflict(c, differing, true);
        return SES_CHANGE_DONE;
    }
    c->idempotency_key[0] = '\0';
    if (key.len == sizeof(c->idempotency_key) - 1) {
        memcpy(c->idempotency_key, key.data, key.len);
        c->idempotency_key[key.len] = '\0';
    }
    return plan(c, SES_CREATE_SETTLED);
}

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_create *c = create_of(loop);

    if (loop->lease.held) /* decided before it was taken */
        return SES_CHANGE_WRITE;
    if (loop->found.intent)
        return judge_intent(c);
    return loop->found.live ? judge_session(c, now_ms) : plan(c, SES_CREATE_ANEW);
}

/* ---- what is written ------------------------------------------------------------------------- */

/* A fresh session, with nothing of what was found; but a leftover intent of the same payload keeps its id,
 * and when the connector was first asked: its session may live since then. */
static enum ses_status create(struct ses_create *c, uint64_t now_ms)
{
    struct ses_session *session = &c->loop.found.session;
    uint64_t created_ms = now_ms;
    uint8_t id[SES_SESSION_ID_SIZE];

    if (c->plan != SES_CREATE_SETTLED)
        ses_service_session_id(now_ms, id);
    else
        memcpy(id, session->id, sizeof(id));
    if (c->plan == SES_CREATE_SETTLED && session->created_ms != 0)
        created_ms = session->created_ms;
    *session =
        (struct ses_session){.created_ms = created_ms, .updated_ms = now_ms, .token_issued_ms = now_ms};
    memcpy(session->id, id, sizeof(id));
    ses_session_begin(session, &c->payload);
    session->expires_ms = ses_session_expiry(now_ms, c->service->options.session_ttl_ms, 0);
    c->loop.found.origin = NULL;
    identify(c);
    c->counter = SES_C_SESSIONS_CREATED;
    if (c->headers.credentials.connector->ops != NULL)
        return ses_create_ask_connector(c);
    ses_create_take_events(c);
    return ses_create_commit(c);
}

static enum ses_status continue_session(struct ses_create *c, uint64_t now_ms)
{
    ses_session_continue(&c->loop.found.session, &c->payload, now_ms, c->service->options.session_ttl_ms);
    identify(c);
    c->counter = SES_C_SESSIONS_CONTINUED;
    return ses_create_commit(c);
}

/* A session of a version that kept no hash of the credentials: whoever first repeats its payload is taken for
 * its caller. The hash is on disk before a token leaves, so that there is one such caller. */
static enum ses_status adopt(struct ses_create *c)
{
    c->loop.found.session.credentials = c->payload.credentials;
    identify(c);
    c->counter = SES_C_SESSIONS_REPLAYED;
    return ses_create_commit(c);
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_create *c = create_of(loop);

    if (loop->lease.held)
        return ses_create_commit(c);
    switch (c->plan) {
    case SES_CREATE_ANEW:
    case SES_CREATE_SETTLED:
        return create(c, now_ms);
    case SES_CREATE_CONTINUED:
        return continue_session(c, now_ms);
    case SES_CREATE_ADOPTED:
        return adopt(c);
    }
    return SES_INTERNAL;
}

/* ---- the loop's other ends ------------------------------------------------------------------- */

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    ses_create_fail(create_of(loop), error);
}

/* In the turn that began the put it may wait for its signature still, and the call may be over with it. */
static void lost(struct ses_change_loop *loop)
{
    struct ses_create *c = create_of(loop);

    ses_list_remove(&c->to_sign);
    ses_create_leave_place(c);
    c->reply = SES_SLICE_EMPTY;
}

/* What is with the store or with the connector cannot be taken back, and must not be: its outcome belongs to
 * the next identical call. Those phases go on without a client and end by themselves; c stays alive through
 * the reference that they hold. Only a signature is not needed any more. */
static void cancelled(struct ses_change_loop *loop)
{
    struct ses_create *c = create_of(loop);

    ses_list_remove(&c->to_sign);
    if (c->phase == SES_CREATE_SIGNING)
        ses_change_loop_finish(loop);
}

static const struct ses_change_loop_ops create_ops = {
    .take = take,
    .decide = decide,
    .write = write_record,
    .leased = ses_create_leased,
    .lost = lost,
    .committed = ses_create_committed,
    .failed = failed,
    .cancelled = cancelled,
};

/* ---- start ----------------------------------------------------------------------------------- */

static enum ses_status read_call(struct ses_create *c, struct ses_error *ret_error)
{
    SES_TRY(ses_call_headers_read(c->service, c->x, &c->headers, ret_error));
    SES_TRY(c->rpc->read(c->x, &c->request, ret_error));
    if (c->rpc->name_optional)
        SES_TRY(
            ses_create_settle_name(c->x, c->headers.metadata.connector_reference, &c->request, ret_error));
    SES_TRY(ses_caller_check(c->x, SES_RIGHT_CREATE, c->request.test_mode, ret_error));
    SES_TRY(ses_request_check(&c->request, c->rpc->naming, ret_error));
    /* A base_url is judged even where no call will be made: a caller learns at once that it is not
     * allowed. */
    if (c->headers.credentials.connector->ops != NULL || c->headers.credentials.base_url.len > 0)
        SES_TRY(ses_connector_base_url(&c->service->options.policy, &c->headers.credentials,
                                       c->request.test_mode, &c->x->arena, &c->base_url, ret_error));
    return SES_OK;
}

/* When the access token was given, which its life is counted from; without one no clock is asked. */
static uint64_t given_ms(const struct ses_session_request *request)
{
    return (request->present & SES_FIELD_BIT(SES_FIELD_STATE_TOKEN)) != 0 ? ses_clock_now_ms() : 0;
}

_Static_assert(SES_CREDENTIALS_TAG_BYTES == SES_CREDENTIALS_DIGEST_BYTES, "one hash, kept as it is");

/* The hash is compared and stored; the credentials themselves live as long as the call. */
static void take_credentials(struct ses_create *c)
{
    memcpy(c->payload.credentials.bytes, c->headers.credentials.digest, SES_CREDENTIALS_TAG_BYTES);
    c->payload.credentials.known = true;
}

void ses_create_start(struct ses_service *service, struct ses_exchange *x, const struct ses_session_rpc *rpc)
{
    struct ses_create *c = ses_arena_alloc(&x->arena, sizeof(*c));
    struct ses_error error;
    struct ses_connector_identity connector;
    struct ses_store_key key;

    if (c == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    memset(c, 0, offsetof(struct ses_create, loop.found));
    c->service = service;
    c->x = x;
    c->rpc = rpc;
    ses_error_clear(&error);
    ses_list_init(&c->to_sign); /* all else is right as zeros, the loop's too: no lease, nothing held */
    if (read_call(c, &error) != SES_OK) {
        ses_create_fail(c, &error);
        return;
    }
    connector = (struct ses_connector_identity){.number = c->headers.credentials.connector->number,
                                                .name = c->headers.credentials.connector->name};
    ses_payload_take(&c->request, &connector, &service->keys->payload, given_ms(&c->request), &c->payload);
    c->payload.arena = &x->arena;
    take_credentials(c);
    ses_natural_key(service, c->headers.metadata.tenant, c->headers.metadata.merchant, c->request.test_mode,
                    c->request.text[SES_FIELD_MERCHANT_SESSION_ID], &key);
    /* Where nothing is asked of a connector the put itself finds out that something is there, as it seldom is. */
    c->loop.blind = c->headers.credentials.connector->ops == NULL;
    ses_change_loop_start(
        &c->loop, service, x, &create_ops, &key,
        ses_natural_owner(service, c->headers.metadata.tenant, c->headers.metadata.merchant));
}
