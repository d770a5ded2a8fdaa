/* All orders of what can happen to a session, up to DEPTH things, against a model that is written from the
 * design and the comments of session.proto alone: as rules in the words of a payment, not as a table. On fake
 * time.
 *
 * Each thing takes a second; a step lasts 100 s, a session 900 s. Repetition of the last event stands for a
 * caller who did not get its answer. A loss needs no symbol: it is the shorter sequence. Beside the session
 * that is settled only when something is written, a second one is settled and stored every now and then: both
 * must be the same session at every point, version included. */
#include <sessiond/domain/session_machine.h>

#include <stdio.h>

#include "unit.h"

#define DEPTH      6
#define SECOND_MS  UINT64_C(1000)
#define START_MS   UINT64_C(1700000000000)
#define TTL_MS     (900 * SECOND_MS)
#define STEP_MS    (100 * SECOND_MS)
#define OVERLAP_MS (STEP_MS + SECOND_MS) /* so that a thing happens at the very end of it */
#define CLOSED_MS  (3600 * SECOND_MS)

static const struct ses_session_rules rules = {.ttl_ms = TTL_MS,
                                               .closed_ms = CLOSED_MS,
                                               .step_ms = STEP_MS,
                                               .overlap_ms = OVERLAP_MS,
                                               .attempts_max = 3};

/* ---- the model: what a payment's session must do ----------------------------------------------- */

struct model {
    enum ses_session_status status;
    uint64_t version;
    unsigned attempts;
    uint32_t generation;
    uint32_t overlapping; /* generation that is accepted too, until: */
    uint64_t overlap_until_ms;
    uint64_t own_end_ms;
    uint64_t step_end_ms;
    uint64_t kept_until_ms; /* once it is over */
    unsigned recorded;
    unsigned late; /* of those */
    unsigned late_of[SES_EVENT_COUNT];
    bool last_recorded; /* the last event that was sent */
    enum ses_event last_event;
    enum ses_event_outcome last_outcome;
};

static bool is_over(const struct model *m)
{
    return m->status == SES_SESSION_COMPLETED || m->status == SES_SESSION_FAILED ||
           m->status == SES_SESSION_EXPIRED || m->status == SES_SESSION_REVOKED;
}

static bool in_step(const struct model *m)
{
    return m->status == SES_SESSION_AUTHENTICATING || m->status == SES_SESSION_REDIRECTED;
}

/* 0: too late. */
static enum ses_session_status moves_to(const struct model *m, enum ses_event event)
{
    const enum ses_session_status nowhere = (enum ses_session_status)0;

    if (m->status == SES_SESSION_FAILED && event == SES_EVENT_COMPLETED)
        return SES_SESSION_COMPLETED; /* money has moved after all */
    if (is_over(m))
        return nowhere;
    if (event == SES_EVENT_COMPLETED) /* the connector's word counts as long as the payment is not over */
        return SES_SESSION_COMPLETED;
    if (event == SES_EVENT_FAILED)
        return SES_SESSION_FAILED;
    if (event == SES_EVENT_ATTEMPT_FAILED) /* there must be an attempt; the third is one too many */
        return m->status == SES_SESSION_OPEN ? nowhere
                                             : (m->attempts + 1 == 3 ? SES_SESSION_FAILED : SES_SESSION_OPEN);
    if (m->status == SES_SESSION_PROCESSING &&
        event == SES_EVENT_ACTION_REQUIRED) /* the shopper has to do something first */
        return SES_SESSION_AUTHENTICATING;
    if (m->status == SES_SESSION_PROCESSING && event == SES_EVENT_NOT_ATTEMPTED) /* as if it had not begun */
        return SES_SESSION_OPEN;
    if (m->status == SES_SESSION_PROCESSING) /* nothing but its outcome ends it */
        return nowhere;
    switch (event) {
    case SES_EVENT_PROCESSING_STARTED:
        return SES_SESSION_PROCESSING;
    case SES_EVENT_REVOKED:
        return SES_SESSION_REVOKED;
    case SES_EVENT_REDIRECT_STARTED: /* a second one replaces the first */
        return SES_SESSION_REDIRECTED;
    case SES_EVENT_AUTHENTICATION_STARTED:
        return in_step(m) ? nowhere : SES_SESSION_AUTHENTICATING;
    case SES_EVENT_BROWSER_RETURNED:
        return in_step(m) ? SES_SESSION_RETURNED : nowhere;
    case SES_EVENT_CHALLENGE_PASSED:
    case SES_EVENT_STEP_CANCELLED: /* there must be something that was begun */
        return m->status == SES_SESSION_OPEN ? nowhere : SES_SESSION_OPEN;
    default:
        return nowhere;
    }
}

