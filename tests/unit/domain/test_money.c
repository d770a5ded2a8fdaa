#include <sessiond/domain/money.h>

#include "domain/currency.h"
#include "unit.h"

static void test_numbers_run_from_one_to_the_last(void **state)
{
    (void)state;
    assert_null(ses_currency_by_number(0));
    assert_null(ses_currency_by_number(-1));
    assert_null(ses_currency_by_number(161));
    assert_null(ses_currency_by_number(INT64_MAX));
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++) {
        const struct ses_currency *currency = ses_currency_by_number(number);

        assert_non_null(currency);
        assert_int_equal(currency->number, number);
        assert_ptr_equal(currency_by_code(currency->code), currency);
    }
}

static void test_protocol_numbers(void **state)
{
    (void)state;
    assert_int_equal(currency_by_code("AED")->number, 1);
    assert_int_equal(currency_by_code("ZWL")->number, 160);
    assert_int_equal(currency_by_code("ZAR")->number, 158);
    assert_null(currency_by_code("XXX"));
}

static unsigned count_listed(const char *const *codes, unsigned exponent)
{
    unsigned count = 0;

    for (; *codes != NULL; codes++, count++)
        assert_int_equal(currency_by_code(*codes)->exponent, exponent);
    return count;
}

/* The lists as the protocol's documentation gives them; everything else has two digits. */
static void test_exponents(void **state)
{
    static const char *const none[] = {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG",
                                       "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF", NULL};
    static const char *const three[] = {"BHD", "JOD", "KWD", "OMR", "TND", NULL};
    static const char *const four[] = {"CLF", NULL};
    unsigned others = SES_CURRENCY_COUNT;

    (void)state;
    others -= count_listed(none, 0) + count_listed(three, 3) + count_listed(four, 4);
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++)
        others -= ses_currency_by_number(number)->exponent == 2 ? 1 : 0;
    assert_int_equal(others, 0);
    assert_int_equal(currency_by_code("IQD")->exponent, 2); /* ISO says 3 */
    assert_int_equal(currency_by_code("ISK")->exponent, 2); /* ISO says 0 */
}

static void test_fifteen_are_known_but_refused(void **state)
{
    static const char *const refused[] = {"AFN", "BTN", "CDF", "CLF", "CUC", "ERN", "IRR", "ISK",
                                          "KPW", "SDG", "STD", "SYP", "TJS", "TMT", "ZWL"};
    unsigned accepted = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(currency_by_code(refused[i])->accepted);
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++)
        accepted += ses_currency_by_number(number)->accepted ? 1 : 0;
    assert_int_equal(accepted, 145);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_run_from_one_to_the_last),
        cmocka_unit_test(test_protocol_numbers),
        cmocka_unit_test(test_exponents),
        cmocka_unit_test(test_fifteen_are_known_but_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
