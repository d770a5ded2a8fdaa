#include "connector_fixture.h"

static void init(struct fixture *f)
{
    fixture_init(f, "nuvei", "https://ppp-test.nuvei.com/ppp/api/v1");
    fixture_key(f, "merchant_id", "mid_1111");
    fixture_key(f, "merchant_site_id", "site_2222");
    fixture_key(f, "merchant_secret", "nuvei_secret");
}

static void builds_the_worked_example(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.url, "https://ppp-test.nuvei.com/ppp/api/v1/getSessionToken.do");
    assert_int_equal(f.request.headers_count, 2);
    assert_header(&f.request, 0, "content-type", "application/json");
    assert_header(&f.request, 1, "via", "HyperSwitch");
    assert_slice(
        f.request.body,
        "{\"merchantId\":\"mid_1111\",\"merchantSiteId\":\"site_2222\",\"clientRequestId\":\"session_001\","
        "\"timeStamp\":\"20260102030405\",\"checksum\":"
        "\"935379f388b41a8e1d7213302df461447bfce9ac00e357eecb2dfacf8226d8dd\"}");
    assert_false(f.request.idempotent);
    fixture_done(&f);
}

static void escapes_hostile_ids(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    f.call.merchant_session_id = text("a\"b\\c/d\n\x01\x7f\xc3\xa9\",\"checksum\":\"x");
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_non_null(
        strstr((const char *)ses_arena_str(&f.arena, f.request.body),
               "\"clientRequestId\":\"a\\\"b\\\\c/d\\n\\u0001\x7f\xc3\xa9\\\",\\\"checksum\\\":\\\"x\""));
    fixture_done(&f);
}

static void names_a_missing_credential(void **state)
{
    static const char *const keys[] = {"merchant_id", "merchant_site_id", "merchant_secret"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;

        init(&f);
        f.credentials.fields[i].value = SES_SLICE_EMPTY;
        assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
        assert_int_equal(f.error.status, SES_INVALID_ARGUMENT);
        assert_string_equal(ses_reason_name(f.error.reason), "AUTH_CONVERSION_FAILED");
        assert_slice(f.error.metadata[1].value, keys[i]);
        fixture_done(&f);
    }
}

static void says_when_memory_is_out(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    ses_arena_done(&f.arena);
    ses_arena_init(&f.arena, 64);
    assert_int_equal(fixture_build(&f), SES_NO_MEMORY);
    assert_int_equal(f.error.status, SES_NO_MEMORY);
    fixture_done(&f);
}

static void reads_a_token(void **state)
{
    static const char *const bodies[] = {
        "{\"sessionToken\":\"tok-1\",\"status\":\"SUCCESS\"}",
        "{\"sessionToken\":\"tok-1\",\"status\":\"FAILED\"}",
        ("{\"sessionToken\":\"tok-1\",\"status\":\"PROCESSING\",\"errCode\":0,\"reason\":\"\","
         "\"internalRequestId\":7}"),
        "{\"sessionToken\":\"tok-1\",\"status\":\"SUCCESS\",\"errCode\":null,\"reason\":null}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, i == 0 ? 201 : 200, bodies[i]);
        assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
        assert_int_equal(f.result.status_code, 200);
        assert_slice(f.result.session_token, "tok-1");
        assert_int_equal(f.result.code.len + f.result.message.len + f.result.reason.len, 0);
        assert_int_equal(f.result.expires_ms, 0);
        fixture_done(&f);
    }
}

