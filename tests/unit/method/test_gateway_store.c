/* A payment through the gateway on a store that does not tell whether it has written: it is made once, or not at all, and
 * whoever comes again is never told more than is known. The payment server is the test's own. */
#include "method/core_fixture.h"
#include "method/session_calls.h"

#include <sessiond/domain/effect.h>
#include <sessiond/upstream/upstream.h>

#define PAY         "/types.PaymentService/Authorize"
#define DEADLINE_MS 1000u
/* Behind it a call whose end nobody has written counts as unknown: its deadline, and what an end may take. */
#define BEHIND_MS (DEADLINE_MS + 11000u)
/* Of the session that the example call makes: 100.00 USD. */
#define AMOUNT "\x12\x06\x08\x90\x4e\x10\x92\x01"

/* ---- the payment server ------------------------------------------------------------------------ */

static struct {
    unsigned calls;
    int places; /* taken, and neither used nor given back */
    ses_upstream_fn done;
    void *arg;
} server;

enum ses_status __wrap_ses_upstream_take(struct ses_upstream *upstream, uint32_t owner,
                                         struct ses_upstream_place *ret_place);
void __wrap_ses_upstream_give_back(struct ses_upstream *upstream, struct ses_upstream_place *place);
enum ses_status __wrap_ses_upstream_start(struct ses_upstream *upstream, struct ses_upstream_place *place,
                                          const struct ses_upstream_request *request,
                                          uint64_t deadline_mono_ns, ses_upstream_fn done, void *arg);

enum ses_status __wrap_ses_upstream_take(struct ses_upstream *upstream, uint32_t owner,
                                         struct ses_upstream_place *ret_place)
{
    (void)upstream;
    server.places++;
    *ret_place = (struct ses_upstream_place){.taken = true, .owner = owner};
    return SES_OK;
}

void __wrap_ses_upstream_give_back(struct ses_upstream *upstream, struct ses_upstream_place *place)
{
    (void)upstream;
    server.places -= place->taken ? 1 : 0;
    place->taken = false;
}

enum ses_status __wrap_ses_upstream_start(struct ses_upstream *upstream, struct ses_upstream_place *place,
                                          const struct ses_upstream_request *request,
                                          uint64_t deadline_mono_ns, ses_upstream_fn done, void *arg)
{
    assert_true(place->taken && request->effect);
    (void)deadline_mono_ns;
    __wrap_ses_upstream_give_back(upstream, place);
    server.calls++;
    server.done = done;
    server.arg = arg;
    return SES_OK;
}

static unsigned reads;

enum ses_status __real_ses_store_get(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_key *key, struct ses_arena *arena);
enum ses_status __wrap_ses_store_get(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_key *key, struct ses_arena *arena);

enum ses_status __wrap_ses_store_get(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_key *key, struct ses_arena *arena)
{
    reads++;
    return __real_ses_store_get(store, op, key, arena);
}

/* The last call was. */
static void charge(void)
{
    const struct ses_upstream_answer answer = {.outcome = SES_UPSTREAM_ANSWERED,
                                               .message = SES_STR("\x0a\x02t1\x18\x08")};

    server.done(server.arg, &answer);
}

static int setup(void **state)
{
    struct core *core;
    void *any = &server;

    memset(&server, 0, sizeof(server));
    (void)core_setup_toy(state);
    core = *state;
    ses_service_free(core->service);
    core->upstream = any;
    core->upstream_deadline_ms = DEADLINE_MS;
    core_open_service(core);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(server.places, 0);
    return core_teardown(state);
}

/* ---- calls ------------------------------------------------------------------------------------- */

struct payer {
    struct core *core;
    const char *id;
    char token[2048];
};

static struct payer payer_new(struct core *core, const char *id)
{
    struct payer payer = {.core = core, .id = id};
    char *token = create(core, (struct order){.id = id});

    (void)snprintf(payer.token, sizeof(payer.token), "%s", token);
    free(token);
    return payer;
}

/* Started: the payment "t1". */
static struct call *pay(const struct payer *payer)
{
    struct call *call = call_new(payer->core, PAY, 0);

    call_connector(call, NULL, NULL);
    call_header(call, "x-session-token", payer->token);
    call_header(call, "x-merchant-session-id", payer->id);
    assert_ok(ses_arena_copy(&call->x->arena, SES_STR("\x0a\x02t1" AMOUNT "\xf0\x01\x01"), &call->x->body));
    call_start(call);
    return call;
}

