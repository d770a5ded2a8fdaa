/* BeginStep said again: by its event_id, by the version that it expects, or by nothing, which begins another
 * step. */
#include "method/own_write.h"
#include "method/step_pages.h"

static void test_an_id_names_its_step(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct begin what = {.token = token, .id = "b1", .expected = 1};
    char *first = begun_handle(begin(core, what));
    uint64_t puts = core_puts(core);
    struct call *call = begin(core, what);
    char *again;

    assert_int_equal(begun(call)->session->version, 2);
    again = begun_handle(call);
    assert_int_equal(core_puts(core), puts);
    assert_string_not_equal(first, again); /* sealed anew, the same step */
    come_back(core, again, "abc", 303, true);
    come_back(core, first, "abc", 303, false);
    refused(begin(core, what), SES_FAILED_PRECONDITION, "STEP_OVER");
    what.name = "another"; /* what the step was is not known any more */
    refused(begin(core, what), SES_FAILED_PRECONDITION, "STEP_OVER");
    free(first);
    free(again);
    free(token);
}

static void test_an_id_of_another_step_or_event(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    const struct begin usual = {.token = token, .id = "b1"};
    struct begin others[] = {usual, usual, usual};
    struct call *call = advance(
        core, (struct advance){.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .id = "e1"});

    (void)advanced(call);
    call_free(call);
    free(begun_handle(begin(core, usual)));
    uint64_t puts = core_puts(core);

    others[0].name = "another";
    others[1].url = BACK_URL "/other";
    others[2].mode = SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME;
    for (size_t i = 0; i < 3; i++)
        refused_with(begin(core, others[i]), SES_ALREADY_EXISTS, "EVENT_CONFLICT", "event",
                     "REDIRECT_STARTED");
    refused_with(begin(core, (struct begin){.token = token, .id = "e1"}), SES_ALREADY_EXISTS,
                 "EVENT_CONFLICT", "event", "AUTHENTICATION_STARTED");
    assert_int_equal(core_puts(core), puts);
    free(token);
}

/* The end of the step is its id's too, also where time alone has ended it. */
static void test_an_id_of_a_step_that_ran_out(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    const struct begin what = {.token = token, .id = "b1", .step_seconds = 60};

    free(begun_handle(begin(core, what)));
    unit_clock_pass_ms(61000);
    refused(begin(core, what), SES_FAILED_PRECONDITION, "STEP_OVER");
    free(token);
}

/* The first one is over, though its place was taken within its millisecond and by one of the same name. */
static void test_two_steps_of_one_instant_are_two(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    unit_clock_stop();
    free(begun_handle(begin(core, (struct begin){.token = token, .id = "b1"})));
    free(begun_handle(begin(core, (struct begin){.token = token, .id = "b2"})));
    refused(begin(core, (struct begin){.token = token, .id = "b1"}), SES_FAILED_PRECONDITION, "STEP_OVER");
    free(begun_handle(begin(core, (struct begin){.token = token, .id = "b2"})));
    unit_clock_run();
    free(token);
}

/* In the place of the one whose handle nobody got. */
static void test_without_an_id_it_is_one_more_step(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *lost = begun_handle(begin(core, (struct begin){.token = token}));
    struct call *call = begin(core, (struct begin){.token = token});
    char *handle;

    assert_int_equal(begun(call)->session->version, 3);
    handle = begun_handle(call);
    come_back(core, lost, "abc", 410, false);
    come_back(core, handle, "abc", 303, true);
    free(lost);
    free(handle);
    free(token);
}

/* ---- by the version -------------------------------------------------------------------------- */

static struct call *start(struct core *core, const char *token)
{
    return begin(core, (struct begin){.token = token, .expected = 1, .step_seconds = 60});
}

static struct call *start_otherwise(struct core *core, const char *token)
{
    return begin(core, (struct begin){.token = token, .expected = 1, .step_seconds = 61});
}

static void expect_begun(struct call *call, bool again)
{
    (void)again;
    assert_int_equal(begun(call)->session->version, 2);
    assert_int_equal(begun(call)->session->n_events, 1);
}

static const struct own_write beginning = {.start = start,
                                           .start_other = start_otherwise,
                                           .expect = expect_begun,
                                           .status = SES_ABORTED,
                                           .reason = "VERSION_MISMATCH"};

static void test_the_call_that_passed_its_own_version(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_answered_again(core, token, &beginning);
    free(token);
}

static void test_a_version_that_is_passed_is_so_for_all_others(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_nobody_elses(core, token, &beginning);
    free(token);
}

/* Time has written since: the step that the call began is over, and its answer would be of none. */
static void test_not_when_its_step_has_run_out(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    free(begun_handle(start(core, token)));
    unit_clock_pass_ms(61000);
    refused_with(start(core, token), SES_ABORTED, "VERSION_MISMATCH", "current_version", "3");
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_an_id_names_its_step),
        T(test_an_id_of_another_step_or_event),
        T(test_an_id_of_a_step_that_ran_out),
        T(test_two_steps_of_one_instant_are_two),
        T(test_without_an_id_it_is_one_more_step),
        T(test_the_call_that_passed_its_own_version),
        T(test_a_version_that_is_passed_is_so_for_all_others),
        T(test_not_when_its_step_has_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
