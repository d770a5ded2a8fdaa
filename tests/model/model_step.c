/* What each call answers and does. The order of the refusals is the one that session.proto names. */
#include "right.h"

#include <string.h>

static struct right refused(const char *reason, uint64_t number)
{
    return (struct right){.reason = reason, .number = number};
}

static struct right fine(int outcome)
{
    return (struct right){.outcome = outcome};
}

/* ---- who may ---------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct model_call *call)
{
    return model_hash(&call->request, sizeof(call->request));
}

static bool repeats(const struct model_state *state, const struct model_call *call)
{
    return call->proof.generation != 0 && state->written_by != 0 && state->written_by == tag_of(call);
}

/* True: let in. A repeated call is let in whatever its token's generation. */
static bool let_in(const struct model_state *state, const struct model_call *call, struct right *ret_right)
{
    uint32_t generation = call->proof.generation;
    bool ends = call->request.method == MODEL_WATCH && call->later;

    if (!state->there)
        *ret_right = refused("SESSION_NOT_FOUND", 0);
    else if (generation == 0)
        return true;
    else if (state->session != call->proof.session)
        *ret_right = refused("SESSION_REPLACED", 0);
    else if (ends && (state->status == MODEL_EXPIRED || state->status == MODEL_REVOKED))
        return true;
    else if (state->status == MODEL_REVOKED && call->request.method != MODEL_REVOKE_CALL)
        *ret_right = refused("SESSION_REVOKED", 0);
    else if (state->status == MODEL_EXPIRED)
        *ret_right = refused("SESSION_EXPIRED", 0);
    else if (generation == state->generation || generation == state->previous || repeats(state, call))
        return true;
    else
        *ret_right = refused("TOKEN_SUPERSEDED", state->generation);
    return false;
}

/* The same call again would be refused for what this one did. One that made no version takes nobody's place. */
static void remember(struct model_state *state, const struct model_call *call)
{
    if (call->proof.generation != 0 && state->written_by == 0 &&
        (call->proof.generation != state->generation || call->request.expected_version != 0))
        state->written_by = tag_of(call);
}

/* True: there is a reason not to. */
static bool over(const struct model_state *state, struct right *ret_right)
{
    if (model_closed(state->status))
        *ret_right = refused("SESSION_CLOSED", 0);
    else if (state->status == MODEL_PROCESSING)
        *ret_right = refused("SESSION_PROCESSING", 0);
    return ret_right->reason != NULL;
}

static bool other_version(const struct model_state *state, const struct model_call *call,
                          struct right *ret_right)
{
    uint64_t expected = call->request.expected_version;

    if (expected == 0 || expected == state->version)
        return false;
    *ret_right = refused("VERSION_MISMATCH", state->version);
    return true;
}

/* ---- CreateSessionToken ------------------------------------------------------------------------ */

static struct right create_anew(struct model_state *state, const struct model_request *request,
                                uint64_t now_ms)
{
    const struct model_state before = *state;

    memset(state, 0, sizeof(*state));
    state->last_session = before.session != 0 ? before.session : before.last_session;
    state->there = 1;
    state->status = MODEL_OPEN;
    state->version = 1;
    state->generation = 1;
    state->amount = request->amount;
    state->text = request->text;
    state->payload_text = request->text;
    state->customer = request->customer;
    state->own_end_ms = now_ms + MODEL_TTL_MS;
    for (unsigned i = 0; !before.there && i < before.inbox_count; i++) {
        const struct model_early *early = &before.inbox[i];

        if (early->amount != 0 && early->amount != state->amount)
            model_note_late(state, early->event, early->id);
        else
            (void)model_apply(state, early->event, early->id, MODEL_STEP_MS, now_ms);
    }
    return (struct right){.token = true};
}

static struct right continue_session(struct model_state *state, const struct model_request *request,
                                     uint64_t now_ms)
{
    state->customer = request->customer;
    if ((request->text != 0) != (state->payload_text != 0))
        state->payload_text_optional = 1;
    if (request->text != 0)
        state->text = state->payload_text = request->text;
    model_touch(state);
    model_fence(state);
    state->own_end_ms = now_ms + MODEL_TTL_MS;
    return (struct right){.token = true};
}

static bool same_payload(const struct model_state *state, const struct model_request *request)
{
    if (request->text == 0 || state->payload_text == 0)
        return request->text == state->payload_text || state->payload_text_optional;
    return request->text == state->payload_text;
}