/* It is asked once more, or the call is over. */
static bool is_asked(struct call *call, unsigned calls_before)
{
    WAIT_DOING(core_turn(call->core), server.calls > calls_before || call->door.ended != 0);
    return server.calls > calls_before;
}

static void is_paid(struct call *call)
{
    call_wait(call);
    assert_false(call->door.failed);
    call_free(call);
}

/* What nobody waits for any more has been executed. */
static void hear_of_all(struct core *core)
{
    WAIT_DOING(core_turn(core), toy_cloud_abandoned(core->cloud) == 0);
}

static void settle(struct core *core)
{
    hear_of_all(core);
    core_settle(core);
}

static void stands(struct core *core, const char *id, enum ses_session_status status,
                   enum ses_effect_state effect)
{
    struct ses_store_op op;
    struct ses_session session;

    assert_ok(core_stored(core, id, &op, &session));
    assert_int_equal(session.status, status);
    assert_int_equal(session.effects_count, 1);
    assert_int_equal(session.effects[0].state, effect);
}

static void plan_unknown(struct core *core, enum toy_effect effect)
{
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_UNKNOWN, effect});
}

/* ---- before the call ----------------------------------------------------------------------------- */

/* Whatever became of the write, the record tells: its own effect is there, or it writes it again. */
static void made_once(struct core *core, const char *id, enum toy_effect effect)
{
    struct payer payer = payer_new(core, id);
    unsigned before = server.calls;
    struct call *call;

    plan_unknown(core, effect);
    call = pay(&payer);
    assert_true(is_asked(call, before));
    hear_of_all(core);
    charge();
    is_paid(call);
    settle(core);
    stands(core, id, SES_SESSION_COMPLETED, SES_EFFECT_ANSWERED);
    is_paid(pay(&payer));
    assert_int_equal(server.calls, before + 1);
}

static void test_an_effect_that_may_be_written_is_made_once(void **state)
{
    made_once(*state, "done", TOY_DONE);
    made_once(*state, "never", TOY_NEVER);
    made_once(*state, "later", TOY_LATER);
}

/* A second time it gives up: told as not known, nothing was sent, and nothing is later. true: it was refused. */
static bool sent_once_at_most(struct core *core, const char *id)
{
    struct payer payer = payer_new(core, id);
    unsigned before = server.calls;
    bool was_refused;
    struct call *call;

    toy_faults(core->store)->unknown = 1000;
    call = pay(&payer);
    was_refused = !is_asked(call, before);
    toy_faults(core->store)->unknown = 0;
    if (was_refused) {
        refused(call, SES_UNAVAILABLE, "OUTCOME_UNKNOWN");
    } else {
        charge();
        is_paid(call);
    }
    settle(core);
    assert_int_equal(server.places, 0);
    unit_clock_pass_ms(BEHIND_MS);
    call = pay(&payer);
    if (was_refused && is_asked(call, before)) { /* its effect was not written */
        charge();
        is_paid(call);
    } else if (was_refused) {
        refused(call, SES_UNAVAILABLE, "CALL_OUTCOME_UNKNOWN");
    } else {
        is_paid(call);
    }
    assert_true(server.calls <= before + 1);
    return was_refused;
}

