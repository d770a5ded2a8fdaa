/* The loop of change_loop.h. Between two attempts nothing of the first one is kept but how long to wait:
 * whatever was read lies in the scratch arena, which the next get resets. */
#include "change_loop.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/exchange/exchange_trace.h>

#include "refusal.h"

#define WAIT_FIRST_MS  2 /* a commit takes 1 to 3 ms */
#define WAIT_MAX_MS    20
#define AGAIN_FIRST_MS 20
#define AGAIN_MAX_MS   500
#define ATTEMPTS_MAX   4    /* at once; then others get a turn */
#define WAITING_MAX    4096 /* of one worker; above, ABORTED at once */

/* What comes next. OVER: nothing of the loop may be touched any more, or something will call back. */
enum step { STEP_OVER, STEP_READ, STEP_DECIDE, STEP_WAIT };

static void run(struct ses_change_loop *loop, enum step step);

/* ---- life ------------------------------------------------------------------------------------ */

/* Nobody waits for it any more, and nothing obliges us. */
static bool is_given_up(const struct ses_change_loop *loop)
{
    return loop->x->cancelled && !loop->lease.held && loop->must_until_ns == 0;
}

static uint64_t own_deadline_ns(const struct ses_change_loop *loop)
{
    return loop->must_until_ns != 0 ? loop->must_until_ns : loop->x->deadline_mono_ns;
}

static void leave_list(struct ses_change_loop *loop)
{
    ses_timer_stop(&loop->timer);
    ses_list_remove(&loop->node);
    loop->service->waiting_count--;
    loop->pause = SES_CHANGE_RUNS;
}

/* The client is gone or the deadline has passed; the exchange drops whatever is answered from now on. What is
 * with the store cannot be taken back, and must not be: its done function still needs the loop, which lives
 * in the exchange that hold keeps. */
static void on_cancel(struct ses_exchange *x, void *arg)
{
    struct ses_change_loop *loop = arg;

    (void)x;
    if (loop->pause == SES_CHANGE_WAITS && is_given_up(loop)) {
        leave_list(loop);
        ses_change_loop_finish(loop);
    } else if (loop->pause != SES_CHANGE_READS && loop->ops->cancelled != NULL) {
        loop->ops->cancelled(loop);
    }
}

/* Taken at the first wait or put, not at the start: most calls that change nothing never leave their
 * first turn. */
void ses_change_loop_hold(struct ses_change_loop *loop)
{
    if (loop->held)
        return;
    loop->held = true;
    ses_exchange_hold(loop->x);
    loop->service->in_flight++;
    loop->x->cancel = on_cancel;
    loop->x->cancel_arg = loop;
}

void ses_change_loop_finish(struct ses_change_loop *loop)
{
    if (!loop->held)
        return;
    loop->held = false;
    loop->service->in_flight--;
    loop->x->cancel = NULL;
    ses_exchange_release(loop->x);
}

static void fail_store(struct ses_change_loop *loop, enum ses_status status)
{
    struct ses_error error;

    ses_refusal_store(&error, status);
    loop->ops->failed(loop, &error);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ses_change_loop *loop = arg;

    leave_list(loop);
    loop->attempts = 0;
    run(loop, STEP_READ);
}

static uint64_t margin_ns(const struct ses_change_loop *loop)
{
    return loop->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
}

static bool has_no_time(const struct ses_change_loop *loop)
{
    return ses_clock_mono_ns() + margin_ns(loop) >= own_deadline_ns(loop);
}

static void wait_a_while(struct ses_change_loop *loop, uint32_t wait_ms)
{
    ses_change_loop_hold(loop);
    loop->pause = SES_CHANGE_WAITS;
    ses_exchange_waits(loop->x);
    loop->service->waiting_count++;
    ses_list_push_back(&loop->service->waiting, &loop->node);
    ses_timer_start(loop->service->options.timers, &loop->timer, wait_ms, on_timer, loop);
}

/* 2, 4, 8, 16, 20, 20 .. ms: soon enough for a commit, which is over after the first or second look, seldom
 * enough for a connector call of some 100 ms. There is no queue behind a key: whoever asks first after it
 * is given back gets it. It ends by the caller's deadline less the margin that an answer needs to reach it,
 * or at once where too many wait already; and where this process writes no more: it could do nothing with its turn,
 * and the key may be one that only its successor gives back, which does not start before this call has ended. */