static struct right create(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    const struct model_request *request = &call->request;
    bool continues = request->customer != 0 && request->customer != state->customer;

    if (!state->there || state->status == MODEL_EXPIRED)
        return create_anew(state, request, now_ms);
    if (model_closed(state->status))
        return refused("SESSION_CLOSED", 0);
    if (state->amount != request->amount || (!continues && !same_payload(state, request)))
        return refused("SESSION_CONFLICT", 0);
    if (continues)
        return continue_session(state, request, now_ms);
    return (struct right){.token = true, .replayed = true};
}

/* ---- AdvanceSession ----------------------------------------------------------------------------- */

static struct right keep(struct model_state *state, const struct model_request *request, uint64_t now_ms)
{
    for (unsigned i = 0; i < state->inbox_count; i++) {
        if (state->inbox[i].id == request->event_id)
            return state->inbox[i].event == request->event ? fine(MODEL_KEPT) : refused("EVENT_CONFLICT", 0);
    }
    if (state->inbox_count == MODEL_INBOX)
        return refused("INBOX_FULL", 0);
    state->inbox[state->inbox_count++] = (struct model_early){
        .until_ms = now_ms + MODEL_INBOX_MS,
        .amount = request->amount,
        .id = request->event_id,
        .event = request->event,
    };
    return fine(MODEL_KEPT);
}

static struct right only_merge(struct model_state *state, const struct model_call *call)
{
    if (model_closed(state->status))
        return refused("SESSION_CLOSED", 0);
    if (call->request.customer == 0 || call->request.customer == state->customer)
        return fine(MODEL_NO_OUTCOME);
    state->customer = call->request.customer;
    model_touch(state);
    remember(state, call);
    return fine(MODEL_NO_OUTCOME);
}

static struct right happen(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    const struct model_request *request = &call->request;
    uint64_t step_ms = request->step_seconds == 0 ? MODEL_STEP_MS : request->step_seconds * UINT64_C(1000);
    bool with_token = call->proof.generation != 0;
    bool written = model_moves(state->status, request->event) != 0 || model_takes_late(state, request->event);
    int outcome = model_apply(state, request->event, request->event_id, step_ms, now_ms);

    if (outcome == MODEL_APPLIED && with_token && request->customer != 0)
        state->customer = request->customer;
    if (outcome == MODEL_APPLIED && with_token && request->event == MODEL_ATTEMPT_FAILED)
        model_rotate(state, now_ms);
    if (written)
        remember(state, call);
    return fine(outcome);
}

static struct right advance(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    const struct model_request *request = &call->request;
    struct right right = {.reason = NULL};
    uint8_t known;

    if (!state->there && call->proof.generation == 0)
        return keep(state, request, now_ms);
    if (!let_in(state, call, &right))
        return right;
    if (repeats(state, call))
        return fine(request->event == MODEL_NO_EVENT ? MODEL_NO_OUTCOME : MODEL_DUPLICATE);
    known = model_knows(state, request->event_id);
    if (known != MODEL_NO_EVENT)
        return known == request->event ? fine(MODEL_DUPLICATE) : refused("EVENT_CONFLICT", 0);
    if (request->amount != 0 && request->amount != state->amount)
        return refused("EVENT_MISMATCH", 0);
    if (other_version(state, call, &right))
        return right;
    return request->event == MODEL_NO_EVENT ? only_merge(state, call) : happen(state, call, now_ms);
}

/* ---- the other writing ones ------------------------------------------------------------------------ */

static struct right update(struct model_state *state, const struct model_call *call)
{
    const struct model_request *request = &call->request;
    bool amount = request->amount != 0 && request->amount != state->amount;
    bool text = request->text != 0 && request->text != state->text;
    struct right right = {.reason = NULL};

    if (!let_in(state, call, &right))
        return right;
    if (repeats(state, call))
        return right;
    if (over(state, &right) || other_version(state, call, &right))
        return right;
    if (amount && model_in_step(state->status))
        return refused("STEP_IN_PROGRESS", 0);
    if (!amount && !text)
        return right;
    if (amount)
        state->amount = request->amount;
    if (text)
        state->text = state->payload_text = request->text;
    model_touch(state);
    model_fence(state);
    remember(state, call);
    return right;
}

static bool in_history(const struct model_state *state, uint16_t id)
{
    for (unsigned i = 0; i < state->history_count; i++) {
        if (state->history[i].id == id)
            return true;
    }
    return false;
}

static struct right begin_again(const struct model_state *state, const struct model_request *request,
                                uint8_t known)
{
    bool open =
        state->step_open && state->step_begun == request->event_id && in_history(state, request->event_id);

    if (known != MODEL_REDIRECT_STARTED || (open && state->step != request->event_id))
        return refused("EVENT_CONFLICT", 0);
    return open ? fine(MODEL_NO_OUTCOME) : refused("STEP_OVER", 0);
}

