/* The gate, and the end of what it has let in. Every step that counts something can give it back, in case a later one
 * refuses. */
#include <sessiond/admission/admission.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/caller/callers.h>
#include <sessiond/exchange/return_refusal.h>

#include "allowance.h"
#include "excess.h"
#include "overload.h"
#include "overload_told.h"
#include "refusal.h"
#include "tally.h"

/* What an exchange that was let in is released with. */
struct ticket {
    struct ses_admission *admission;
    enum ses_work work;
    struct ses_tally_entry *merchant; /* NULL: none was looked for, or there was no place */
    struct ses_tally_entry *caller;   /* likewise */
    struct ses_tally_entry *source;   /* likewise */
};

struct ses_admission {
    struct ses_admission_options options;
    struct ses_rate connection_rate;
    struct ses_rate caller_rate;
    struct ses_rate merchant_rate;
    struct ses_rate server_rate;
    struct ses_tally *tally;
    /* Addresses apart: strangers have many, and must take no place from a merchant. NULL: nobody asks. */
    struct ses_tally *sources;
    struct ses_overload overload;
    struct ses_allowance allowance;
    double level; /* of the loop's time, for each merchant's creations; INFINITY: as much as they like */
    /* Who asks for more is in excess: the last level that there was. Where all that was read had room, more may be waiting. */
    double excess_level;
    uint64_t random;
    struct ticket plain[SES_WORK_COUNT]; /* of all that need no other: none is allocated */
};

/* Somebody whose calls are counted: a caller or a merchant. */
struct party {
    uint64_t name;                 /* 0: there is none, or nobody has asked yet */
    bool taken;                    /* from its rate */
    struct ses_tally_entry *entry; /* NULL: not looked for, or without a place */
};

/* One request on its way through. */
struct call {
    struct ses_admission *admission;
    struct ses_exchange *x;
    struct ses_conn *conn;
    uint64_t now_ns;
    enum ses_work work;
    bool lasts; /* a stream */
    struct ses_tally_entry *source;
    struct party caller;
    struct party merchant;
    uint64_t wait_ns; /* of the refusal */
};

/* ---- what a request is ------------------------------------------------------------------------ */

/* Open to everybody are health and keys, which somebody may need to see what is wrong, and a browser's return, which
 * continues a payment. */
static bool is_counted(const struct ses_exchange *x)
{
    return x->route->rights != SES_RIGHTS_OPEN || ses_return_path_check(x->path);
}

static enum ses_work work_of(const struct ses_route *route)
{
    return route->rights == SES_RIGHT_CREATE ? SES_WORK_CREATE : SES_WORK_CONTINUE;
}

static bool lasts(const struct ses_route *route)
{
    return route->kind == SES_ROUTE_SERVER_STREAM || route->kind == SES_ROUTE_BIDI;
}

/* As the gate that knows the caller has settled it, else as the header says. */
static struct ses_slice settled_or(const struct ses_exchange *x, struct ses_slice settled, const char *header)
{
    return settled.len > 0 ? settled : ses_exchange_header(x, header, NULL);
}

/* A browser names none. */
static void name_merchant(struct call *call)
{
    const struct ses_exchange *x = call->x;

    if (call->merchant.name != 0 || x->route->rights == SES_RIGHTS_OPEN)
        return;
    call->merchant.name =
        ses_rates_name(call->admission->options.rates, SES_RATE_MERCHANT,
                       settled_or(x, x->tenant, "x-tenant-id"), settled_or(x, x->merchant, "x-merchant-id"));
}

static void name_caller(struct call *call)
{
    if (call->x->caller != NULL)
        call->caller.name = ses_rates_name(call->admission->options.rates, SES_RATE_CALLER,
                                           call->x->caller->name, SES_SLICE_EMPTY);
}

/* ---- the steps, in the order of admission.h --------------------------------------------------- */

static enum ses_refusal check_connection(struct call *call)
{
    const struct ses_rate *rate = &call->admission->connection_rate;

    if (rate->interval_ns == 0 || call->conn == NULL)
        return SES_REFUSAL_NONE;
    uint64_t *word = ses_conn_rate_word(call->conn);

    call->wait_ns = ses_rate_step(rate, *word, call->now_ns, word);
    return call->wait_ns == 0 ? SES_REFUSAL_NONE : SES_REFUSAL_CONNECTION_RATE;
}

/* false: it has to wait. */
static bool take_rate(struct call *call, struct party *party, const struct ses_rate *rate)
{
    const struct ses_admission_options *options = &call->admission->options;
    bool untracked;

    if (rate->interval_ns == 0 || party->name == 0)
        return true;
    call->wait_ns = ses_rates_take(options->rates, party->name, rate, call->now_ns, &untracked);
    if (untracked)
        ses_count(options->metrics, SES_C_RATES_UNTRACKED, 1);
    party->taken = call->wait_ns == 0 && !untracked;
    return call->wait_ns == 0;
}

