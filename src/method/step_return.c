/* The table of step_return.h as a user of the change loop. decide answers most rows itself; only FIRST, and
 * EXPIRED where there is evidence to keep, write. */
#include "step_return.h"

#include "change_loop.h"
#include "natural_key.h"
#include "return_frame.h"

enum outcome { FIRST, AGAIN, OTHER_PAYLOAD, EXPIRED, UNKNOWN, UNAVAILABLE, REFUSED };

/* One return; in its exchange's arena. The loop's callbacks find it by its loop (return_of); claims
 * are what the handle said. */
struct step_return {
    struct ses_change_loop loop;
    struct ses_step_return what;
    struct ses_step_claims claims;
    uint8_t hash[SES_HASH_BYTES];
    enum outcome outcome;
    struct ses_slice location; /* the merchant's URL; empty: not known. In the exchange's arena */
    bool frame;                /* BeginStep asked for RETURN_MODE_FRAME */
};

static struct step_return *return_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct step_return, loop);
}

static enum ses_return_page page_of(const struct step_return *r)
{
    static const enum ses_return_page pages[] = {
        [FIRST] = SES_PAGE_BACK,      [AGAIN] = SES_PAGE_BACK,      [OTHER_PAYLOAD] = SES_PAGE_OTHER,
        [EXPIRED] = SES_PAGE_EXPIRED, [UNKNOWN] = SES_PAGE_UNKNOWN, [UNAVAILABLE] = SES_PAGE_UNAVAILABLE,
    };
    bool known = r->outcome != UNKNOWN && r->outcome != UNAVAILABLE;

    return r->what.refused && known ? r->what.page : pages[r->outcome];
}

/* In the order of the family's values (base/metrics.h). */
static void count(struct ses_service *service, enum outcome outcome, bool refused)
{
    ses_family_add(service->options.metrics, SES_F_RETURNS, refused ? REFUSED : outcome, 1);
}

/* r lies in the exchange's arena, so finish comes last. */
static void tell(struct step_return *r)
{
    count(r->loop.service, r->outcome, r->what.refused);
    if (r->frame && r->location.len > 0)
        ses_return_frame_reply(r->loop.x, page_of(r), r->location);
    else
        ses_return_page_reply(r->loop.x, page_of(r), r->location);
    ses_change_loop_finish(&r->loop);
}

/* For outcomes without a place to go: r may be gone afterwards. */
static enum ses_change_verdict tell_outcome(struct step_return *r, enum outcome outcome)
{
    r->outcome = outcome;
    tell(r);
    return SES_CHANGE_DONE;
}

/* ---- what is the same return ------------------------------------------------------------------ */

/* Each part is hashed behind its length (base/hash.h), so that no two returns are one text. */
static void hash_of(const struct ses_step_return *what, uint8_t ret_hash[SES_HASH_BYTES])
{
    struct ses_slice parts[3 + 2 * SES_RETURN_PARAMETERS_MAX];
    uint8_t count = (uint8_t)what->parameters_count;
    size_t at = 0;

    SES_REQUIRE(what->parameters_count <= SES_RETURN_PARAMETERS_MAX);
    parts[at++] = what->http_method;
    parts[at++] = ses_slice(&count, 1);
    for (size_t i = 0; i < what->parameters_count; i++) {
        parts[at++] = what->parameters[i].name;
        parts[at++] = what->parameters[i].value;
    }
    parts[at++] = what->query;
    ses_hash_parts(SES_SLICE_EMPTY, parts, at, ret_hash);
}

/* ---- deciding --------------------------------------------------------------------------------- */

/* What BeginStep fixed of a step. */
struct target {
    struct ses_slice url;
    bool frame;
};

static struct target target_of(const struct ses_past_step *step)
{
    return (struct target){.url = step->return_url, .frame = step->frame};
}

/* Into the exchange's arena: the answer outlives the scratch. */
static enum ses_change_verdict answer(struct step_return *r, enum outcome outcome,
                                      enum ses_change_verdict verdict, struct target target)
{
    if (ses_arena_copy(&r->loop.x->arena, target.url, &r->location) != SES_OK)
        return tell_outcome(r, UNAVAILABLE);
    r->frame = target.frame;
    r->outcome = outcome;
    if (verdict == SES_CHANGE_DONE)
        tell(r);
    return verdict;
}

