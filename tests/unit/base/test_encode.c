/* Text forms, hashes and identifiers, against values published in their standards. */
#include "unit.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/random.h>

/* RFC 4648 section 10. */
static void base64_of_the_rfc(void **state)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    char text[SES_BASE64_SIZE(6)];
    uint8_t bytes[8];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)ses_base64_encode(ses_slice_str(rows[i][0]), text);
        assert_string_equal(text, rows[i][1]);
        assert_ok(ses_base64_decode(ses_slice_str(rows[i][1]), bytes, sizeof(bytes), &len));
        assert_true(ses_slice_eq_str(ses_slice(bytes, len), rows[i][0]));
    }
    assert_ok(ses_base64_decode(SES_STR("Zg"), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 1);
}

static void decoders_are_strict(void **state)
{
    uint8_t bytes[8];
    size_t len;

    (void)state;
    assert_int_equal(ses_base64url_decode(SES_STR("Zg=="), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_base64url_decode(SES_STR("Zh"), bytes, 8, &len), SES_MALFORMED); /* bits left over */
    assert_int_equal(ses_base64url_decode(SES_STR("Z"), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_base64url_decode(SES_STR("Zm+v"), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_base64_decode(SES_STR("Zm-v"), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_base64_decode(SES_STR("Zm9v Zm9v"), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_base64_decode(SES_STR("Zm9vZm9vZm9v"), bytes, 8, &len), SES_TOO_LARGE);
    assert_int_equal(ses_base64_decode(SES_STR("===="), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_hex_decode(SES_STR("abc"), bytes, 8, &len), SES_MALFORMED);
    assert_int_equal(ses_hex_decode(SES_STR("zz"), bytes, 8, &len), SES_MALFORMED);
    assert_ok(ses_hex_decode(SES_STR("00fFa5"), bytes, 8, &len));
    assert_int_equal(len, 3);
    assert_int_equal(bytes[1], 0xFF);
}

/* Any byte at any place of texts of every length: taken where it is a digit, and the text is the one of its bytes. */
static void every_byte_at_every_place(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t text[8], bytes[6];
    char again[SES_BASE64_SIZE(6)];
    size_t len;

    (void)state;
    for (size_t size = 2; size <= sizeof(text); size += size % 4 == 0 ? 2 : 1) {
        for (size_t at = 0; at < size; at++) {
            for (unsigned c = 0; c < 256; c++) {
                bool digit = c != 0 && strchr(alphabet, (int)c) != NULL;
                bool fits = true; /* what is left over of the last one is zero */

                memset(text, 'A', sizeof(text));
                text[at] = (uint8_t)c;
                if (at + 1 == size && size % 4 != 0)
                    fits = c != 0 && strchr(size % 4 == 2 ? "AQgw" : "AEIMQUYcgkosw048", (int)c) != NULL;
                if (!digit || !fits) {
                    assert_int_equal(ses_base64url_decode(ses_slice(text, size), bytes, 6, &len),
                                     SES_MALFORMED);
                    continue;
                }
                assert_ok(ses_base64url_decode(ses_slice(text, size), bytes, 6, &len));
                assert_int_equal(len, size * 6 / 8);
                (void)ses_base64url_encode(ses_slice(bytes, len), again);
                assert_memory_equal(again, text, size);
            }
        }
    }
}

/* RFC 7693 appendix A gives BLAKE2b-512; for 256 bits: the published value of BLAKE2b-256("abc"). */
static void a_hex_digit_in_either_case(void **state)
{
    static const char digits[] = "0123456789abcdef";
    int found = 0;

    (void)state;
    for (int i = 0; i < 16; i++)
        assert_int_equal(ses_hex_digit((uint8_t)digits[i]), i);
    for (int i = 10; i < 16; i++)
        assert_int_equal(ses_hex_digit((uint8_t)(digits[i] - 'a' + 'A')), i);
    for (unsigned c = 0; c < 256; c++)
        found += ses_hex_digit((uint8_t)c) < 0 ? 0 : 1;
    assert_int_equal(found, 22);
}

static void a_percent_escape_of_every_byte(void **state)
{
    char expected[8];
    uint8_t text[3];

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        assert_int_equal(ses_percent_encode((uint8_t)c, text), 3);
        (void)snprintf(expected, sizeof(expected), "%%%02X", c);
        assert_memory_equal(text, expected, 3);
    }
}

static void blake2b_256_of_abc(void **state)
{
    uint8_t hash[SES_HASH_BYTES];
    char text[SES_HEX_SIZE(SES_HASH_BYTES)];

    (void)state;
    ses_random_init();
    ses_hash(SES_SLICE_EMPTY, SES_STR("abc"), hash);
    (void)ses_hex_encode(ses_slice(hash, sizeof(hash)), text);
    assert_string_equal(text, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void parts_do_not_run_together(void **state)
{
    const struct ses_slice ab_c[] = {SES_STR("ab"), SES_STR("c")};
    const struct ses_slice a_bc[] = {SES_STR("a"), SES_STR("bc")};
    uint8_t one[SES_HASH_BYTES], other[SES_HASH_BYTES];

    (void)state;
    ses_hash_parts(SES_STR("0123456789abcdef"), ab_c, 2, one);
    ses_hash_parts(SES_STR("0123456789abcdef"), a_bc, 2, other);
    assert_memory_not_equal(one, other, sizeof(one));
}

static void append(uint8_t *text, size_t *len, const void *bytes, size_t count)
{
    memcpy(text + *len, bytes, count);
    *len += count;
}

/* Whatever their lengths: what is stored under such a hash must be found by every version. */
static void parts_stand_one_behind_the_other_with_their_lengths(void **state)
{
    uint8_t bytes[600], joined[4 * 8 + 2 * sizeof(bytes) + 50];
    uint8_t one[SES_HASH_BYTES], other[SES_HASH_BYTES];

    (void)state;
    ses_random_bytes(bytes, sizeof(bytes));
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        const struct ses_slice parts[] = {ses_slice(bytes, 7), ses_slice(bytes, length), SES_SLICE_EMPTY,
                                          ses_slice(bytes, sizeof(bytes) - length)};
        size_t len = 0;

        for (size_t i = 0; i < 4; i++) {
            const uint8_t little[8] = {(uint8_t)parts[i].len, (uint8_t)(parts[i].len >> 8)};

            append(joined, &len, little, sizeof(little));
            if (parts[i].len > 0)
                append(joined, &len, parts[i].data, parts[i].len);
        }
        ses_hash_parts(SES_STR("0123456789abcdef"), parts, 4, one);
        ses_hash(SES_STR("0123456789abcdef"), ses_slice(joined, len), other);
        assert_memory_equal(one, other, sizeof(one));
    }
}

static void uuid_has_version_and_variant(void **state)
{
    char a[SES_UUID_SIZE], b[SES_UUID_SIZE];

    (void)state;
    ses_uuid_v4(a);
    ses_uuid_v4(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(a[8], '-');
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_the_rfc),
        cmocka_unit_test(decoders_are_strict),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(a_hex_digit_in_either_case),
        cmocka_unit_test(a_percent_escape_of_every_byte),
        cmocka_unit_test(blake2b_256_of_abc),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(parts_stand_one_behind_the_other_with_their_lengths),
        cmocka_unit_test(uuid_has_version_and_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