static void wait_turn(struct ses_change_loop *loop)
{
    struct ses_error error;

    if (!ses_store_health(loop->service->options.store).writes) {
        fail_store(loop, SES_UNAVAILABLE);
        return;
    }
    if (has_no_time(loop) || (loop->must_until_ns == 0 && loop->service->waiting_count >= WAITING_MAX)) {
        ses_refusal_busy(&error);
        loop->ops->failed(loop, &error);
        return;
    }
    wait_a_while(loop, loop->wait_ms);
    loop->wait_ms = loop->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : loop->wait_ms * 2;
}

bool ses_change_loop_again(struct ses_change_loop *loop)
{
    if (!ses_store_health(loop->service->options.store).writes || has_no_time(loop))
        return false;
    wait_a_while(loop, loop->again_ms);
    loop->again_ms = loop->again_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : loop->again_ms * 2;
    return true;
}

void ses_change_loop_stop(struct ses_change_loop *loop)
{
    struct ses_error error;

    leave_list(loop);
    ses_refusal_stopping(&error);
    loop->ops->failed(loop, &error);
}

/* ---- the store's answers ----------------------------------------------------------------------- */

static enum step after_read(struct ses_change_loop *loop, enum ses_status status)
{
    if (status == SES_PENDING) {
        ses_change_loop_hold(loop);
        return STEP_OVER;
    }
    loop->pause = SES_CHANGE_RUNS;
    status = loop->ops->take(loop, status, ses_clock_now_ms());
    if (status == SES_OK)
        return STEP_DECIDE;
    fail_store(loop, status);
    return STEP_OVER;
}

/* In the order of the family's values (base/metrics.h). Another version of the same status is no transition. */
static void count_transition(const struct ses_change_loop *loop)
{
    size_t value = loop->status_put == SES_SESSION_REVOKED ? SES_SESSION_FAILED : loop->status_put - 1u;

    if (loop->status_put != 0 && loop->status_put != loop->status_before &&
        loop->status_put != SES_SESSION_EXPIRED)
        ses_family_add(loop->service->options.metrics, SES_F_TRANSITIONS, value, 1);
}

/* How long a sampled call waited for the disk, or for the database. A lost race is no failure. */
static void end_span(struct ses_change_loop *loop, enum ses_status status)
{
    struct ses_span span = {
        .kind = SES_SPAN_INTERNAL,
        .name = loop->pause == SES_CHANGE_LEASES ? "store lease" : "store commit",
        .began_mono_ns = loop->span_began_ns,
        .failed = status != SES_OK && status != SES_CONFLICT && status != SES_BUSY,
    };

    if (loop->span_began_ns == 0)
        return;
    loop->span_began_ns = 0;
    span.ended_mono_ns = ses_clock_mono_ns();
    ses_exchange_span(loop->x, NULL, &span);
}

/* ALREADY_EXISTS and the like do not come: whatever else is there than was expected is CONFLICT. */
static enum step after_write(struct ses_change_loop *loop, enum ses_status status)
{
    bool leases;

    if (status == SES_PENDING)
        return STEP_OVER;
    end_span(loop, status);
    leases = loop->pause == SES_CHANGE_LEASES;
    loop->pause = SES_CHANGE_RUNS;
    if (status != SES_OK && loop->ops->lost != NULL)
        loop->ops->lost(loop);
    if (status == SES_CONFLICT)
        return STEP_READ;
    if (status == SES_BUSY)
        return STEP_WAIT;
    if (status != SES_OK) {
        fail_store(loop, status);
    } else if (leases) {
        ses_change_loop_hold(loop); /* the user goes on by itself, however long the client stays */
        loop->ops->leased(loop);
    } else {
        count_transition(loop);
        loop->ops->committed(loop);
    }
    return STEP_OVER;
}

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    struct ses_change_loop *loop = SES_CONTAINER(op, struct ses_change_loop, op);

    if (loop->pause != SES_CHANGE_READS) {
        run(loop, after_write(loop, status));
    } else if (is_given_up(loop)) {
        loop->pause = SES_CHANGE_RUNS;
        ses_change_loop_finish(loop);
    } else {
        run(loop, after_read(loop, status));
    }
}

