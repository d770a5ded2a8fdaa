/* Whether an answer is the right one. */
#include "right.h"

#include <string.h>

uint64_t model_hash(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint32_t next_events(uint8_t status)
{
    uint32_t bits = 0;

    for (unsigned event = 1; event < MODEL_EVENTS; event++) {
        if (event != MODEL_STEP_TIMED_OUT && event != MODEL_REVOKE && event != MODEL_EXPIRE &&
            model_moves(status, (uint8_t)event) != 0)
            bits |= 1u << event;
    }
    return bits;
}

static bool same_history(const struct model_state *state, const struct model_view *view)
{
    return view->history_count == state->history_count &&
           memcmp(view->history, state->history, sizeof(view->history)) == 0;
}

/* What came back from one step is not shown while another one is open. */
static bool same_secrets(const struct model_state *state, const struct model_view *view)
{
    return view->text == state->text && view->customer == state->customer &&
           view->back_step == (state->step_open ? 0 : state->back_step) &&
           view->back_payload == (state->step_open ? 0 : state->back_payload);
}

/* A session's id is found out by the first answer that names it; it is never the one before. */
static bool pin(struct model_state *state, uint64_t session)
{
    if (state->session == 0 && session != state->last_session)
        state->session = session;
    return state->session == session;
}

static bool view_agrees(struct model_state *state, const struct model_view *view, bool secrets)
{
    return view->there && pin(state, view->session) && view->version == state->version &&
           view->generation == state->generation && view->status == state->status &&
           view->amount == state->amount && view->next_events == next_events(state->status) &&
           view->attempts == state->attempts && view->late_success == state->late_success &&
           view->step_open == state->step_open && view->step == state->step &&
           view->never_ends == (state->status == MODEL_PROCESSING) && same_history(state, view) &&
           (!secrets || same_secrets(state, view));
}

/* Where one must come, and where none may: in between it is for the token's life to say, which is tried elsewhere
 * (integration/renewal). */
static bool token_is_due(const struct model_state *state, const struct model_call *call,
                         const struct right *right)
{
    bool came = call->told.token_generation != 0;
    bool steps = call->request.method == MODEL_ADVANCE || call->request.method == MODEL_UPDATE ||
                 call->request.method == MODEL_BEGIN;

    if (right->token)
        return came;
    if (!steps || call->proof.generation == 0)
        return !came;
    if (call->request.renew != 0 || call->proof.generation != state->generation)
        return came;
    return !came || !model_closed(state->status);
}

static bool token_agrees(struct model_state *state, const struct model_call *call, const struct right *right)
{
    const struct model_told *told = &call->told;

    return token_is_due(state, call, right) &&
           (told->token_generation == 0 ||
            (pin(state, told->token_session) && told->token_generation == state->generation));
}

bool right_agrees(struct model_state *state, const struct model_call *call, const struct right *right)
{
    const struct model_told *told = &call->told;
    uint8_t method = call->request.method;

    if (method == MODEL_RETURN)
        return told->http == right->http;
    if (right->reason != NULL)
        return told->how == TOLD_REFUSED && strcmp(told->reason, right->reason) == 0 &&
               (right->number == 0 || told->number == right->number);
    if (told->how != TOLD_OK || told->outcome != right->outcome || told->replayed != right->replayed ||
        !token_agrees(state, call, right))
        return false;
    if (method == MODEL_CREATE)
        return true;
    if (right->outcome == MODEL_KEPT)
        return !told->view.there;
    return view_agrees(state, &told->view, call->proof.generation != 0);
}
