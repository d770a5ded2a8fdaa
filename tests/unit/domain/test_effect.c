/* Calls with an effect: how they stand, which of them is in the way of another one, and how many there may be. */
#include <sessiond/domain/effect.h>
#include <sessiond/domain/session_machine.h>

#include "unit.h"

#define NOW 1000u

static struct ses_effect payment(enum ses_effect_state state)
{
    return (struct ses_effect){.method = SES_STR("types.PaymentService/Authorize"),
                               .merchant_id = SES_STR("tx"),
                               .attempt = {1},
                               .started_ms = NOW,
                               .until_ms = NOW + 100,
                               .pays = true,
                               .state = state};
}

static struct ses_session with(struct ses_effect *effects, unsigned count, enum ses_session_status status)
{
    return (struct ses_session){.status = status, .effects = effects, .effects_count = count};
}

static void test_found_by_method_and_id(void **state)
{
    struct ses_effect effects[2] = {payment(SES_EFFECT_RUNS), payment(SES_EFFECT_RUNS)};
    struct ses_session session = with(effects, 2, SES_SESSION_PROCESSING);
    const uint8_t other[SES_EFFECT_ATTEMPT_SIZE] = {2};

    (void)state;
    effects[1].method = SES_STR("types.PaymentService/Void");
    assert_ptr_equal(ses_effect_find(&session, effects[1].method, SES_STR("tx")), &effects[1]);
    assert_null(ses_effect_find(&session, effects[1].method, SES_STR("ty")));
    assert_null(ses_effect_find(&session, SES_STR("types.PaymentService/Refund"), SES_STR("tx")));
    assert_ptr_equal(ses_effect_of_attempt(&session, effects[0].attempt), &effects[0]);
    assert_null(ses_effect_of_attempt(&session, other));
}

static void test_one_whose_process_died_is_unknown_when_its_time_is_over(void **state)
{
    struct ses_effect effect = payment(SES_EFFECT_RUNS);
    struct ses_session session = with(&effect, 1, SES_SESSION_PROCESSING);

    (void)state;
    assert_int_equal(ses_effect_stands(&session, &effect, NOW + 99), SES_EFFECT_RUNS);
    assert_int_equal(ses_effect_stands(&session, &effect, NOW + 100), SES_EFFECT_UNKNOWN);
    assert_ptr_equal(ses_effect_unfinished(&session, NOW + 99), &effect);
    assert_ptr_equal(ses_effect_unfinished(&session, NOW + 100), &effect);
}

/* A webhook that tells the end, in either way. */
static void test_an_end_of_the_payment_settles_it(void **state)
{
    struct ses_effect effect = payment(SES_EFFECT_UNKNOWN);
    struct ses_session session = with(&effect, 1, SES_SESSION_PROCESSING);

    (void)state;
    assert_int_equal(ses_effect_stands(&session, &effect, NOW), SES_EFFECT_UNKNOWN);
    session.status = SES_SESSION_COMPLETED;
    assert_int_equal(ses_effect_stands(&session, &effect, NOW), SES_EFFECT_SETTLED);
    session.status = SES_SESSION_OPEN;
    session.attempts = 1;
    assert_int_equal(ses_effect_stands(&session, &effect, NOW), SES_EFFECT_SETTLED);
    assert_null(ses_effect_unfinished(&session, NOW));
    /* What is not a payment is not settled by one's end. */
    effect.pays = false;
    assert_int_equal(ses_effect_stands(&session, &effect, NOW), SES_EFFECT_UNKNOWN);
    assert_null(ses_effect_unfinished(&session, NOW));
}

/* The call is still under way although a webhook was faster: nobody else may begin one beside it. */
static void test_one_that_runs_is_in_the_way_whatever_was_told(void **state)
{
    struct ses_effect effect = payment(SES_EFFECT_RUNS);
    struct ses_session session = with(&effect, 1, SES_SESSION_OPEN);

    (void)state;
    session.attempts = 1;
    assert_ptr_equal(ses_effect_unfinished(&session, NOW), &effect);
    assert_null(ses_effect_unfinished(&session, NOW + 100));
}

static void test_pending_counts_while_the_session_waits(void **state)
{
    struct ses_effect effect = payment(SES_EFFECT_ANSWERED);
    struct ses_session session = with(&effect, 1, SES_SESSION_PROCESSING);

    (void)state;
    assert_ptr_equal(ses_effect_unfinished(&session, NOW), &effect);
    session.status = SES_SESSION_OPEN;
    assert_null(ses_effect_unfinished(&session, NOW));
    session.status = SES_SESSION_PROCESSING;
    effect.event = SES_EVENT_ACTION_REQUIRED;
    assert_null(ses_effect_unfinished(&session, NOW));
    effect.event = SES_EVENT_NONE;
    session.attempts = 1;
    assert_null(ses_effect_unfinished(&session, NOW));
}

static void test_what_was_learnt_is_marked(void **state)
{
    struct ses_effect effects[2] = {payment(SES_EFFECT_UNKNOWN), payment(SES_EFFECT_UNKNOWN)};
    struct ses_session session = with(effects, 2, SES_SESSION_OPEN);

    (void)state;
    session.attempts = 1;
    effects[1].attempts = 1;
    ses_effect_settle_learnt(&session, NOW);
    assert_int_equal(effects[0].state, SES_EFFECT_SETTLED);
    assert_int_equal(effects[1].state, SES_EFFECT_UNKNOWN);
}

static void test_room(void **state)
{
    struct ses_effect effects[SES_EFFECTS_MAX];
    struct ses_session session = with(effects, 0, SES_SESSION_OPEN);
    size_t bytes_max = 128 * SES_KIB;

    (void)state;
    for (unsigned i = 0; i < SES_EFFECTS_MAX; i++)
        effects[i] = payment(SES_EFFECT_ANSWERED);
    assert_true(ses_effect_room(&session, 1000, bytes_max));
    session.effects_count = SES_EFFECTS_MAX - 1;
    assert_true(ses_effect_room(&session, 1000, bytes_max));
    session.effects_count = SES_EFFECTS_MAX;
    assert_false(ses_effect_room(&session, 1000, bytes_max));
    session.effects_count = 3;
    for (unsigned i = 0; i < 3; i++)
        effects[i].answer.len = SES_EFFECT_ANSWER_MAX;
    assert_true(ses_effect_room(&session, 1000, bytes_max));
    /* One that runs has its answer's room already. */
    effects[3] = payment(SES_EFFECT_RUNS);
    session.effects_count = 4;
    assert_false(ses_effect_room(&session, 1000, bytes_max));
    session.effects_count = 0;
    assert_false(ses_effect_room(&session, bytes_max - SES_EFFECT_ANSWER_MAX, bytes_max));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ses_effect_state_name(SES_EFFECT_RUNS), "RUNS");
    assert_string_equal(ses_effect_state_name((enum ses_effect_state)9), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_method_and_id),
        cmocka_unit_test(test_one_whose_process_died_is_unknown_when_its_time_is_over),
        cmocka_unit_test(test_an_end_of_the_payment_settles_it),
        cmocka_unit_test(test_one_that_runs_is_in_the_way_whatever_was_told),
        cmocka_unit_test(test_pending_counts_while_the_session_waits),
        cmocka_unit_test(test_what_was_learnt_is_marked),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
