/* BeginStep: the step and the handle that it makes, what it refuses, and which step it is when it is said
 * again. */
#include "method/own_write.h"
#include "method/step_pages.h"
#include "method/write_refusals.h"

#define FRAME SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME

/* ---- the step -------------------------------------------------------------------------------- */

static void test_a_step_and_its_handle(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = begin(core, (struct begin){.token = token, .step_seconds = 60, .mode = FRAME});
    Sessiond__V1__BeginStepResponse *response = begun(call);
    const Sessiond__V1__Step *step = response->session->step;

    assert_int_equal(response->session->status, SES_SESSION_REDIRECTED);
    assert_int_equal(response->session->version, 2);
    assert_in_range(strlen(response->step_handle), 1, 160);
    assert_int_equal(strspn(response->step_handle, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                   "0123456789-_."),
                     strlen(response->step_handle));
    assert_null(strstr(response->return_url, "sess_"));
    assert_memory_equal(response->return_url, "http://127.0.0.1:8080/r/", 24);
    assert_string_equal(response->return_url + 24, response->step_handle);
    assert_string_equal(step->name, "challenge");
    assert_string_equal(step->return_url, BACK_URL);
    assert_int_equal(step->return_mode, FRAME);
    assert_int_equal(step->expires_ms - step->started_ms, 60000);
    assert_int_equal(response->expires_ms, step->expires_ms);
    call_free(call);
    free(token);
}

/* The move renews the session's end; a second one in the same second does not. */
static void test_a_token_comes_with_another_end(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    unit_clock_pass_ms(10000);
    call = begin(core, (struct begin){.token = token});
    char *newer = strdup(begun(call)->session_token);

    assert_int_equal(token_claims(call, newer).generation, 1);
    assert_int_equal(token_claims(call, newer).expires_ms,
                     (uint64_t)begun(call)->session->expires_ms / 1000 * 1000);
    call_free(call);
    unit_clock_stop();
    call = begin(core, (struct begin){.token = newer, .id = "b1"});
    char *newest = strdup(begun(call)->session_token[0] == '\0' ? newer : begun(call)->session_token);

    call_free(call);
    call = begin(core, (struct begin){.token = newest, .id = "b1"});
    assert_string_equal(begun(call)->session_token, "");
    call_free(call);
    unit_clock_run();
    free(token);
    free(newer);
    free(newest);
}

/* The older handle is refused, and what the last step brought is not shown any more. */
static void test_a_second_step_takes_the_place_of_the_first(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *first = begun_handle(begin(core, (struct begin){.token = token}));
    char *second;
    struct call *call;

    come_back(core, first, "abc", 303, true);
    second = begun_handle(begin(core, (struct begin){.token = token}));
    assert_false(stored_session(core).redirect_present);
    call = begin(core, (struct begin){.token = token, .name = "another"});
    assert_string_equal(begun(call)->session->step->name, "another");
    call_free(call);
    come_back(core, second, "abc", 410, false);
    free(first);
    free(second);
    free(token);
}

/* ---- what is refused -------------------------------------------------------------------------- */

static void test_return_urls_are_checked(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    refused(begin(core, (struct begin){.token = token, .url = "https://evil.example/"}),
            SES_PERMISSION_DENIED, "RETURN_URL_REFUSED");
    violates(begin(core, (struct begin){.token = token, .url = "javascript:alert(1)"}), "return_url");
    violates(begin(core, (struct begin){.token = token, .url = ""}), "return_url");
    free(token);
}

static void test_names_that_are_none(void **state)
{
    static const char long_name[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg";
    static const char *const wrong[] = {"", "Challenge", "a b", "a/b", long_name};
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);
    struct call *call;

    for (size_t i = 0; i < 5; i++)
        violates(begin(core, (struct begin){.token = token, .name = wrong[i]}), "name");
    assert_int_equal(core_puts(core), puts);
    call = begin(core, (struct begin){.token = token, .name = long_name + 1});
    (void)begun(call);
    call_free(call);
    free(token);
}

static void test_other_fields_that_are_wrong(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    violates(begin(core, (struct begin){.token = token, .mode = FRAME + 1}), "return_mode");
    violates(begin(core, (struct begin){.token = token, .mode = -1}), "return_mode");
    violates(begin(core, (struct begin){.token = token, .mode = FRAME, .url = "http://[::1]:3000/"}),
             "return_url");
    violates(begin(core, (struct begin){.token = token, .step_seconds = 86401}), "step_seconds");
    violates(begin(core, (struct begin){.token = token, .id = "\x7f"}), "event_id");
    free(token);
}

static struct call *begin_second(struct core *core, const char *token)
{
    return begin(core, (struct begin){.token = token, .expected = 2});
}

static struct call *begin_any(struct core *core, const char *token)
{
    return begin(core, (struct begin){.token = token});
}

static void test_what_is_under_way_or_over(void **state)
{
    what_is_under_way_or_over_is_refused(*state, begin_any);
}

static void test_another_version_is_told(void **state)
{
    another_version_is_told(*state, begin_second);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_step_and_its_handle),
        T(test_a_token_comes_with_another_end),
        T(test_a_second_step_takes_the_place_of_the_first),
        T(test_return_urls_are_checked),
        T(test_names_that_are_none),
        T(test_other_fields_that_are_wrong),
        T(test_what_is_under_way_or_over),
        T(test_another_version_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
