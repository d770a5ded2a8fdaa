/* The loop of claim_loop.h. Between two attempts nothing of the first one is kept but wait_ms: whatever was
 * read lies in the scratch arena, which the next attempt resets. */
#include "claim_loop.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "refusal.h"

#define WAIT_FIRST_MS 2 /* a commit takes 1 to 3 ms */
#define WAIT_MAX_MS   20
#define ATTEMPTS_MAX  4    /* at once; then others get a turn */
#define WAITING_MAX   4096 /* of one worker; above, ABORTED at once */

enum step { STEP_OVER, STEP_AGAIN, STEP_WAIT };

static void attempt(struct ses_claim_loop *loop);

/* ---- life ------------------------------------------------------------------------------------ */

static void leave_list(struct ses_claim_loop *loop)
{
    ses_timer_stop(&loop->timer);
    ses_list_remove(&loop->node);
    loop->service->waiting_count--;
    loop->waiting = false;
}

/* The client is gone or the deadline has passed; the exchange drops whatever is answered from now on. What is
 * with the store cannot be taken back, and must not be: its done function still needs the loop, which lives
 * in the exchange that hold keeps. */
static void on_cancel(struct ses_exchange *x, void *arg)
{
    struct ses_claim_loop *loop = arg;

    (void)x;
    if (loop->waiting) {
        leave_list(loop);
        ses_claim_loop_finish(loop);
    } else if (loop->ops->cancelled != NULL) {
        loop->ops->cancelled(loop);
    }
}

/* Taken at the first wait or put, not at the start: most calls that change nothing never leave their
 * first turn. */
void ses_claim_loop_hold(struct ses_claim_loop *loop)
{
    if (loop->held)
        return;
    loop->held = true;
    ses_exchange_hold(loop->x);
    loop->service->in_flight++;
    loop->x->cancel = on_cancel;
    loop->x->cancel_arg = loop;
}

void ses_claim_loop_finish(struct ses_claim_loop *loop)
{
    if (!loop->held)
        return;
    loop->held = false;
    loop->service->in_flight--;
    loop->x->cancel = NULL;
    ses_exchange_release(loop->x);
}

/* A put that failed after it was accepted has given the claim back already (store.h); one that was
 * refused has not. */
static void fail(struct ses_claim_loop *loop, const struct ses_error *error)
{
    if (loop->claim.held)
        ses_store_release(loop->service->options.store, &loop->claim);
    loop->ops->failed(loop, error);
}

static void fail_store(struct ses_claim_loop *loop, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_store(&error, status);
    fail(loop, &error);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ses_claim_loop *loop = arg;

    leave_list(loop);
    attempt(loop);
}

/* 2, 4, 8, 16, 20, 20 .. ms: soon enough for a commit, which is over after the first or second look, seldom
 * enough for a connector call of some 100 ms. There is no queue behind a claim: whoever asks first after it
 * is given back gets it. It ends by the caller's deadline less the margin that an answer needs to reach it,
 * or at once where too many wait already. */
static void wait_turn(struct ses_claim_loop *loop)
{
    uint64_t margin_ns = loop->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
    struct ses_error error;

    if (ses_clock_mono_ns() + margin_ns >= loop->x->deadline_mono_ns ||
        loop->service->waiting_count == WAITING_MAX) {
        ses_refusal_busy(&error);
        fail(loop, &error);
        return;
    }
    ses_claim_loop_hold(loop);
    loop->waiting = true;
    loop->service->waiting_count++;
    ses_list_push_back(&loop->service->waiting, &loop->node);
    ses_timer_start(loop->service->options.timers, &loop->timer, loop->wait_ms, on_timer, loop);
    loop->wait_ms = loop->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : loop->wait_ms * 2;
}