static void model_record(struct model *m, enum ses_event event, enum ses_event_outcome outcome)
{
    m->recorded++;
    m->last_event = event;
    m->last_outcome = outcome;
}

static void model_time(struct model *m, uint64_t now_ms)
{
    if (in_step(m) && m->step_end_ms <= now_ms) {
        m->status = SES_SESSION_OPEN;
        m->version++;
        model_record(m, SES_EVENT_STEP_TIMED_OUT, SES_EVENT_APPLIED);
    }
    if ((m->status == SES_SESSION_OPEN || m->status == SES_SESSION_RETURNED) && m->own_end_ms <= now_ms) {
        m->status = SES_SESSION_EXPIRED;
        m->version++;
        model_record(m, SES_EVENT_EXPIRED, SES_EVENT_APPLIED);
    }
}

static enum ses_event_outcome model_event(struct model *m, enum ses_event event, uint64_t now_ms)
{
    enum ses_session_status to = moves_to(m, event);

    m->last_recorded = true;
    if (to == 0) {
        /* What changes nothing is written down for a few times only; of an expired session nothing is. */
        m->last_recorded = m->late < 8 && m->late_of[event] < 2 && m->status != SES_SESSION_EXPIRED;
        if (m->last_recorded) {
            m->late++;
            m->late_of[event]++;
            model_record(m, event, SES_EVENT_LATE);
        }
        return SES_EVENT_LATE;
    }
    m->status = to;
    m->version++;
    m->attempts += event == SES_EVENT_ATTEMPT_FAILED;
    m->own_end_ms = now_ms + TTL_MS;
    m->step_end_ms = now_ms + STEP_MS;
    m->kept_until_ms = now_ms + CLOSED_MS;
    if (event == SES_EVENT_CHALLENGE_PASSED) {
        m->overlapping = m->generation++;
        m->overlap_until_ms = now_ms + OVERLAP_MS;
    }
    model_record(m, event, SES_EVENT_APPLIED);
    return SES_EVENT_APPLIED;
}

static uint64_t model_end(const struct model *m)
{
    if (m->status == SES_SESSION_PROCESSING)
        return SES_NEVER_MS;
    if (is_over(m))
        return m->kept_until_ms;
    return in_step(m) && m->step_end_ms > m->own_end_ms ? m->step_end_ms : m->own_end_ms;
}

static bool model_accepts(const struct model *m, uint32_t generation, uint64_t now_ms)
{
    return generation == m->generation ||
           (generation == m->overlapping && generation != 0 && now_ms < m->overlap_until_ms);
}

/* ---- what can happen --------------------------------------------------------------------------- */

/* Events by their own number; then: */
enum { UPDATE = SES_EVENT_COUNT, STEP_TIME, ALL_TIME, REPETITION };

static const unsigned char things[] = {
    SES_EVENT_AUTHENTICATION_STARTED,
    SES_EVENT_REDIRECT_STARTED,
    SES_EVENT_BROWSER_RETURNED,
    SES_EVENT_CHALLENGE_PASSED,
    SES_EVENT_PROCESSING_STARTED,
    SES_EVENT_COMPLETED,
    SES_EVENT_FAILED,
    SES_EVENT_STEP_CANCELLED,
    SES_EVENT_ATTEMPT_FAILED,
    SES_EVENT_REVOKED,
    SES_EVENT_ACTION_REQUIRED,
    SES_EVENT_NOT_ATTEMPTED,
    UPDATE,
    STEP_TIME,
    ALL_TIME,
    REPETITION,
};

struct world {
    struct model model;
    struct ses_session lazy;
    struct ses_session eager;
    uint64_t now_ms;
    unsigned last; /* the last event, 0: none */
    unsigned depth;
    unsigned char path[DEPTH];
    char ids[DEPTH][2]; /* of the events, by depth: the sessions point into the deepest world's */
};

static uint64_t sequences, applied, late, repeated;

