/* What a return does to its session: the table of step_return.h, row by row. What a door makes of the
 * browser's bytes is test_return.c's. */
#include "method/step_pages.h"

static char *begin_one(struct core *core, const char *token)
{
    return begun_handle(begin(core, (struct begin){.token = token, .step_seconds = 60}));
}

static void test_a_step_and_its_returns(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *first = begun_handle(begin(core, (struct begin){.token = token}));
    char *second = begun_handle(begin(core, (struct begin){.token = token}));

    come_back(core, first, "abc", 410, false); /* replaced */
    come_back(core, second, "abc", 303, true);
    come_back(core, second, "abc", 303, false); /* again */
    come_back(core, second, "abd", 409, false);
    second[20] = second[20] == 'A' ? 'B' : 'A';
    come_back(core, second, "abc", 404, false);
    struct call *call = get(core, token);
    Sessiond__V1__Session *session = got(call);
    assert_int_equal(session->status, SES_SESSION_RETURNED);
    assert_string_equal(session->redirect_result->method, "POST");
    assert_int_equal(session->redirect_result->n_payload, 1);
    assert_string_equal(session->redirect_result->payload[0]->key, "cres");
    assert_string_equal(session->redirect_result->payload[0]->value, "abc");
    assert_string_equal(session->redirect_result->step_name, "challenge");
    call_free(call);
    free(first);
    free(second);
    free(token);
}

/* ---- what is no return ----------------------------------------------------------------------- */

/* An address that was typed, and one that the door refused: the bank's answer may still come. */
static void test_what_brings_nothing_uses_nothing_up(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begin_one(core, token);
    struct ses_step_return bare = {.handle = ses_slice_str(handle), .http_method = SES_STR("GET")};
    struct ses_step_return refusal = bare;

    bare.query = SES_STR("&=&");
    refusal.query = SES_STR("cres=too-long"); /* as far as it was read */
    refusal.refused = true;
    refusal.page = SES_PAGE_TOO_LARGE;
    returns(core, &bare, 303, false);
    returns(core, &refusal, 413, false);
    assert_int_equal(stored_session(core).status, SES_SESSION_REDIRECTED);
    come_back(core, handle, "abc", 303, true);
    returns(core, &bare, 303, false);
    returns(core, &refusal, 413, false);
    handle[20] = handle[20] == 'A' ? 'B' : 'A'; /* a refusal does not tell which handles there are */
    returns(core, &refusal, 404, false);
    free(handle);
    free(token);
}

/* More than a door lets through is not even looked up. */
static void test_what_no_door_would_give(void **state)
{
    static struct ses_return_parameter large;
    static char bytes[SES_RETURN_BYTES_MAX + 1];
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begin_one(core, token);
    struct ses_step_return what = {.handle = ses_slice_str(handle),
                                   .http_method = SES_STR("POST"),
                                   .parameters = &large,
                                   .parameters_count = 1};

    memset(bytes, 'n', sizeof(bytes));
    large.name = ses_slice(bytes, SES_RETURN_NAME_BYTES_MAX + 1);
    returns(core, &what, 503, false);
    large.name = ses_slice(bytes, 1);
    large.value = ses_slice(bytes, SES_RETURN_BYTES_MAX);
    returns(core, &what, 503, false);
    what.parameters_count = 0;
    what.query = ses_slice(bytes, SES_RETURN_QUERY_BYTES_MAX + 1);
    returns(core, &what, 503, false);
    large.value = ses_slice(bytes, SES_RETURN_BYTES_MAX - 1);
    what.parameters_count = 1;
    what.query = ses_slice(bytes, SES_RETURN_QUERY_BYTES_MAX);
    returns(core, &what, 303, true);
    free(handle);
    free(token);
}

/* ---- too late -------------------------------------------------------------------------------- */

static void assert_late_evidence(struct core *core, enum ses_session_status status)
{
    struct ses_session session = stored_session(core);
    const struct ses_session_event *last = &session.events[session.events_count - 1];

    assert_int_equal(session.status, status);
    assert_true(session.redirect_present);
    assert_int_equal(last->event, SES_EVENT_BROWSER_RETURNED);
    assert_int_equal(last->outcome, SES_EVENT_LATE);
}

/* A webhook was faster: the shopper is sent on, what was brought is kept, the session stays. */
static void test_a_step_that_an_event_has_ended(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begin_one(core, token);

    tell(core, token, SES_EVENT_COMPLETED, SES_EVENT_APPLIED);
    come_back(core, handle, "abc", 303, true);
    assert_late_evidence(core, SES_SESSION_COMPLETED);
    assert_int_equal(stored_session(core).version, 3);
    come_back(core, handle, "abc", 303, false);
    come_back(core, handle, "abd", 409, false);
    free(handle);
    free(token);
}

static void test_a_step_whose_time_was_over(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begin_one(core, token);
    struct ses_step_return bare = {.handle = ses_slice_str(handle), .http_method = SES_STR("GET")};

    unit_clock_pass_ms(61000);
    returns(core, &bare, 410, false);
    come_back(core, handle, "abc", 410, true);
    assert_late_evidence(core, SES_SESSION_OPEN);
    come_back(core, handle, "abc", 303, false); /* it was taken: the shop has it */
    free(handle);
    free(token);
}

/* It would stand in the way of what the newer one brings. */
static void test_a_newer_step_keeps_nothing_of_an_older_one(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *older = begin_one(core, token);
    char *newer;

    tell(core, token, SES_EVENT_STEP_CANCELLED, SES_EVENT_APPLIED);
    newer = begin_one(core, token);
    come_back(core, older, "abc", 410, false);
    come_back(core, newer, "abd", 303, true);
    come_back(core, older, "abc", 410, false);
    assert_int_equal(stored_session(core).status, SES_SESSION_RETURNED);
    free(older);
    free(newer);
    free(token);
}

/* The newest four steps that are over are remembered; a fifth is not known any more, but its session is. */
static void test_the_answers_of_four_steps_are_remembered(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handles[SES_PAST_STEPS_MAX + 1];

    for (size_t i = 0; i <= SES_PAST_STEPS_MAX; i++) {
        handles[i] = begin_one(core, token);
        come_back(core, handles[i], "abc", 303, true);
    }
    come_back(core, handles[0], "abc", 410, false);
    for (size_t i = 1; i <= SES_PAST_STEPS_MAX; i++)
        come_back(core, handles[i], "abc", 303, false);
    for (size_t i = 0; i <= SES_PAST_STEPS_MAX; i++)
        free(handles[i]);
    free(token);
}

/* The session ran out and another one has its name: its steps are nobody's. */
static void test_another_session_in_its_place(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *handle = begin_one(core, token);
    struct ses_step_return refusal = {.handle = ses_slice_str(handle),
                                      .http_method = SES_STR("POST"),
                                      .refused = true,
                                      .page = SES_PAGE_TOO_LARGE};
    char *next;

    unit_clock_pass_ms(901000);
    come_back(core, handle, "abc", 410, false); /* expired with it, which is not written any more */
    next = create(core, (struct order){.amount = 10000});
    come_back(core, handle, "abc", 404, false);
    returns(core, &refusal, 404, false);
    assert_int_equal(stored_session(core).version, 1);
    free(handle);
    free(token);
    free(next);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_step_and_its_returns),
        T(test_what_brings_nothing_uses_nothing_up),
        T(test_what_no_door_would_give),
        T(test_a_step_that_an_event_has_ended),
        T(test_a_step_whose_time_was_over),
        T(test_a_newer_step_keeps_nothing_of_an_older_one),
        T(test_the_answers_of_four_steps_are_remembered),
        T(test_another_session_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
