/* AdvanceSession said again: by its event_id, by the version that it expects, and by its own bytes. A caller
 * whose answer got lost must come to one effect, and nobody else may take its place. */
#include "method/own_write.h"

static void test_compare_and_set_and_duplicates(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = advance(
        core, (struct advance){
                  .token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .id = "e1", .expected = 1});

    assert_int_equal(advanced(call)->session->version, 2);
    call_free(call);
    /* The repetition of a success is not a stale version. */
    call = advance(core,
                   (struct advance){
                       .token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .id = "e1", .expected = 1});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_DUPLICATE);
    assert_int_equal(advanced(call)->session->version, 2);
    call_free(call);
    call = advance(core,
                   (struct advance){.token = token, .event = SES_EVENT_COMPLETED, .id = "e2", .expected = 1});
    assert_true(ses_slice_eq_str(call_error(call, SES_ABORTED, "VERSION_MISMATCH")->metadata[0].value, "2"));
    call_free(call);
    free(token);
}

static struct call *started(struct core *core, const char *token, const char *id)
{
    return advance(core,
                   (struct advance){.token = token, .event = SES_EVENT_AUTHENTICATION_STARTED, .id = id});
}

/* What came with it is not merged a second time either. */
static void test_a_duplicate_writes_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = started(core, token, "e1");
    uint64_t puts;

    (void)advanced(call);
    call_free(call);
    puts = core_puts(core);
    call = advance(core, (struct advance){.token = token,
                                          .event = SES_EVENT_AUTHENTICATION_STARTED,
                                          .id = "e1",
                                          .expected = 1,
                                          .amount = 777,
                                          .customer = "cus_1"});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_DUPLICATE);
    assert_null(advanced(call)->session->state);
    assert_int_equal(advanced(call)->session->n_events, 1);
    call_free(call);
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static void test_an_id_of_another_event(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = started(core, token, "e1");

    (void)advanced(call);
    call_free(call);
    call = begin(core, (struct begin){.token = token, .id = "b1"});
    (void)begun(call);
    call_free(call);
    uint64_t puts = core_puts(core);

    refused_with(advance(core, (struct advance){.token = token, .event = SES_EVENT_COMPLETED, .id = "e1"}),
                 SES_ALREADY_EXISTS, "EVENT_CONFLICT", "event", "AUTHENTICATION_STARTED");
    refused_with(advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "b1"}),
                 SES_ALREADY_EXISTS, "EVENT_CONFLICT", "event", "REDIRECT_STARTED");
    assert_int_equal(core_puts(core), puts);
    free(token);
}

/* Late ones are known too, while the history has them. */
static void test_a_late_event_is_known_again(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    static const int outcomes[] = {SES_EVENT_LATE, SES_EVENT_DUPLICATE};

    for (int i = 0; i < 2; i++) {
        struct call *call =
            advance(core, (struct advance){.token = token, .event = SES_EVENT_BROWSER_RETURNED, .id = "l1"});

        assert_int_equal(advanced(call)->outcome, outcomes[i]);
        assert_int_equal(advanced(call)->session->events[0]->outcome, SES_EVENT_LATE);
        call_free(call);
    }
    free(token);
}

/* ---- without an id ---------------------------------------------------------------------------- */

static struct call *pass(struct core *core, const char *token)
{
    return advance(core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED});
}

static struct call *pass_otherwise(struct core *core, const char *token)
{
    return advance(
        core, (struct advance){.token = token, .event = SES_EVENT_CHALLENGE_PASSED, .customer = "cus_1"});
}

/* The token is the first answer's, which got lost. */
static void expect_passed(struct call *call, bool again)
{
    Sessiond__V1__AdvanceSessionResponse *response = advanced(call);

    assert_int_equal(response->outcome, again ? SES_EVENT_DUPLICATE : SES_EVENT_APPLIED);
    assert_int_equal(response->session->version, 3);
    assert_int_equal(response->session->generation, 2);
    assert_int_equal(token_claims(call, response->session_token).generation, 2);
}

static const struct own_write passing = {.start = pass,
                                         .start_other = pass_otherwise,
                                         .expect = expect_passed,
                                         .pass_ms = CORE_OVERLAP_MS + 100,
                                         .status = SES_FAILED_PRECONDITION,
                                         .reason = "TOKEN_SUPERSEDED"};

static struct call *merge(struct core *core, const char *token)
{
    return advance(core, (struct advance){.token = token, .customer = "cus_1", .expected = 1});
}

static struct call *merge_otherwise(struct core *core, const char *token)
{
    return advance(core, (struct advance){.token = token, .customer = "cus_2", .expected = 1});
}

static void expect_merged(struct call *call, bool again)
{
    Sessiond__V1__AdvanceSessionResponse *response = advanced(call);

    (void)again;
    assert_int_equal(response->outcome, SES_EVENT_NO_OUTCOME);
    assert_int_equal(response->session->version, 2);
    assert_string_equal(response->session->state->connector_customer_id, "cus_1");
}

static const struct own_write merging = {.start = merge,
                                         .start_other = merge_otherwise,
                                         .expect = expect_merged,
                                         .status = SES_ABORTED,
                                         .reason = "VERSION_MISMATCH"};

static void test_the_call_that_fenced_its_own_token(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    own_write_is_answered_again(core, token, &passing);
    free(token);
}

static void test_a_fenced_token_is_good_for_nothing_else(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    own_write_is_nobody_elses(core, token, &passing);
    free(token);
}

static void test_the_call_that_passed_its_own_version(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_answered_again(core, token, &merging);
    free(token);
}

static void test_a_version_that_is_passed_is_so_for_all_others(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_nobody_elses(core, token, &merging);
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_compare_and_set_and_duplicates),
        T(test_a_duplicate_writes_nothing),
        T(test_an_id_of_another_event),
        T(test_a_late_event_is_known_again),
        T(test_the_call_that_fenced_its_own_token),
        T(test_a_fenced_token_is_good_for_nothing_else),
        T(test_the_call_that_passed_its_own_version),
        T(test_a_version_that_is_passed_is_so_for_all_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
