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
        "4222222222222",       /* Visa, 13 digits */
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
        "4111 1111 1111 1111",        "4111-1111-1111-1111",
        "4111 1111-1111 1111",        "3782 822463 10005",
        "card 4111111111111111.",     "card4111111111111111",
        "4111111111111111x",          "session_4111111111111111",
        "x-4111111111111111-y",       "4111 1111 1111 1111 12/29",
        "12 4111 1111 1111 1111 123", "{\"note\":\"4111111111111111\"}",
        "{\"n\":4111111111111111}",   "[1,4111111111111111,2]",
        "{\"n\":4111111111111111.0}", "4111\\u0031111 11111111",
        "\\u0034111111111111111",     "{\"inner\":\"{\\\"n\\\":\\\"4111111111111111\\\"}\"}",
        "a=4111111111111111&b=1",     "/4111111111111111/",
        "+4111111111111111",
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
        "4111  1111 1111 1111",    /* two blanks: a table, not a number */
        "4111,1111,1111,1111",     /* a list */
        "1700000000000",           /* milliseconds; some are Luhn-valid */
        "1766000000009",           /* Luhn-valid, starts like no card */
        "2026112312003002",        /* a date as an order number */
        "79927398713",             /* Luhn's own example */
        "0.4111111111111111",      /* fraction */
        "3.4111111111111111",      /* fraction */
        "ab4111111111111111cd",    /* inside a hash or base64 */
        "411111111111111",         /* Visa has no 15 */
        "550e8400-e29b-41d4-a716-446655440000",
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
        "{\"csc\":\"123\"}",
        "{\"received\":123}",
        "recvd=123",
        "{\"security\":\"code\"}",
        "https://shop.example/cvc/123",
        "{\"discover\":\"cvc\",\"x\":1}",
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
        cmocka_unit_test(test_numbers_of_every_network), cmocka_unit_test(test_forms_of_a_number),
        cmocka_unit_test(test_what_is_no_card_number),   cmocka_unit_test(test_keys_of_verification_values),
        cmocka_unit_test(test_what_is_no_such_key),      cmocka_unit_test(test_edges),
        cmocka_unit_test(test_random_ids_pass),          cmocka_unit_test(test_every_prefix_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
