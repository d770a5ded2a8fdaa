/* Table, history, ends, moves. In this file only `move` and `pass_time` change a status; both then work out
 * the new end and count a version, so that what is stored is always whole.
 */
#include <sessiond/domain/session_machine.h>

/* ---- the table ------------------------------------------------------------------------------- */

/* clang-format off */
#define LATE 0
#define OPEN SES_SESSION_OPEN
#define AUTH SES_SESSION_AUTHENTICATING
#define REDI SES_SESSION_REDIRECTED
#define RETU SES_SESSION_RETURNED
#define PROC SES_SESSION_PROCESSING
#define COMP SES_SESSION_COMPLETED
#define FAIL SES_SESSION_FAILED
#define EXPI SES_SESSION_EXPIRED
#define REVO SES_SESSION_REVOKED

/*  columns: AUTHENTICATION_STARTED, REDIRECT_STARTED, BROWSER_RETURNED, CHALLENGE_PASSED, PROCESSING_STARTED,
    COMPLETED, FAILED, STEP_CANCELLED, STEP_TIMED_OUT, REVOKED, EXPIRED, ATTEMPT_FAILED, ACTION_REQUIRED,
    NOT_ATTEMPTED */
#define TABLE(ROW)                                                                                           \
    ROW(UNSPECIFIED,    LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE)  \
    ROW(OPEN,           AUTH, REDI, LATE, LATE, PROC, COMP, FAIL, LATE, LATE, REVO, EXPI, LATE, LATE, LATE)  \
    ROW(AUTHENTICATING, LATE, REDI, RETU, OPEN, PROC, COMP, FAIL, OPEN, OPEN, REVO, EXPI, OPEN, LATE, LATE)  \
    ROW(REDIRECTED,     LATE, REDI, RETU, OPEN, PROC, COMP, FAIL, OPEN, OPEN, REVO, EXPI, OPEN, LATE, LATE)  \
    ROW(RETURNED,       AUTH, REDI, LATE, OPEN, PROC, COMP, FAIL, OPEN, LATE, REVO, EXPI, OPEN, LATE, LATE)  \
    ROW(PROCESSING,     LATE, LATE, LATE, LATE, LATE, COMP, FAIL, LATE, LATE, LATE, LATE, OPEN, AUTH, OPEN)  \
    ROW(COMPLETED,      LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE)  \
    ROW(FAILED,         LATE, LATE, LATE, LATE, LATE, COMP, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE)  \
    ROW(EXPIRED,        LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE)  \
    ROW(REVOKED,        LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE, LATE)
/* clang-format on */

#define SES_SESSION_UNSPECIFIED 0

/* A row that lacks an event, or has one too many, does not compile: the macro takes exactly these. */
#define CELLS(status, a, b, c, d, e, f, g, h, i, j, k, l, m, n)                                              \
    [SES_SESSION_##status] = {[SES_EVENT_AUTHENTICATION_STARTED] = (a),                                      \
                              [SES_EVENT_REDIRECT_STARTED] = (b),                                            \
                              [SES_EVENT_BROWSER_RETURNED] = (c),                                            \
                              [SES_EVENT_CHALLENGE_PASSED] = (d),                                            \
                              [SES_EVENT_PROCESSING_STARTED] = (e),                                          \
                              [SES_EVENT_COMPLETED] = (f),                                                   \
                              [SES_EVENT_FAILED] = (g),                                                      \
                              [SES_EVENT_STEP_CANCELLED] = (h),                                              \
                              [SES_EVENT_STEP_TIMED_OUT] = (i),                                              \
                              [SES_EVENT_REVOKED] = (j),                                                     \
                              [SES_EVENT_EXPIRED] = (k),                                                     \
                              [SES_EVENT_ATTEMPT_FAILED] = (l),                                              \
                              [SES_EVENT_ACTION_REQUIRED] = (m),                                             \
                              [SES_EVENT_NOT_ATTEMPTED] = (n)},
static const uint8_t table[SES_SESSION_STATUS_COUNT][SES_EVENT_COUNT] = {TABLE(CELLS)};

#define COUNT_ROW(...) +1 // NOLINT(bugprone-macro-parentheses): a sum of them
_Static_assert(0 TABLE(COUNT_ROW) == SES_SESSION_STATUS_COUNT, "a new status needs a row");
_Static_assert(SES_EVENT_COUNT == 15, "a new event needs a column, a name and a word in from_caller");