/* Separators that something left behind separate nothing. */
static bool is_bare(struct ses_slice query)
{
    for (size_t i = 0; i < query.len; i++) {
        if (query.data[i] != '&' && query.data[i] != '=')
            return false;
    }
    return true;
}

/* Nothing that a bank's page would send: an address that was typed, previewed, or loaded again. Such a
 * return must use nothing up: the bank's real answer may still come. */
static bool brings_nothing(const struct ses_step_return *what)
{
    return what->refused || (what->parameters_count == 0 && is_bare(what->query));
}

/* Slices of the exchange's arena and of the scratch: both live until the record is packed, in the same
 * turn. */
static void keep_result(struct step_return *r, struct ses_session *session, const struct ses_past_step *step,
                        uint64_t now_ms)
{
    session->redirect_present = true;
    session->redirect = (struct ses_redirect_result){
        .step_name = step->name,
        .http_method = r->what.http_method,
        .query = r->what.query,
        .parameters = r->what.parameters,
        .parameters_count = r->what.parameters_count,
        .received_ms = now_ms,
        .return_url = step->return_url,
    };
    memcpy(session->redirect.step_id, step->id, sizeof(step->id));
    memcpy(session->redirect.payload_hash, r->hash, sizeof(r->hash));
}

static void mark_returned(struct step_return *r, struct ses_past_step *step)
{
    step->returned = true;
    memcpy(step->payload_hash, r->hash, sizeof(step->payload_hash));
}

/* Moves the session if the step is open, else is recorded as late. */
static void apply_returned(struct step_return *r, struct ses_session *session, uint64_t now_ms)
{
    (void)ses_session_apply(session, SES_EVENT_BROWSER_RETURNED, SES_SLICE_EMPTY, 0, &r->loop.service->rules,
                            now_ms);
}

/* step is copied before the event is applied: applying closes the open step and makes a past one of it. */
static enum ses_change_verdict take_open(struct step_return *r, struct ses_session *session, uint64_t now_ms)
{
    const struct ses_session_step step = session->step;
    const struct target target = {step.return_url, step.frame};
    struct ses_past_step *past;

    if (brings_nothing(&r->what))
        return answer(r, AGAIN, SES_CHANGE_DONE, target);
    apply_returned(r, session, now_ms);
    past = ses_session_past_step(session, step.id);
    SES_REQUIRE(past != NULL);
    mark_returned(r, past);
    keep_result(r, session, past, now_ms);
    return answer(r, FIRST, SES_CHANGE_WRITE, target);
}

static enum ses_change_verdict answer_known(struct step_return *r, const uint8_t hash[SES_HASH_BYTES],
                                            struct target target)
{
    bool same = brings_nothing(&r->what) || memcmp(hash, r->hash, sizeof(r->hash)) == 0;

    return answer(r, same ? AGAIN : OTHER_PAYLOAD, SES_CHANGE_DONE, target);
}

/* The first return to a step that is over. The session stays; what came is evidence, unless it would stand in
 * the way of a newer step's. */
static enum ses_change_verdict take_late(struct step_return *r, struct ses_session *session,
                                         struct ses_past_step *past, uint64_t now_ms)
{
    bool newest = past == &session->past_steps[session->past_steps_count - 1] && !session->step_open &&
                  !ses_session_in_step(session->status);
    enum outcome outcome = !newest || past->timed_out ? EXPIRED : FIRST;

    if (!newest || session->status == SES_SESSION_EXPIRED || brings_nothing(&r->what))
        return answer(r, outcome == FIRST ? AGAIN : outcome, SES_CHANGE_DONE, target_of(past));
    apply_returned(r, session, now_ms);
    mark_returned(r, past);
    keep_result(r, session, past, now_ms);
    return answer(r, outcome, SES_CHANGE_WRITE, target_of(past));
}

/* A step that is not remembered, or of a version that remembered none: back to where the newest one led. */
static enum ses_change_verdict answer_forgotten(struct step_return *r, const struct ses_session *session)
{
    struct target target = {.frame = false};

