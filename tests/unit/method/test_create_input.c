/* What is no request to create a session: headers, bodies, fields; and JSON, which is one. */
#include "create.h"

#include "method/core_fixture.h"

/* ---- headers --------------------------------------------------------------------------------- */

/* The example call with its headers replaced: pairs of name and value, NULL at the end. */
static struct call *headers_call(struct core *core, const char *const *pairs)
{
    struct call *call = call_new(core, OLD_PATH, 0);
    old_request message = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST__INIT;
    struct order order = {.id = "a"};
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString metadata;

    for (; pairs[0] != NULL; pairs += 2)
        call_header(call, pairs[0], pairs[1]);
    order_fill(&order, &message, &money, &browser, &state, &metadata);
    call_body(call, &message.base);
    call_start(call);
    return call;
}

#define ADYEN "x-connector", "adyen", "x-auth", "body-key", "x-api-key", "k", "x-key1", "m"

static void expect_header_error(struct core *core, const char *const *pairs, const char *reason,
                                const char *header)
{
    struct call *call = headers_call(core, pairs);
    const struct ses_error *error = call_error(call, SES_INVALID_ARGUMENT, reason);

    if (header != NULL) {
        assert_int_equal(error->violations_count, 1);
        assert_true(ses_slice_eq_str(error->violations[0].key, header));
        assert_memory_equal(call->door.error_message, header, strlen(header));
    }
    assert_int_equal(core_puts(core), 0);
    call_free(call);
}

static char long_text[300];

static void test_bad_headers(void **state)
{
    static const char *const tenant[] = {ADYEN, "x-tenant-id", "a\tb", NULL};
    static const char *const merchant[] = {ADYEN, "x-merchant-id", long_text, NULL};
    static const char *const reference[] = {ADYEN, "x-reference-id", long_text, NULL};
    static const char *const resource[] = {ADYEN, "x-resource-id", "\x01", NULL};
    static const char *const environment[] = {ADYEN, "x-environment", "staging", NULL};
    static const char *const override[] = {ADYEN, "x-config-override", "{}", NULL};
    static const char *const none[] = {NULL};
    static const char *const unknown[] = {"x-connector", "Adyen", "x-auth", "no-key", NULL};
    struct core *core = *state;

    memset(long_text, 'm', 256);
    expect_header_error(core, tenant, "INVALID_METADATA", "x-tenant-id");
    expect_header_error(core, merchant, "INVALID_METADATA", "x-merchant-id");
    expect_header_error(core, reference, "INVALID_METADATA", "x-reference-id");
    expect_header_error(core, resource, "INVALID_METADATA", "x-resource-id");
    expect_header_error(core, environment, "INVALID_ENVIRONMENT", "x-environment");
    expect_header_error(core, override, "CONFIG_OVERRIDE_REFUSED", "x-config-override");
    expect_header_error(core, none, "MISSING_METADATA", NULL);
    expect_header_error(core, unknown, "INVALID_CONNECTOR", NULL);
}

static void test_good_headers(void **state)
{
    static const char *const pairs[] = {ADYEN,     "x-tenant-id",
                                        "t1",      "x-merchant-id",
                                        "m1",      "x-reference-id",
                                        "ref",     "x-resource-id",
                                        "res",     "x-environment",
                                        "SandBox", "x-shadow-mode",
                                        "TRUE",    NULL};
    struct core *core = *state;
    struct call *call = headers_call(core, pairs);
    struct ses_claims claims = call_claims(call);

    assert_true(ses_slice_eq_str(claims.merchant, "m1"));
    assert_true(ses_slice_eq_str(call->x->tenant, "t1"));
    assert_true(ses_slice_eq_str(call->x->merchant, "m1"));
    call_free(call);
}

static void test_empty_names_are_the_default_ones(void **state)
{
    static const char *const pairs[] = {ADYEN, "x-tenant-id", "", "x-merchant-id", "", NULL};
    struct core *core = *state;
    struct call *call = headers_call(core, pairs);
    struct ses_claims claims = call_claims(call);

    assert_true(ses_slice_eq_str(claims.merchant, "DefaultMerchantId"));
    assert_true(ses_slice_eq_str(call->x->tenant, "DefaultTenantId"));
    call_free(call);
}

