#include "connector_fixture.h"

#include "domain/currency.h"

static void init(struct fixture *f)
{
    fixture_init(f, "stripe", "https://api.stripe.com/");
    fixture_key(f, "api_key", "sk_test_made_up");
}

static void builds_the_worked_example(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.url, "https://api.stripe.com/v1/payment_intents");
    assert_int_equal(f.request.headers_count, 5);
    assert_header(&f.request, 0, "authorization", "Bearer sk_test_made_up");
    assert_header(&f.request, 1, "content-type", "application/x-www-form-urlencoded");
    assert_header(&f.request, 2, "stripe-version", "2022-11-15");
    assert_header(&f.request, 3, "via", "HyperSwitch");
    assert_header(&f.request, 4, "idempotency-key", "idem-1");
    assert_slice(f.request.body, "amount=10000&currency=usd&automatic_payment_methods%5Benabled%5D=true&"
                                 "metadata%5Border_id%5D=session_001");
    assert_true(f.request.idempotent);
    fixture_done(&f);
}

static void without_a_key_it_is_not_idempotent(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    f.call.idempotency_key = SES_SLICE_EMPTY;
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_int_equal(f.request.headers_count, 4);
    assert_false(f.request.idempotent);
    fixture_done(&f);
}

/* Stripe's unit of every currency, written down apart from the table that is tested: digits, and how many of
 * them must be 0. */
static unsigned stripe_digits(const char *code, unsigned *ret_zeros)
{
    *ret_zeros = 0;
    if (strstr("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF", code) != NULL)
        return 0;
    if (strstr("BHD JOD KWD OMR TND", code) != NULL) {
        *ret_zeros = 1;
        return 3;
    }
    if (strstr("ISK UGX", code) != NULL)
        *ret_zeros = 2;
    return 2;
}

static enum ses_status build_amount(struct fixture *f, const struct ses_currency *currency, int64_t minor)
{
    init(f);
    f->call.currency = currency->code;
    f->call.exponent = currency->exponent;
    f->call.minor_amount = minor;
    return fixture_build(f);
}

static long long amount_sent(struct fixture *f)
{
    const char *form = ses_arena_str(&f->arena, f->request.body);

    assert_int_equal(strncmp(form, "amount=", 7), 0);
    return strtoll(form + 7, NULL, 10);
}

/* 7 major units of every currency. */
static void every_currency_in_stripe_s_unit(void **state)
{
    (void)state;
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++) {
        const struct ses_currency *currency = ses_currency_by_number(number);
        int64_t minor = 7;
        long long expected = 7;
        unsigned zeros;
        struct fixture f;

        for (unsigned i = 0; i < currency->exponent; i++)
            minor *= 10;
        for (unsigned i = stripe_digits(currency->code, &zeros); i > 0; i--)
            expected *= 10;
        assert_int_equal(build_amount(&f, currency, minor), SES_OK);
        assert_int_equal(amount_sent(&f), expected);
        fixture_done(&f);
    }
}

static void special_currencies(void **state)
{
    static const struct {
        const char *code;
        int64_t minor;
        long long sent; /* -1: refused */
    } rows[] = {
        {"UGX", 500, 50000},
        {"UGX", 1, 100},
        {"UGX", 0, 0},
        {"UGX", INT64_MAX / 100 + 1, -1},
        {"ISK", 500, 500},
        {"ISK", 550, -1},
        {"ISK", 1, -1},
        {"KWD", 5120, 5120},
        {"KWD", 5124, -1},
        {"BHD", 9, -1},
        {"TND", 10, 10},
        {"JOD", 10001, -1},
        {"OMR", 10010, 10010},
        {"JPY", 500, 500},
        {"HUF", 501, 501},
        {"TWD", 501, 501},
        {"EUR", INT64_MAX, INT64_MAX},
        {"CLF", 10001, -1},
        {"CLF", 10100, 101},
        {"USD", 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ses_currency *currency = currency_by_code(rows[i].code);
        struct fixture f;

        assert_int_equal(build_amount(&f, currency, rows[i].minor),
                         rows[i].sent < 0 ? SES_INVALID_ARGUMENT : SES_OK);
        if (rows[i].sent >= 0)
            assert_int_equal(amount_sent(&f), rows[i].sent);
        else
            assert_string_equal(ses_reason_name(f.error.reason), "AMOUNT_NOT_ACCEPTED");
        fixture_done(&f);
    }
}

static void encodes_hostile_ids(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    f.call.merchant_session_id = text("a b&amount=1%\n\xc3\xa9*-._~");
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_non_null(strstr(ses_arena_str(&f.arena, f.request.body),
                           "metadata%5Border_id%5D=a+b%26amount%3D1%25%0A%C3%A9*-._%7E"));
    fixture_done(&f);
}

static void a_key_cannot_break_the_header(void **state)
{
    static const char *const keys[] = {"sk\r\nx-evil: 1", "sk\n", "sk\xc3\xa9", ""};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;

        init(&f);
        f.credentials.fields[0].value = text(keys[i]);
        assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
        assert_string_equal(ses_reason_name(f.error.reason), "AUTH_CONVERSION_FAILED");
        fixture_done(&f);
    }
}

