/* When the answer of a step carries a token: a session and a step of 900 s, clocks that stand. */
#include "method/session_calls.h"

#include <sessiond/base/clock.h>

#include "unit_clock.h"

#define LIFE_MS 900000u

/* In the order of the family's label. */
enum cause { CREATED, GENERATION, ASKED, LIFE, STEP, CAUSES };

static int setup(void **state)
{
    unit_clock_stop();
    return core_setup(state);
}

static void assert_signed(const struct core *core, const uint64_t counts[CAUSES])
{
    for (size_t cause = 0; cause < CAUSES; cause++)
        assert_int_equal(atomic_load(&core->metrics.family[SES_CELL_TOKENS + cause]), counts[cause]);
}

/* Tokens tell whole seconds. */
static void assert_same_second(uint64_t one_ms, uint64_t other_ms)
{
    assert_int_equal(one_ms / 1000, other_ms / 1000);
}

/* The token of an advance's answer, "" for none; the caller's to free. */
static char *token_after(struct core *core, struct advance what)
{
    struct call *call = advance(core, what);
    char *token = strdup(advanced(call)->session_token);

    call_free(call);
    return token;
}

static void none_after(struct core *core, struct advance what)
{
    char *token = token_after(core, what);

    assert_string_equal(token, "");
    free(token);
}

/* For the claims of a token that is not in a call's answer. */
static struct ses_claims claims_of(struct core *core, const char *token)
{
    struct call *call = get(core, token);
    struct ses_claims claims;

    (void)got(call);
    claims = token_claims(call, token);
    call_free(call);
    return claims;
}

static void test_none_where_the_presented_one_does(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    none_after(core, (struct advance){.token = token, .customer = "cus_9"});
    unit_clock_pass_ms(LIFE_MS / 2 - 1000);
    none_after(core, (struct advance){.token = token, .customer = "cus_8"});
    call = update(core, (struct update){.token = token, .amount = 10000}); /* it is that already */
    assert_string_equal(updated(call)->session_token, "");
    call_free(call);
    call = begin(core, (struct begin){.token = token, .step_seconds = 60, .id = "b"});
    assert_string_equal(begun(call)->session_token, "");
    call_free(call);
    none_after(core, (struct advance){.token = token, .event = SES_EVENT_PROCESSING_STARTED, .id = "p"});
    none_after(core, (struct advance){.token = token, .event = SES_EVENT_PROCESSING_STARTED, .id = "p"});
    none_after(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "webhook"});
    assert_signed(core, (const uint64_t[]){1, 0, 0, 0, 0});
    free(token);
}

static void test_less_than_half_of_its_life(void **state)
{
    struct core *core = *state;
    char *one = create(core, (struct order){.amount = 10000});
    struct advance start = {.token = one, .event = SES_EVENT_PROCESSING_STARTED, .id = "p"};
    char *two, *again;
    struct ses_claims claims;

    unit_clock_pass_ms(LIFE_MS / 2);
    none_after(core, (struct advance){.token = one, .customer = "cus_9"}); /* a new one would end with it */
    two = token_after(core, start);
    claims = claims_of(core, two);
    assert_same_second(claims.issued_ms, ses_clock_wall_ms()); /* its life begins */
    assert_true(claims.expires_ms > claims.issued_ms + LIFE_MS);
    assert_int_equal(claims.generation, 1);
    again = token_after(core, start); /* an answer that was lost */
    assert_string_equal(again, two);
    start.token = two;
    none_after(core, start);
    none_after(core, (struct advance){.token = two, .customer = "cus_8"});
    assert_signed(core, (const uint64_t[]){1, 0, 0, 2, 0});
    free(one);
    free(two);
    free(again);
}

/* The shopper may take all of the time, and the merchant has to go on then. */
static void test_before_the_step_ends(void **state)
{
    struct core *core = *state;
    char *one = create(core, (struct order){.amount = 10000}), *two;
    struct call *call;

    unit_clock_pass_ms(10000);
    call = begin(core, (struct begin){.token = one, .step_seconds = 890 + SES_TOKEN_LEEWAY_MS / 1000 - 1});
    assert_string_equal(begun(call)->session_token, "");
    call_free(call);
    call = begin(core, (struct begin){.token = one});
    two = strdup(begun(call)->session_token);
    assert_same_second(token_claims(call, two).expires_ms, (uint64_t)begun(call)->expires_ms);
    call_free(call);
    none_after(core, (struct advance){.token = two, .customer = "cus_9"});
    none_after(core, (struct advance){.token = one, .event = SES_EVENT_STEP_CANCELLED}); /* no step is open */
    assert_signed(core, (const uint64_t[]){1, 0, 0, 0, 1});
    free(one);
    free(two);
}