static enum ses_refusal check_caller_rate(struct call *call)
{
    struct ses_admission *admission = call->admission;

    if (admission->caller_rate.interval_ns != 0 || admission->options.limits.caller_calls != 0)
        name_caller(call);
    return take_rate(call, &call->caller, &admission->caller_rate) ? SES_REFUSAL_NONE
                                                                   : SES_REFUSAL_CALLER_RATE;
}

static enum ses_refusal check_merchant_rate(struct call *call)
{
    struct ses_admission *admission = call->admission;

    if (admission->merchant_rate.interval_ns != 0)
        name_merchant(call);
    return take_rate(call, &call->merchant, &admission->merchant_rate) ? SES_REFUSAL_NONE
                                                                       : SES_REFUSAL_MERCHANT_RATE;
}

static enum ses_refusal check_server_rate(struct call *call)
{
    struct ses_admission *admission = call->admission;

    if (admission->server_rate.interval_ns == 0)
        return SES_REFUSAL_NONE;
    call->wait_ns = ses_rates_take_server(admission->options.rates, &admission->server_rate, call->now_ns);
    return call->wait_ns == 0 ? SES_REFUSAL_NONE : SES_REFUSAL_SERVER_RATE;
}

/* Its time is over before it could be answered: whatever was done for it would be done for nobody. */
static enum ses_refusal check_deadline(struct call *call)
{
    uint64_t wait_ns = ses_overload_wait_ns(&call->admission->overload, call->work, call->now_ns);

    if (wait_ns == 0 || call->x->deadline_mono_ns > call->now_ns + wait_ns)
        return SES_REFUSAL_NONE;
    call->wait_ns = wait_ns;
    return SES_REFUSAL_DEADLINE;
}

/* Once shares are known they decide, not who happens to stand behind in a turn full of refusals. */
static enum ses_refusal check_overload(struct call *call)
{
    struct ses_admission *admission = call->admission;
    const struct ses_overload *overload = &admission->overload;
    struct ses_tally_entry *merchant = call->merchant.entry;

    if (!overload->shedding || call->work != SES_WORK_CREATE || merchant == NULL)
        return ses_overload_turn_is_long(overload, call->work, call->now_ns) ? SES_REFUSAL_LATE
                                                                             : SES_REFUSAL_NONE;
    double cost_ns = merchant->cost_ns > 0 ? merchant->cost_ns : overload->costs.ns[SES_COST_CREATE];

    return ses_tally_take_share(merchant, cost_ns, admission->level, call->now_ns) ? SES_REFUSAL_NONE
                                                                                   : SES_REFUSAL_SHARE;
}

static void find_source(struct call *call)
{
    struct ses_admission *admission = call->admission;

    if (admission->sources == NULL || !call->x->source_known)
        return;
    struct ses_ip source = ses_ip_source(&call->x->source);
    uint64_t name = ses_rates_name(admission->options.rates, SES_RATE_SOURCE,
                                   ses_slice(source.bytes, sizeof(source.bytes)), SES_SLICE_EMPTY);

    call->source = ses_tally_find(admission->sources, name, call->now_ns);
}

/* Nobody is looked for of whom nothing is counted just now. */
static void find_parties(struct call *call)
{
    struct ses_admission *admission = call->admission;

    if (admission->options.limits.caller_calls != 0 && call->caller.name != 0)
        call->caller.entry = ses_tally_find(admission->tally, call->caller.name, call->now_ns);
    if (admission->options.limits.merchant_calls == 0 && !admission->overload.shedding)
        return;
    name_merchant(call);
    if (call->merchant.name != 0)
        call->merchant.entry = ses_tally_find(admission->tally, call->merchant.name, call->now_ns);
}

static bool has_all(const struct ses_tally_entry *entry, unsigned calls_max)
{
    return calls_max != 0 && entry != NULL && entry->running >= calls_max;
}

/* Streams are under the rates alone: how long they last says nothing about us, and their number has bounds of its
 * own. */
static enum ses_refusal check_work(struct call *call)
{
    const struct ses_admission_limits *limits = &call->admission->options.limits;
    enum ses_refusal refusal;

    if (call->lasts)
        return SES_REFUSAL_NONE;
    find_source(call);
    if (has_all(call->source, limits->source_calls))
        return SES_REFUSAL_SOURCE_CALLS;
    find_parties(call);
    if (has_all(call->caller.entry, limits->caller_calls))
        return SES_REFUSAL_CALLER_CALLS;
    if (has_all(call->merchant.entry, limits->merchant_calls))
        return SES_REFUSAL_MERCHANT_CALLS;
    refusal = check_deadline(call);
    return refusal != SES_REFUSAL_NONE ? refusal : check_overload(call);
}