#define INTENT(status, rest)                                                                                 \
    "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"amount\":10000,\"currency\":\"usd\",\"status\":"       \
    "\"" status "\",\"metadata\":{\"order_id\":\"session_001\"}" rest "}"

static void reads_an_intent(void **state)
{
    static const char *const statuses[] = {
        INTENT("requires_payment_method", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("requires_confirmation", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("requires_action", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("processing", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("requires_capture", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("canceled", ",\"client_secret\":\"pi_1_secret_2\""),
        INTENT("succeeded", ",\"client_secret\":\"pi_1_secret_2\""),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, 200, statuses[i]);
        assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
        assert_slice(f.result.session_token, "pi_1_secret_2");
        assert_slice(f.result.session_id, "pi_1");
        fixture_done(&f);
    }
}

static void an_unreadable_intent_is_502(void **state)
{
    static const char *const bodies[] = {
        "",
        "rubbish",
        "{}",
        INTENT("made_up", ",\"client_secret\":\"s\""),
        "{\"object\":\"payment_intent\",\"amount\":1,\"currency\":\"usd\",\"status\":\"processing\","
        "\"metadata\":{},"
        "\"client_secret\":\"s\"}",
        "{\"id\":\"pi_1\",\"amount\":1,\"currency\":\"usd\",\"status\":\"processing\",\"metadata\":{},"
        "\"client_secret\":"
        "\"s\"}",
        "{\"id\":\"pi_1\",\"object\":\"x\",\"amount\":\"1\",\"currency\":\"usd\",\"status\":\"processing\","
        "\"metadata\":{}"
        ",\"client_secret\":\"s\"}",
        "{\"id\":\"pi_1\",\"object\":\"x\",\"amount\":1,\"status\":\"processing\",\"metadata\":{},\"client_"
        "secret\":\"s\"}",
        "{\"id\":\"pi_1\",\"object\":\"x\",\"amount\":1,\"currency\":\"usd\",\"status\":\"processing\","
        "\"client_secret\":"
        "\"s\"}",
        INTENT("processing", ",\"client_secret\":7"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, 200, bodies[i]);
        assert_error(&f.result, SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_DESERIALIZATION_FAILED",
                     "The connector's answer could not be read", "");
        assert_int_equal(f.result.session_id.len, 0);
        fixture_done(&f);
    }
}

static void an_intent_without_secret_is_no_session(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    fixture_parse(&f, 200, INTENT("processing", ""));
    assert_error(&f.result, SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_HANDLING_FAILED",
                 "The connector's answer lacks the session token", "");
    fixture_done(&f);
}

static void maps_a_decline(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    fixture_parse(
        &f, 402,
        "{\"error\":{\"code\":\"card_declined\",\"type\":\"card_error\",\"message\":\"Your card was "
        "declined.\","
        "\"param\":null,\"decline_code\":\"insufficient_funds\",\"payment_intent\":{\"id\":\"pi_9\"},"
        "\"network_advice_code\":\"02\",\"network_decline_code\":\"51\",\"advice_code\":\"try_again_later\"}"
        "}");
    assert_error(&f.result, SES_OUTCOME_DECLINED, 402, "card_declined", "Your card was declined.",
                 "message - Your card was declined., decline_code - insufficient_funds");
    assert_slice(f.result.network_decline_code, "51");
    assert_slice(f.result.network_advice_code, "02");
    assert_slice(f.result.network_error_message, "insufficient_funds");
    assert_slice(f.result.connector_transaction_id, "pi_9");
    fixture_done(&f);
}

static const struct {
    uint32_t http_status;
    const char *body;
    enum ses_connector_outcome outcome;
    uint32_t status_code;
    const char *code, *message, *reason;
} errors[] = {
    {400, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}", SES_OUTCOME_DECLINED, 400,
     "", "no", "no"},
    {400, "{\"error\":{\"code\":\"c\"}}", SES_OUTCOME_DECLINED, 400, "c", "", ""},
    {402, "{\"error\":{\"decline_code\":\"lost_card\"}}", SES_OUTCOME_DECLINED, 402, "", "",
     "decline_code - lost_card"},
    {402, "{\"error\":{\"message\":\"m\",\"decline_code\":\"lost_card\"}}", SES_OUTCOME_DECLINED, 402, "",
     "m", "message - m, decline_code - lost_card"},
    {400, "{\"error\":{}}", SES_OUTCOME_DECLINED, 400, "", "", ""},
    {401, "{\"error\":{\"code\":\"api_key_expired\",\"message\":\"m\"}}", SES_OUTCOME_AUTH_FAILED, 401,
     "api_key_expired", "m", "m"},
    {429, "{\"error\":{\"code\":\"rate_limit\",\"message\":\"m\"}}", SES_OUTCOME_RATE_LIMITED, 429,
     "rate_limit", "m", "m"},
    {429, "<html>", SES_OUTCOME_RATE_LIMITED, 429, "RESPONSE_DESERIALIZATION_FAILED",
     "The connector's answer could not be read", ""},
    {500, "{\"error\":{}}", SES_OUTCOME_SERVER_ERROR, 500, "500", "internal_server_error", "{\"error\":{}}"},
    {400, "<html>", SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_DESERIALIZATION_FAILED",
     "The connector's answer could not be read", ""},
    {400, "{\"error\":\"text\"}", SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_DESERIALIZATION_FAILED",
     "The connector's answer could not be read", ""},
    {400, "{\"error\":{\"code\":5}}", SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_DESERIALIZATION_FAILED",
     "The connector's answer could not be read", ""},
};

static void maps_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, errors[i].http_status, errors[i].body);
        assert_error(&f.result, errors[i].outcome, errors[i].status_code, errors[i].code, errors[i].message,
                     errors[i].reason);
        fixture_done(&f);
    }
}