static void complain(const struct world *w, const char *what)
{
    char text[256];
    size_t at = (size_t)snprintf(text, sizeof(text), "%s after:", what);

    for (unsigned i = 0; i < w->depth; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, " %u", w->path[i]);
    fail_msg("%s", text);
}

#define DEMAND(w, condition)                                                                                 \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            complain((w), #condition);                                                                       \
    } while (0)

static void judge_tokens(const struct world *w, const struct ses_session *session)
{
    for (uint32_t generation = 0; generation <= w->model.generation + 1; generation++) {
        bool wanted = model_accepts(&w->model, generation, w->now_ms);

        if (w->model.status != SES_SESSION_EXPIRED && w->model.status != SES_SESSION_REVOKED)
            DEMAND(w, ses_session_accepts(session, generation, w->now_ms) == wanted);
    }
}

static void judge_next(const struct world *w, const struct ses_session *session)
{
    uint32_t next = ses_session_next_events(session->status);

    for (unsigned event = 0; event < 32; event++) {
        bool callers = (event >= SES_EVENT_AUTHENTICATION_STARTED && event <= SES_EVENT_STEP_CANCELLED) ||
                       event == SES_EVENT_ATTEMPT_FAILED;
        bool wanted = callers && moves_to(&w->model, (enum ses_event)event) != 0;

        DEMAND(w, ((next >> event & 1) != 0) == wanted);
    }
}

static void judge(const struct world *w, const struct ses_session *session)
{
    const struct model *m = &w->model;
    const struct ses_session_event *last;

    DEMAND(w, session->status == m->status);
    DEMAND(w, session->version == m->version);
    DEMAND(w, session->generation == m->generation);
    DEMAND(w, session->step_open == in_step(m));
    DEMAND(w, ses_session_in_step(session->status) == in_step(m));
    DEMAND(w, !session->step_open || session->step.expires_ms == m->step_end_ms);
    DEMAND(w, m->status == SES_SESSION_EXPIRED || session->expires_ms == model_end(m));
    DEMAND(w, session->events_count ==
                  (m->recorded < SES_SESSION_EVENTS_MAX ? m->recorded : SES_SESSION_EVENTS_MAX));
    if (session->events_count > 0) {
        last = &session->events[session->events_count - 1];
        DEMAND(w, last->event == m->last_event && last->outcome == m->last_outcome);
    }
    judge_tokens(w, session);
    judge_next(w, session);
}

/* Whoever looked when, and stored it or not: the same session. */
static void judge_same(const struct world *w)
{
    const struct ses_session *a = &w->lazy, *b = &w->eager;

    DEMAND(w, a->expires_ms == b->expires_ms && a->updated_ms == b->updated_ms);
    DEMAND(w, a->events_count == b->events_count);
    for (unsigned i = 0; i < a->events_count; i++)
        DEMAND(w, a->events[i].at_ms == b->events[i].at_ms && a->events[i].event == b->events[i].event &&
                      a->events[i].version == b->events[i].version &&
                      a->events[i].outcome == b->events[i].outcome);
}

/* ---- doing it ---------------------------------------------------------------------------------- */

static void send_event(struct world *w, enum ses_event event)
{
    unsigned n = w->depth - 1;
    struct ses_slice id = ses_slice(w->ids[n], 2);
    enum ses_event_outcome wanted = model_event(&w->model, event, w->now_ms);

    w->ids[n][0] = 'e';
    w->ids[n][1] = (char)('0' + n);
    DEMAND(w, ses_session_find_event(&w->lazy, id) == NULL);
    DEMAND(w, ses_session_apply(&w->lazy, event, id, 0, &rules, w->now_ms) == wanted);
    DEMAND(w, ses_session_apply(&w->eager, event, id, 0, &rules, w->now_ms) == wanted);
    w->last = w->depth;
    if (wanted == SES_EVENT_APPLIED)
        applied++;
    else
        late++;
}

/* A caller repeats its last event: found by its id, whatever has happened since, with the outcome it had. */
static void repeat(struct world *w)
{
    const struct ses_session_event *found;

    if (w->last == 0 || !w->model.last_recorded)
        return;
    found = ses_session_find_event(&w->lazy, ses_slice(w->ids[w->last - 1], 2));
    DEMAND(w, found != NULL && found->event == (enum ses_event)w->path[w->last - 1]);
    DEMAND(w, ses_session_find_event(&w->eager, ses_slice(w->ids[w->last - 1], 2)) != NULL);
    repeated++;
}

