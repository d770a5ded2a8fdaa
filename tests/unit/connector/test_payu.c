#include "connector_fixture.h"

static void init(struct fixture *f)
{
    fixture_init(f, "payu", "https://secure.payu.com/api");
    fixture_key(f, "api_key", "the key");
    fixture_key(f, "api_secret", "300746+&");
}

/* Crosswise: PayU's client_id is the platform's api_secret. */
static void builds_a_form(void **state)
{
    static const char *const bases[] = {"https://secure.payu.com/api", "https://secure.payu.com/api/"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;

        init(&f);
        f.call.base_url = text(bases[i]);
        assert_int_equal(fixture_build(&f), SES_OK);
        assert_slice(f.request.url, "https://secure.payu.com/api/pl/standard/user/oauth/authorize");
        assert_int_equal(f.request.headers_count, 3);
        assert_header(&f.request, 0, "content-type", "application/x-www-form-urlencoded");
        assert_header(&f.request, 1, "accept", "application/json");
        assert_header(&f.request, 2, "via", "HyperSwitch");
        assert_slice(f.request.body,
                     "grant_type=client_credentials&client_id=300746%2B%26&client_secret=the+key");
        assert_false(f.request.idempotent);
        fixture_done(&f);
    }
}

static void names_a_missing_credential(void **state)
{
    static const char *const keys[] = {"api_key", "api_secret"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;

        init(&f);
        f.credentials.fields[i].value = SES_SLICE_EMPTY;
        assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
        assert_string_equal(ses_reason_name(f.error.reason), "AUTH_CONVERSION_FAILED");
        assert_slice(f.error.metadata[1].value, keys[i]);
        fixture_done(&f);
    }
}

static void reads_a_token_and_its_life(void **state)
{
    static const struct {
        const char *body;
        uint64_t life_ms;
    } cases[] = {
        {"{\"access_token\":\"tok-1\",\"token_type\":\"bearer\",\"expires_in\":43199,\"grant_type\":"
         "\"client_credentials\"}",
         43199000},
        {"{\"access_token\":\"tok-1\"}", 0},
        {"{\"access_token\":\"tok-1\",\"expires_in\":null}", 0},
        {"{\"access_token\":\"tok-1\",\"expires_in\":0}", 0},
        {"{\"access_token\":\"tok-1\",\"expires_in\":-5}", 0},
        {"{\"access_token\":\"tok-1\",\"expires_in\":9223372036854775807}", UINT64_C(315360000000)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, 200, cases[i].body);
        assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
        assert_slice(f.result.session_token, "tok-1");
        assert_int_equal(f.result.life_ms, cases[i].life_ms);
        fixture_done(&f);
    }
}

static const struct {
    uint32_t http_status;
    const char *body;
    enum ses_connector_outcome outcome;
    const char *code, *message, *reason;
    uint32_t payment_status;
} errors[] = {
    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Bad\"}", SES_OUTCOME_DECLINED,
     "invalid_grant", "Bad", "", 21},
    {400, "{\"error\":\"invalid_grant\"}", SES_OUTCOME_DECLINED, "invalid_grant", "", "", 21},
    {401, "{\"error\":\"invalid_client\",\"error_description\":\"no\"}", SES_OUTCOME_AUTH_FAILED,
     "invalid_client", "no", "", 21},
    {429, "{\"error\":\"slow\",\"error_description\":\"down\"}", SES_OUTCOME_RATE_LIMITED, "slow", "down", "",
     21},
    {404, "{\"status\":{\"statusCode\":\"X\"}}", SES_OUTCOME_DECLINED, "SESSION_TOKEN_ERROR",
     "PayU session token error", "", 21},
    {400, "[]", SES_OUTCOME_DECLINED, "SESSION_TOKEN_ERROR", "PayU session token error", "", 21},
    {400, "{\"error\":7}", SES_OUTCOME_DECLINED, "SESSION_TOKEN_ERROR", "PayU session token error", "", 21},
    {503, "{\"error\":\"x\"}", SES_OUTCOME_SERVER_ERROR, "503", "service_unavailable", "{\"error\":\"x\"}",
     0},
    {403, "<html>", SES_OUTCOME_AUTH_FAILED, "RESPONSE_DESERIALIZATION_FAILED",
     "The connector's answer could not be read", "", 0},
};

static void maps_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, errors[i].http_status, errors[i].body);
        assert_error(&f.result, errors[i].outcome, errors[i].http_status, errors[i].code, errors[i].message,
                     errors[i].reason);
        assert_int_equal(f.result.payment_status, errors[i].payment_status);
        fixture_done(&f);
    }
}

static void an_unreadable_answer_is_502(void **state)
{
    static const struct {
        uint32_t http_status;
        const char *body;
        const char *code;
    } cases[] = {
        {200, "not json", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "[]", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"access_token\":7}", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"access_token\":\"t\",\"expires_in\":\"soon\"}", "RESPONSE_DESERIALIZATION_FAILED"},
        {400, "<html>", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "", "RESPONSE_HANDLING_FAILED"},
        {200, "{\"expires_in\":43199}", "RESPONSE_HANDLING_FAILED"},
        {200, "{\"access_token\":\"\"}", "RESPONSE_HANDLING_FAILED"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, cases[i].http_status, cases[i].body);
        assert_int_equal(f.result.outcome, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(f.result.status_code, 502);
        assert_slice(f.result.code, cases[i].code);
        assert_int_equal(f.result.session_token.len, 0);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_form),
        cmocka_unit_test(names_a_missing_credential),
        cmocka_unit_test(reads_a_token_and_its_life),
        cmocka_unit_test(maps_errors),
        cmocka_unit_test(an_unreadable_answer_is_502),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