static enum ses_refusal check(struct call *call)
{
    static enum ses_refusal (*const steps[])(struct call *) = {
        check_connection, check_caller_rate, check_merchant_rate, check_work, check_server_rate};
    enum ses_refusal refusal = SES_REFUSAL_NONE;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && refusal == SES_REFUSAL_NONE; i++)
        refusal = steps[i](call);
    return refusal;
}

/* ---- the end of what came in ------------------------------------------------------------------ */

/* The newest of a merchant's creations counts an eighth: what it asks for may change. */
static void learn_cost(struct ses_tally_entry *merchant, double cost_ns)
{
    merchant->cost_ns =
        merchant->cost_ns == 0 ? cost_ns : merchant->cost_ns + (cost_ns - merchant->cost_ns) / 8;
}

static void on_begins(struct ses_exchange *x, void *arg)
{
    const struct ticket *ticket = arg;

    (void)x;
    ses_overload_entered(&ticket->admission->overload);
}

static void on_waits(struct ses_exchange *x, void *arg)
{
    const struct ticket *ticket = arg;

    (void)x;
    ses_overload_waits(&ticket->admission->overload);
}

static void on_released(struct ses_exchange *x, void *arg)
{
    const struct ticket *ticket = arg;
    struct ses_overload *overload = &ticket->admission->overload;
    double cost_ns = ses_overload_cost_ns(overload, ticket->work, x->waited);

    if (x->begun) {
        ses_overload_ended(overload, ticket->work, x->started_mono_ns, x->waited);
        ses_allowance_earn(&ticket->admission->allowance, cost_ns);
    }
    if (ticket->source != NULL)
        ticket->source->running--;
    if (ticket->caller != NULL)
        ticket->caller->running--;
    if (ticket->merchant == NULL)
        return;
    ticket->merchant->running--;
    if (ticket->work == SES_WORK_CREATE && x->begun)
        learn_cost(ticket->merchant, cost_ns);
}

static const struct ses_exchange_count running = {
    .begins = on_begins, .waits = on_waits, .released = on_released};

static enum ses_status let_in(struct call *call)
{
    struct ses_admission *admission = call->admission;
    struct ses_tally_entry *merchant = call->merchant.entry, *caller = call->caller.entry;
    struct ticket *ticket = &admission->plain[call->work];

    if (merchant != NULL || caller != NULL || call->source != NULL) {
        ticket = ses_arena_alloc(&call->x->arena, sizeof(*ticket));
        if (ticket == NULL)
            return SES_NO_MEMORY;
        *ticket = (struct ticket){.admission = admission,
                                  .work = call->work,
                                  .merchant = merchant,
                                  .caller = caller,
                                  .source = call->source};
    }
    if (call->source != NULL)
        call->source->running++;
    if (merchant != NULL)
        merchant->running++;
    if (caller != NULL)
        caller->running++;
    call->x->count = &running;
    call->x->count_arg = ticket;
    return SES_OK;
}

/* ---- the gate --------------------------------------------------------------------------------- */

/* xorshift64 (Marsaglia): it only keeps people apart, and nobody gains by knowing it. */
static uint64_t next_random(struct ses_admission *admission)
{
    admission->random ^= admission->random << 13;
    admission->random ^= admission->random >> 7;
    admission->random ^= admission->random << 17;
    return admission->random;
}

static void count(struct ses_admission *admission, enum ses_refusal refusal, enum ses_work work)
{
    ses_family_add(admission->options.metrics,
                   work == SES_WORK_CREATE ? SES_F_CREATIONS : SES_F_CONTINUATIONS, refusal, 1);
}

/* While there is too much to do: how the connection that brought this call is read from here on. */
static void mind_connection(struct call *call, enum ses_refusal refusal)
{
    struct ses_admission *admission = call->admission;
    const struct ses_tally_entry *merchant = call->merchant.entry;
    bool creation = call->work == SES_WORK_CREATE;
    bool excess = creation && merchant != NULL && merchant->asked > admission->excess_level;

    if (excess)
        ses_overload_pressed(&admission->overload);
    if (refusal != SES_REFUSAL_NONE)
        ses_allowance_spend(&admission->allowance, admission->overload.costs.ns[SES_COST_REFUSED]);
    if (call->conn == NULL)
        return;
    ses_conn_read_as(call->conn, ses_excess_note(ses_conn_calls(call->conn), creation, excess,
                                                 ses_allowance_is_spent(&admission->allowance)));
}