/* A read has its caller's time, a put less what an answer needs: that its outcome is not known can still be told.
 * What ends a lease has the lease's time, whatever has become of the caller: then the intent is there to tell. */
static uint64_t deadline_of(const struct ses_change_loop *loop, enum ses_change_pause pause)
{
    uint64_t deadline_ns = own_deadline_ns(loop);

    if (loop->lease.held)
        return loop->lease_end_ns;
    if (pause == SES_CHANGE_READS || deadline_ns <= ses_clock_mono_ns() + margin_ns(loop))
        return deadline_ns;
    return deadline_ns - margin_ns(loop);
}

static void prepare(struct ses_change_loop *loop, enum ses_change_pause pause)
{
    loop->pause = pause;
    loop->op.done = on_done;
    loop->op.deadline_mono_ns = deadline_of(loop, pause);
    if (pause != SES_CHANGE_READS && ses_exchange_records(loop->x))
        loop->span_began_ns = ses_clock_mono_ns();
}

/* As a get would: the scratch is the reader's. */
static void show_kept(struct ses_change_loop *loop)
{
    ses_arena_reset(&loop->service->scratch);
    loop->op.record = loop->kept;
    loop->op.version = loop->op.written;
    loop->op.leased = false;
}

/* An attempt's tokens, texts and answer lie in the exchange's arena, which a call that loses often would fill.
 * Without a look, where in the common case nothing is there: the put finds out by itself. Under a lease nobody
 * else writes, so what is to be put is put again. */
static enum step read_record(struct ses_change_loop *loop)
{
    if (loop->lease.held)
        return STEP_DECIDE;
    ses_arena_rewind(&loop->x->arena, loop->mark);
    if (loop->blind) {
        loop->blind = false;
        ses_access_found_none(&loop->found, SES_VERSION_ABSENT, false);
        return STEP_DECIDE;
    }
    if (loop->knows) {
        loop->knows = false;
        show_kept(loop);
        return after_read(loop, SES_OK);
    }
    prepare(loop, SES_CHANGE_READS);
    return after_read(
        loop, ses_store_get(loop->service->options.store, &loop->op, &loop->key, &loop->service->scratch));
}

static enum ses_status held_if_pending(struct ses_change_loop *loop, enum ses_status status)
{
    if (status == SES_PENDING)
        ses_change_loop_hold(loop);
    return status;
}

enum ses_status ses_change_loop_put(struct ses_change_loop *loop, struct ses_record *record)
{
    struct ses_store *store = loop->service->options.store;

    record->key = loop->key;
    prepare(loop, SES_CHANGE_PUTS);
    if (loop->lease.held)
        return held_if_pending(loop,
                               ses_store_put_leased(store, &loop->op, &loop->lease, record, loop->owner));
    return held_if_pending(loop, ses_store_put(store, &loop->op, &loop->found.version, record, loop->owner));
}

static void prepare_lease(struct ses_change_loop *loop, uint64_t for_ms)
{
    prepare(loop, SES_CHANGE_LEASES);
    loop->lease_end_ns = ses_clock_mono_ns() + for_ms * SES_NS_PER_MS;
}

enum ses_status ses_change_loop_lease(struct ses_change_loop *loop, struct ses_record *record,
                                      uint64_t for_ms)
{
    record->key = loop->key;
    prepare_lease(loop, for_ms);
    return held_if_pending(loop,
                           ses_store_lease(loop->service->options.store, &loop->op, &loop->found.version,
                                           record, loop->owner, for_ms, &loop->lease));
}

enum ses_status ses_change_loop_reserve(struct ses_change_loop *loop, uint64_t for_ms)
{
    prepare_lease(loop, for_ms);
    return held_if_pending(loop,
                           ses_store_reserve(loop->service->options.store, &loop->op, &loop->found.version,
                                             &loop->key, loop->owner, for_ms, &loop->lease));
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* A key that somebody else is writing is not written: the compare-and-set would be lost. What decide answers
 * without a write is right all the same, as of the moment before that other write. */
static enum step decide(struct ses_change_loop *loop)
{
    uint64_t now_ms = ses_clock_now_ms();

