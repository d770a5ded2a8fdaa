#include <sessiond/domain/card_data.h>

#include <stdio.h>

#include "unit.h"

static void expect(enum ses_card_data expected, const char *text)
{
    if (ses_card_data_find(ses_slice_str(text)) != expected)
        fail_msg("expected %d for: %s", (int)expected, text);
}

static void expect_all(enum ses_card_data expected, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(expected, texts[i]);
}

#define EXPECT_ALL(expected, texts) expect_all(expected, texts, sizeof(texts) / sizeof((texts)[0]))

/* The networks' published test numbers. */
static void test_numbers_of_every_network(void **state)
{
    static const char *const pans[] = {
        "4111111111111111",    /* Visa */
        "4000000000000000006", /* Visa, 19 digits */
        "5555555555554444",    /* Mastercard */
        "2223003122003222",    /* Mastercard, 2 series */
        "378282246310005",     /* American Express */
        "371449635398431",     /* American Express */
        "6011111111111117",    /* Discover */
        "30569309025904",      /* Diners */
        "38520000023237",      /* Diners */
        "36227206271667",      /* Diners */
        "3530111333300000",    /* JCB */
        "6759649826438453",    /* Maestro */
        "6200000000000005",    /* UnionPay */
        "2200000000000004",    /* Mir */
    };

    (void)state;
    EXPECT_ALL(SES_CARD_DATA_PAN, pans);
}

static void test_forms_of_a_number(void **state)
{
    static const char *const pans[] = {
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 1111-1111 1111",
        "3782 822463 10005",
        "card 4111111111111111.",
        "4111  1111 1111 1111",
        "00004111111111111111",
        "session_4111111111111111",
        "x-4111111111111111-y",
        "4111 1111 1111 1111 12/29",
        "12 4111 1111 1111 1111 123",
        "{\"note\":\"4111111111111111\"}",
        "{\"n\":4111111111111111}",
        "[1,4111111111111111,2]",
        "{\"n\":4111111111111111.0}",
        "4111 \\u0031111 1111 1111",
        "\\u0034111111111111111",
        "{\"inner\":\"{\\\"n\\\":\\\"4111111111111111\\\"}\"}",
        "a=4111111111111111&b=1",
        "/4111111111111111/",
        "+4111111111111111",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111_1111_1111_1111",
        "4111\t1111\t1111\t1111",
        "4111\r\n1111\r\n1111\r\n1111",
        "4111\\n1111\\n1111\\n1111",
        "4111%201111%201111%201111",
        "&#52;&#49;&#49;&#49; 1111 1111 1111",
        "&#x34;111-1111-1111-1111",
        "&4111111111111111",
        "&#4111 1111 1111 1111",
        "%u0034111%u20111111%u20111111%u20111111",
        "4111%25201111%25201111%25201111",
        "%34111111111111111",
        "%2534111111111111111",
        "100%4111111111111111",
        "%B4111111111111111^DOE/JANE^2912",
        ";4111111111111111=2912",
        "4111+1111+1111+1111",
        "4111\xc2\xa0"
        "1111\xc2\xa0"
        "1111\xc2\xa0"
        "1111",
        "4111\xe2\x80\x93"
        "1111\xe2\x80\x94"
        "1111\xe2\x88\x92"
        "1111",
        "4\xe2\x80\x8b"
        "1\xe2\x80\x8b"
        "11\xef\xbb\xbf"
        "111111111111",
        "\xef\xbc\x94"
        "111111111111111",
        "\xd9\xa4\xd9\xa1\xd9\xa1\xd9\xa1 1111 1111 1111",
        "\\uff14111111111111111",
        "\\ud835\\udfd2111111111111111",
        "4111\\u00a01111\\u20091111\\u20281111",
        "4111\xa0"
        "1111\x96"
        "1111\xa0"
        "1111",
        "a=%EF%BC%94111111111111111",

        "378282 246310005 3782 822463 10005",
    };

    (void)state;
    EXPECT_ALL(SES_CARD_DATA_PAN, pans);
}

