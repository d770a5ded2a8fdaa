/* UpdateSession: what it changes and fences, when it may not, and that what changes nothing writes nothing.
 * */
#include "method/own_write.h"
#include "method/write_refusals.h"

/* ---- what is changed ------------------------------------------------------------------------- */

static void test_amount_and_texts_are_stored_and_told(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.metadata = "one"});
    struct call *call = update(
        core,
        (struct update){
            .token = token, .amount = 777, .metadata = "two", .feature_data = "{\"a\":1}", .expected = 1});
    Sessiond__V1__Session *session = updated(call)->session;
    struct ses_claims claims = token_claims(call, updated(call)->session_token);
    struct ses_session stored;

    assert_int_equal(session->version, 2);
    assert_int_equal(session->generation, 2);
    assert_int_equal(session->amount->minor_amount, 777);
    assert_string_equal(session->metadata->value, "two");
    assert_string_equal(session->connector_feature_data->value, "{\"a\":1}");
    assert_int_equal(claims.generation, 2);
    assert_int_equal(claims.minor_amount, 777);
    call_free(call);
    stored = stored_session(core);
    assert_int_equal(stored.minor_amount, 777);
    assert_true(ses_slice_eq_str(stored.metadata, "two"));
    assert_int_equal(stored.version, 2);
    free(token);
}

/* A token that was made for the old amount must not go on to pay the new one: no overlap. */
static void test_older_tokens_are_fenced_at_once(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    tell(core, token, SES_EVENT_CHALLENGE_PASSED, SES_EVENT_APPLIED); /* the first one is in its overlap */
    call = update(core, (struct update){.token = token, .amount = 777});
    assert_int_equal(updated(call)->session->generation, 3);
    call_free(call);
    refused_with(get(core, token), SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED", "generation", "3");
    free(token);
}

/* And the token that was given is as good as before. */
static void test_what_changes_nothing_writes_and_fences_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.metadata = "one"});
    uint64_t puts = core_puts(core);
    struct call *call = update(core, (struct update){.token = token, .metadata = "one", .amount = 10000});

    assert_int_equal(updated(call)->session->version, 1);
    assert_string_equal(updated(call)->session_token, "");
    call_free(call);
    assert_int_equal(core_puts(core), puts);
    call = get(core, token);
    (void)got(call);
    call_free(call);
    free(token);
}

/* Whose answer was lost may ask so. */
static void test_a_create_with_the_new_values_is_a_replay(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.metadata = "one"});
    struct call *call = update(core, (struct update){.token = token, .metadata = "two", .amount = 777});

    (void)updated(call);
    call_free(call);
    call = core_call(core, (struct order){.metadata = "two", .amount = 777});
    assert_int_equal(call_claims(call).generation, 2);
    assert_true(call_replayed(call));
    call_free(call);
    call = core_call(core, (struct order){.metadata = "one", .amount = 777});
    refused(call, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
    free(token);
}

/* ---- what is refused -------------------------------------------------------------------------- */

static void test_one_of_the_three_is_required(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    violates(update(core, (struct update){.token = token}), "amount");
    free(token);
}

static void test_another_currency(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);

    violates(update(core, (struct update){.token = token,
                                          .amount = 10000,
                                          .currency = SESSIOND__V1__CURRENCY__EUR,
                                          .metadata = "changed"}),
             "amount.currency");
    assert_int_equal(core_puts(core), puts);
    free(token);
}

static void test_texts_that_are_none(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *large = calloc(1, 16385 + 1);
    struct call *call;

    memset(large, 'x', 16385);
    violates(update(core, (struct update){.token = token, .metadata = large}), "metadata");
    violates(update(core, (struct update){.token = token, .feature_data = "{"}), "connector_feature_data");
    call = update(core, (struct update){.token = token, .metadata = "4111 1111 1111 1111"});
    refused(call, SES_INVALID_ARGUMENT, "CARD_DATA_REFUSED");
    large[16384] = '\0';
    call = update(core, (struct update){.token = token, .metadata = large});
    (void)updated(call);
    call_free(call);
    free(large);
    free(token);
}

