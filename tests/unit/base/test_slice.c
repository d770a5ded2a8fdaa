#include "unit.h"

static void compares_and_cuts(void **state)
{
    (void)state;
    assert_true(ses_slice_eq(SES_STR("abc"), ses_slice_str("abc")));
    assert_false(ses_slice_eq(SES_STR("abc"), SES_STR("abd")));
    assert_true(ses_slice_ieq(SES_STR("Content-TYPE"), SES_STR("content-type")));
    assert_false(ses_slice_ieq(SES_STR("a"), SES_STR("ab")));
    assert_true(ses_slice_starts(SES_STR("sess_x"), SES_STR("sess_")));
    assert_false(ses_slice_starts(SES_STR("ses"), SES_STR("sess_")));
    assert_slice_equal(ses_slice_cut(SES_STR("hello"), 1, 3), "el");
    assert_slice_equal(ses_slice_cut(SES_STR("hello"), 3, 99), "lo");
    assert_int_equal(ses_slice_cut(SES_STR("hello"), 9, 3).len, 0);
    assert_int_equal(ses_slice_find(SES_STR("a=b"), '='), 1);
    assert_int_equal(ses_slice_find(SES_STR("ab"), '='), 2);
    assert_int_equal(ses_slice_find(SES_SLICE_EMPTY, '='), 0);
    assert_slice_equal(ses_slice_trim(SES_STR(" \t x y\t")), "x y");
    assert_int_equal(ses_slice_trim(SES_STR("  ")).len, 0);
}

static void parses_decimal_strictly(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_ok(ses_parse_u64(SES_STR("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_ok(ses_parse_u64(SES_STR("0"), 0, &value));
    assert_int_equal(value, 0);
    value = 7;
    assert_int_equal(ses_parse_u64(SES_STR("18446744073709551616"), UINT64_MAX, &value), SES_MALFORMED);
    assert_int_equal(ses_parse_u64(SES_STR("99999999999999999999"), UINT64_MAX, &value), SES_MALFORMED);
    assert_int_equal(ses_parse_u64(SES_STR("101"), 100, &value), SES_MALFORMED);
    assert_int_equal(ses_parse_u64(SES_STR(""), 100, &value), SES_MALFORMED);
    assert_int_equal(ses_parse_u64(SES_STR("+1"), 100, &value), SES_MALFORMED);
    assert_int_equal(ses_parse_u64(SES_STR("1 "), 100, &value), SES_MALFORMED);
    assert_int_equal(value, 7); /* written only on success */
}

/* Every code point from U+0000 to U+10FFFF, encoded by the definition, is accepted exactly when it is a
 * scalar value. */
static void accepts_exactly_the_scalar_values(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint8_t b[4];
        size_t n;

        if (cp < 0x80) {
            b[0] = (uint8_t)cp;
            n = 1;
        } else if (cp < 0x800) {
            b[0] = (uint8_t)(0xC0 | cp >> 6);
            b[1] = (uint8_t)(0x80 | (cp & 63));
            n = 2;
        } else if (cp < 0x10000) {
            b[0] = (uint8_t)(0xE0 | cp >> 12);
            b[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
            b[2] = (uint8_t)(0x80 | (cp & 63));
            n = 3;
        } else {
            b[0] = (uint8_t)(0xF0 | cp >> 18);
            b[1] = (uint8_t)(0x80 | (cp >> 12 & 63));
            b[2] = (uint8_t)(0x80 | (cp >> 6 & 63));
            b[3] = (uint8_t)(0x80 | (cp & 63));
            n = 4;
        }
        assert_true(ses_utf8_check(ses_slice(b, n)) == (cp < 0xD800 || cp > 0xDFFF));
        if (n > 1)
            assert_false(ses_utf8_check(ses_slice(b, n - 1)));
    }
}

static void refuses_malformed_utf8(void **state)
{
    (void)state;
    assert_false(ses_utf8_check(SES_STR("\xC0\x80")));         /* overlong NUL */
    assert_false(ses_utf8_check(SES_STR("\xE0\x80\xAF")));     /* overlong slash */
    assert_false(ses_utf8_check(SES_STR("\xF4\x90\x80\x80"))); /* U+110000 */
    assert_false(ses_utf8_check(SES_STR("\xFF")));
    assert_false(ses_utf8_check(SES_STR("abcdefgh\x80")));
    assert_false(ses_utf8_check(SES_STR("\x80"
                                        "abcdefghij")));
    assert_true(ses_utf8_check(SES_STR("abcdefgh\xC3\xA9ijklmnop")));
    assert_true(ses_utf8_check(SES_SLICE_EMPTY));
}

static void printable_refuses_controls(void **state)
{
    (void)state;
    assert_true(ses_utf8_printable_check(SES_STR("session 001 \xC3\xA9 \xE2\x82\xAC")));
    assert_false(ses_utf8_printable_check(SES_STR("a\nb")));
    assert_false(ses_utf8_printable_check(SES_STR("a\x7F")));
    assert_false(ses_utf8_printable_check(SES_STR("a\xC2\x85")));
    assert_true(ses_utf8_printable_check(SES_STR("a\xC2\xA0")));
    assert_false(ses_utf8_printable_check(ses_slice("a\0b", 3)));
}

static void printable_looks_at_every_byte_at_every_place(void **state)
{
    char text[18];

    (void)state;
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(text, '~', len);
                text[at] = (char)c;
                assert_int_equal(ses_utf8_printable_check(ses_slice(text, len)), c >= 0x20 && c < 0x7F);
            }
        }
    }
}

