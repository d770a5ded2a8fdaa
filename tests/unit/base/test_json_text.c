/* Escapes of JSON strings: every byte and some characters beyond, written and undone. */
#include "unit.h"

#include <sessiond/base/json_text.h>

static void assert_escape(const char *escape, size_t len, const char *expected)
{
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(escape, expected, len);
}

static void what_must_be_escaped_is_the_rfcs(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        assert_int_equal(ses_json_must_escape((uint8_t)c), c < 0x20 || c == 0x22 || c == 0x5C);
}

/* Every byte at every place of texts of every length, whatever stands behind it. */
static void a_run_ends_at_what_must_be_escaped(void **state)
{
    static const char behind[] = " \"\x1f\x80";
    uint8_t text[18];

    (void)state;
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 4 * 256; c++) {
                size_t run = 0;

                memset(text, ' ', at);
                text[at] = (uint8_t)c;
                memset(text + at + 1, behind[c / 256], len - at - 1);
                while (run < len && !ses_json_must_escape(text[run]))
                    run++;
                assert_int_equal(ses_json_plain_run(ses_slice(text, len)), run);
            }
        }
    }
}

static void an_escape_for_every_character(void **state)
{
    char escape[SES_JSON_ESCAPE_MAX];

    (void)state;
    assert_escape(escape, ses_json_escape('"', escape), "\\\"");
    assert_escape(escape, ses_json_escape('\\', escape), "\\\\");
    assert_escape(escape, ses_json_escape(0, escape), "\\u0000");
    assert_escape(escape, ses_json_escape('\n', escape), "\\u000a");
    assert_escape(escape, ses_json_escape(0x7F, escape), "\\u007f");
    assert_escape(escape, ses_json_escape(0xABCD, escape), "\\uabcd");
    assert_escape(escape, ses_json_escape(0xFFFF, escape), "\\uffff");
    assert_escape(escape, ses_json_escape(0x10000, escape), "\\ud800\\udc00");
    assert_escape(escape, ses_json_escape(0x1F600, escape), "\\ud83d\\ude00");
    assert_escape(escape, ses_json_escape(0x10FFFF, escape), "\\udbff\\udfff");
}

static void five_controls_have_a_letter(void **state)
{
    static const char letters[] = "\bb\ff\nn\rr\tt";
    char escape[SES_JSON_ESCAPE_MAX];
    char expected[SES_JSON_ESCAPE_MAX + 1];

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const char *letter = c == 0 ? NULL : memchr(letters, (int)c, c < 0x20 ? sizeof(letters) - 1 : 0);

        if (letter != NULL)
            (void)snprintf(expected, sizeof(expected), "\\%c", letter[1]);
        else
            (void)snprintf(expected, sizeof(expected), c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
        assert_escape(escape, ses_json_escape_short((uint8_t)c, escape), expected);
    }
}

/* Each one comes back, with something behind it and without, and no part of it does. */
static void what_was_written_is_undone(void **state)
{
    char text[SES_JSON_ESCAPE_MAX + 8];

    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        size_t len = ses_json_escape(c, text);
        uint8_t byte = 0xEE;

        memcpy(text + len, "g\\\"u0041", 8);
        for (size_t room = 0; room <= len + 8; room++) {
            bool whole = ses_json_must_escape((uint8_t)c) && room >= len;

            assert_int_equal(ses_json_unescape(ses_slice(text, room), &byte), whole ? len : 0);
            assert_int_equal(byte, whole ? c : byte == 0xEE ? 0xEE : c);
        }
    }
}

static void no_other_spelling_is_undone(void **state)
{
    static const char *const others[] = {"",        "\\",      "\"",      "a",       "\\n",     "\\b",
                                         "\\/",     "\\a",     "\\u",     "\\u0",    "\\u00",   "\\u000",
                                         "\\u000A", "\\U000a", "\\u0041", "\\u0022", "\\u005c", "\\u007f",
                                         "\\u0100", "\\u1000", "\\u010a", "\\ud83d", "\\u00g1", "\\u001g",
                                         "/u000a",  "u000a",   "/\"",     "\\u 0a",  "\\u+00a", "\\x0a"};
    uint8_t byte = 0xEE;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (ses_json_unescape(ses_slice_str(others[i]), &byte) != 0)
            fail_msg("taken: %s", others[i]);
    }
    assert_int_equal(byte, 0xEE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_be_escaped_is_the_rfcs),
        cmocka_unit_test(a_run_ends_at_what_must_be_escaped),
        cmocka_unit_test(an_escape_for_every_character),
        cmocka_unit_test(five_controls_have_a_letter),
        cmocka_unit_test(what_was_written_is_undone),
        cmocka_unit_test(no_other_spelling_is_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
