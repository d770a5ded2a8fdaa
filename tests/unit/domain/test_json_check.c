#include <sessiond/domain/json_check.h>

#include <stdio.h>

#include "unit.h"

static void expect_all(bool expected, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(texts[i]);
        uint8_t *copy = malloc(len == 0 ? 1 : len); /* its own size: a read behind the end is seen */

        memcpy(copy, texts[i], len);
        if (ses_json_check(ses_slice(copy, len)) != expected)
            fail_msg("expected %d for: %s", expected, texts[i]);
        free(copy);
    }
}

#define EXPECT_ALL(expected, texts) expect_all(expected, texts, sizeof(texts) / sizeof((texts)[0]))

static void test_json(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E-2",
        "\"\"",
        " \t\r\n{} ",
        "[[],[{}],{}]",
        "{\"a\":1,\"b\":[true,null,{\"c\":\"d\"}],\"e\":{}}",
        "[1 , 2 ,3]",
        "{ \"a\" : { \"b\" : [ ] } }",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"",
        "\"\\ud83d\\ude00\"",
        "\"\xc3\xa4\"",
        "0.5",
        "\"\x7f\"",
    };

    (void)state;
    EXPECT_ALL(true, texts);
}

static void test_not_json(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "'a'",
        "\"",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "1 2",
        "{} {}",
        "// c\n{}",
        "[1,/**/2]",
        "\"\\",
        "\"\\u",
        "{\"a\"",
        "{\"a",
        "{\"a\":1,\"b\"",
        "t",
        "\v[]",
        "[1]]",
        "undefined",
    };

    (void)state;
    EXPECT_ALL(false, texts);
}

static bool nested(unsigned depth, bool objects)
{
    char text[1024];
    size_t len = 0;

    for (unsigned i = 0; i < depth; i++) {
        const char *open = objects ? "{\"a\":" : "[";

        memcpy(text + len, open, strlen(open));
        len += strlen(open);
    }
    if (objects)
        text[len++] = '1';
    for (unsigned i = 0; i < depth; i++)
        text[len++] = objects ? '}' : ']';
    return ses_json_check(ses_slice(text, len));
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    assert_true(nested(SES_JSON_CHECK_DEPTH_MAX, false));
    assert_true(nested(SES_JSON_CHECK_DEPTH_MAX, true));
    assert_false(nested(SES_JSON_CHECK_DEPTH_MAX + 1, false));
    assert_false(nested(SES_JSON_CHECK_DEPTH_MAX + 1, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_depth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
