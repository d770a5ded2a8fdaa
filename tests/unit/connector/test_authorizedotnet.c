#include "connector_fixture.h"

#define MARK "\xef\xbb\xbf"

static void init(struct fixture *f)
{
    fixture_init(f, "authorizedotnet", "https://apitest.authorize.net/xml/v1/request.api");
    fixture_key(f, "name", "5KP\"3u");
    fixture_key(f, "transaction_key", "346HZ3\\2z");
}

/* The address is the whole of it. */
static void builds_the_request(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.url, "https://apitest.authorize.net/xml/v1/request.api");
    assert_int_equal(f.request.headers_count, 2);
    assert_header(&f.request, 0, "content-type", "application/json");
    assert_header(&f.request, 1, "via", "HyperSwitch");
    assert_slice(f.request.body,
                 "{\"getMerchantDetailsRequest\":{\"merchantAuthentication\":{\"name\":\"5KP\\\"3u\","
                 "\"transactionKey\":\"346HZ3\\\\2z\"}}}");
    fixture_done(&f);
}

static void names_a_missing_credential(void **state)
{
    static const char *const keys[] = {"name", "transaction_key"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;

        init(&f);
        f.credentials.fields[i].value = SES_SLICE_EMPTY;
        assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
        assert_slice(f.error.metadata[1].value, keys[i]);
        fixture_done(&f);
    }
}

static void reads_a_key(void **state)
{
    static const char *const bodies[] = {
        MARK
        "{\"publicClientKey\":\"key-1\",\"messages\":{\"resultCode\":\"Ok\",\"message\":[{\"code\":\"I00001\","
        "\"text\":\"Successful.\"}]}}",
        "{\"publicClientKey\":\"key-1\",\"messages\":{\"resultCode\":\"Ok\"}}",
        "{\"publicClientKey\":\"key-1\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, 200, bodies[i]);
        assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
        assert_slice(f.result.session_token, "key-1");
        assert_int_equal(f.result.life_ms, 0);
        fixture_done(&f);
    }
}

/* Also where a key came with it. */
static void reads_a_refusal_inside_a_200(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    fixture_parse(
        &f, 200,
        MARK "{\"publicClientKey\":\"key-1\",\"messages\":{\"resultCode\":\"Error\",\"message\":[{\"code\":"
             "\"E00007\",\"text\":\"Not authenticated.\"},{\"code\":\"E2\",\"text\":\"other\"}]}}");
    assert_error(&f.result, SES_OUTCOME_DECLINED, 200, "E00007", "Not authenticated.", "Not authenticated.");
    assert_int_equal(f.result.session_token.len, 0);
    fixture_done(&f);
}

static void an_unreadable_answer_is_502(void **state)
{
    static const struct {
        uint32_t http_status;
        const char *body;
        const char *code;
    } cases[] = {
        {200, "not json", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, MARK MARK "{}", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, MARK "[]", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"publicClientKey\":7}", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"messages\":{\"resultCode\":7}}", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"messages\":{\"resultCode\":\"Error\"}}", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, "{\"messages\":{\"resultCode\":\"Error\",\"message\":[]}}", "RESPONSE_DESERIALIZATION_FAILED"},
        {400, "{\"messages\":{\"resultCode\":\"Error\",\"message\":[{\"code\":\"E\",\"text\":\"t\"}]}}",
         "RESPONSE_DESERIALIZATION_FAILED"},
        {404, "<html>", "RESPONSE_DESERIALIZATION_FAILED"},
        {200, MARK "{\"messages\":{\"resultCode\":\"Ok\"}}", "RESPONSE_HANDLING_FAILED"},
        {200, "", "RESPONSE_HANDLING_FAILED"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, cases[i].http_status, cases[i].body);
        assert_int_equal(f.result.outcome, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(f.result.status_code, 502);
        assert_slice(f.result.code, cases[i].code);
        fixture_done(&f);
    }
}

/* What the number alone tells, whoever wrote the body. */
static void a_number_is_told(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    fixture_parse(&f, 401, "{}");
    assert_error(&f.result, SES_OUTCOME_AUTH_FAILED, 401, "RESPONSE_DESERIALIZATION_FAILED",
                 "The connector's answer could not be read", "");
    fixture_parse(&f, 503, MARK "{}");
    assert_error(&f.result, SES_OUTCOME_SERVER_ERROR, 503, "503", "service_unavailable", "{}");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_request),
        cmocka_unit_test(names_a_missing_credential),
        cmocka_unit_test(reads_a_key),
        cmocka_unit_test(reads_a_refusal_inside_a_200),
        cmocka_unit_test(an_unreadable_answer_is_502),
        cmocka_unit_test(a_number_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