static enum ses_status refuse(struct call *call, enum ses_refusal refusal, struct ses_error *ret_error)
{
    struct ses_admission *admission = call->admission;

    if (call->caller.taken)
        ses_rates_give_back(admission->options.rates, call->caller.name, &admission->caller_rate);
    if (call->merchant.taken)
        ses_rates_give_back(admission->options.rates, call->merchant.name, &admission->merchant_rate);
    ses_overload_refused(&admission->overload, refusal == SES_REFUSAL_SHARE || refusal == SES_REFUSAL_LATE);
    ses_refusal_tell(refusal, call->wait_ns, next_random(admission), ret_error);
    return SES_RESOURCE_EXHAUSTED;
}

static enum ses_status admit(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                             struct ses_error *ret_error)
{
    struct call call = {.admission = arg, .x = x, .conn = conn, .now_ns = x->started_mono_ns};

    if (!is_counted(x))
        return SES_OK;
    ses_overload_arrived(&call.admission->overload, call.now_ns,
                         conn != NULL ? ses_conn_turns_behind(conn) : 0);
    call.work = work_of(x->route);
    call.lasts = lasts(x->route);
    enum ses_refusal refusal = check(&call);

    count(call.admission, refusal, call.work);
    if (call.admission->overload.shedding)
        mind_connection(&call, refusal);
    if (refusal != SES_REFUSAL_NONE)
        return refuse(&call, refusal, ret_error);
    if (call.lasts || let_in(&call) == SES_OK)
        return SES_OK;
    ses_error_set(ret_error, SES_NO_MEMORY, SES_STR("out of memory"));
    return SES_NO_MEMORY;
}

struct ses_gate ses_admission_gate(struct ses_admission *admission)
{
    return (struct ses_gate){.admit = admit, .arg = admission};
}

/* ---- the loop's turns ------------------------------------------------------------------------- */

void ses_admission_turn(struct ses_admission *admission, uint64_t now_ns)
{
    struct ses_overload *overload = &admission->overload;
    bool shed_before = overload->shedding;
    uint64_t began_ns = overload->window_began_ns;

    if (!ses_overload_turn_end(overload, now_ns))
        return;
    ses_overload_window_end(overload, now_ns, ses_clock_thread_ns());
    admission->level = INFINITY;
    if (overload->shedding)
        admission->level = ses_tally_level(admission->tally, overload->room, (double)(now_ns - began_ns));
    if (!overload->shedding || !isinf(admission->level))
        admission->excess_level = admission->level;
    if (overload->shedding != shed_before)
        ses_overload_tell(overload, admission->options.metrics, admission->options.log);
}

unsigned ses_admission_readable(const struct ses_admission *admission)
{
    if (!admission->overload.shedding)
        return UINT_MAX;
    return admission->overload.turn_was_idle || !ses_allowance_is_spent(&admission->allowance) ? 1 : 0;
}

/* ---- life ------------------------------------------------------------------------------------- */

enum ses_status ses_admission_new(const struct ses_admission_options *options,
                                  struct ses_admission **ret_admission)
{
    const struct ses_admission_limits *limits = &options->limits;
    struct ses_admission *admission = calloc(1, sizeof(*admission));

    SES_REQUIRE(options->rates != NULL);
    if (admission == NULL)
        return SES_NO_MEMORY;
    if (ses_tally_new(&admission->tally) != SES_OK ||
        (limits->source_calls != 0 && ses_tally_new(&admission->sources) != SES_OK)) {
        ses_admission_free(admission);
        return SES_NO_MEMORY;
    }
    admission->options = *options;
    admission->connection_rate = ses_rate_make(limits->connection_rate, limits->connection_burst);
    admission->caller_rate = ses_rate_make(limits->caller_rate, limits->caller_burst);
    admission->merchant_rate = ses_rate_make(limits->merchant_rate, limits->merchant_burst);
    admission->server_rate = ses_rate_make(limits->server_rate, limits->server_burst);
    admission->level = admission->excess_level = INFINITY;
    ses_random_bytes(&admission->random, sizeof(admission->random));
    admission->random |= 1; /* 0 would stay 0 */
    for (int work = 0; work < SES_WORK_COUNT; work++)
        admission->plain[work] = (struct ticket){.admission = admission, .work = (enum ses_work)work};
    ses_overload_init(&admission->overload, limits->overload_ms * SES_NS_PER_MS, ses_clock_mono_ns());
    *ret_admission = admission;
    return SES_OK;
}

void ses_admission_free(struct ses_admission *admission)
{
    if (admission == NULL)
        return;
    ses_tally_free(admission->tally);
    ses_tally_free(admission->sources);
    free(admission);
}
