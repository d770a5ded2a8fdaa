/* The session machine in the words of a payment: deliberately another shape than a table of statuses and events. */
#include "model.h"

#include <string.h>

bool model_closed(uint8_t status)
{
    return status == MODEL_COMPLETED || status == MODEL_FAILED || status == MODEL_REVOKED;
}

bool model_in_step(uint8_t status)
{
    return status == MODEL_AUTHENTICATING || status == MODEL_REDIRECTED;
}

/* Of a payment on which the connector does not work yet and that is not over. */
static uint8_t moves_before(uint8_t status, uint8_t event)
{
    bool begun = status != MODEL_OPEN;

    switch (event) {
    case MODEL_PROCESSING_STARTED:
        return MODEL_PROCESSING;
    case MODEL_REVOKE:
        return MODEL_REVOKED;
    case MODEL_EXPIRE:
        return MODEL_EXPIRED;
    case MODEL_REDIRECT_STARTED:
        return MODEL_REDIRECTED;
    case MODEL_AUTHENTICATION_STARTED:
        return model_in_step(status) ? 0 : MODEL_AUTHENTICATING;
    case MODEL_BROWSER_RETURNED:
        return model_in_step(status) ? MODEL_RETURNED : 0;
    case MODEL_STEP_TIMED_OUT:
        return model_in_step(status) ? MODEL_OPEN : 0;
    case MODEL_CHALLENGE_PASSED:
    case MODEL_STEP_CANCELLED:
        return begun ? MODEL_OPEN : 0;
    default:
        return 0;
    }
}

/* The connector's word counts whenever the payment is not over, and a success even after a failure: money has moved. */
uint8_t model_moves(uint8_t status, uint8_t event)
{
    if (status == MODEL_FAILED && event == MODEL_COMPLETE)
        return MODEL_COMPLETED;
    if (model_closed(status) || status == MODEL_EXPIRED)
        return 0;
    if (event == MODEL_ATTEMPT_FAILED)
        return status == MODEL_OPEN ? 0 : MODEL_OPEN;
    if (event == MODEL_COMPLETE)
        return MODEL_COMPLETED;
    if (event == MODEL_FAIL)
        return MODEL_FAILED;
    return status == MODEL_PROCESSING ? 0 : moves_before(status, event);
}

/* ---- history */

uint8_t model_knows(const struct model_state *state, uint16_t id)
{
    for (unsigned i = state->history_count; id != 0 && i-- > 0;) {
        if (state->history[i].id == id)
            return state->history[i].event;
    }
    for (unsigned i = 0; id != 0 && i < state->gone_count; i++) {
        if (state->gone[i].id == id)
            return (uint8_t)state->gone[i].event;
    }
    return MODEL_NO_EVENT;
}

/* Late ones leave first; an applied one's id is never forgotten. */
static void drop_row(struct model_state *state)
{
    const struct model_row *row;
    unsigned at = 0;

    while (at < state->history_count && state->history[at].outcome != MODEL_LATE)
        at++;
    if (at == state->history_count)
        at = 0;
    row = &state->history[at];
    if (row->outcome == MODEL_APPLIED && row->id != 0 && state->gone_count < MODEL_GONE) {
        state->gone[state->gone_count].id = row->id;
        state->gone[state->gone_count++].event = row->event;
    }
    state->history_count--;
    memmove(&state->history[at], &state->history[at + 1], (state->history_count - at) * sizeof(*row));
    memset(&state->history[state->history_count], 0, sizeof(*row));
}

static void push_row(struct model_state *state, uint8_t event, uint16_t id, uint8_t outcome)
{
    if (state->history_count == MODEL_HISTORY)
        drop_row(state);
    state->history[state->history_count++] =
        (struct model_row){.version = state->version, .id = id, .event = event, .outcome = outcome};
}

/* What changes nothing is written down a few times only, and takes no place from what did. */
bool model_takes_late(const struct model_state *state, uint8_t event)
{
    unsigned late = 0, of_kind = 0;

    for (unsigned i = 0; i < state->history_count; i++) {
        late += state->history[i].outcome == MODEL_LATE;
        of_kind += state->history[i].outcome == MODEL_LATE && state->history[i].event == event;
    }
    return late < 8 && of_kind < 2 && state->history_count < MODEL_HISTORY && state->status != MODEL_EXPIRED;
}

void model_note_late(struct model_state *state, uint8_t event, uint16_t id)
{
    if (model_takes_late(state, event))
        push_row(state, event, id, MODEL_LATE);
}

/* ---- steps, generations */

