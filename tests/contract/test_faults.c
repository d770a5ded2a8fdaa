/* What the store in memory adds to the contract's daylight: outcomes nobody knows, lost connections, frost,
 * gates. Tests of methods rest on these being what toy_store.h says.
 */
#include "contract.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "toy_store.h"
#include "unit_clock.h"

#define PUMPS_MAX 4 /* toy_store.h: what a store is opened with here */

static const enum toy_effect effects[] = {TOY_NEVER, TOY_DONE, TOY_LATER};

static void plan(struct rig *rig, enum toy_call call, enum ses_status status, enum toy_effect effect)
{
    toy_plan(rig->store[0], call, 0, (struct toy_fate){status, effect});
}

static void settle_all(struct rig *rig)
{
    rig_settle(rig);
    RIG_UNTIL(rig, toy_cloud_abandoned(toy_cloud_of(rig->store[0])) == 0);
}

/* ---- outcomes */

/* Who reads, and repeats what is not there, comes to one effect. */
static enum ses_status repeat_until_there(struct rig *rig, uint64_t number)
{
    enum ses_status status;

    do {
        struct seen seen = rig_get(rig, 1, number);

        if (seen.status == SES_OK)
            return SES_OK;
        status = rig_put(rig, 1, number, seen.version, "effect");
    } while (status == SES_CONFLICT);
    return status;
}

static void test_unknown_comes_to_one_effect(struct rig *rig)
{
    for (uint64_t i = 0; i < 3; i++) {
        plan(rig, TOY_PUT, SES_UNKNOWN, effects[i]);
        assert_int_equal(rig_put(rig, 0, i, SES_VERSION_ABSENT, "effect"), SES_UNKNOWN);
        assert_ok(repeat_until_there(rig, i));
        settle_all(rig);
        assert_int_equal(rig_get(rig, 0, i).record.revision, 1);
    }
    assert_int_equal(toy_cloud_writes(toy_cloud_of(rig->store[0])), 3);
}

static void test_unknown_is_what_was_planned(struct rig *rig)
{
    plan(rig, TOY_PUT, SES_UNKNOWN, TOY_NEVER);
    assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "never"), SES_UNKNOWN);
    settle_all(rig);
    assert_shown(rig, 1, 0, NULL, false);
    plan(rig, TOY_PUT, SES_UNKNOWN, TOY_DONE);
    assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "done"), SES_UNKNOWN);
    assert_shown(rig, 1, SES_RECORD_SESSION, "done", false);
    plan(rig, TOY_PUT, SES_UNKNOWN, TOY_LATER);
    assert_int_equal(rig_put(rig, 0, 2, SES_VERSION_ABSENT, "later"), SES_UNKNOWN);
    if (rig->driver ==
        &contract_toy_sync) /* elsewhere the pump that told it may be over for the other store */
        assert_int_equal(toy_cloud_abandoned(toy_cloud_of(rig->store[0])), 1);
    settle_all(rig);
    assert_shown(rig, 2, SES_RECORD_SESSION, "later", false);
    assert_ok(rig_put(rig, 0, 3, SES_VERSION_ABSENT, "no plan is left"));
}

/* A plan passes over as many as it says. */
static void test_a_plan_skips(struct rig *rig)
{
    toy_plan(rig->store[0], TOY_PUT, 2, (struct toy_fate){SES_FULL, TOY_NEVER});
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "first"));
    assert_ok(rig_put(rig, 0, 2, SES_VERSION_ABSENT, "second"));
    assert_int_equal(rig_put(rig, 0, 3, SES_VERSION_ABSENT, "third"), SES_FULL);
    assert_ok(rig_put(rig, 0, 3, SES_VERSION_ABSENT, "fourth"));
}

static void test_a_refusal_leaves_nothing(struct rig *rig)
{
    static const enum ses_status refusals[] = {SES_BUSY,       SES_CONFLICT,           SES_FULL,
                                               SES_OVER_SHARE, SES_RESOURCE_EXHAUSTED, SES_UNAVAILABLE,
                                               SES_NO_MEMORY};

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct ses_store_lease lease = {.held = true};

        plan(rig, TOY_PUT, refusals[i], TOY_NEVER);
        assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "refused"), refusals[i]);
        plan(rig, TOY_LEASE, refusals[i], TOY_NEVER);
        assert_int_equal(rig_lease(rig, 0, 1, SES_VERSION_ABSENT, "refused", &lease), refusals[i]);
        assert_false(lease.held);
        assert_shown(rig, 1, 0, NULL, false);
    }
    plan(rig, TOY_GET, SES_UNAVAILABLE, TOY_NEVER);
    assert_int_equal(rig_get(rig, 0, 1).status, SES_UNAVAILABLE);
}