static void test_base_url_is_judged_without_a_call_too(void **state)
{
    static const char *const pairs[] = {"x-connector-config",
                                        "{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":"
                                        "\"m\",\"base_url\":\"https://169.254.169.254/\"}}}",
                                        NULL};
    struct core *core = *state;

    expect_header_error(core, pairs, "BASE_URL_REFUSED", NULL);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void expect_invalid(struct core *core, struct order order, const char *reason, const char *field)
{
    struct call *call = core_call(core, order);
    const struct ses_error *error = call_error(call, SES_INVALID_ARGUMENT, reason);

    assert_int_equal(error->violations_count, 1);
    assert_true(ses_slice_eq_str(error->violations[0].key, field));
    assert_memory_equal(call->door.error_message, field, strlen(field));
    assert_null(strstr(call->door.error_message, "4111"));
    call_free(call);
}

static void test_rules_are_applied(void **state)
{
    struct core *core = *state;

    expect_invalid(core, (struct order){.id = ""}, "INVALID_FIELDS", "merchant_session_id");
    expect_invalid(core, (struct order){.amount = -1}, "INVALID_FIELDS", "amount.minor_amount");
    expect_invalid(core, (struct order){.metadata = "4111 1111 1111 1111"}, "CARD_DATA_REFUSED", "metadata");
    expect_invalid(core, (struct order){.metadata = "{\"cvv\":\"1\"}"}, "CARD_DATA_REFUSED", "metadata");
    expect_invalid(core, (struct order){.id = "4111111111111111"}, "CARD_DATA_REFUSED",
                   "merchant_session_id");
    expect_invalid(core, (struct order){.customer = ""}, "INVALID_FIELDS", "state.connector_customer_id");
}

static void test_a_body_that_is_no_message(void **state)
{
    struct core *core = *state;
    struct call *call = call_new(core, OLD_PATH, 0);

    call_connector(call, NULL, NULL);
    call->x->body = SES_STR("\x0a\x7f");
    call_start(call);
    (void)call_error(call, SES_INVALID_ARGUMENT, "MALFORMED_REQUEST");
    call_free(call);
}

static void test_an_empty_body_names_what_is_missing(void **state)
{
    struct core *core = *state;
    struct call *call = call_new(core, OLD_PATH, 0);
    const struct ses_error *error;

    call_connector(call, NULL, NULL);
    call_start(call);
    error = call_error(call, SES_INVALID_ARGUMENT, "INVALID_FIELDS");
    assert_int_equal(error->violations_count, 2);
    assert_string_equal(call->door.error_message, "merchant_session_id is required (and 1 more)");
    call_free(call);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_call(struct core *core, const char *path, enum ses_encoding encoding)
{
    struct call *call = call_new(core, path, 0);
    char text[4096] = {0};

    call_connector(call, NULL, NULL);
    call->x->encoding = encoding;
    call->x->body =
        SES_STR("{\"merchant_session_id\":\"session_001\",\"amount\":{\"minor_amount\":10000,\"currency\":"
                "\"USD\"},\"metadata\":\"x\",\"browser_info\":{\"accept_header\":\"text/html\","
                "\"user_agent\":\"Mozilla/5.0...\"},\"test_mode\":true}");
    call_start(call);
    call_wait(call);
    assert_false(call->door.failed);
    memcpy(text, call->door.message[0], call->door.message_len[0]);
    assert_non_null(strstr(text, "\"status_code\":200"));
    assert_non_null(strstr(text, "\"session_token\":\"sess_v4.public."));
    assert_null(strstr(text, "\"error\""));
    call_free(call);
}

static void test_json(void **state)
{
    struct core *core = *state;

    json_call(core, OLD_PATH, SES_ENCODING_JSON);
    json_call(core, "/payments/create_session_token", SES_ENCODING_JSON_BARE);
    assert_int_equal(core_count(core, SES_C_SESSIONS_REPLAYED), 1); /* one core behind both */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_bad_headers),
        T(test_good_headers),
        T(test_empty_names_are_the_default_ones),
        T(test_base_url_is_judged_without_a_call_too),
        T(test_rules_are_applied),
        T(test_a_body_that_is_no_message),
        T(test_an_empty_body_names_what_is_missing),
        T(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
