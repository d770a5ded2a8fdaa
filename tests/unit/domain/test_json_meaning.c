#include <sessiond/domain/json_meaning.h>

#include <sessiond/domain/json_check.h>

#include "unit.h"

static const struct ses_tag_key key = {{5}};

static bool same(const char *a, const char *b)
{
    struct ses_arena arena;
    bool result;

    ses_arena_init(&arena, 1 << 20);
    result = ses_json_same(&key, ses_slice_str(a), ses_slice_str(b), &arena);
    assert_int_equal(ses_json_same(&key, ses_slice_str(b), ses_slice_str(a), &arena), result);
    ses_arena_done(&arena);
    return result;
}

static void test_spellings_of_one_meaning(void **state)
{
    static const char *const pairs[][2] = {
        {"{\"a\":1,\"b\":2}", "{\"b\": 2, \"a\": 1}"},
        {"{}", " { } "},
        {"[]", "[\n\t\r ]"},
        {"[1,[2,{\"x\":[]}],3]", "[ 1 , [ 2 , { \"x\" : [ ] } ] , 3 ]"},
        {"{\"a\":{\"c\":1,\"b\":[{\"y\":1,\"x\":2}]}}", "{\"a\":{\"b\":[{\"x\":2,\"y\":1}],\"c\":1}}"},
        {"1", "1.0"},
        {"100", "1e2"},
        {"1E+2", "100.000"},
        {"0.05", "5e-2"},
        {"12.50", "125e-1"},
        {"0", "-0.0e7"},
        {"9007199254740993", "9007199254740993.0"},
        {"1e400", "10e399"},
        {"1e9999999999999999999", "1e9999999999999999999"},
        {"\"A/b\"", "\"\\u0041\\/b\""},
        {"\"\xC3\xA9\"", "\"\\u00e9\""},
        {"\"\xE2\x82\xAC\"", "\"\\u20AC\""},
        {"\"\xF0\x9F\x98\x80\"", "\"\\ud83d\\ude00\""},
        {"\"\\n\\t\\u0000\\\"\\\\\"", "\"\\u000a\\u0009\\u0000\\u0022\\u005c\""},
        {"{\"\\u0061\":true}", "{\"a\":true}"},
        {"null", " null "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (!same(pairs[i][0], pairs[i][1]))
            fail_msg("%s is not %s", pairs[i][0], pairs[i][1]);
    }
}

static void test_other_meanings(void **state)
{
    static const char *const pairs[][2] = {
        {"{\"a\":1}", "{\"a\":2}"},
        {"{\"a\":1}", "{\"b\":1}"},
        {"{\"a\":1}", "{\"a\":1,\"b\":null}"},
        {"{\"a\":\"1\"}", "{\"a\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"},
        {"{\"a\":{\"b\":1},\"c\":{}}", "{\"a\":{},\"c\":{\"b\":1}}"},
        {"[1,2]", "[2,1]"},
        {"[1]", "[[1]]"},
        {"[]", "{}"},
        {"[1,2,3]", "[1,[2,3]]"},
        {"[]", "null"},
        {"\"\"", "null"},
        {"0", "null"},
        {"0", "false"},
        {"1", "-1"},
        {"1", "10"},
        {"1e2", "1e-2"},
        {"9007199254740993", "9007199254740992"},
        {"1e9999999999999999999", "1e9999999999999999998"},
        {"\"a\"", "\"A\""},
        {"\"a \"", "\"a\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (same(pairs[i][0], pairs[i][1]))
            fail_msg("%s is taken for %s", pairs[i][0], pairs[i][1]);
    }
}

/* What is no JSON, or could be read in two ways, is the same as nothing. */
static void test_what_cannot_be_compared(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "text",
                                        "{\"a\":1,}",
                                        "{\"a\":1,\"a\":1}",
                                        "[{\"a\":1,\"\\u0061\":2}]",
                                        "\"\xFF\"",
                                        "1 2",
                                        "{\"x\":[{\"k\":1,\"k\":1}]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(same(texts[i], texts[i]));
}

/* As deep and as wide as texts may be. */
static void test_the_largest(void **state)
{
    static char deep[2 * SES_JSON_CHECK_DEPTH_MAX + 1];
    static char wide[16384], blank[16384];
    size_t at = 0;

    (void)state;
    memset(deep, '[', SES_JSON_CHECK_DEPTH_MAX);
    memset(deep + SES_JSON_CHECK_DEPTH_MAX, ']', SES_JSON_CHECK_DEPTH_MAX);
    assert_true(same(deep, deep));
    for (wide[at++] = '['; at < sizeof(wide) - 3; wide[at++] = ',')
        wide[at++] = '1';
    memcpy(wide + at - 1, "]", 2);
    memcpy(blank, wide, at + 1);
    assert_true(same(wide, blank));
    blank[1] = '2';
    assert_false(same(wide, blank));
}

static void test_without_memory_nothing_is_the_same(void **state)
{
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 8);
    assert_false(ses_json_same(&key, SES_STR("{}"), SES_STR("{ }"), &arena));
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_of_one_meaning),
        cmocka_unit_test(test_other_meanings),
        cmocka_unit_test(test_what_cannot_be_compared),
        cmocka_unit_test(test_the_largest),
        cmocka_unit_test(test_without_memory_nothing_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