void ses_claim_loop_stop(struct ses_claim_loop *loop)
{
    struct ses_error error;

    leave_list(loop);
    ses_refusal_stopping(&error);
    fail(loop, &error);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void on_committed(void *arg, enum ses_status status)
{
    struct ses_claim_loop *loop = arg;

    if (status == SES_OK)
        loop->ops->committed(loop);
    else
        fail_store(loop, status);
}

/* A put never calls back from inside, so holding after it is soon enough. */
enum ses_status ses_claim_loop_put(struct ses_claim_loop *loop, const struct ses_record *record)
{
    SES_TRY(ses_store_put(loop->service->options.store, &loop->claim, record, on_committed, loop));
    ses_claim_loop_hold(loop);
    return SES_OK;
}

/* CONFLICT, NOT_FOUND, ALREADY_EXISTS: somebody was faster since load, so decide has to look at what is
 * there now. */
static enum step claim(struct ses_claim_loop *loop, uint64_t now_ms)
{
    struct ses_store *store = loop->service->options.store;
    enum ses_status status =
        loop->found.entry
            ? ses_store_claim_ref(store, &loop->key, &loop->found.ref, loop->found.revision, &loop->claim)
            : ses_store_claim_new(store, &loop->key, loop->owner, &loop->claim);

    if (status == SES_BUSY)
        return STEP_WAIT;
    if (status == SES_CONFLICT || status == SES_NOT_FOUND || status == SES_ALREADY_EXISTS)
        return STEP_AGAIN;
    if (status == SES_OK)
        status = loop->ops->claimed(loop, now_ms);
    if (status != SES_OK)
        fail_store(loop, status);
    return STEP_OVER;
}

/* A key that is claimed is not decided on: its next record is being written, and a decision on the last
 * one would lose the claim anyway. */
static enum step try_once(struct ses_claim_loop *loop)
{
    uint64_t now_ms = ses_clock_now_ms();
    enum ses_status status;

    ses_arena_reset(&loop->service->scratch);
    status = loop->ops->load(loop, now_ms);
    if (status != SES_OK) {
        fail_store(loop, status);
        return STEP_OVER;
    }
    if (loop->found.claimed)
        return STEP_WAIT;
    if (loop->ops->decide(loop, now_ms) == SES_CLAIM_DONE)
        return STEP_OVER;
    return claim(loop, now_ms);
}

/* Four at once: enough for a race of two or three; more mean a key under heavy load, where each further
 * attempt costs the others their turn. */
static void attempt(struct ses_claim_loop *loop)
{
    enum step step = STEP_AGAIN;

    for (int i = 0; i < ATTEMPTS_MAX && step == STEP_AGAIN; i++)
        step = try_once(loop);
    if (step != STEP_OVER)
        wait_turn(loop);
}

/* Also used from inside committed for a second key: the reference stays held. */
void ses_claim_loop_again(struct ses_claim_loop *loop, const struct ses_claim_loop_ops *ops,
                          const struct ses_store_key *key)
{
    loop->ops = ops;
    loop->key = *key;
    loop->wait_ms = WAIT_FIRST_MS;
    attempt(loop);
}

void ses_claim_loop_start(struct ses_claim_loop *loop, struct ses_service *service, struct ses_exchange *x,
                          const struct ses_claim_loop_ops *ops, const struct ses_store_key *key,
                          ses_store_owner owner)
{
    loop->service = service;
    loop->x = x;
    loop->owner = owner;
    loop->waiting = false;
    loop->held = false;
    loop->claim.held = false;
    ses_list_init(&loop->node);
    ses_timer_init(&loop->timer);
    ses_claim_loop_again(loop, ops, key);
}

/* ---- sessions -------------------------------------------------------------------------------- */

enum ses_status ses_claim_loop_load_session(struct ses_claim_loop *loop, uint64_t now_ms)
{
    return ses_access_load(loop->service, &loop->key, now_ms, &loop->service->scratch, &loop->found);
}

enum ses_status ses_claim_loop_put_session(struct ses_claim_loop *loop)
{
    const struct ses_session *session = &loop->found.session;
    struct ses_record record = {.kind = SES_RECORD_SESSION,
                                .expires_ms = ses_session_kept_ms(session, &loop->service->rules)};

    memcpy(record.session_id, session->id, sizeof(record.session_id));
    SES_TRY(
        ses_session_record_encode(session, NULL, loop->found.origin, &loop->service->scratch, &record.body));
    return ses_claim_loop_put(loop, &record);
}
