#include "unit.h"

#include <sessiond/base/parameter.h>

static void test_each_in_turn(void **state)
{
    struct ses_slice rest = SES_STR("text/x ; a=b;C = \" d;e\" ; ;f;g=;h=\"\"");
    static const char *const expected[][2] = {{"a", "b"}, {"C", " d;e"}, {"", ""},
                                              {"f", ""},  {"g", ""},     {"h", ""}};
    struct ses_parameter parameter;

    (void)state;
    assert_slice_equal(ses_parameter_take_word(&rest), "text/x");
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(ses_parameter_take(&rest, &parameter));
        assert_true(ses_slice_eq_str(parameter.name, expected[i][0]));
        assert_true(ses_slice_eq_str(parameter.value, expected[i][1]));
    }
    assert_false(ses_parameter_take(&rest, &parameter));
    rest = SES_STR("alone");
    assert_slice_equal(ses_parameter_take_word(&rest), "alone");
    assert_false(ses_parameter_take(&rest, &parameter));
}

static void test_the_first_of_a_name(void **state)
{
    (void)state;
    assert_slice_equal(ses_parameter_find(SES_STR("x=1;Name=2;name=3"), SES_STR("name")), "2");
    assert_int_equal(ses_parameter_find(SES_STR("x=name;y=\"name=1\""), SES_STR("name")).len, 0);
    assert_int_equal(ses_parameter_find(SES_SLICE_EMPTY, SES_STR("name")).len, 0);
}

/* What text=".." is read as, and what behind it is still found. */
static void expect_quoted(const char *text, const char *value, const char *behind)
{
    struct ses_slice parameters = ses_slice_str(text);

    assert_true(ses_slice_eq_str(ses_parameter_find(parameters, SES_STR("q")), value));
    assert_true(ses_slice_eq_str(ses_parameter_find(parameters, SES_STR("z")), behind));
}

static void test_quoted_strings(void **state)
{
    (void)state;
    expect_quoted("q=\"a\";z=1", "a", "1");
    expect_quoted("q=\"a\\\";z=2\";z=1", "a\\\";z=2", "1");
    expect_quoted("q=\"a\\\\\";z=1", "a\\\\", "1");
    expect_quoted("q=\"a\"b\";z=1", "\"a\"b\";z=1", ""); /* the second quoted string has no end */
    expect_quoted("q=\"a\"b;z=1", "\"a\"b", "1");
    expect_quoted("q=a\";z=1", "a\";z=1", "");
    expect_quoted("q=\"", "\"", "");
    expect_quoted("q=\"a\\", "\"a\\", "");
    expect_quoted("q=\"a\\\"", "\"a\\\"", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_in_turn),
        cmocka_unit_test(test_the_first_of_a_name),
        cmocka_unit_test(test_quoted_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
