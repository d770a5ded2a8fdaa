/* The core's first half: from the call to a claim on its key, or to an answer without one. The loop is
 * claim, else read what is there and decide; what came in between (STEP_AGAIN) is tried again at once,
 * what somebody holds (STEP_WAIT) by a timer. Nothing here blocks, and nothing is written but through
 * create_session_commit.c. */
#include "create_session.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/domain/session_machine.h>

#include "natural_key.h"
#include "refusal.h"

/* Polling for another call's outcome: a commit takes 1 to 3 ms, a connector some 100. */
#define WAIT_FIRST_MS 2
#define WAIT_MAX_MS   20
/* An entry that changes under our eyes again and again is busy. */
#define ATTEMPTS_MAX 4

static void attempt(struct ses_create *c);

/* ---- life ------------------------------------------------------------------------------------ */

/* The node is in one list at most: waiting, or to_sign while SIGNING or COMMITTING. Removing one that
 * is in none is harmless (base/list.h). */
static void leave_list(struct ses_create *c)
{
    if (c->phase == SES_CREATE_WAITING) {
        ses_timer_stop(&c->timer);
        c->service->waiting_count--;
    }
    ses_list_remove(&c->node);
}

/* The client is gone or the deadline has passed; the exchange drops whatever is answered from now on.
 * What is with the store or with the connector cannot be taken back, and must not be: its outcome
 * belongs to the next identical call. Those phases go on without a client and end by themselves; c
 * stays alive through the reference that they hold. */
static void on_cancel(struct ses_exchange *x, void *arg)
{
    struct ses_create *c = arg;

    (void)x;
    switch (c->phase) {
    case SES_CREATE_WAITING:
    case SES_CREATE_SIGNING:
        leave_list(c);
        ses_create_finish(c);
        break;
    case SES_CREATE_COMMITTING:
        leave_list(c); /* the commit goes on, a signature is not needed any more */
        break;
    case SES_CREATE_STARTING:
    case SES_CREATE_INTENT:
    case SES_CREATE_CALLING:
        break;
    }
}

/* The first phase that outlives the call of start takes the reference; later ones find it taken. Until
 * then the call runs in one go, and no cancel function is needed. */
void ses_create_enter(struct ses_create *c, enum ses_create_phase phase)
{
    c->phase = phase;
    if (c->held)
        return;
    c->held = true;
    ses_exchange_hold(c->x);
    c->service->in_flight++;
    c->x->cancel = on_cancel;
    c->x->cancel_arg = c;
}

void ses_create_finish(struct ses_create *c)
{
    if (!c->held)
        return;
    c->held = false;
    c->service->in_flight--;
    c->x->cancel = NULL;
    ses_exchange_release(c->x);
}

static void fail_store(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_store(&error, status);
    ses_create_fail(c, &error);
}

static void fail_conflict(struct ses_create *c, uint64_t differing, bool unsettled)
{
    struct ses_error error;

    ses_count(c->service->options.metrics, SES_C_SESSIONS_CONFLICT, 1);
    ses_refusal_conflict(&error, &c->x->arena, c->rpc->naming, differing, unsettled);
    ses_create_fail(c, &error);
}

/* ---- what is stored, and what that means ----------------------------------------------------- */

enum step { STEP_TAKEN, STEP_AGAIN, STEP_WAIT };

/* What the session and the call agree in, taken from the call: its texts outlive the scratch arena, and
 * it names the connector where an older record has only its number. After this the session names
 * nothing in the scratch arena but what its new record is made of. */
static void identify(struct ses_create *c)
{
    struct ses_session *session = &c->session;

    session->tenant = c->metadata.tenant;
    session->merchant = c->metadata.merchant;
    session->merchant_session_id = c->request.text[SES_FIELD_MERCHANT_SESSION_ID];
    session->test_mode = c->request.test_mode;
    session->connector = c->payload.connector;
    ses_name_session(c->service, c->x, session->id);
}

/* A fresh session under the claim. A leftover intent of the same payload keeps its id: this call
 * settles it. */
