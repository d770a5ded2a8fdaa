/* The loop of session_change.h. Between two attempts nothing of the first one is kept but wait_ms:
 * whatever was read lies in the scratch arena, which the next attempt resets. */
#include "session_change.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "refusal.h"

#define WAIT_FIRST_MS 2 /* a commit takes 1 to 3 ms */
#define WAIT_MAX_MS   20
#define ATTEMPTS_MAX  4 /* at once; then others get a turn */
#define WAITING_MAX   4096

enum step { STEP_OVER, STEP_AGAIN, STEP_WAIT };

static void attempt(struct ses_change *change);

/* ---- life ------------------------------------------------------------------------------------ */

static void leave_list(struct ses_change *change)
{
    ses_timer_stop(&change->timer);
    ses_list_remove(&change->node);
    change->service->waiting_count--;
    change->phase = SES_CHANGE_IDLE;
}

/* While COMMITTING nothing is done: the record is with the store, and its done function still needs
 * change, which lives in the exchange that hold keeps. */
static void on_cancel(struct ses_exchange *x, void *arg)
{
    struct ses_change *change = arg;

    (void)x;
    if (change->phase == SES_CHANGE_WAITING) {
        leave_list(change);
        ses_change_finish(change);
    }
}

/* Taken at the first wait or put, not at the start: most calls that change nothing never leave their
 * first turn. */
static void hold(struct ses_change *change)
{
    if (change->held)
        return;
    change->held = true;
    ses_exchange_hold(change->x);
    change->service->in_flight++;
    change->x->cancel = on_cancel;
    change->x->cancel_arg = change;
}

void ses_change_finish(struct ses_change *change)
{
    if (!change->held)
        return;
    change->held = false;
    change->service->in_flight--;
    change->x->cancel = NULL;
    ses_exchange_release(change->x);
}

/* A put that failed after it was accepted has given the claim back already (store.h); one that was
 * refused has not. */
static void fail(struct ses_change *change, const struct ses_error *error)
{
    if (change->claim.held)
        ses_store_release(change->service->options.store, &change->claim);
    change->ops->failed(change, error);
}

static void fail_store(struct ses_change *change, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_store(&error, status);
    fail(change, &error);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ses_change *change = arg;

    leave_list(change);
    attempt(change);
}

/* wait_ms doubles from 2 to 20: a commit is over after the first or second look, a connector call is
 * not. The margin is the time that an answer needs to reach the caller before its deadline. */
static void wait_turn(struct ses_change *change)
{
    uint64_t margin_ns = change->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
    struct ses_error error;

    if (ses_clock_mono_ns() + margin_ns >= change->x->deadline_mono_ns ||
        change->service->waiting_count == WAITING_MAX) {
        ses_refusal_busy(&error);
        fail(change, &error);
        return;
    }
    hold(change);
    change->phase = SES_CHANGE_WAITING;
    change->service->waiting_count++;
    ses_list_push_back(&change->service->changes, &change->node);
    ses_timer_start(change->service->options.timers, &change->timer, change->wait_ms, on_timer, change);
    change->wait_ms = change->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : change->wait_ms * 2;
}

void ses_change_stop_waiting(struct ses_change *change)
{
    struct ses_error error;

    leave_list(change);
    ses_refusal_stopping(&error);
    fail(change, &error);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void on_committed(void *arg, enum ses_status status)
{
    struct ses_change *change = arg;

    change->phase = SES_CHANGE_IDLE;
    if (status == SES_OK)
        change->ops->committed(change);
    else
        fail_store(change, status);
}

/* write makes the answer too, so that nothing is on disk which could not be told. It runs under the
 * claim: found is still what decide saw. */
static enum ses_status put(struct ses_change *change)
{
    struct ses_record record = {.kind = SES_RECORD_SESSION};

    SES_TRY(change->ops->write(change, &record));
    return ses_store_put(change->service->options.store, &change->claim, &record, on_committed, change);
}

/* CONFLICT, NOT_FOUND, ALREADY_EXISTS: somebody was faster since load, so decide has to look at what is
 * there now. */
static enum step claim(struct ses_change *change)
{
    struct ses_store *store = change->service->options.store;
    enum ses_status status = change->found.entry
                                 ? ses_store_claim_ref(store, &change->key, &change->found.ref,
                                                       change->found.revision, &change->claim)
                                 : ses_store_claim_new(store, &change->key, change->owner, &change->claim);

    if (status == SES_BUSY)
        return STEP_WAIT;
    if (status == SES_CONFLICT || status == SES_NOT_FOUND || status == SES_ALREADY_EXISTS)
        return STEP_AGAIN;
    if (status == SES_OK)
        status = put(change);
    if (status != SES_OK) {
        fail_store(change, status);
        return STEP_OVER;
    }
    hold(change);
    change->phase = SES_CHANGE_COMMITTING;
    return STEP_OVER;
}

/* A key that is claimed is not decided on: its next record is being written, and a decision on the last
 * one would lose the claim anyway. */
static enum step try_once(struct ses_change *change)
{
    uint64_t now_ms = ses_clock_now_ms();
    enum ses_status status;

    ses_arena_reset(&change->service->scratch);
    status = change->ops->load(change, now_ms);
    if (status != SES_OK) {
        fail_store(change, status);
        return STEP_OVER;
    }
    if (change->found.claimed)
        return STEP_WAIT;
    if (change->ops->decide(change, now_ms) == SES_CHANGE_DONE)
        return STEP_OVER;
    return claim(change);
}

/* Four at once: enough for a race of two or three; more mean a key under heavy load, where each further
 * attempt costs the others their turn. */
static void attempt(struct ses_change *change)
{
    enum step step = STEP_AGAIN;

    for (int i = 0; i < ATTEMPTS_MAX && step == STEP_AGAIN; i++)
        step = try_once(change);
    if (step != STEP_OVER)
        wait_turn(change);
}

/* Also used from inside committed (phase IDLE by then) for a second key: the reference stays held. */
void ses_change_again(struct ses_change *change, const struct ses_change_ops *ops,
                      const struct ses_store_key *key)
{
    change->ops = ops;
    change->key = *key;
    change->wait_ms = WAIT_FIRST_MS;
    attempt(change);
}

void ses_change_start(struct ses_change *change, struct ses_service *service, struct ses_exchange *x,
                      const struct ses_change_ops *ops, const struct ses_store_key *key)
{
    change->service = service;
    change->x = x;
    change->phase = SES_CHANGE_IDLE;
    change->owner = SES_OWNER_NOBODY;
    change->held = false;
    change->claim.held = false;
    ses_list_init(&change->node);
    ses_timer_init(&change->timer);
    ses_change_again(change, ops, key);
}

/* ---- sessions -------------------------------------------------------------------------------- */

enum ses_status ses_change_load_session(struct ses_change *change, uint64_t now_ms)
{
    return ses_access_load(change->service, &change->key, now_ms, &change->service->scratch, &change->found);
}

enum ses_status ses_change_encode_session(struct ses_change *change, struct ses_record *ret_record)
{
    const struct ses_session *session = &change->found.session;

    memcpy(ret_record->session_id, session->id, sizeof(ret_record->session_id));
    ret_record->kind = SES_RECORD_SESSION;
    ret_record->expires_ms = ses_session_kept_ms(session, &change->service->rules);
    return ses_session_record_encode(session, NULL, change->found.origin, &change->service->scratch,
                                     &ret_record->body);
}