static const char *const names[SES_EVENT_COUNT] = {
    [SES_EVENT_NONE] = "NONE",
    [SES_EVENT_AUTHENTICATION_STARTED] = "AUTHENTICATION_STARTED",
    [SES_EVENT_REDIRECT_STARTED] = "REDIRECT_STARTED",
    [SES_EVENT_BROWSER_RETURNED] = "BROWSER_RETURNED",
    [SES_EVENT_CHALLENGE_PASSED] = "CHALLENGE_PASSED",
    [SES_EVENT_PROCESSING_STARTED] = "PROCESSING_STARTED",
    [SES_EVENT_COMPLETED] = "COMPLETED",
    [SES_EVENT_FAILED] = "FAILED",
    [SES_EVENT_STEP_CANCELLED] = "STEP_CANCELLED",
    [SES_EVENT_STEP_TIMED_OUT] = "STEP_TIMED_OUT",
    [SES_EVENT_REVOKED] = "REVOKED",
    [SES_EVENT_EXPIRED] = "EXPIRED",
    [SES_EVENT_ATTEMPT_FAILED] = "ATTEMPT_FAILED",
    [SES_EVENT_ACTION_REQUIRED] = "ACTION_REQUIRED",
    [SES_EVENT_NOT_ATTEMPTED] = "NOT_ATTEMPTED",
};

const char *ses_event_name(enum ses_event event)
{
    return event < SES_EVENT_COUNT ? names[event] : names[SES_EVENT_NONE];
}

bool ses_event_from_caller(enum ses_event event)
{
    return event > SES_EVENT_NONE && event < SES_EVENT_COUNT && event != SES_EVENT_STEP_TIMED_OUT &&
           event != SES_EVENT_REVOKED && event != SES_EVENT_EXPIRED && event != SES_EVENT_ACTION_REQUIRED &&
           event != SES_EVENT_NOT_ATTEMPTED;
}

bool ses_event_without_token(enum ses_event event)
{
    return event == SES_EVENT_PROCESSING_STARTED || event == SES_EVENT_COMPLETED ||
           event == SES_EVENT_FAILED || event == SES_EVENT_ATTEMPT_FAILED;
}

enum ses_session_status ses_session_next(enum ses_session_status status, enum ses_event event)
{
    if (status >= SES_SESSION_STATUS_COUNT || event >= SES_EVENT_COUNT)
        return (enum ses_session_status)LATE; /* of a newer version: nothing is guessed */
    return (enum ses_session_status)table[status][event];
}

uint32_t ses_session_next_events(enum ses_session_status status)
{
    uint32_t events = 0;

    for (unsigned event = 1; event < SES_EVENT_COUNT; event++) {
        if (ses_event_from_caller((enum ses_event)event) &&
            ses_session_next(status, (enum ses_event)event) != (enum ses_session_status)LATE)
            events |= 1u << event;
    }
    return events;
}

bool ses_session_in_step(enum ses_session_status status)
{
    return status == SES_SESSION_AUTHENTICATING || status == SES_SESSION_REDIRECTED;
}

/* ---- history --------------------------------------------------------------------------------- */

/* Late ones go first; of an applied one the id is remembered (event_memory.c), or it could be applied again. */
static void make_room(struct ses_session *session)
{
    unsigned at = 0;

    while (at < session->events_count && session->events[at].outcome != SES_EVENT_LATE)
        at++;
    if (at == session->events_count)
        at = 0;
    ses_session_forget_event(session, &session->events[at]);
    session->events_count--;
    memmove(session->events + at, session->events + at + 1,
            (session->events_count - at) * sizeof(session->events[0]));
}

static void record(struct ses_session *session, enum ses_event event, struct ses_slice id,
                   enum ses_event_outcome outcome, uint64_t at_ms)
{
    if (session->events_count == SES_SESSION_EVENTS_MAX)
        make_room(session);
    session->events[session->events_count++] = (struct ses_session_event){
        .id = id, .event = event, .outcome = outcome, .at_ms = at_ms, .version = session->version};
}