/* With any end but SES_BUSY the lease is over, and the intent stands. */
static void test_a_refused_end_leaves_the_intent(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);

    plan(rig, TOY_PUT_LEASED, SES_BUSY, TOY_NEVER);
    assert_int_equal(rig_put_leased(rig, 0, &lease, 1, "done"), SES_BUSY);
    assert_true(lease.held);
    assert_shown(rig, 1, 0, NULL, true);
    plan(rig, TOY_PUT_LEASED, SES_FULL, TOY_NEVER);
    assert_int_equal(rig_put_leased(rig, 0, &lease, 1, "done"), SES_FULL);
    assert_false(lease.held);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
}

/* Until its time is over the lease that nobody holds keeps everybody out: the put may still come. */
static void test_an_unknown_end(struct rig *rig)
{
    for (uint64_t i = 0; i < 3; i++) {
        struct ses_store_lease lease = rig_leased(rig, i, SES_VERSION_ABSENT);

        plan(rig, TOY_PUT_LEASED, SES_UNKNOWN, effects[i]);
        assert_int_equal(rig_put_leased(rig, 0, &lease, i, "done"), SES_UNKNOWN);
        assert_false(lease.held);
        settle_all(rig);
        if (effects[i] == TOY_NEVER) {
            assert_shown(rig, i, 0, NULL, true);
            toy_cloud_end_leases(toy_cloud_of(rig->store[0]));
            assert_shown(rig, i, SES_RECORD_INTENT, "intent", false);
        } else {
            assert_shown(rig, i, SES_RECORD_SESSION, "done", false);
        }
    }
}

/* Nobody was asked: nobody waits for the lease's time, and no intent comes to light. */
static void test_an_unknown_lease_is_given_back(struct rig *rig)
{
    for (uint64_t i = 0; i < 3; i++) {
        struct ses_store_lease lease = {.held = true};

        plan(rig, TOY_LEASE, SES_UNKNOWN, effects[i]);
        assert_int_equal(rig_lease(rig, 0, i, SES_VERSION_ABSENT, "intent", &lease), SES_UNKNOWN);
        assert_false(lease.held);
        settle_all(rig);
        assert_shown(rig, i, 0, NULL, false);
        unit_clock_pass_ms(CONTRACT_LONG);
        assert_shown(rig, i, 0, NULL, false);
    }
}

/* ---- the network */

struct three {
    struct call get, flushed, fresh;
};

/* A get, a put that was sent and one that was not, all pending: the caller holds them, by gates or frost. */
static void start_three(struct rig *rig, struct three *three, struct ses_arena *arena, uint64_t deadline_ns)
{
    struct ses_store *store = rig->store[0];
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "sent");
    struct ses_record other = record_of(2, SES_RECORD_SESSION, "not sent");
    struct ses_store_version absent = SES_VERSION_ABSENT;

    call_init(&three->get);
    call_init(&three->flushed);
    call_init(&three->fresh);
    three->get.op.deadline_mono_ns = deadline_ns;
    three->flushed.op.deadline_mono_ns = deadline_ns;
    three->fresh.op.deadline_mono_ns = deadline_ns;
    assert_int_equal(ses_store_get(store, &three->get.op, &record.key, arena), SES_PENDING);
    assert_int_equal(ses_store_put(store, &three->flushed.op, &absent, &record, 0), SES_PENDING);
    ses_store_flush(store);
    assert_int_equal(ses_store_put(store, &three->fresh.op, &absent, &other, 0), SES_PENDING);
}

static void assert_given_up(struct rig *rig, const struct three *three)
{
    assert_int_equal(three->get.ends, 1);
    assert_int_equal(three->get.status, SES_UNAVAILABLE);
    assert_int_equal(three->flushed.ends, 1);
    assert_int_equal(three->flushed.status, SES_UNKNOWN);
    assert_int_equal(three->fresh.ends, 1);
    assert_int_equal(three->fresh.status, SES_UNAVAILABLE);
    assert_int_equal(ses_store_pending(rig->store[0]), 0);
    settle_all(rig);
    assert_int_equal(rig_get(rig, 1, 2).status, SES_NOT_FOUND);
}

static void pump_first(struct rig *rig, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        ses_store_complete(rig->store[0]);
}