static void test_what_is_no_card_number(void **state)
{
    static const char *const texts[] = {
        "",
        "4111111111111112",        /* check digit */
        "411111111111",            /* 12 digits */
        "14111111111111111",       /* longer run */
        "41111111111111110000000", /* longer run */
        "4222222222222",           /* Visa has issued no 13 digits for long */
        "card4111111111111111",    /* it touches a letter */
        "4111111111111111x",
        "41111111 11111111",    /* no card is grouped so */
        "41 1111 1111 1111 11", /* nor so */
        "4111     1111 1111 1111",
        "612999877543200", /* a parcel */
        "+4915123456704",
        "+6281223456708", /* mobiles */
        "4006381333023",
        "4512345678908",
        "638712345678901238",   /* .NET's time */
        "4111,1111,1111,1111",  /* a list */
        "1700000000000",        /* milliseconds; some are Luhn-valid */
        "1766000000009",        /* Luhn-valid, starts like no card */
        "2026112312003002",     /* a date as an order number */
        "79927398713",          /* Luhn's own example */
        "0.4111111111111111",   /* fraction */
        "3.4111111111111111",   /* fraction */
        "ab4111111111111111cd", /* inside a hash or base64 */
        "411111111111111",      /* Visa has no 15 */
        "550e8400-e29b-41d4-a716-446655440000",
        "b9ee2571-7756-4160-9203-6e6c054da387",
        "4b040005-80ce-4b57-91d6-540941972530",
        "00004111-1111-1111-1111-123456789012",
        "2026-11-23T12:00:30.123456789Z",
        "+41 79 123 45 67",
        "192.168.100.200",
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
         "Safari/537.36"),
    };

    (void)state;
    EXPECT_ALL(SES_CARD_DATA_NONE, texts);
}

static void test_keys_of_verification_values(void **state)
{
    static const char *const texts[] = {
        "{\"cvv\":\"123\"}",
        "{\"CVV\":123}",
        "{\"cvc\" : \"***\"}",
        "{\"cvv2\":1}",
        "{\"CVC2\":1}",
        "{\"card_cvc\":\"1\"}",
        "{\"cardCvc\":\"1\"}",
        "{\"card-cvv\":\"1\"}",
        "{\"Card CVC\":\"1\"}",
        "{\"security_code\":\"1\"}",
        "{\"securityCode\":\"1\"}",
        "{\"SecurityCode\":\"1\"}",
        "{\"card_security_code\":\"1\"}",
        "{\"cardVerificationValue\":\"1\"}",
        "{\"card_verification_code\":\"1\"}",
        "{\"payment_method_card_cvc\":\"1\"}",
        "{\"credit_card_cid\":\"1\"}",
        "{\"a\":{\"b\":[{\"cvc\":null}]}}",
        "cvv=123&x=1",
        "payment[cvc]=123",
        "CVC: 123",
        "'cvc': 123",
        "{\"c\\u0076v\":\"1\"}",
        "{\"inner\":\"{\\\"cvv\\\":\\\"1\\\"}\"}",
        "{\"billing_cvv\":\"123\"}",
        "{\"my_security_code\":1234}",
        "please take my cvv: 123",
        "the cvv:123",
        "{\"csc\":\"123\"}",
        "{\"CSC\": 1234}",
        "{\"cav2\":\"123\"}",
        "{\"Jcb_Cav2\":\"123\"}",
        "{\"cvn\":\"123\"}",
        "{\"pin\":\"1234\"}",
        "{\"card\":{\"PIN\":12345}}",
        "{\"pin_block\":\"0412AC89ABCDEF67\"}",
        "{\"cardCode\":\"123\"}",
        "<cvv>123</cvv>",
        "cvv%3D123",
        "{&quot;cvv&quot;:&quot;123&quot;}",
        "cvv&#61;123",
        "[{\"name\":\"cvv\",\"value\":\"123\"}]",
        "[{\"key\": \"card_cvc\", \"value\": 1234}]",
        "[{\"id\":\"pin\",\"value\":\"1234\"}]",
        "\xef\xbd\x83\xef\xbd\x96\xef\xbd\x96\xef\xbc\x9a\x31\x32\x33", /* full-width cvv: */
        "c\xe2\x80\x8bvv:123",
    };

    (void)state;
    EXPECT_ALL(SES_CARD_DATA_CVV, texts);
}

static void test_what_is_no_such_key(void **state)
{
    static const char *const texts[] = {
        "cvv",
        "the cvv is on the back",
        "{\"note\":\"cvc\"}",
        "{\"cvc_check\":\"pass\"}",
        "{\"cvv_result\":\"M\"}",
        "{\"skip_cvv\":true}",
        "{\"requires_cvc\":\"no\"}",
        "{\"billing_cvv\":\"12\"}",
        "{\"billing_cvv\":\"12345\"}",
        "{\"verification_code\":\"123\"}",
        "{\"cid\":\"123\"}",
        "{\"csc\":\"DE-12\"}",
        "{\"pin\":\"560001\"}",
        "{\"pincode\":560001}",
        "{\"shipping\":\"1234\"}",
        "{\"pin\":true}",
        "<a href=x>cvv</a>",
        "cvv -> see the back",
        "{\"cavv\":\"AAABBEg0VhI0VniQEjRWAAAAAAA=\"}",
        "{\"received\":123}",
        "recvd=123",
        "{\"security\":\"code\"}",
        "https://shop.example/cvc/123",
        "{\"discover\":\"cvc\",\"x\":1}",
        "{\"name\":\"cvv\",\"value\":\"M\"}",
        "{\"name\":\"cvv\",\"label\":\"a\",\"valued\":123}",
        "{\"fields\":[\"pan\",\"cvv\"],\"value\":123}",
        "{\"name\":\"qty\",\"value\":123}",
    };

    (void)state;
    EXPECT_ALL(SES_CARD_DATA_NONE, texts);
}

