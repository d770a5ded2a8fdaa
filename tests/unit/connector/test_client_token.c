/* Client token calls where no test's connector can stand: live addresses, and what differs by mode or currency. */
#include "connector_fixture.h"

#include <sessiond/connector/client_token.h>

static enum ses_status build(struct fixture *f, bool test_mode)
{
    struct ses_client_request request = {.payment = f->call, .context = "payment.", .test_mode = test_mode};
    const struct ses_client_call *call = ses_client_call_of(f->credentials.connector);

    assert_non_null(call);
    f->request = (struct ses_outbound_request){.headers_count = 0};
    f->error = (struct ses_error){.status = SES_OK};
    return ses_client_build(call, &request, &f->arena, &f->request, &f->error);
}

static void a_live_account_has_a_host_of_its_own(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "adyen",
                 "https://{{merchant_endpoint_prefix}}-checkout-live.adyenpayments.com/checkout/");
    fixture_key(&f, "api_key", "k");
    fixture_key(&f, "merchant_account", "m");
    assert_int_equal(build(&f, false), SES_INVALID_ARGUMENT);
    assert_int_equal(f.error.reason, SES_REASON_AUTH_CONVERSION_FAILED);
    fixture_key(&f, "endpoint_prefix", "1797a841fbb37ca7-AdyenDemo");
    assert_int_equal(build(&f, false), SES_OK);
    assert_slice(f.request.url,
                 "https://1797a841fbb37ca7-AdyenDemo-checkout-live.adyenpayments.com/checkout/v68/sessions");
    fixture_done(&f);
}

static void it_leads_nowhere_else(void **state)
{
    static const char *const prefixes[] = {"evil.example/", "evil.example#", "a@b", "a.b",
                                           "{{merchant_endpoint_prefix}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        struct fixture f;

        fixture_init(&f, "adyen",
                     "https://{{merchant_endpoint_prefix}}-checkout-live.adyenpayments.com/checkout/");
        fixture_key(&f, "api_key", "k");
        fixture_key(&f, "merchant_account", "m");
        fixture_key(&f, "endpoint_prefix", prefixes[i]);
        assert_int_equal(build(&f, false), SES_INVALID_ARGUMENT);
        assert_int_equal(f.error.reason, SES_REASON_AUTH_CONVERSION_FAILED);
        fixture_done(&f);
    }
}

static void the_checkout_has_a_host_beside_the_api(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "billwerk", "https://api.reepay.com/");
    fixture_key(&f, "api_key", "k");
    f.call.customer_id = text("cus-1");
    assert_int_equal(build(&f, false), SES_OK);
    assert_slice(f.request.url, "https://checkout-api.reepay.com/v1/session/charge");
    fixture_done(&f);
}

static void the_mode_chooses_the_scope(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "jpmorgan", "https://id.payments.jpmorgan.com");
    fixture_key(&f, "client_id", "c");
    fixture_key(&f, "client_secret", "s");
    assert_int_equal(build(&f, true), SES_OK);
    assert_slice(f.request.body, "grant_type=client_credentials&scope=jpm%3Apayments%3Asandbox");
    assert_int_equal(build(&f, false), SES_OK);
    assert_slice(f.request.body, "grant_type=client_credentials&scope=jpm%3Apayments");
    fixture_done(&f);
}

static void amounts_have_the_currencys_digits(void **state)
{
    static const struct {
        const char *currency;
        unsigned exponent;
        int64_t minor;
        const char *amount;
    } rows[] = {{"USD", 2, 10000, "100.00"},
                {"USD", 2, 5, "0.05"},
                {"USD", 2, 0, "0.00"},
                {"JPY", 0, 10000, "10000"},
                {"BHD", 3, 10000, "10.000"},
                {"BHD", 3, 1, "0.001"},
                {"USD", 2, INT64_MAX, "92233720368547758.07"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        char expected[256];

        fixture_init(&f, "mollie", "https://api.mollie.com/v2");
        fixture_key(&f, "api_key", "k");
        f.call.currency = rows[i].currency;
        f.call.exponent = rows[i].exponent;
        f.call.minor_amount = rows[i].minor;
        assert_int_equal(build(&f, true), SES_OK);
        (void)snprintf(expected, sizeof(expected), "{\"amount\":{\"currency\":\"%s\",\"value\":\"%s\"}",
                       rows[i].currency, rows[i].amount);
        assert_slice(ses_slice_cut(f.request.body, 0, strlen(expected)), expected);
        fixture_done(&f);
    }
}

static void a_missing_credential_is_named(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "datatrans", "https://api.sandbox.datatrans.com");
    fixture_key(&f, "merchant_id", "m");
    assert_int_equal(build(&f, true), SES_INVALID_ARGUMENT);
    assert_int_equal(f.error.reason, SES_REASON_AUTH_CONVERSION_FAILED);
    fixture_done(&f);
}

static void a_question_has_no_body(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "multisafepay", "https://testapi.multisafepay.com/v1/json");
    fixture_key(&f, "api_key", "a&b");
    assert_int_equal(build(&f, true), SES_OK);
    assert_true(f.request.get && f.request.idempotent);
    assert_slice(f.request.url, "https://testapi.multisafepay.com/v1/json/auth/api_token?api_key=a%26b");
    assert_int_equal(f.request.body.len, 0);
    fixture_done(&f);
}

/* What is too long for a record is no token. */
static void an_endless_token_is_none(void **state)
{
    static char body[20000];
    struct ses_client_request request = {.context = ""};
    struct fixture f;

    (void)state;
    fixture_init(&f, "shift4", "https://api.shift4.com");
    memset(body, 'x', sizeof(body) - 1);
    memcpy(body, "{\"clientSecret\":\"", 17);
    memcpy(body + sizeof(body) - 3, "\"}", 3);
    assert_int_equal(ses_client_parse(ses_client_call_of(f.credentials.connector), &request, 200, text(body),
                                      &f.arena, &f.result),
                     SES_OK);
    assert_int_equal(f.result.outcome, SES_OUTCOME_BAD_RESPONSE);
    body[16000] = '\0';
    memcpy(body + 16000 - 2, "\"}", 2);
    assert_int_equal(ses_client_parse(ses_client_call_of(f.credentials.connector), &request, 201, text(body),
                                      &f.arena, &f.result),
                     SES_OK);
    assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
    assert_int_equal(f.result.status_code, 201);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_account_has_a_host_of_its_own),
        cmocka_unit_test(it_leads_nowhere_else),
        cmocka_unit_test(the_checkout_has_a_host_beside_the_api),
        cmocka_unit_test(the_mode_chooses_the_scope),
        cmocka_unit_test(amounts_have_the_currencys_digits),
        cmocka_unit_test(a_missing_credential_is_named),
        cmocka_unit_test(a_question_has_no_body),
        cmocka_unit_test(an_endless_token_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