static void test_frost_ends_by_deadlines(struct rig *rig)
{
    uint64_t deadline_ns = ses_clock_mono_ns() + CONTRACT_LONG * SES_NS_PER_MS;
    struct three three;

    toy_freeze(rig->store[0]);
    start_three(rig, &three, &rig->arena, deadline_ns);
    pump_first(rig, 10 * PUMPS_MAX);
    assert_int_equal(ses_store_pending(rig->store[0]), 3);
    unit_clock_pass_ms(CONTRACT_LONG);
    pump_first(rig, 1);
    toy_thaw(rig->store[0]);
    assert_given_up(rig, &three);
}

static void test_what_thaws_goes_on(struct rig *rig)
{
    struct three three;

    toy_freeze(rig->store[0]);
    start_three(rig, &three, &rig->arena, 0);
    pump_first(rig, 10 * PUMPS_MAX);
    assert_int_equal(ses_store_pending(rig->store[0]), 3);
    toy_thaw(rig->store[0]);
    assert_ok(call_end(rig, &three.flushed, SES_PENDING));
    assert_ok(call_end(rig, &three.fresh, SES_PENDING));
    (void)call_end(rig, &three.get, SES_PENDING);
}

static void test_a_cut_ends_all(struct rig *rig)
{
    struct three three;

    for (unsigned call = TOY_GET; call <= TOY_PUT; call++)
        toy_hold(rig->store[0], (enum toy_call)call, TOY_BEFORE);
    start_three(rig, &three, &rig->arena, 0);
    pump_first(rig, PUMPS_MAX);
    toy_cut(rig->store[0]);
    pump_first(rig, 1);
    for (unsigned call = TOY_GET; call <= TOY_PUT; call++)
        toy_hold(rig->store[0], (enum toy_call)call, TOY_OPEN);
    assert_given_up(rig, &three);
}

/* The answer of what was executed is lost; the effect is not. */
static void test_a_cut_behind_the_gate(struct rig *rig)
{
    struct three three;

    toy_hold(rig->store[0], TOY_GET, TOY_BEFORE);
    toy_hold(rig->store[0], TOY_PUT, TOY_BEHIND);
    start_three(rig, &three, &rig->arena, 0);
    pump_first(rig, PUMPS_MAX);
    toy_cut(rig->store[0]);
    pump_first(rig, 1);
    toy_hold(rig->store[0], TOY_GET, TOY_OPEN);
    assert_given_up(rig, &three);
    assert_shown(rig, 1, SES_RECORD_SESSION, "sent", false);
}

static void test_gates(struct rig *rig)
{
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "held");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct call call;

    call_init(&call);
    toy_hold(rig->store[0], TOY_PUT, TOY_BEFORE);
    assert_int_equal(ses_store_put(rig->store[0], &call.op, &absent, &record, 0), SES_PENDING);
    ses_store_flush(rig->store[0]);
    pump_first(rig, 10 * PUMPS_MAX);
    assert_int_equal(rig_get(rig, 1, 1).status, SES_NOT_FOUND);
    toy_hold(rig->store[0], TOY_PUT, TOY_BEHIND);
    pump_first(rig, PUMPS_MAX);
    assert_int_equal(rig_get(rig, 1, 1).status, SES_OK);
    pump_first(rig, 10 * PUMPS_MAX);
    assert_int_equal(call.ends, 0);
    toy_hold(rig->store[0], TOY_PUT, TOY_OPEN);
    pump_first(rig, PUMPS_MAX);
    assert_int_equal(call.ends, 1);
    assert_ok(call.status);
}

/* What is sent is told within pumps_max pumps; a write that nobody flushed is not sent. */
static void test_pumps_are_bounded(struct rig *rig)
{
    struct three three;

    toy_freeze(rig->store[0]);
    start_three(rig, &three, &rig->arena, 0);
    toy_thaw(rig->store[0]);
    pump_first(rig, PUMPS_MAX);
    assert_int_equal(three.get.ends, 1);
    assert_int_equal(three.flushed.ends, 1);
    assert_int_equal(three.fresh.ends, 0);
    ses_store_flush(rig->store[0]);
    pump_first(rig, PUMPS_MAX);
    assert_int_equal(three.fresh.ends, 1);
}