static void create(struct ses_create *c, uint64_t now_ms, const struct ses_session *leftover)
{
    struct ses_session *session = &c->session;

    ses_session_begin(session, &c->payload);
    /* Of a leftover it is when the connector was first asked: its session may live since then. */
    session->created_ms = leftover != NULL && leftover->created_ms != 0 ? leftover->created_ms : now_ms;
    session->updated_ms = now_ms;
    session->token_issued_ms = now_ms;
    session->expires_ms = ses_session_expiry(now_ms, c->service->options.session_ttl_ms, 0);
    c->settles = leftover != NULL;
    if (c->settles)
        memcpy(session->id, leftover->id, sizeof(session->id));
    else
        ses_service_session_id(c->service->keys, now_ms, session->id);
    identify(c);
    c->counter = SES_C_SESSIONS_CREATED;
    if (c->credentials.connector->ops != NULL)
        ses_create_ask_connector(c);
    else
        ses_create_commit(c, NULL);
}

/* What a get found. It lies on the stack of meet_entry, and its texts in the scratch arena: both are gone
 * when that call returns. Whatever is kept longer is copied into c (identify), or encoded before the arena is
 * used again. */
struct found {
    struct ses_record record;
    struct ses_store_ref ref;
    bool claimed;
    struct ses_session session;
    const struct ses_record_origin *origin;
};

/* STEP_TAKEN with claim.held false means: answered, with an error. Callers look at both. */
static enum step take(struct ses_create *c, const struct found *found)
{
    enum ses_status status = ses_store_claim_ref(c->service->options.store, &c->key, &found->ref,
                                                 found->record.revision, &c->claim);

    if (status == SES_OK)
        return STEP_TAKEN;
    if (status == SES_BUSY)
        return STEP_WAIT;
    if (status == SES_CONFLICT || status == SES_NOT_FOUND)
        return STEP_AGAIN;
    fail_store(c, status);
    return STEP_TAKEN;
}

/* In the place of an expired session or of an intent whose caller died. */
static enum step replace(struct ses_create *c, const struct found *found, uint64_t now_ms,
                         const struct ses_session *leftover)
{
    enum step step = take(c, found);

    if (step == STEP_TAKEN && c->claim.held)
        create(c, now_ms, leftover);
    return step;
}

static enum step continue_session(struct ses_create *c, const struct found *found, uint64_t now_ms)
{
    enum step step = take(c, found);

    if (step != STEP_TAKEN || !c->claim.held)
        return step;
    c->session = found->session;
    ses_session_continue(&c->session, &c->payload, now_ms, c->service->options.session_ttl_ms);
    identify(c);
    c->counter = SES_C_SESSIONS_CONTINUED;
    ses_create_commit(c, found->origin); /* the scratch arena still holds what was found */
    return STEP_TAKEN;
}

/* Nothing is written, and yet it goes through to_sign: the signatures of a burst of repeated calls, 17 us
 * each, wait until the turn's records are with the committer. */
static void replay(struct ses_create *c, const struct found *found)
{
    c->session = found->session;
    identify(c);
    c->counter = SES_C_SESSIONS_REPLAYED;
    ses_create_enter(c, SES_CREATE_SIGNING);
    ses_list_push_back(&c->service->to_sign, &c->node);
}

/* A session of a version that kept no hash of the credentials: whoever first repeats its payload is taken for
 * its caller. The hash is on disk before a token leaves, so that there is one such caller. */
static enum step adopt(struct ses_create *c, const struct found *found)
{
    enum step step = take(c, found);

    if (step != STEP_TAKEN || !c->claim.held)
        return step;
    c->session = found->session;
    c->session.credentials = c->payload.credentials;
    identify(c);
    c->counter = SES_C_SESSIONS_REPLAYED;
    ses_create_commit(c, found->origin);
    return STEP_TAKEN;
}

/* Whose browser is missing is judged by the merchant's policy before the comparison, because a payload
 * without browser_info is either a difference or none. SES_DECISION_COUNT is no decision; it is listed
 * for the compiler. */
static enum step decide(struct ses_create *c, const struct found *found, uint64_t now_ms)
{
    struct ses_binding_policy policy = ses_service_binding(c->service, c->metadata.merchant);
    struct ses_error error;
    uint64_t differing = 0;