static struct right begin(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    const struct model_request *request = &call->request;
    uint64_t step_ms = request->step_seconds == 0 ? MODEL_STEP_MS : request->step_seconds * UINT64_C(1000);
    struct right right = {.reason = NULL};
    uint8_t known;

    if (!let_in(state, call, &right))
        return right;
    known = model_knows(state, request->event_id);
    if (repeats(state, call))
        return right;
    if (known != MODEL_NO_EVENT)
        return begin_again(state, request, known);
    if (over(state, &right) || other_version(state, call, &right))
        return right;
    state->back_step = 0;
    state->back_payload = 0;
    model_end_step(state, false); /* another one takes its place */
    (void)model_apply(state, MODEL_REDIRECT_STARTED, request->event_id, step_ms, now_ms);
    state->step = request->event_id;
    remember(state, call);
    return right;
}

static struct right revoke(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    struct right right = {.reason = NULL};

    if (!let_in(state, call, &right) || repeats(state, call) || state->status == MODEL_REVOKED)
        return right;
    if (over(state, &right) || other_version(state, call, &right))
        return right;
    (void)model_apply(state, MODEL_REVOKE, 0, 0, now_ms);
    remember(state, call);
    return right;
}

/* ---- the browser's return --------------------------------------------------------------------------- */

static void take_return(struct model_state *state, struct model_past *past, uint8_t payload)
{
    past->returned = payload;
    state->back_step = past->step;
    state->back_payload = payload;
}

static struct right page(int http)
{
    return (struct right){.http = http};
}

static struct right come_late(struct model_state *state, struct model_past *past, uint8_t payload)
{
    bool newest = past == &state->past[state->past_count - 1] && !state->step_open;
    int http = !newest || past->timed_out ? 410 : 303;

    if (!newest || state->status == MODEL_EXPIRED || payload == 0)
        return page(http);
    model_note_late(state, MODEL_BROWSER_RETURNED, 0);
    take_return(state, past, payload);
    return page(http);
}

static struct model_past *past_step(struct model_state *state, uint16_t step)
{
    for (unsigned i = state->past_count; i-- > 0;) {
        if (state->past[i].step == step)
            return &state->past[i];
    }
    return NULL;
}

static struct right come_back(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    uint8_t payload = call->request.payload;
    struct model_past *past;

    if (!state->there || state->session != call->proof.session)
        return page(404);
    if (state->step_open && state->step == call->proof.step) {
        if (payload == 0)
            return page(303);
        (void)model_apply(state, MODEL_BROWSER_RETURNED, 0, 0, now_ms);
        take_return(state, past_step(state, call->proof.step), payload);
        return page(303);
    }
    past = past_step(state, call->proof.step);
    if (past == NULL)
        return page(410);
    if (past->returned == 0)
        return come_late(state, past, payload);
    return page(payload == 0 || payload == past->returned ? 303 : 409);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static struct right look(const struct model_state *state, const struct model_call *call)
{
    struct right right = {.reason = NULL};

    (void)let_in(state, call, &right);
    return right;
}

static struct right happens(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    switch (call->request.method) {
    case MODEL_CREATE:
        return create(state, call, now_ms);
    case MODEL_ADVANCE:
        return advance(state, call, now_ms);
    case MODEL_UPDATE:
        return update(state, call);
    case MODEL_BEGIN:
        return begin(state, call, now_ms);
    case MODEL_RETURN:
        return come_back(state, call, now_ms);
    case MODEL_REVOKE_CALL:
        return revoke(state, call, now_ms);
    default:
        return look(state, call);
    }
}

/* A call at a connector whose outcome is not known stands in the way of other payloads. Whether there is one is not
 * known here: it is no session, and nobody is told of it. For a while it may also hide the memory of a session that ran
 * out: a lease that is over shows its intent, until a holder who does not know that gives it back. */
static bool behind_an_intent(const struct model_state *state, const struct model_call *call)
{
    const struct model_told *told = &call->told;
    bool ran_out = state->there && state->status == MODEL_EXPIRED;

    if (!call->connector || (state->there && !ran_out))
        return false;
    if (ran_out && (told->http == 404 || strcmp(told->reason, "SESSION_NOT_FOUND") == 0))
        return true;
    return told->how == TOLD_REFUSED && told->unsettled;
}

bool model_step(struct model_state *state, const struct model_call *call, uint64_t now_ms)
{
    struct right right;

    model_settle(state, now_ms);
    if (behind_an_intent(state, call))
        return true;
    right = happens(state, call, now_ms);
    return call->told.how == TOLD_NOTHING || right_agrees(state, call, &right);
}