static const struct {
    uint32_t http_status;
    const char *body;
    enum ses_connector_outcome outcome;
    uint32_t status_code;
    const char *code, *message, *reason;
} errors[] = {
    {200, "{\"status\":\"ERROR\",\"errCode\":1001,\"reason\":\"Invalid checksum\"}", SES_OUTCOME_DECLINED,
     200, "1001", "Invalid checksum", "Invalid checksum"},
    {200, "{\"status\":\"ERROR\"}", SES_OUTCOME_DECLINED, 200, "", "", ""},
    {200, "{\"status\":\"ERROR\",\"sessionToken\":\"tok\",\"errCode\":-1}", SES_OUTCOME_DECLINED, 200, "-1",
     "", ""},
    {400, "{\"status\":\"ERROR\",\"errCode\":\"1019\",\"reason\":\"Bad\"}", SES_OUTCOME_DECLINED, 400, "1019",
     "Bad", "Bad"},
    {400, "{}", SES_OUTCOME_DECLINED, 400, "", "", ""},
    {401, "{\"errCode\":\"7\",\"reason\":\"no\"}", SES_OUTCOME_AUTH_FAILED, 401, "7", "no", "no"},
    {403, "{\"errCode\":\"7\",\"reason\":\"no\"}", SES_OUTCOME_AUTH_FAILED, 403, "7", "no", "no"},
    {429, "{\"errCode\":\"8\",\"reason\":\"slow down\"}", SES_OUTCOME_RATE_LIMITED, 429, "8", "slow down",
     "slow down"},
    {404, "<html>", SES_OUTCOME_DECLINED, 404, "", "Unsupported response type", "<html>"},
    {500, "oops", SES_OUTCOME_SERVER_ERROR, 500, "500", "internal_server_error", "oops"},
    {501, "", SES_OUTCOME_SERVER_ERROR, 501, "501", "not_implemented", ""},
    {502, "x", SES_OUTCOME_SERVER_ERROR, 502, "502", "bad_gateway", "x"},
    {503, "{}", SES_OUTCOME_SERVER_ERROR, 503, "503", "service_unavailable", "{}"},
    {504, "x", SES_OUTCOME_SERVER_ERROR, 504, "504", "gateway_timeout", "x"},
    {511, "x", SES_OUTCOME_SERVER_ERROR, 511, "511", "network_authentication_required", "x"},
    {599, "x", SES_OUTCOME_SERVER_ERROR, 599, "599", "unknown_error", "x"},
    {429, "{\"errCode\":8}", SES_OUTCOME_RATE_LIMITED, 429, "RESPONSE_DESERIALIZATION_FAILED",
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

static const struct {
    uint32_t http_status;
    const char *body;
    const char *code;
} unreadable[] = {
    {200, "not json", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "", "RESPONSE_DESERIALIZATION_FAILED"},
    {204, "", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "[]", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"success\",\"sessionToken\":\"t\"}", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"sessionToken\":\"t\"}", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"ERROR\",\"errCode\":\"1001\"}", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"SUCCESS\",\"sessionToken\":5}", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"SUCCESS\",\"status\":\"SUCCESS\",\"sessionToken\":\"t\"}",
     "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"SUCCESS\",\"sessionToken\":\"t\"} trailing", "RESPONSE_DESERIALIZATION_FAILED"},
    {400, "{\"errCode\":1001}", "RESPONSE_DESERIALIZATION_FAILED"},
    {301, "{\"status\":\"SUCCESS\",\"sessionToken\":\"t\"}", "RESPONSE_DESERIALIZATION_FAILED"},
    {100, "", "RESPONSE_DESERIALIZATION_FAILED"},
    {200, "{\"status\":\"SUCCESS\"}", "RESPONSE_HANDLING_FAILED"},
    {200, "{\"status\":\"FAILED\"}", "RESPONSE_HANDLING_FAILED"},
    {200, "{\"status\":\"SUCCESS\",\"sessionToken\":\"\"}", "RESPONSE_HANDLING_FAILED"},
};

static void an_unreadable_answer_is_502(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        struct fixture f;

        init(&f);
        fixture_parse(&f, unreadable[i].http_status, unreadable[i].body);
        assert_int_equal(f.result.outcome, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(f.result.status_code, 502);
        assert_slice(f.result.code, unreadable[i].code);
        assert_true(f.result.message.len > 0);
        assert_int_equal(f.result.session_token.len, 0);
        fixture_done(&f);
    }
}

static void a_deep_answer_is_refused(void **state)
{
    struct fixture f;
    char body[4001];

    (void)state;
    memset(body, '[', 2000);
    memset(body + 2000, ']', 2000);
    body[4000] = '\0';
    init(&f);
    fixture_parse(&f, 200, body);
    assert_int_equal(f.result.outcome, SES_OUTCOME_BAD_RESPONSE);
    fixture_done(&f);
}

static void long_texts_are_cut_and_made_utf8(void **state)
{
    struct fixture f;
    char body[5001];

    (void)state;
    memset(body, 'x', 5000);
    body[5000] = '\0';
    memcpy(body, "\xff\xc3\xa9", 3);
    init(&f);
    fixture_parse(&f, 400, body);
    assert_true(ses_utf8_check(f.result.reason));
    assert_int_equal(f.result.reason.len, 1024 + 3); /* 1024 characters: one of 3 bytes, one of 2 */
    fixture_done(&f);
}

static void a_token_too_long_is_none(void **state)
{
    struct fixture f;
    char body[6000];

    (void)state;
    init(&f);
    (void)snprintf(body, sizeof(body), "{\"status\":\"SUCCESS\",\"sessionToken\":\"%05000d\"}", 0);
    fixture_parse(&f, 200, body);
    assert_slice(f.result.code, "RESPONSE_HANDLING_FAILED");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_worked_example),
        cmocka_unit_test(escapes_hostile_ids),
        cmocka_unit_test(names_a_missing_credential),
        cmocka_unit_test(says_when_memory_is_out),
        cmocka_unit_test(reads_a_token),
        cmocka_unit_test(maps_errors),
        cmocka_unit_test(an_unreadable_answer_is_502),
        cmocka_unit_test(a_deep_answer_is_refused),
        cmocka_unit_test(long_texts_are_cut_and_made_utf8),
        cmocka_unit_test(a_token_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
