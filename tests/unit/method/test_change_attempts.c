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

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup_toy, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_put_that_fails_in_its_turn_is_not_signed),
        T(test_a_put_that_was_busy_is_not_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