/* The shopper is being shown the amount, but no text. */
static void test_the_amount_stays_in_a_step(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    for (int i = 0; i < 2; i++) {
        if (i == 0) {
            tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
        } else {
            call = begin(core, (struct begin){.token = token});
            (void)begun(call);
            call_free(call);
        }
        uint64_t puts = core_puts(core);

        refused(update(core, (struct update){.token = token, .amount = 777, .metadata = "changed"}),
                SES_FAILED_PRECONDITION, "STEP_IN_PROGRESS");
        assert_int_equal(core_puts(core), puts);
    }
    call = update(core, (struct update){.token = token, .amount = 10000, .metadata = "changed"});
    assert_int_equal(updated(call)->session->status, SES_SESSION_REDIRECTED);
    call_free(call);
    free(token);
}

static struct call *update_second(struct core *core, const char *token)
{
    return update(core, (struct update){.token = token, .amount = 10000, .expected = 2});
}

static struct call *update_any(struct core *core, const char *token)
{
    return update(core, (struct update){.token = token, .amount = 777});
}

static void test_what_is_under_way_or_over(void **state)
{
    struct core *core = *state;

    what_is_under_way_or_over_is_refused(core, update_any);
    assert_int_equal(stored_session(core).minor_amount, 10000);
}

/* Even of what would change nothing. */
static void test_another_version_is_told(void **state)
{
    another_version_is_told(*state, update_second);
}

/* ---- said again ------------------------------------------------------------------------------ */

static struct call *change(struct core *core, const char *token)
{
    return update(core, (struct update){.token = token, .amount = 777, .expected = 1});
}

/* The same change: only the bytes tell. */
static struct call *change_otherwise(struct core *core, const char *token)
{
    return update(core, (struct update){.token = token, .amount = 777});
}

static void expect_changed(struct call *call, bool again)
{
    Sessiond__V1__UpdateSessionResponse *response = updated(call);

    (void)again;
    assert_int_equal(response->session->version, 2);
    assert_int_equal(response->session->amount->minor_amount, 777);
    assert_int_equal(token_claims(call, response->session_token).generation, 2);
}

static const struct own_write changing = {.start = change,
                                          .start_other = change_otherwise,
                                          .expect = expect_changed,
                                          .status = SES_FAILED_PRECONDITION,
                                          .reason = "TOKEN_SUPERSEDED"};

static void test_the_call_that_fenced_its_own_token(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_answered_again(core, token, &changing);
    free(token);
}

static void test_a_fenced_token_is_good_for_nothing_else(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    own_write_is_nobody_elses(core, token, &changing);
    free(token);
}

/* It makes no version: whose repetition is known stays as it was. */
static void test_a_late_event_is_no_other_version(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *first = change(core, token), *call;

    call = advance(core, (struct advance){.token = updated(first)->session_token,
                                          .event = SES_EVENT_BROWSER_RETURNED,
                                          .id = "e1",
                                          .expected = 2});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_LATE);
    call_free(call);
    call = change(core, token);
    expect_changed(call, true);
    call_free(call);
    call_free(first);
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_amount_and_texts_are_stored_and_told),
        T(test_older_tokens_are_fenced_at_once),
        T(test_what_changes_nothing_writes_and_fences_nothing),
        T(test_a_create_with_the_new_values_is_a_replay),
        T(test_one_of_the_three_is_required),
        T(test_another_currency),
        T(test_texts_that_are_none),
        T(test_the_amount_stays_in_a_step),
        T(test_what_is_under_way_or_over),
        T(test_another_version_is_told),
        T(test_the_call_that_fenced_its_own_token),
        T(test_a_fenced_token_is_good_for_nothing_else),
        T(test_a_late_event_is_no_other_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