/* As UpdateSession does where it is allowed: a version, a generation, no overlap. */
static void update(struct world *w)
{
    struct ses_session *both[] = {&w->lazy, &w->eager};

    if (is_over(&w->model) || w->model.status == SES_SESSION_PROCESSING)
        return;
    w->model.version++;
    w->model.generation++;
    w->model.overlapping = 0;
    for (size_t i = 0; i < 2; i++) {
        ses_session_fence(both[i], w->now_ms);
        ses_session_touch(both[i], w->now_ms);
    }
}

static void let_time_pass(struct world *w, uint64_t span_ms)
{
    /* The eager one is read and stored at odd moments in between; the lazy one only at the end. */
    for (uint64_t part = 1; part <= 3; part++)
        (void)ses_session_settle(&w->eager, w->now_ms + span_ms * part / 4);
    w->now_ms += span_ms;
    model_time(&w->model, w->now_ms);
    (void)ses_session_settle(&w->lazy, w->now_ms);
    (void)ses_session_settle(&w->eager, w->now_ms);
    DEMAND(w, !ses_session_settle(&w->lazy, w->now_ms)); /* settled is settled */
}

/* To the very instant at which the step, or the whole session, is over, if one is running. */
static uint64_t until_step_end(const struct world *w)
{
    return in_step(&w->model) ? w->model.step_end_ms - w->now_ms : STEP_MS;
}

static uint64_t until_end(const struct world *w)
{
    uint64_t end_ms = model_end(&w->model);
    unsigned far = w->depth % 2 + 1; /* or long after */

    return end_ms == SES_NEVER_MS || end_ms <= w->now_ms ? TTL_MS + STEP_MS : (end_ms - w->now_ms) * far;
}

static void happen(struct world *w, unsigned thing)
{
    w->path[w->depth++] = (unsigned char)thing;
    let_time_pass(w, SECOND_MS);
    if (thing < SES_EVENT_COUNT)
        send_event(w, (enum ses_event)thing);
    else if (thing == UPDATE)
        update(w);
    else if (thing == STEP_TIME)
        let_time_pass(w, until_step_end(w));
    else if (thing == ALL_TIME)
        let_time_pass(w, until_end(w));
    else
        repeat(w);
}

/* The sessions borrow their ids' bytes: after a copy of the world they must be the copy's. */
static void own_ids(struct world *w)
{
    struct ses_session *both[] = {&w->lazy, &w->eager};

    for (size_t i = 0; i < 2; i++) {
        for (unsigned e = 0; e < both[i]->events_count; e++) {
            struct ses_slice *id = &both[i]->events[e].id;

            if (id->len > 0)
                *id = ses_slice(w->ids[id->data[1] - '0'], 2);
        }
    }
}

static void explore(const struct world *from)
{
    for (size_t i = 0; i < sizeof(things); i++) {
        struct world w = *from;
        bool over = is_over(&w.model);
        enum ses_session_status was = w.model.status;

        own_ids(&w);
        happen(&w, things[i]);
        judge(&w, &w.lazy);
        judge(&w, &w.eager);
        judge_same(&w);
        DEMAND(&w, w.lazy.attempts == w.model.attempts);
        /* Terminal states never move, but for a success after a failure. */
        DEMAND(&w, !over || w.lazy.status == was ||
                       (was == SES_SESSION_FAILED && w.lazy.status == SES_SESSION_COMPLETED &&
                        w.lazy.late_success));
        sequences++;
        if (w.depth < DEPTH)
            explore(&w);
    }
}

static void test_all_orders(void **state)
{
    struct world w = {.now_ms = START_MS};

    (void)state;
    w.model = (struct model){
        .status = SES_SESSION_OPEN, .version = 1, .generation = 1, .own_end_ms = START_MS + TTL_MS};
    w.lazy = (struct ses_session){
        .status = SES_SESSION_OPEN, .version = 1, .generation = 1, .created_ms = START_MS};
    ses_session_set_end(&w.lazy, START_MS + TTL_MS);
    w.eager = w.lazy;
    explore(&w);
    print_message("%llu sequences, %llu events applied, %llu late, %llu repeated\n",
                  (unsigned long long)sequences, (unsigned long long)applied, (unsigned long long)late,
                  (unsigned long long)repeated);
    assert_true(applied > 0 && late > 0 && repeated > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_orders)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
