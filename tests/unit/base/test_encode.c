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

/* Both alphabets: the first 62 digits are the same. */
struct base64 {
    char alphabet[65];
    size_t (*encode)(struct ses_slice bytes, char *ret_text);
    enum ses_status (*decode)(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len);
};

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const struct base64 forms[] = {{ALNUM "+/", ses_base64_encode, ses_base64_decode},
                                      {ALNUM "-_", ses_base64url_encode, ses_base64url_decode}};

#define TEXT_MAX 36 /* two blocks of sixteen, and what is left over */

/* Text with c at its place, all else worth nothing. */
static void check_byte_at(const struct base64 *form, size_t size, size_t at, uint8_t c)
{
    bool digit = c != 0 && strchr(form->alphabet, (int)c) != NULL;
    bool fits = true; /* what is left over of the last one is zero */
    uint8_t text[TEXT_MAX], bytes[TEXT_MAX];
    char again[SES_BASE64_SIZE(TEXT_MAX)];
    size_t len;

    memset(text, 'A', sizeof(text));
    text[at] = c;
    if (at + 1 == size && size % 4 != 0)
        fits = c != 0 && strchr(size % 4 == 2 ? "AQgw" : "AEIMQUYcgkosw048", (int)c) != NULL;
    if (!digit || !fits) {
        assert_int_equal(form->decode(ses_slice(text, size), bytes, sizeof(bytes), &len), SES_MALFORMED);
        return;
    }
    assert_ok(form->decode(ses_slice(text, size), bytes, sizeof(bytes), &len));
    assert_int_equal(len, size * 6 / 8);
    for (size_t i = 0; i < len * 8; i++) /* bit by bit: only this digit's six can be set */
        assert_int_equal(bytes[i / 8] >> (7 - i % 8) & 1,
                         i / 6 == at ? (strchr(form->alphabet, (int)c) - form->alphabet) >> (5 - i % 6) & 1
                                     : 0);
    (void)form->encode(ses_slice(bytes, len), again);
    assert_memory_equal(again, text, size);
}

/* Any byte at any place of texts of every length: taken where it is a digit, and the text is the one of its bytes. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (size_t form = 0; form < 2; form++)
        for (size_t size = 2; size <= TEXT_MAX; size += size % 4 == 0 ? 2 : 1)
            for (size_t at = 0; at < size; at++)
                for (unsigned c = 0; c < 256; c++)
                    if (form == 1 || c != '=') /* ends a padded text */
                        check_byte_at(&forms[form], size, at, (uint8_t)c);
}

/* Connect's GET decodes where the text stands. */
static void a_text_is_decoded_in_its_place(void **state)
{
    uint8_t bytes[64];
    char text[SES_BASE64_SIZE(sizeof(bytes))];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        size_t text_len = ses_base64url_encode(ses_slice(bytes, size), text);

        assert_ok(ses_base64url_decode(ses_slice(text, text_len), (uint8_t *)text, text_len, &len));
        assert_int_equal(len, size);
        assert_memory_equal(text, bytes, size);
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

/* Texts of every length up to two blocks of eight and more. */
static void hex_of_every_byte(void **state)
{
    uint8_t bytes[19], back[19];
    char text[SES_HEX_SIZE(sizeof(bytes))], expected[SES_HEX_SIZE(sizeof(bytes))];
    size_t len = 0;

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t size = 0; size <= sizeof(bytes); size++) {
            expected[0] = '\0';
            for (size_t i = 0; i < size; i++) {
                bytes[i] = (uint8_t)(c + i * 89);
                (void)snprintf(expected + 2 * i, 3, "%02x", bytes[i]);
            }
            assert_int_equal(ses_hex_encode(ses_slice(bytes, size), text), 2 * size);
            assert_string_equal(text, expected);
            assert_ok(ses_hex_decode(ses_slice_str(text), back, sizeof(back), &len));
            assert_int_equal(len, size);
            assert_memory_equal(back, bytes, size);
        }
    }
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
    for (size_t i = 0; i < 36; i++)
        assert_int_equal(a[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_the_rfc),
        cmocka_unit_test(decoders_are_strict),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(a_text_is_decoded_in_its_place),
        cmocka_unit_test(a_hex_digit_in_either_case),
        cmocka_unit_test(hex_of_every_byte),
        cmocka_unit_test(a_percent_escape_of_every_byte),
        cmocka_unit_test(blake2b_256_of_abc),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(parts_stand_one_behind_the_other_with_their_lengths),
        cmocka_unit_test(uuid_has_version_and_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
