/* The loop of change_loop.h between two attempts, and at the end of a call: nothing of an attempt that was lost
 * is left to the next one, nor to anybody else. */
#include "change_loop.h"

#include "method/change_users.h"

/* ---- what was to be signed -------------------------------------------------------------------- */

/* The store alone, as of a turn whose end has not come. */
static void complete(struct core *core)
{
    ses_store_flush(core->store);
    ses_store_complete(core->store);
}

/* Whoever signed it at the end of the turn would look at a call that is over. */
static void test_a_put_that_fails_in_its_turn_is_not_signed(void **state)
{
    struct core *core = *state;
    struct call *call;

    toy_hold(core->store, TOY_PUT, TOY_BEFORE);
    call = core_call(core, (struct order){.id = NULL});
    assert_false(ses_list_empty(&core->service->to_sign));
    toy_cut(core->store);
    ses_store_complete(core->store);
    assert_true(ses_list_empty(&core->service->to_sign));
    (void)call_error(call, SES_UNAVAILABLE, "STORE_UNAVAILABLE");
    call_free(call);
}

static void test_a_put_that_was_busy_is_not_signed(void **state)
{
    struct core *core = *state;
    struct call *call;

    toy_hold(core->store, TOY_PUT, TOY_BEFORE);
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_BUSY, TOY_NEVER});
    call = core_call(core, (struct order){.id = NULL});
    toy_hold(core->store, TOY_PUT, TOY_OPEN);
    WAIT_DOING(complete(core), core->service->waiting_count == 1);
    assert_true(ses_list_empty(&core->service->to_sign));
    call_free(call);
    core_turn(core);
}

/* ---- what an event was ------------------------------------------------------------------------- */

static ses_store_owner put_for; /* the last put, on its way (tests/CMakeLists.txt) */

enum ses_status __real_ses_store_put(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_version *expect, const struct ses_record *record,
                                     ses_store_owner owner);
enum ses_status __wrap_ses_store_put(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_version *expect, const struct ses_record *record,
                                     ses_store_owner owner);

enum ses_status __wrap_ses_store_put(struct ses_store *store, struct ses_store_op *op,
                                     const struct ses_store_version *expect, const struct ses_record *record,
                                     ses_store_owner owner)
{
    put_for = owner;
    return __real_ses_store_put(store, op, expect, record, owner);
}

/* An event finds nothing, and then the session that came between: which stays its merchant's. */
static void test_an_event_that_is_not_early_any_more_moves_no_owner(void **state)
{
    struct core *core = *state;
    struct call *event, *created;

    toy_hold(core->store, TOY_GET, TOY_BEHIND);
    event = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
    core_turn(core);
    created = core_call(core, (struct order){.id = NULL});
    (void)call_claims(created);
    toy_hold(core->store, TOY_GET, TOY_OPEN);
    assert_int_equal(advanced(event)->outcome, SES_EVENT_APPLIED);
    assert_int_equal(put_for, SES_OWNER_NOBODY);
    call_free(created);
    call_free(event);
}

static void test_a_late_event_is_counted_once(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call =
        advance(core, (struct advance){.token = token, .event = SES_EVENT_FAILED, .id = "e1"});

    (void)advanced(call);
    call_free(call);
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_CONFLICT, TOY_NEVER});
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_FAILED, .id = "e2"});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
    assert_int_equal(core_count(core, SES_C_EVENTS_LATE), 1);
    call_free(call);
    free(token);
}

/* ---- a store that does not answer ---------------------------------------------------------------- */

static void turn_later(struct core *core)
{
    unit_clock_pass_ms(100);
    core_turn(core);
}

/* Its caller may be gone, and 0 would be no end at all: it has the lease's time. */
static void test_a_put_under_a_lease_has_its_time(void **state)
{
    struct core *core = *state;
    struct call *call;
    uint64_t over_ns;

    unit_clock_stop();
    atomic_store(&core->stub.held, true);
    call = core_call(core, (struct order){.connector = "stripe", .deadline_ms = 2000});
    over_ns = call->x->deadline_mono_ns + 6000 * MS;
    WAIT_DOING(core_turn(core), atomic_load(&core->stub.calls) == 1);
    toy_freeze(core->store);
    atomic_store(&core->stub.held, false);
    WAIT_DOING(core_turn(core), ses_store_pending(core->store) == 1);
    WAIT_DOING(turn_later(core), call->door.ended != 0 || ses_clock_mono_ns() > over_ns);
    unit_clock_run();
    toy_thaw(core->store);
    assert_int_equal(call->door.ended, 1);
    (void)call_error(call, SES_UNAVAILABLE, "OUTCOME_UNKNOWN");
    assert_int_equal(ses_service_in_flight(core->service), 0);
    call_free(call);
}

/* ---- what an attempt takes --------------------------------------------------------------------- */

/* However often it is lost: each attempt has the memory of the one before, in which the token lies, and the answer. */
static void lost_for_long(struct core *core, const struct user *user, const struct stage *stage)
{
    struct call *call;
    size_t total;

    unit_clock_stop();
    toy_faults(core->store)->conflict = 1000;
    call = user->start(core, stage);
    turn_later(core);
    total = call->x->arena.total;
    for (int i = 0; i < 20; i++)
        turn_later(core);
    assert_in_range(call->x->arena.total, 0,
                    total + 16384); /* a chunk or two, by the lengths of what is told */
    toy_faults(core->store)->conflict = 0;
    unit_clock_run();
    expect_success(core, user, call);
}

FOR_ALL(lost_for_long, core_setup_toy)

/* What is told then is nothing of the lost attempt: its memory is given back. */
static void lost_and_then_unread(struct core *core, const struct user *user, const struct stage *stage)
{
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_CONFLICT, TOY_NEVER});
    toy_plan(core->store, TOY_GET, user->blind ? 0 : 1, (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER});
    expect_refusal(core, user, user->start(core, stage), SES_UNAVAILABLE, "STORE_UNAVAILABLE");
}

FOR_ALL(lost_and_then_unread, core_setup_toy)

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup_toy, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_put_that_fails_in_its_turn_is_not_signed),
        T(test_a_put_that_was_busy_is_not_signed),
        T(test_an_event_that_is_not_early_any_more_moves_no_owner),
        T(test_a_late_event_is_counted_once),
        T(test_a_put_under_a_lease_has_its_time),
        cmocka_unit_test(test_lost_for_long),
        cmocka_unit_test(test_lost_and_then_unread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