/* Only into free room: a late event pushes no other one out. */
static bool takes_late(const struct ses_session *session, enum ses_event event)
{
    unsigned late = 0;
    unsigned of_kind = 0;

    for (unsigned i = 0; i < session->events_count; i++) {
        late += session->events[i].outcome == SES_EVENT_LATE;
        of_kind += session->events[i].outcome == SES_EVENT_LATE && session->events[i].event == event;
    }
    return late < SES_SESSION_LATE_MAX && of_kind < SES_SESSION_LATE_OF_KIND_MAX &&
           session->events_count < SES_SESSION_EVENTS_MAX && session->status != SES_SESSION_EXPIRED;
}

bool ses_session_late_unrecorded(const struct ses_session *session, enum ses_event event)
{
    return ses_session_next(session->status, event) == (enum ses_session_status)LATE &&
           !takes_late(session, event);
}

void ses_session_note_late(struct ses_session *session, enum ses_event event, struct ses_slice id,
                           uint64_t now_ms)
{
    if (takes_late(session, event))
        record(session, event, id, SES_EVENT_LATE, now_ms);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Records of former versions have no end of their own; what they stored as the record's was it. */
static uint64_t own_end(const struct ses_session *session)
{
    return session->own_expires_ms != 0 ? session->own_expires_ms : session->expires_ms;
}

uint64_t ses_session_kept_ms(const struct ses_session *session, const struct ses_session_rules *rules)
{
    bool over = ses_session_closed(session->status) || session->expires_ms == SES_NEVER_MS;

    return over ? session->expires_ms : session->expires_ms + rules->remember_ms;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A time before the session began was kept by former versions, which took seconds for milliseconds. */
static uint64_t connector_end(const struct ses_session *session)
{
    bool counts = session->connector_session_present && session->status != SES_SESSION_PROCESSING &&
                  !ses_session_closed(session->status) &&
                  session->connector_session.expires_ms > session->created_ms;

    return counts ? session->connector_session.expires_ms : SES_NEVER_MS;
}

/* The end that is stored follows from status, step, connector's session and own end. */
void ses_session_set_end(struct ses_session *session, uint64_t own_ms)
{
    uint64_t limit_ms = connector_end(session);

    session->own_expires_ms = own_ms;
    session->expires_ms = earlier(own_ms, limit_ms);
    if (session->status == SES_SESSION_PROCESSING) {
        session->expires_ms = SES_NEVER_MS;
    } else if (session->step_open) {
        session->step.expires_ms = earlier(session->step.expires_ms, limit_ms);
        session->expires_ms = later(session->expires_ms, session->step.expires_ms);
    }
}

void ses_session_refit(struct ses_session *session)
{
    if (session->status != SES_SESSION_PROCESSING || session->own_expires_ms != 0)
        ses_session_set_end(session, own_end(session));
}

void ses_session_touch(struct ses_session *session, uint64_t now_ms)
{
    session->version++;
    session->written_by = 0;
    session->updated_ms = now_ms;
}

/* previous_until_ms in the past, or 0: the older tokens end at once. */
static void next_generation(struct ses_session *session, uint64_t previous_until_ms, uint64_t now_ms)
{
    session->previous_generation = previous_until_ms > now_ms ? session->generation : 0;
    session->previous_until_ms = session->previous_generation != 0 ? previous_until_ms : 0;
    session->generation++;
    session->token_issued_ms = now_ms;
}

void ses_session_fence(struct ses_session *session, uint64_t now_ms)
{
    next_generation(session, 0, now_ms);
}

void ses_session_rotate(struct ses_session *session, const struct ses_session_rules *rules, uint64_t now_ms)
{
    next_generation(session, now_ms + rules->overlap_ms, now_ms);
}

bool ses_session_accepts(const struct ses_session *session, uint32_t generation, uint64_t now_ms)
{
    return generation == session->generation || (generation == session->previous_generation &&
                                                 generation != 0 && now_ms < session->previous_until_ms);
}

/* ---- moving ---------------------------------------------------------------------------------- */

struct ses_past_step *ses_session_past_step(struct ses_session *session, const uint8_t id[SES_STEP_ID_SIZE])
{
    for (unsigned i = session->past_steps_count; i-- > 0;) {
        if (memcmp(session->past_steps[i].id, id, SES_STEP_ID_SIZE) == 0)
            return &session->past_steps[i];
    }
    return NULL;
}

/* The oldest one is forgotten when there are too many. */
static struct ses_past_step *push_past_step(struct ses_session *session)
{
    if (session->past_steps_count == SES_PAST_STEPS_MAX) {
        session->past_steps_count--;
        memmove(session->past_steps, session->past_steps + 1,
                session->past_steps_count * sizeof(session->past_steps[0]));
    }
    return &session->past_steps[session->past_steps_count++];
}

/* The open step, if there is one, is over. Only one with a handle is remembered: nothing can come back for another. */
static struct ses_past_step *end_step(struct ses_session *session, bool timed_out)
{
    struct ses_past_step *past = NULL;

    if (session->step_open && session->step.return_url.len > 0) {
        past = push_past_step(session);
        *past = (struct ses_past_step){.name = session->step.name,
                                       .return_url = session->step.return_url,
                                       .frame = session->step.frame,
                                       .timed_out = timed_out};
        memcpy(past->id, session->step.id, sizeof(past->id));
    }
    session->step_open = false;
    return past;
}

/* A record of a version that remembered no past steps has its last return only there. */
void ses_session_drop_redirect(struct ses_session *session)
{
    const struct ses_redirect_result *redirect = &session->redirect;
    struct ses_past_step *past;

    if (session->redirect_present && ses_session_past_step(session, redirect->step_id) == NULL) {
        past = push_past_step(session);
        *past = (struct ses_past_step){
            .name = redirect->step_name, .return_url = redirect->return_url, .returned = true};
        memcpy(past->id, redirect->step_id, sizeof(past->id));
        memcpy(past->payload_hash, redirect->payload_hash, sizeof(past->payload_hash));
    }
    session->redirect_present = false;
}

void ses_session_end_step(struct ses_session *session)
{
    (void)end_step(session, false);
}

/* A payment has to name the address at which the browser comes back, so the step is there before it is known whether the
 * browser leaves at all. The payment interrupts it. */
static void interrupt_step(struct ses_session *session)
{
    struct ses_past_step *past = end_step(session, false);

    if (past == NULL)
        return;
    past->started_ms = session->step.started_ms;
    past->expires_ms = session->step.expires_ms;
}

/* The payment wants something of the shopper: the step that it has interrupted goes on, under its handle and to its end. */
static bool resume_step(struct ses_session *session, uint64_t now_ms)
{
    const struct ses_past_step *past;

    if (session->past_steps_count == 0)
        return false;
    past = &session->past_steps[session->past_steps_count - 1];
    if (past->returned || past->expires_ms <= now_ms)
        return false;
    session->step = (struct ses_session_step){.name = past->name,
                                              .return_url = past->return_url,
                                              .frame = past->frame,
                                              .started_ms = past->started_ms,
                                              .expires_ms = past->expires_ms};
    memcpy(session->step.id, past->id, sizeof(session->step.id));
    session->step_open = true;
    session->past_steps_count--;
    return true;
}

/* Whatever else happens, no step waits for a payment. One that was not attempted may be made again. */
static void forget_interrupted(struct ses_session *session, enum ses_event event)
{
    if (event == SES_EVENT_PROCESSING_STARTED || event == SES_EVENT_NOT_ATTEMPTED)
        return;
    for (unsigned i = 0; i < session->past_steps_count; i++)
        session->past_steps[i].expires_ms = 0;
}

/* The caller tells that it sends the browser where BeginStep said: the same step, whose handle is under way. It
 * ends when it would have ended, as its handle says. */
static bool goes_on(const struct ses_session *session, enum ses_event event)
{
    return event == SES_EVENT_REDIRECT_STARTED && session->status == SES_SESSION_REDIRECTED &&
           session->step_open && session->step.return_url.len > 0;
}

static void begin_step(struct ses_session *session, uint64_t step_ms, uint64_t now_ms)
{
    session->step_open = true;
    session->step = (struct ses_session_step){.started_ms = now_ms, .expires_ms = now_ms + step_ms};
}

/* The attempt that is one too many is the payment's end. */
static enum ses_session_status count_attempt(struct ses_session *session,
                                             const struct ses_session_rules *rules)
{
    session->attempts++;
    return rules->attempts_max != 0 && session->attempts >= rules->attempts_max ? SES_SESSION_FAILED
                                                                                : SES_SESSION_OPEN;
}

/* An open step ends with any move, and a move into a step begins a new one. */
static void move_step(struct ses_session *session, enum ses_session_status to, enum ses_event event,
                      uint64_t step_ms, uint64_t now_ms)
{
    if (event == SES_EVENT_PROCESSING_STARTED)
        interrupt_step(session);
    else
        (void)end_step(session, false);
    if (ses_session_in_step(to) && !(event == SES_EVENT_ACTION_REQUIRED && resume_step(session, now_ms)))
        begin_step(session, step_ms, now_ms);
    forget_interrupted(session, event);
}

/* The old status is asked for before it goes: FAILED leads nowhere but to COMPLETED, hence late_success. A move that does
 * not close the session never shortens its own time. */
static void move(struct ses_session *session, enum ses_session_status to, enum ses_event event,
                 uint64_t step_ms, const struct ses_session_rules *rules, uint64_t now_ms)
{
    uint64_t own_ms = later(own_end(session), now_ms + rules->ttl_ms);
    bool same_step = goes_on(session, event); /* the status is the old one */

    /* Of a former version, in PROCESSING: the stored end is "never", and no end of its own. */
    if (session->status == SES_SESSION_PROCESSING && session->own_expires_ms == 0)
        own_ms = now_ms + rules->ttl_ms;
    if (event == SES_EVENT_ATTEMPT_FAILED)
        to = count_attempt(session, rules);
    session->late_success = session->late_success || session->status == SES_SESSION_FAILED;
    session->status = to;
    if (!same_step)
        move_step(session, to, event, step_ms != 0 ? step_ms : rules->step_ms, now_ms);
    if (event == SES_EVENT_CHALLENGE_PASSED)
        ses_session_rotate(session, rules, now_ms);
    if (ses_session_closed(to))
        own_ms = now_ms + rules->closed_ms;
    /* Whoever missed the newest token can get no other one of a session that is over: the overlap goes on,
     * except for one that was taken back. */
    if (to == SES_SESSION_REVOKED) {
        session->previous_generation = 0;
        session->previous_until_ms = 0;
    }
    ses_session_set_end(session, own_ms);
    ses_session_touch(session, now_ms);
}

enum ses_event_outcome ses_session_apply(struct ses_session *session, enum ses_event event,
                                         struct ses_slice id, uint64_t step_ms,
                                         const struct ses_session_rules *rules, uint64_t now_ms)
{
    enum ses_session_status to = ses_session_next(session->status, event);

    if (to == (enum ses_session_status)LATE) {
        ses_session_note_late(session, event, id, now_ms);
        return SES_EVENT_LATE;
    }
    move(session, to, event, step_ms, rules, now_ms);
    record(session, event, id, SES_EVENT_APPLIED, now_ms);
    return SES_EVENT_APPLIED;
}

static void pass_time(struct ses_session *session, enum ses_event event, enum ses_session_status to,
                      uint64_t at_ms)
{
    session->status = to;
    (void)end_step(session, event == SES_EVENT_STEP_TIMED_OUT);
    forget_interrupted(session, event);
    ses_session_set_end(session, own_end(session));
    ses_session_touch(session, at_ms);
    record(session, event, SES_SLICE_EMPTY, SES_EVENT_APPLIED, at_ms);
}

/* A step first: it may leave the session open, or with nothing left of its own time. The times that are
 * written down are those of the ends, not of the reading, so that every reader comes to the same. */
bool ses_session_settle(struct ses_session *session, uint64_t now_ms)
{
    uint64_t end_ms = earlier(own_end(session), connector_end(session));
    bool changed = false;

    if (session->step_open && session->step.expires_ms <= now_ms) {
        pass_time(session, SES_EVENT_STEP_TIMED_OUT,
                  ses_session_next(session->status, SES_EVENT_STEP_TIMED_OUT), session->step.expires_ms);
        changed = true;
    }
    if (!session->step_open && end_ms <= now_ms &&
        ses_session_next(session->status, SES_EVENT_EXPIRED) == SES_SESSION_EXPIRED) {
        /* A session that outlived its own end in a step ends with the step. */
        pass_time(session, SES_EVENT_EXPIRED, SES_SESSION_EXPIRED, later(end_ms, session->updated_ms));
        changed = true;
    }
    return changed;
}