    if (session->step_open)
        target = (struct target){.url = session->step.return_url, .frame = session->step.frame};
    else if (session->past_steps_count > 0)
        target = target_of(&session->past_steps[session->past_steps_count - 1]);
    else if (session->redirect_present)
        target.url = session->redirect.return_url;
    return answer(r, EXPIRED, SES_CHANGE_DONE, target);
}

/* The session's id is compared because the key may belong to the next session of that name by now. The
 * step's id decides which row: open, past and returned, past, known from the last result only (records
 * of a version that remembered no past steps), forgotten. */
static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct step_return *r = return_of(loop);
    struct ses_session *session = &loop->found.session;
    const struct ses_redirect_result *redirect = &session->redirect;
    struct ses_past_step *past;

    if (!loop->found.live || memcmp(session->id, r->claims.session_id, sizeof(session->id)) != 0)
        return tell_outcome(r, UNKNOWN);
    ses_name_session(loop->service, loop->x, session->id);
    if (session->step_open && session->step.return_url.len > 0 &&
        memcmp(session->step.id, r->claims.step_id, sizeof(r->claims.step_id)) == 0)
        return take_open(r, session, now_ms);
    past = ses_session_past_step(session, r->claims.step_id);
    if (past != NULL && past->returned)
        return answer_known(r, past->payload_hash, target_of(past));
    if (past != NULL)
        return take_late(r, session, past, now_ms);
    if (session->redirect_present &&
        memcmp(redirect->step_id, r->claims.step_id, sizeof(redirect->step_id)) == 0) /* no frames then */
        return answer_known(r, redirect->payload_hash, (struct target){.url = redirect->return_url});
    return answer_forgotten(r, session);
}

/* The location of an attempt that was lost went with it. */
static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    return_of(loop)->location = SES_SLICE_EMPTY;
    return ses_change_loop_take_session(loop, status, now_ms);
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    (void)now_ms;
    return ses_change_loop_put_session(loop);
}

static void committed(struct ses_change_loop *loop)
{
    tell(return_of(loop));
}

/* Whatever the store said, the shopper can only reload: UNAVAILABLE. */
static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    (void)error;
    (void)tell_outcome(return_of(loop), UNAVAILABLE);
}

static const struct ses_change_loop_ops return_ops = {
    .take = take,
    .decide = decide,
    .write = write_record,
    .committed = committed,
    .failed = failed,
};

/* ---- start ------------------------------------------------------------------------------------ */

/* Once more what return.c checks: the record's size must not hang on one door. */
static bool bounded(const struct ses_step_return *what)
{
    size_t bytes = 0;

    if (what->parameters_count > SES_RETURN_PARAMETERS_MAX || what->query.len > SES_RETURN_QUERY_BYTES_MAX)
        return false;
    for (size_t i = 0; i < what->parameters_count; i++) {
        if (what->parameters[i].name.len > SES_RETURN_NAME_BYTES_MAX)
            return false;
        bytes += what->parameters[i].name.len + what->parameters[i].value.len;
    }
    return bytes <= SES_RETURN_BYTES_MAX;
}

void ses_step_return_start(struct ses_service *service, struct ses_exchange *x,
                           const struct ses_step_return *what)
{
    struct step_return *r = ses_arena_zalloc(&x->arena, sizeof(*r));
    struct ses_store_key key;

    if (r == NULL || !bounded(what)) {
        count(service, UNAVAILABLE, false);
        ses_return_page_reply(x, SES_PAGE_UNAVAILABLE, SES_SLICE_EMPTY);
        return;
    }
    /* Nothing is looked up for a handle that is not ours: no store read for strangers' guesses. */
    if (ses_step_open(service->options.step_keys, service->options.step_keys_count, what->handle,
                      &r->claims) != SES_OK) {
        count(service, UNKNOWN, false);
        ses_return_page_reply(x, SES_PAGE_UNKNOWN, SES_SLICE_EMPTY);
        return;
    }
    r->what = *what;
    hash_of(what, r->hash);
    memcpy(key.bytes, r->claims.key, sizeof(key.bytes));
    ses_change_loop_start(&r->loop, service, x, &return_ops, &key, SES_OWNER_NOBODY);
}
