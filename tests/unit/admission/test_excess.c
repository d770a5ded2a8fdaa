/* How a connection is read while there is too much to do, by its latest calls; and what refusing may cost. */
#include "excess.h"

#include "allowance.h"
#include "unit.h"

static enum ses_conn_reading note(struct ses_conn_calls *calls, unsigned count, bool creation, bool excess,
                                  bool spent)
{
    enum ses_conn_reading reading = SES_READ_FULLY;

    for (unsigned i = 0; i < count; i++)
        reading = ses_excess_note(calls, creation, excess, spent);
    return reading;
}

/* Eight calls say something, fewer nothing. */
static void test_few_calls(void **state)
{
    struct ses_conn_calls calls = {0};

    (void)state;
    assert_int_equal(note(&calls, 7, true, true, true), SES_READ_FULLY);
    assert_int_equal(note(&calls, 1, true, true, true), SES_READ_LATER);
}

static void test_what_comes_decides(void **state)
{
    struct ses_conn_calls creations = {0}, excess = {0}, reads = {0};

    (void)state;
    assert_int_equal(note(&creations, 100, true, false, true), SES_READ_LITTLE);
    assert_int_equal(note(&excess, 100, true, true, false), SES_READ_EXCESS);
    assert_int_equal(note(&excess, 1, true, true, true), SES_READ_LATER);
    assert_int_equal(note(&reads, 100, false, false, true), SES_READ_FULLY);
}

/* A call of another merchant in between does not free the connection, and is not what makes it wait. */
static void test_one_of_many(void **state)
{
    struct ses_conn_calls calls = {0};

    (void)state;
    (void)note(&calls, 60, true, true, true);
    assert_int_equal(note(&calls, 1, true, false, true), SES_READ_EXCESS);
    assert_int_equal(note(&calls, 1, true, true, true), SES_READ_LATER);
}

/* Through a proxy: every fourth call is of somebody who asks for little, or continues a payment. */
static void test_shared_connection(void **state)
{
    struct ses_conn_calls mixed = {0}, payments = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(note(&mixed, 3, true, true, true) < SES_READ_LATER || i < 3);
        assert_true(note(&mixed, 1, true, false, true) < SES_READ_LATER || i < 3);
        (void)note(&payments, 3, true, false, true);
        (void)note(&payments, 1, false, false, true);
    }
    assert_int_equal(note(&mixed, 1, true, false, true), SES_READ_LITTLE);
    assert_int_equal(note(&payments, 1, true, false, true), SES_READ_FULLY);
}

/* What it was long ago is forgotten. */
static void test_it_changes(void **state)
{
    struct ses_conn_calls calls = {0};

    (void)state;
    (void)note(&calls, 60000, true, true, true);
    assert_int_equal(note(&calls, 200, false, false, true), SES_READ_FULLY);
    assert_int_equal(note(&calls, 400, true, true, true), SES_READ_LATER);
}

/* A thirty-second part of what was answered. */
static void test_allowance(void **state)
{
    struct ses_allowance allowance = {0};

    (void)state;
    assert_false(ses_allowance_is_spent(&allowance));
    ses_allowance_earn(&allowance, 32000);
    ses_allowance_spend(&allowance, 1000);
    assert_false(ses_allowance_is_spent(&allowance));
    ses_allowance_spend(&allowance, 1);
    assert_true(ses_allowance_is_spent(&allowance));
    ses_allowance_earn(&allowance, 64);
    assert_false(ses_allowance_is_spent(&allowance));
}

/* Neither a quiet hour nor a flood is remembered for long. */
static void test_allowance_has_bounds(void **state)
{
    struct ses_allowance allowance = {0};

    (void)state;
    ses_allowance_earn(&allowance, 3600e9);
    ses_allowance_spend(&allowance, 1.1e6);
    assert_true(ses_allowance_is_spent(&allowance));
    ses_allowance_spend(&allowance, 3600e9);
    ses_allowance_earn(&allowance, 0.6e9);
    assert_false(ses_allowance_is_spent(&allowance));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_calls),
        cmocka_unit_test(test_what_comes_decides),
        cmocka_unit_test(test_one_of_many),
        cmocka_unit_test(test_shared_connection),
        cmocka_unit_test(test_it_changes),
        cmocka_unit_test(test_allowance),
        cmocka_unit_test(test_allowance_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