static void test_knobs(struct rig *rig)
{
    struct ses_store_lease lease;

    toy_faults(rig->store[0])->busy = 1000;
    assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "body"), SES_BUSY);
    *toy_faults(rig->store[0]) = (struct toy_faults){.unknown = 1000};
    assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "body"), SES_UNKNOWN);
    *toy_faults(rig->store[0]) = (struct toy_faults){.get_unavailable = 1000};
    assert_int_equal(rig_get(rig, 0, 1).status, SES_UNAVAILABLE);
    *toy_faults(rig->store[0]) = (struct toy_faults){.lease_short = 1000};
    lease = rig_leased(rig, 2, SES_VERSION_ABSENT);
    unit_clock_pass_ms(CONTRACT_LONG - 1);
    assert_shown(rig, 2, SES_RECORD_INTENT, "intent", false);
    *toy_faults(rig->store[0]) = (struct toy_faults){.release_lost = 1000};
    lease = rig_leased(rig, 3, SES_VERSION_ABSENT);
    ses_store_release(rig->store[0], &lease, SES_LEASE_FORGET_INTENT);
    rig_settle(rig);
    assert_shown(rig, 3, 0, NULL, true);
}

/* ---- misuse */

static void start_twice(struct rig *rig)
{
    struct three three;

    toy_freeze(rig->store[0]);
    start_three(rig, &three, &rig->arena, 0);
    start_three(rig, &three, &rig->arena, 0);
}

static struct rig *pumped_again;

static void pump_again(struct ses_store_op *op, enum ses_status status)
{
    (void)op;
    (void)status;
    ses_store_complete(pumped_again->store[0]);
}

static void pump_inside_done(struct rig *rig)
{
    struct three three;

    pumped_again = rig;
    toy_freeze(rig->store[0]);
    start_three(rig, &three, &rig->arena, 0);
    three.get.op.done = pump_again;
    toy_thaw(rig->store[0]);
    pump_first(rig, PUMPS_MAX);
}

static void put_with_id(struct rig *rig, enum ses_record_kind kind, uint8_t byte)
{
    struct ses_record record = record_of(1, kind, "body");

    memset(record.session_id, byte, sizeof(record.session_id));
    (void)rig_put_record(rig, 0, SES_VERSION_ABSENT, &record);
}

static void put_an_inbox_with_an_id(struct rig *rig)
{
    put_with_id(rig, SES_RECORD_INBOX, 1);
}

/* It would be read as an inbox. */
static void put_a_session_of_all_ones(struct rig *rig)
{
    put_with_id(rig, SES_RECORD_SESSION, 0xff);
}

static void keep_the_arena(struct rig *rig)
{
    uint8_t *kept = ses_arena_alloc(&rig->arena, 100);

    (void)rig_get(rig, 0, 1);
    *(volatile uint8_t *)kept = 1;
}

static void assert_fatal(struct rig *rig, void (*misuse)(struct rig *rig))
{
    const struct rlimit no_core = {0, 0};
    pid_t pid = unit_fork();
    int status;

    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        if (setrlimit(RLIMIT_CORE, &no_core) != 0 || freopen("/dev/null", "w", stderr) == NULL)
            _exit(0);
        misuse(rig);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_misuse_ends_the_process(struct rig *rig)
{
    if (rig->seed > 1)
        return; /* nothing random in it, and a child each */
    assert_fatal(rig, start_twice);
    assert_fatal(rig, pump_inside_done);
    assert_fatal(rig, put_an_inbox_with_an_id);
    assert_fatal(rig, put_a_session_of_all_ones);
#ifdef __SANITIZE_ADDRESS__
    assert_fatal(rig, keep_the_arena);
#else
    (void)keep_the_arena;
#endif
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_unknown_comes_to_one_effect),
        CONTRACT_CASE(test_unknown_is_what_was_planned),
        CONTRACT_CASE(test_a_plan_skips),
        CONTRACT_CASE(test_a_refusal_leaves_nothing),
        CONTRACT_CASE(test_a_refused_end_leaves_the_intent),
        CONTRACT_CASE(test_an_unknown_end),
        CONTRACT_CASE(test_an_unknown_lease_is_given_back),
        CONTRACT_CASE(test_frost_ends_by_deadlines),
        CONTRACT_CASE(test_what_thaws_goes_on),
        CONTRACT_CASE(test_a_cut_ends_all),
        CONTRACT_CASE(test_a_cut_behind_the_gate),
        CONTRACT_CASE(test_gates),
        CONTRACT_CASE(test_pumps_are_bounded),
        CONTRACT_CASE(test_knobs),
        CONTRACT_CASE(test_misuse_ends_the_process),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