    c->payload.missing_refused = ses_binding_refuses_missing(&policy);
    switch (ses_idempotency_decide(&found->session, &c->payload, now_ms, &differing)) {
    case SES_DECISION_REPLAY:
        if (!found->session.credentials.known)
            return adopt(c, found);
        replay(c, found);
        break;
    case SES_DECISION_CONTINUE:
        return continue_session(c, found, now_ms);
    case SES_DECISION_CONFLICT:
        fail_conflict(c, differing, false);
        break;
    case SES_DECISION_CLOSED:
        ses_refusal_closed(&error, found->session.status);
        ses_create_fail(c, &error);
        break;
    case SES_DECISION_CREATE:
    case SES_DECISION_COUNT:
        return replace(c, found, now_ms, NULL);
    }
    return STEP_TAKEN;
}

/* Nobody was told of this session, and the connector may have acted for it. The same payload is the same call
 * again: same id, same idempotency key. Any other would be a second effect beside an unknown first one. */
static enum step judge_intent(struct ses_create *c, const struct found *found, uint64_t now_ms)
{
    uint64_t differing = ses_idempotency_unsettled(&found->session, &c->payload);
    struct ses_slice key = ses_record_origin_key(found->origin);

    if (differing != 0) {
        fail_conflict(c, differing, true);
        return STEP_TAKEN;
    }
    c->idempotency_key[0] = '\0';
    if (key.len == sizeof(c->idempotency_key) - 1) {
        memcpy(c->idempotency_key, key.data, key.len);
        c->idempotency_key[key.len] = '\0';
    }
    return replace(c, found, now_ms, &found->session);
}

/* The record's own expiry first: an expired one need not even be decodable to be replaced. */
static enum step judge(struct ses_create *c, struct found *found, uint64_t now_ms)
{
    enum ses_status status;

    if (found->record.expires_ms <= now_ms)
        return replace(c, found, now_ms, NULL);
    status =
        ses_session_record_decode(found->record.body, &c->service->scratch, &found->session, &found->origin);
    if (status != SES_OK) {
        fail_store(c, status);
        return STEP_TAKEN;
    }
    memcpy(found->session.id, found->record.session_id, sizeof(found->session.id));
    if (found->record.kind == SES_RECORD_INTENT)
        return judge_intent(c, found, now_ms);
    (void)ses_session_settle(&found->session, now_ms);
    return decide(c, found, now_ms);
}

/* The other errors of a get (SES_IO, SES_ABORTED, memory) are told as I/O: the caller can do nothing
 * else about them than come again. */
static enum step meet_entry(struct ses_create *c)
{
    struct found found = {.claimed = false};

    ses_arena_reset(&c->service->scratch);
    switch (ses_store_get(c->service->options.store, &c->key, &c->service->scratch, &found.record, &found.ref,
                          &found.claimed)) {
    case SES_OK:
        return found.claimed ? STEP_WAIT : judge(c, &found, ses_clock_now_ms());
    case SES_NOT_FOUND:
        return STEP_AGAIN;
    case SES_BUSY:
        return STEP_WAIT;
    case SES_DATA_LOSS:
        fail_store(c, SES_DATA_LOSS);
        return STEP_TAKEN;
    default:
        fail_store(c, SES_IO);
        return STEP_TAKEN;
    }
}

/* ---- claim, or wait for who has it ----------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ses_create *c = arg;

    leave_list(c);
    c->phase = SES_CREATE_STARTING;
    attempt(c);
}

/* 2, 4, 8, 16, 20, 20 .. ms: soon enough for a commit of 1 to 3 ms, seldom enough for a connector call.
 * There is no queue behind a claim: whoever asks first after it is given back gets it. It ends by the
 * caller's deadline less the margin that an answer needs, or at once where too many wait already. */
static void wait_for_claim(struct ses_create *c)
{
    uint64_t margin_ns = c->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_error error;

    if (now_ns + margin_ns >= c->x->deadline_mono_ns || c->service->waiting_count == SES_WAITING_MAX) {
        ses_refusal_busy(&error);
        ses_create_fail(c, &error);
        return;
    }
    ses_create_enter(c, SES_CREATE_WAITING);
    c->service->waiting_count++;
    ses_list_push_back(&c->service->waiting, &c->node);
    ses_timer_start(c->service->options.timers, &c->timer, c->wait_ms, on_timer, c);
    c->wait_ms = c->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : c->wait_ms * 2;
}