static void transport_outcomes_have_a_result(void **state)
{
    struct ses_connector_result result;

    (void)state;
    ses_connector_result_transport(SES_OUTCOME_TIMEOUT, &result);
    assert_int_equal(result.status_code, 504);
    assert_string_equal(ses_outcome_code(result.outcome), "CONNECTOR_TIMEOUT");
    ses_connector_result_transport(SES_OUTCOME_UNREACHABLE, &result);
    assert_int_equal(result.status_code, 502);
    assert_string_equal(ses_outcome_code(result.outcome), "CONNECTOR_UNREACHABLE");
    ses_connector_result_transport(SES_OUTCOME_BAD_RESPONSE, &result);
    assert_int_equal(result.status_code, 502);
    assert_string_equal(ses_outcome_code(result.outcome), "CONNECTOR_BAD_RESPONSE");
    assert_true(result.message.len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_worked_example),
        cmocka_unit_test(without_a_key_it_is_not_idempotent),
        cmocka_unit_test(every_currency_in_stripe_s_unit),
        cmocka_unit_test(special_currencies),
        cmocka_unit_test(encodes_hostile_ids),
        cmocka_unit_test(a_key_cannot_break_the_header),
        cmocka_unit_test(reads_an_intent),
        cmocka_unit_test(an_unreadable_intent_is_502),
        cmocka_unit_test(an_intent_without_secret_is_no_session),
        cmocka_unit_test(maps_a_decline),
        cmocka_unit_test(maps_errors),
        cmocka_unit_test(transport_outcomes_have_a_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