    if (!loop->lease.held) /* else what was read before it was taken */
        loop->status_before = loop->found.live ? (uint8_t)loop->found.session.status : 0;
    loop->status_put = 0;
    switch (loop->ops->decide(loop, now_ms)) {
    case SES_CHANGE_DONE:
        return STEP_OVER;
    case SES_CHANGE_WAIT:
        return STEP_WAIT;
    case SES_CHANGE_WRITE:
        break;
    }
    if (loop->found.leased && !loop->lease.held)
        return STEP_WAIT;
    return after_write(loop, loop->ops->write(loop, now_ms));
}

/* Four at once: enough for a race of two or three; more mean a key under heavy load, where each further
 * attempt costs the others their turn. A caller that is gone needs no other attempt. */
static void run(struct ses_change_loop *loop, enum step step)
{
    while (step != STEP_OVER) {
        if (step == STEP_READ && loop->attempts++ == ATTEMPTS_MAX)
            step = STEP_WAIT;
        if (step != STEP_DECIDE && is_given_up(loop)) {
            ses_change_loop_finish(loop);
            return;
        }
        if (step == STEP_WAIT) {
            wait_turn(loop);
            return;
        }
        step = step == STEP_READ ? read_record(loop) : decide(loop);
    }
}

void ses_change_loop_resume(struct ses_change_loop *loop, enum ses_status status)
{
    run(loop, after_write(loop, status));
}

void ses_change_loop_start(struct ses_change_loop *loop, struct ses_service *service, struct ses_exchange *x,
                           const struct ses_change_loop_ops *ops, const struct ses_store_key *key,
                           ses_store_owner owner)
{
    loop->service = service;
    loop->x = x;
    loop->ops = ops;
    loop->key = *key;
    loop->owner = owner;
    loop->wait_ms = WAIT_FIRST_MS;
    loop->again_ms = AGAIN_FIRST_MS;
    loop->attempts = 0;
    loop->mark = ses_arena_mark(&x->arena);
    ses_list_init(&loop->node);
    ses_list_init(&loop->op.node);
    ses_timer_init(&loop->timer);
    run(loop, STEP_READ);
}

void ses_change_loop_follow(struct ses_change_loop *loop, struct ses_service *service, struct ses_exchange *x,
                            const struct ses_change_loop_ops *ops, const struct ses_store_key *key,
                            ses_store_owner owner)
{
    loop->knows = loop->kept.body.len > 0 && !ses_store_version_is_absent(&loop->op.written);
    ses_change_loop_start(loop, service, x, ops, key, owner);
}

/* ---- sessions -------------------------------------------------------------------------------- */

enum ses_status ses_change_loop_take_session(struct ses_change_loop *loop, enum ses_status status,
                                             uint64_t now_ms)
{
    SES_TRY(ses_access_read(loop->service, &loop->op, status, now_ms, &loop->found));
    return ses_access_keep_name(&loop->found, &loop->x->arena);
}

/* Without memory it is not. */
static void keep(struct ses_change_loop *loop, const struct ses_record *record)
{
    loop->kept = *record;
    loop->kept.key = loop->key;
    if (ses_arena_copy(&loop->x->arena, record->body, &loop->kept.body) != SES_OK)
        loop->kept.body = SES_SLICE_EMPTY;
}

enum ses_status ses_change_loop_put_session(struct ses_change_loop *loop)
{
    const struct ses_session *session = &loop->found.session;
    struct ses_record record = {.kind = SES_RECORD_SESSION,
                                .expires_ms = ses_session_kept_ms(session, &loop->service->rules)};

    memcpy(record.session_id, session->id, sizeof(record.session_id));
    loop->status_put = (uint8_t)session->status;
    SES_TRY(
        ses_session_record_encode(session, NULL, loop->found.origin, &loop->service->scratch, &record.body));
    if (loop->keeps)
        keep(loop, &record);
    return ses_change_loop_put(loop, &record);
}