static void printable_refuses_what_is_not_seen(void **state)
{
    static const char *const refused[] = {
        "a\xE2\x80\x8B",     /* U+200B zero width space */
        "\xE2\x80\xAEtxt",   /* U+202E right-to-left override */
        "a\xE2\x80\xA8",     /* U+2028 line separator */
        "a\xE2\x80\xA9",     /* U+2029 */
        "\xEF\xBB\xBFz",     /* U+FEFF */
        "a\xEF\xBF\xBF",     /* U+FFFF noncharacter */
        "a\xC2\xAD",         /* U+00AD soft hyphen */
        "a\xEE\x80\x80",     /* U+E000 private */
        "a\xCD\xB8",         /* U+0378 unassigned */
        "a\xF4\x8F\xBF\xBF", /* U+10FFFF */
        "a\xF3\xA0\x81\x81", /* U+E0041 tag */
        "a\xE3\x85\xA4",     /* U+3164 Hangul filler */
        "a\xEF\xB8\x8F",     /* U+FE0F variation selector */
        "a\xE2\x81\xA6",     /* U+2066 isolate */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (ses_utf8_printable_check(ses_slice_str(refused[i])))
            fail_msg("taken: row %zu", i);
    }
    assert_true(
        ses_utf8_printable_check(SES_STR("\xF0\x9F\x98\x80 \xE6\x97\xA5\xE6\x9C\xAC \xD8\xB9 a\xCC\x81")));
    assert_true(ses_code_point_printable(0xFFFD));
    assert_true(ses_code_point_printable(0x7E));
    assert_false(ses_code_point_printable(0x7F));
    assert_false(ses_code_point_printable(0x80));
    assert_true(ses_code_point_printable(0xA0));
}

static void names_are_not_blank(void **state)
{
    (void)state;
    assert_true(ses_utf8_name_check(SES_STR(" a")));
    assert_true(ses_utf8_name_check(SES_STR("\xC3\xA9")));
    assert_false(ses_utf8_name_check(SES_STR("")));
    assert_false(ses_utf8_name_check(SES_STR(" ")));
    assert_false(ses_utf8_name_check(SES_STR("  \xC2\xA0\xE3\x80\x80")));
    assert_false(ses_utf8_name_check(SES_STR("a\xE2\x80\x8B")));
}

/* Whole sequences only, with their code points. */
static void first_sequence(void **state)
{
    uint32_t c = 0;

    (void)state;
    assert_int_equal(ses_utf8_first(SES_STR("a"), &c), 1);
    assert_int_equal(c, 'a');
    assert_int_equal(ses_utf8_first(SES_STR("\xE2\x82\xAC!"), &c), 3);
    assert_int_equal(c, 0x20AC);
    assert_int_equal(ses_utf8_first(SES_STR("\xF0\x9F\x98\x80"), &c), 4);
    assert_int_equal(c, 0x1F600);
    assert_int_equal(ses_utf8_first(SES_STR("\xE2\x82"), &c), 0);
    assert_int_equal(ses_utf8_first(SES_SLICE_EMPTY, &c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_cuts),
        cmocka_unit_test(parses_decimal_strictly),
        cmocka_unit_test(accepts_exactly_the_scalar_values),
        cmocka_unit_test(refuses_malformed_utf8),
        cmocka_unit_test(printable_refuses_controls),
        cmocka_unit_test(printable_looks_at_every_byte_at_every_place),
        cmocka_unit_test(printable_refuses_what_is_not_seen),
        cmocka_unit_test(names_are_not_blank),
        cmocka_unit_test(first_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
