/* Breadth first: a configuration is the set of calls that have happened and the state after them. */
#include "judge.h"

#define CONFIGURATIONS_MAX 40000u
#define SLOTS              65536u /* a power of two, several times as many */

struct configuration {
    struct model_state state;
    uint64_t done;
};

struct search {
    const struct subject *subject;
    uint64_t now_ms;
    uint64_t answered; /* bits */
    uint64_t possible; /* these, and those of which nobody knows */
    unsigned count;
    bool full;
};

/* Kept from search to search: clearing what was used costs less than fresh pages. */
static struct configuration found[CONFIGURATIONS_MAX];
static uint32_t slots[SLOTS]; /* 0: empty; else place + 1 */

static void add(struct search *search, const struct configuration *one)
{
    uint64_t at = model_hash(one, sizeof(*one)) & (SLOTS - 1);

    for (; slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
        if (memcmp(&found[slots[at] - 1], one, sizeof(*one)) == 0)
            return;
    }
    if (search->count == CONFIGURATIONS_MAX) {
        search->full = true;
        return;
    }
    found[search->count++] = *one;
    slots[at] = search->count;
}

/* No other call that is still to come had ended before it began. */
static bool may_be_next(const struct search *search, uint64_t done, unsigned i)
{
    const struct model_call *calls = search->subject->round;

    for (unsigned j = 0; j < search->subject->round_count; j++) {
        if ((search->answered & ~done & (UINT64_C(1) << j)) != 0 && calls[j].ended < calls[i].began)
            return false;
    }
    return true;
}

/* The configuration after one more call. False: it cannot be the next one. */
static bool next(const struct search *search, const struct configuration *one, unsigned i,
                 struct configuration *ret_next)
{
    if (((search->possible & ~one->done) >> i & 1) == 0 || !may_be_next(search, one->done, i))
        return false;
    *ret_next = *one;
    ret_next->done |= UINT64_C(1) << i;
    return model_step(&ret_next->state, &search->subject->round[i], search->now_ms);
}

static bool is_look(const struct model_call *call)
{
    return call->request.method == MODEL_GET || call->request.method == MODEL_WATCH;
}

/* A look that was answered rightly may come at once: whatever else explains the rest still does. Not so a call that could
 * have changed something a moment later, under the same answer. */
static bool only_look(struct search *search, const struct configuration *one)
{
    struct configuration after;

    for (unsigned i = 0; i < search->subject->round_count; i++) {
        if (is_look(&search->subject->round[i]) && (search->answered >> i & 1) != 0 &&
            next(search, one, i, &after) && memcmp(&after.state, &one->state, sizeof(after.state)) == 0) {
            add(search, &after);
            return true;
        }
    }
    return false;
}

/* The memory of a session that ran out gives way to the intent of a call whose outcome is not known: at any moment, as
 * far as can be told. */
static void forget(struct search *search, const struct configuration *one)
{
    struct configuration after = *one;

    if (!search->subject->connector || !one->state.there || one->state.status != MODEL_EXPIRED)
        return;
    model_forget(&after.state);
    add(search, &after);
}

/* A call without an answer and without an effect is the same as none. */
static void expand(struct search *search, const struct configuration *one)
{
    struct configuration after;

    forget(search, one);
    if (only_look(search, one))
        return;
    for (unsigned i = 0; i < search->subject->round_count; i++) {
        if (next(search, one, i, &after) &&
            ((search->answered >> i & 1) != 0 || memcmp(&after.state, &one->state, sizeof(after.state)) != 0))
            add(search, &after);
    }
}

static void open_search(struct search *search, const struct subject *subject, uint64_t now_ms)
{
    *search = (struct search){.subject = subject, .now_ms = now_ms};
    memset(slots, 0, sizeof(slots));
    for (unsigned i = 0; i < subject->round_count; i++) {
        enum model_how how = subject->round[i].told.how;

        if (how == TOLD_OK || how == TOLD_REFUSED)
            search->answered |= UINT64_C(1) << i;
        if (how != TOLD_NOT_DONE)
            search->possible |= UINT64_C(1) << i;
    }
    for (size_t i = 0; i < subject->states_count; i++) {
        struct configuration first = {.state = subject->states[i]};

        model_settle(&first.state, now_ms);
        add(search, &first);
    }
}

static bool is_among(const struct model_state *states, size_t count, const struct model_state *state)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&states[i], state, sizeof(*state)) == 0)
            return true;
    }
    return false;
}

/* The states of all configurations in which every answered call has happened. */
static size_t take_states(const struct search *search, struct model_state **ret_states)
{
    struct model_state *states = calloc(search->count + 1, sizeof(*states));
    size_t count = 0;

    assert_non_null(states);
    for (unsigned i = 0; i < search->count; i++) {
        if ((search->answered & ~found[i].done) == 0 && !is_among(states, count, &found[i].state))
            states[count++] = found[i].state;
    }
    *ret_states = states;
    return count;
}

static void run_search(struct search *search, const struct subject *subject, uint64_t now_ms)
{
    open_search(search, subject, now_ms);
    for (unsigned i = 0; i < search->count && !search->full; i++) {
        const struct configuration one = found[i];

        expand(search, &one);
    }
}

enum verdict judge_round(struct subject *subject, uint64_t now_ms)
{
    struct model_state *states;
    struct search search;
    size_t count;