/* A key longer than what is remembered keeps its end; a truncated \u escape is plain text. */
static void test_edges(void **state)
{
    (void)state;
    expect(SES_CARD_DATA_CVV,
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacvv: 123");
    expect(SES_CARD_DATA_NONE,
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacvv: no");
    expect(SES_CARD_DATA_CVV, "billing_cvv: 123");
    expect(SES_CARD_DATA_NONE, "\\u003");
    expect(SES_CARD_DATA_NONE, "\\");
    expect(SES_CARD_DATA_NONE, "\\u00zz");
    expect(SES_CARD_DATA_NONE, "::::====");
    assert_int_equal(ses_card_data_find(SES_SLICE_EMPTY), SES_CARD_DATA_NONE);
}

/* One in ten random numbers passes Luhn; how many random ids would be refused? Of hex digests two in ten
 * thousand. */
static void test_random_ids_pass(void **state)
{
    unsigned refused = 0;

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        char id[65];

        for (int k = 0; k < 64; k++)
            id[k] = "0123456789abcdef"[rand() % 16];
        id[64] = '\0';
        refused += ses_card_data_find(ses_slice(id, 64)) != SES_CARD_DATA_NONE ? 1 : 0;
    }
    assert_true(refused <= 8); /* 4 measured: a run of digits at an end of the digest */
}

/* Each kind of damage that must not read outside the text: every prefix of a text in a buffer of its own
 * size. */
static void expect_masked(const char *expected, const char *text)
{
    char copy[256];

    (void)snprintf(copy, sizeof(copy), "%s", text);
    assert_int_equal(ses_card_data_mask((uint8_t *)copy, strlen(copy)), strcmp(expected, text) != 0);
    assert_string_equal(copy, expected);
    assert_int_equal(ses_card_data_find(ses_slice_str(copy)) == SES_CARD_DATA_PAN, false);
}

/* What cannot be refused loses the number or the value, and nothing else. */
static void test_masks(void **state)
{
    (void)state;
    expect_masked("{\"pan\":\"****************\",\"s\":\"Y\"}", "{\"pan\":\"4111111111111111\",\"s\":\"Y\"}");
    expect_masked("a=*******************&b=*******************",
                  "a=4111+1111-1111.1111&b=5555 5555 5555 4444");
    expect_masked("cvv=***&x=1", "cvv=123&x=1");
    expect_masked("{\"cvc\" : \"****\",\"n\":1}", "{\"cvc\" : \"1234\",\"n\":1}");
    expect_masked("{\"cvc\":\"\"}", "{\"cvc\":\"\"}");
    expect_masked("status=ok&name=Andr%E9", "status=ok&name=Andr%E9");
    expect_masked("n=******************&x=%20", "n=%34111111111111111&x=%20");
    expect_masked("eyJ0cmFuc1N0YXR1cyI6IlkifQ", "eyJ0cmFuc1N0YXR1cyI6IlkifQ");
    assert_false(ses_card_data_mask(NULL, 0));
}

static void test_pairs(void **state)
{
    (void)state;
    assert_true(ses_card_data_pair(SES_STR("cvv"), SES_STR("123")));
    assert_true(ses_card_data_pair(SES_STR("payment[cvc]"), SES_STR("123")));
    assert_true(ses_card_data_pair(SES_STR("csc"), SES_STR("1234")));
    assert_false(ses_card_data_pair(SES_STR("csc"), SES_STR("Bern")));
    assert_false(ses_card_data_pair(SES_STR("cres"), SES_STR("123")));
    assert_false(ses_card_data_pair(SES_STR("note"), SES_STR("cvv=123")));
    assert_false(ses_card_data_pair(SES_STR("cvv"), SES_STR("")));
    assert_false(ses_card_data_pair(SES_STR(""), SES_STR("123")));
}

static void test_every_prefix_stays_inside(void **state)
{
    const char *text = "{\"a\":\"\\u0034111-1111 1111\\u0031111\",\"c\\u0076v\" : \"12\\u0033\"}";
    size_t len = strlen(text);

    (void)state;
    for (size_t n = 0; n <= len; n++) {
        uint8_t *copy = malloc(n == 0 ? 1 : n);

        memcpy(copy, text, n);
        (void)ses_card_data_find(ses_slice(copy, n));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_every_network),
        cmocka_unit_test(test_forms_of_a_number),
        cmocka_unit_test(test_what_is_no_card_number),
        cmocka_unit_test(test_keys_of_verification_values),
        cmocka_unit_test(test_what_is_no_such_key),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_random_ids_pass),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_every_prefix_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