static void test_a_store_that_never_tells_lets_none_be_made_twice(void **state)
{
    static const char *const ids[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"};
    unsigned refusals = 0;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        refusals += sent_once_at_most(*state, ids[i]) ? 1 : 0;
    assert_true(refusals > 0);
}

/* Nobody waits for the answer, and nothing says that the effect is there: it is not sent behind the caller's back. */
static void left_behind(struct core *core, const char *id, enum toy_effect effect)
{
    struct payer payer = payer_new(core, id);
    unsigned before = server.calls;
    struct call *call;

    plan_unknown(core, effect);
    toy_hold(core->store, TOY_PUT, TOY_BEFORE);
    call = pay(&payer);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    toy_hold(core->store, TOY_PUT, TOY_OPEN);
    settle(core);
    call_free(call);
    assert_int_equal(server.calls, before);
    assert_int_equal(server.places, 0);
}

static void test_a_caller_that_has_left_sends_nothing(void **state)
{
    left_behind(*state, "never", TOY_NEVER);
    left_behind(*state, "done", TOY_DONE);
    stands(*state, "done", SES_SESSION_PROCESSING, SES_EFFECT_RUNS);
}

/* ---- behind it ----------------------------------------------------------------------------------- */

/* Answered, and its end is not written, or nobody knows: nobody else has the answer, so that it is written again. */
static void ends_all_the_same(struct core *core, const char *id, struct toy_fate fate)
{
    struct payer payer = payer_new(core, id);
    unsigned before = server.calls;
    struct call *call = pay(&payer);

    assert_true(is_asked(call, before));
    toy_plan(core->store, TOY_PUT, 0, fate);
    charge();
    is_paid(call);
    settle(core);
    stands(core, id, SES_SESSION_COMPLETED, SES_EFFECT_ANSWERED);
    is_paid(pay(&payer));
    assert_int_equal(server.calls, before + 1);
}

static void test_an_end_is_written_when_the_store_is_there_again(void **state)
{
    ends_all_the_same(*state, "done", (struct toy_fate){SES_UNKNOWN, TOY_DONE});
    ends_all_the_same(*state, "later", (struct toy_fate){SES_UNKNOWN, TOY_LATER});
    ends_all_the_same(*state, "never", (struct toy_fate){SES_UNKNOWN, TOY_NEVER});
    ends_all_the_same(*state, "away", (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER});
    ends_all_the_same(*state, "busy", (struct toy_fate){SES_RESOURCE_EXHAUSTED, TOY_NEVER});
    ends_all_the_same(*state, "full", (struct toy_fate){SES_FULL, TOY_NEVER});
    ends_all_the_same(*state, "memory", (struct toy_fate){SES_NO_MEMORY, TOY_NEVER});
}

/* What it wrote before the call is what the end goes by, unless somebody has changed it meanwhile, or nobody knows. */
static void test_an_end_reads_only_what_has_changed(void **state)
{
    struct core *core = *state;
    struct payer payer = payer_new(core, "s");
    struct call *call = pay(&payer);

    assert_true(is_asked(call, 0));
    reads = 0;
    charge();
    is_paid(call);
    assert_int_equal(reads, 0);
    stands(core, "s", SES_SESSION_COMPLETED, SES_EFFECT_ANSWERED);
    payer = payer_new(core, "changed");
    call = pay(&payer);
    assert_true(is_asked(call, 1));
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_CONFLICT, TOY_NEVER});
    reads = 0;
    charge();
    is_paid(call);
    assert_int_equal(reads, 1);
    stands(core, "changed", SES_SESSION_COMPLETED, SES_EFFECT_ANSWERED);
}

/* Not for ever: this caller is told no more than the next one will find. */
static void test_a_store_that_stays_away_leaves_it_unknown(void **state)
{
    struct core *core = *state;
    struct payer payer = payer_new(core, "away");
    struct call *call = pay(&payer);

    assert_true(is_asked(call, 0));
    toy_faults(core->store)->unavailable = 1000;
    toy_faults(core->store)->get_unavailable = 1000;
    charge();
    assert_int_equal(call->door.ended, 0);
    unit_clock_pass_ms(BEHIND_MS);
    refused(call, SES_UNAVAILABLE, "CALL_OUTCOME_UNKNOWN");
    toy_faults(core->store)->unavailable = 0;
    toy_faults(core->store)->get_unavailable = 0;
    settle(core);
    stands(core, "away", SES_SESSION_PROCESSING, SES_EFFECT_RUNS);
    refused(pay(&payer), SES_UNAVAILABLE, "CALL_OUTCOME_UNKNOWN");
    assert_int_equal(server.calls, 1);
}

/* So does a worker that has waited for as long as it may. */
static void test_a_worker_that_ends_tells_what_waits(void **state)
{
    struct core *core = *state;
    struct payer payer = payer_new(core, "ends");
    struct call *call = pay(&payer);

    assert_true(is_asked(call, 0));
    unit_clock_stop();
    toy_faults(core->store)->unavailable = 1000;
    charge();
    assert_int_equal(call->door.ended, 0);
    ses_service_free(core->service);
    refused(call, SES_UNAVAILABLE, "CALL_OUTCOME_UNKNOWN");
    core_open_service(core);
    unit_clock_run();
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_effect_that_may_be_written_is_made_once),
        T(test_a_store_that_never_tells_lets_none_be_made_twice),
        T(test_a_caller_that_has_left_sends_nothing),
        T(test_an_end_is_written_when_the_store_is_there_again),
        T(test_an_end_reads_only_what_has_changed),
        T(test_a_store_that_stays_away_leaves_it_unknown),
        T(test_a_worker_that_ends_tells_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
