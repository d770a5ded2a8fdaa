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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_cuts),
        cmocka_unit_test(parses_decimal_strictly),
        cmocka_unit_test(accepts_exactly_the_scalar_values),
        cmocka_unit_test(refuses_malformed_utf8),
        cmocka_unit_test(printable_refuses_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