/* Only a step with a handle can be come back to. */
void model_end_step(struct model_state *state, bool timed_out)
{
    if (state->step_open && state->step != 0) {
        if (state->past_count == MODEL_PAST) {
            state->past_count--;
            memmove(state->past, state->past + 1, state->past_count * sizeof(state->past[0]));
        }
        state->past[state->past_count++] = (struct model_past){.step = state->step, .timed_out = timed_out};
    }
    state->step_open = 0;
    state->step = 0;
    state->step_begun = 0;
    state->step_end_ms = 0;
}

void model_touch(struct model_state *state)
{
    state->version++;
    state->written_by = 0;
}

void model_fence(struct model_state *state)
{
    state->previous = 0;
    state->overlap_end_ms = 0;
    state->generation++;
}

void model_rotate(struct model_state *state, uint64_t now_ms)
{
    state->previous = state->generation++;
    state->overlap_end_ms = now_ms + MODEL_OVERLAP_MS;
}

/* ---- moves */

static void move(struct model_state *state, uint8_t to, uint8_t event, uint16_t id, uint64_t step_ms,
                 uint64_t now_ms)
{
    /* Told of the step that BeginStep began: it goes on. */
    bool goes_on = event == MODEL_REDIRECT_STARTED && state->status == MODEL_REDIRECTED && state->step != 0;

    if (event == MODEL_ATTEMPT_FAILED)
        state->attempts++;
    if (state->status == MODEL_FAILED)
        state->late_success = 1;
    state->status = to;
    if (!goes_on)
        model_end_step(state, false);
    if (model_in_step(to) && !goes_on) {
        state->step_open = 1;
        state->step_begun = id;
        state->step_end_ms = now_ms + step_ms;
    }
    if (event == MODEL_CHALLENGE_PASSED)
        model_rotate(state, now_ms);
    if (state->own_end_ms < now_ms + MODEL_TTL_MS)
        state->own_end_ms = now_ms + MODEL_TTL_MS;
    if (model_closed(to))
        state->own_end_ms = now_ms + MODEL_CLOSED_MS;
    if (to == MODEL_REVOKED) {
        state->previous = 0;
        state->overlap_end_ms = 0;
    }
    model_touch(state);
}

int model_apply(struct model_state *state, uint8_t event, uint16_t id, uint64_t step_ms, uint64_t now_ms)
{
    uint8_t to = model_moves(state->status, event);

    if (to == 0) {
        model_note_late(state, event, id);
        return MODEL_LATE;
    }
    move(state, to, event, id, step_ms, now_ms);
    push_row(state, event, id, MODEL_APPLIED);
    return MODEL_APPLIED;
}

/* ---- time */

static void pass(struct model_state *state, uint8_t event, uint8_t to)
{
    state->status = to;
    model_end_step(state, event == MODEL_STEP_TIMED_OUT);
    model_touch(state);
    push_row(state, event, 0, MODEL_APPLIED);
}

void model_forget(struct model_state *state)
{
    uint64_t last = state->session;

    memset(state, 0, sizeof(*state));
    state->last_session = last;
}

static void drop_early(struct model_state *state, uint64_t now_ms)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < state->inbox_count; i++) {
        if (state->inbox[i].until_ms > now_ms)
            state->inbox[kept++] = state->inbox[i];
    }
    memset(state->inbox + kept, 0, (state->inbox_count - kept) * sizeof(state->inbox[0]));
    state->inbox_count = (uint8_t)kept;
}

void model_settle(struct model_state *state, uint64_t now_ms)
{
    drop_early(state, now_ms);
    if (!state->there)
        return;
    if (state->previous != 0 && state->overlap_end_ms <= now_ms) {
        state->previous = 0;
        state->overlap_end_ms = 0;
    }
    if (model_closed(state->status)) {
        if (state->own_end_ms <= now_ms)
            model_forget(state);
        return;
    }
    if (state->step_open && state->step_end_ms <= now_ms)
        pass(state, MODEL_STEP_TIMED_OUT, MODEL_OPEN);
    if (!state->step_open && state->own_end_ms <= now_ms && model_moves(state->status, MODEL_EXPIRE) != 0)
        pass(state, MODEL_EXPIRE, MODEL_EXPIRED);
}

static uint64_t earlier(uint64_t best, uint64_t at_ms, uint64_t after_ms)
{
    return at_ms > after_ms && at_ms < best ? at_ms : best;
}

uint64_t model_next_ms(const struct model_state *state, uint64_t after_ms)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < state->inbox_count; i++)
        next = earlier(next, state->inbox[i].until_ms, after_ms);
    next = earlier(next, state->own_end_ms, after_ms);
    next = earlier(next, state->step_end_ms, after_ms);
    return earlier(next, state->overlap_end_ms, after_ms);
}