/* Without a look first: in the common case nobody has the key, and one compare-and-swap tells. */
static enum step claim(struct ses_create *c)
{
    ses_store_owner owner = ses_natural_owner(c->service, c->metadata.tenant, c->metadata.merchant);
    enum ses_status status = ses_store_claim_new(c->service->options.store, &c->key, owner, &c->claim);

    if (status == SES_OK) {
        create(c, ses_clock_now_ms(), NULL);
        return STEP_TAKEN;
    }
    if (status == SES_BUSY)
        return STEP_WAIT;
    if (status == SES_ALREADY_EXISTS)
        return meet_entry(c);
    fail_store(c, status);
    return STEP_TAKEN;
}

/* Four times STEP_AGAIN in a row is not an error but a key under heavy traffic: wait like everybody. */
static void attempt(struct ses_create *c)
{
    enum step step = STEP_AGAIN;

    for (int i = 0; i < ATTEMPTS_MAX && step == STEP_AGAIN; i++)
        step = claim(c);
    if (step != STEP_TAKEN)
        wait_for_claim(c);
}

void ses_create_stop_waiting(struct ses_create *c)
{
    struct ses_error error;

    leave_list(c);
    ses_refusal_stopping(&error);
    ses_create_fail(c, &error);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* Tenant and merchant go into the log line before anything can fail behind them. */
static enum ses_status read_headers(struct ses_create *c, struct ses_error *ret_error)
{
    struct ses_exchange *x = c->x;

    SES_TRY(ses_request_metadata_read(x, &c->metadata, ret_error));
    x->tenant = c->metadata.tenant;
    x->merchant = c->metadata.merchant;
    SES_TRY(ses_credentials_resolve(
        c->service->credentials,
        ses_slice(c->service->keys->credentials, sizeof(c->service->keys->credentials)),
        &c->metadata.connector, &x->arena, &c->credentials, ret_error));
    x->connector = c->credentials.connector->name;
    return SES_OK;
}

static enum ses_status read_call(struct ses_create *c, struct ses_error *ret_error)
{
    SES_TRY(read_headers(c, ret_error));
    SES_TRY(c->rpc->read(c->x, &c->request, ret_error));
    SES_TRY(ses_request_check(&c->request, c->rpc->naming, ret_error));
    /* A base_url is judged even where no call will be made: a caller learns at once that it is not
     * allowed. */
    if (c->credentials.connector->ops != NULL || c->credentials.base_url.len > 0)
        SES_TRY(ses_connector_base_url(&c->service->options.policy, &c->credentials, c->request.test_mode,
                                       &c->x->arena, &c->base_url, ret_error));
    return SES_OK;
}

_Static_assert(SES_CREDENTIALS_TAG_BYTES == SES_CREDENTIALS_DIGEST_BYTES, "one hash, kept as it is");

/* The hash is compared and stored; the credentials themselves live as long as the call. */
static void take_credentials(struct ses_create *c)
{
    memcpy(c->payload.credentials.bytes, c->credentials.digest, SES_CREDENTIALS_TAG_BYTES);
    c->payload.credentials.known = true;
}

void ses_create_start(struct ses_service *service, struct ses_exchange *x, const struct ses_session_rpc *rpc)
{
    struct ses_create *c = ses_arena_zalloc(&x->arena, sizeof(*c));
    struct ses_error error = {.status = SES_OK};
    struct ses_connector_identity connector;

    if (c == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    c->service = service;
    c->x = x;
    c->rpc = rpc;
    c->wait_ms = WAIT_FIRST_MS;
    /* c is zeroed: phase STARTING, no claim, nothing held. The two below need more than zeros. */
    ses_list_init(&c->node);
    ses_timer_init(&c->timer);
    if (read_call(c, &error) != SES_OK) {
        ses_create_fail(c, &error);
        return;
    }
    connector = (struct ses_connector_identity){.number = c->credentials.connector->number,
                                                .name = c->credentials.connector->name};
    ses_payload_take(&c->request, &connector, &service->keys->payload, ses_clock_now_ms(), &c->payload);
    c->payload.arena = &x->arena;
    take_credentials(c);
    ses_natural_key(service, c->metadata.tenant, c->metadata.merchant, c->request.test_mode,
                    c->request.text[SES_FIELD_MERCHANT_SESSION_ID], &c->key);
    attempt(c);
}