static void test_where_the_caller_asks(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);
    struct call *call;
    char *newer;

    newer = token_after(core, (struct advance){.token = token, .renew = true});
    assert_string_equal(newer, token); /* no claim would be another */
    free(newer);
    call = update(core, (struct update){.token = token, .amount = 10000, .renew = true});
    assert_string_equal(updated(call)->session_token, token);
    call_free(call);
    assert_int_equal(core_puts(core), puts);
    unit_clock_pass_ms(1000);
    call = begin(core, (struct begin){.token = token, .step_seconds = 60, .renew = true});
    assert_same_second(token_claims(call, begun(call)->session_token).issued_ms, ses_clock_wall_ms());
    call_free(call);
    call =
        advance(core, (struct advance){.token = token, .event = SES_EVENT_PROCESSING_STARTED, .renew = true});
    assert_same_second(token_claims(call, advanced(call)->session_token).expires_ms,
                       ses_clock_wall_ms() + UINT64_C(7) * 24 * 3600 * 1000);
    call_free(call);
    call = advance(core, (struct advance){.token = token, .event = SES_EVENT_COMPLETED, .renew = true});
    assert_same_second(token_claims(call, advanced(call)->session_token).expires_ms,
                       (uint64_t)advanced(call)->session->expires_ms); /* as long as it is remembered */
    call_free(call);
    assert_signed(core, (const uint64_t[]){1, 0, 5, 0, 0});
    violates(advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "webhook", .renew = true}),
             "renew_token");
    free(token);
}

/* Whoever presents the older one has not got the newer one, whatever is asked. */
static void test_of_another_generation(void **state)
{
    struct core *core = *state;
    char *one = create(core, (struct order){.amount = 10000}), *two, *again;
    struct advance pass = {.token = one, .event = SES_EVENT_CHALLENGE_PASSED, .id = "passed"};
    struct call *call;

    none_after(core, (struct advance){.token = one, .event = SES_EVENT_AUTHENTICATION_STARTED});
    two = token_after(core, pass);
    again = token_after(core, pass);
    assert_string_equal(again, two);
    pass.token = two;
    none_after(core, pass);
    for (int i = 0; i < 2; i++) {
        call = update(core, (struct update){.token = two, .amount = 777});
        assert_int_equal(token_claims(call, updated(call)->session_token).generation, 3);
        call_free(call);
    }
    assert_signed(core, (const uint64_t[]){1, 4, 0, 0, 0});
    free(one);
    free(two);
    free(again);
}

/* Nothing is left to be done with it. */
static void test_none_of_what_is_over(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    unit_clock_pass_ms(LIFE_MS - 1000);
    none_after(core, (struct advance){.token = token, .event = SES_EVENT_COMPLETED});
    none_after(core, (struct advance){.token = token, .event = SES_EVENT_FAILED}); /* late */
    assert_signed(core, (const uint64_t[]){1, 0, 0, 0, 0});
    free(token);
}

static void test_none_of_what_is_revoked(void **state)
{
    struct core *core = *state;
    char *one = create(core, (struct order){.amount = 10000});
    struct call *call;

    none_after(core, (struct advance){.token = one, .event = SES_EVENT_AUTHENTICATION_STARTED});
    free(token_after(core, (struct advance){.token = one, .event = SES_EVENT_CHALLENGE_PASSED}));
    call = revoke_session(core, one, 0); /* the one before, in its overlap */
    (void)revoked(call);
    call_free(call);
    assert_signed(core, (const uint64_t[]){1, 1, 0, 0, 0});
    free(one);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_none_where_the_presented_one_does),
        T(test_less_than_half_of_its_life),
        T(test_before_the_step_ends),
        T(test_where_the_caller_asks),
        T(test_of_another_generation),
        T(test_none_of_what_is_over),
        T(test_none_of_what_is_revoked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