    run_search(&search, subject, now_ms);
    count = take_states(&search, &states);
    if (search.full || count == 0) {
        free(states);
        return search.full ? VERDICT_UNDECIDED : VERDICT_NO;
    }
    free(subject->states);
    subject->states = states;
    subject->states_count = count;
    subject->round_count = 0;
    return VERDICT_YES;
}

/* What had been told at that moment: calls that had not ended by then as such. */
static void cut_round(struct subject *part, const struct subject *whole, uint64_t moment)
{
    part->round_count = 0;
    for (unsigned i = 0; i < whole->round_count; i++) {
        struct model_call *call = &part->round[part->round_count];

        if (whole->round[i].began > moment)
            continue;
        *call = whole->round[i];
        if (call->ended > moment && call->told.how != TOLD_NOT_DONE) {
            call->told = (struct model_told){.how = TOLD_NOTHING};
            call->ended = UINT64_MAX;
        }
        part->round_count++;
    }
}

/* The first moment at which no order explains what had been told; UINT64_MAX: none. */
static uint64_t first_wrong(const struct subject *subject, uint64_t now_ms)
{
    struct subject *part = malloc(sizeof(*part));
    uint64_t first = UINT64_MAX;
    struct model_state *states;
    struct search search;

    assert_non_null(part);
    *part = *subject;
    for (unsigned i = 0; i < subject->round_count; i++) {
        uint64_t moment = subject->round[i].ended;

        if (moment >= first)
            continue;
        cut_round(part, subject, moment);
        run_search(&search, part, now_ms);
        if (!search.full && take_states(&search, &states) == 0)
            first = moment;
        if (!search.full)
            free(states);
    }
    free(part);
    return first;
}

/* ---- printing ---------------------------------------------------------------------------------- */

static const char *const methods[MODEL_METHODS] = {"Create", "Advance", "Update", "Begin",
                                                   "return", "Revoke",  "Get",    "Watch"};
static const char *const hows[] = {"no answer", "OK", "refused", "not done"};

static void print_history(const struct model_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        print_message(" %u%s/e%u@%llu", rows[i].event, rows[i].outcome == MODEL_LATE ? "late" : "",
                      rows[i].id, (unsigned long long)rows[i].version);
    print_message("\n");
}

void judge_print_state(const struct model_state *state)
{
    print_message(
        "  state: %s session %016llx status %u version %llu generation %u (%u) amount %u text %u "
        "customer %u step %d s%u back s%u=%u attempts %u waiting %u end %llu step end %llu; history",
        state->there ? "there," : "none,", (unsigned long long)state->session, state->status,
        (unsigned long long)state->version, state->generation, state->previous, state->amount, state->text,
        state->customer, state->step_open, state->step, state->back_step, state->back_payload,
        state->attempts, state->inbox_count, (unsigned long long)state->own_end_ms,
        (unsigned long long)state->step_end_ms);
    print_history(state->history, state->history_count);
    for (unsigned i = 0; i < state->past_count; i++)
        print_message("    past step: s%u returned %u timed out %u\n", state->past[i].step,
                      state->past[i].returned, state->past[i].timed_out);
    for (unsigned i = 0; i < state->inbox_count; i++)
        print_message("    waits: %u/e%u amount %u\n", state->inbox[i].event, state->inbox[i].id,
                      state->inbox[i].amount);
}

static void print_view(const struct model_view *view)
{
    print_message("      session %016llx status %u version %llu generation %u amount %u text %u customer %u "
                  "step %d s%u back s%u=%u attempts %u; history",
                  (unsigned long long)view->session, view->status, (unsigned long long)view->version,
                  view->generation, view->amount, view->text, view->customer, view->step_open, view->step,
                  view->back_step, view->back_payload, view->attempts);
    print_history(view->history, view->history_count);
}

static void print_call(const struct model_call *call, const char *mark)
{
    const struct model_request *r = &call->request;
    const struct model_told *told = &call->told;

    print_message(
        "%s%llu-%lld on %u: %s event %u e%u token %u (session %016llx g%u) amount %u text %u "
        "customer %u expects %llu step s%u payload %u%s\n",
        mark, (unsigned long long)call->began, call->ended == UINT64_MAX ? -1LL : (long long)call->ended,
        call->machine, methods[r->method], r->event, r->event_id, r->token,
        (unsigned long long)call->proof.session, call->proof.generation, r->amount, r->text, r->customer,
        (unsigned long long)r->expected_version, call->proof.step, r->payload, r->renew != 0 ? " renew" : "");
    print_message("      %s %s %llu outcome %d http %d token g%u%s\n", hows[told->how], told->reason,
                  (unsigned long long)told->number, told->outcome, told->http, told->token_generation,
                  told->replayed ? " replayed" : "");
    if (told->view.there)
        print_view(&told->view);
}

void judge_print(const struct subject *subject, uint64_t now_ms)
{
    uint64_t first = first_wrong(subject, now_ms);

    print_message("%s%s: %zu states before\n", subject->id, subject->connector ? " (connector)" : "",
                  subject->states_count);
    for (size_t i = 0; i < subject->states_count && i < 4; i++)
        judge_print_state(&subject->states[i]);
    for (unsigned i = 0; i < subject->round_count; i++)
        print_call(&subject->round[i], subject->round[i].ended == first ? "* " : "  ");
}
