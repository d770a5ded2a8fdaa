#include <sessiond/domain/request.h>
#include <sessiond/domain/money.h>

#include <stdio.h>

#include "domain/request_fixture.h"
#include "unit.h"

static char room[20000];

static const char *text_of(size_t len, char c)
{
    memset(room, c, len);
    room[len] = '\0';
    return room;
}

/* The one violation of a request with that single text. */
static void expect_violation(const struct ses_session_request *request, const char *field)
{
    struct ses_error error = {.status = SES_OK};

    if (ses_request_check(request, SES_NAMING_SESSION_TOKEN, &error) != SES_INVALID_ARGUMENT)
        fail_msg("accepted a bad %s", field);
    assert_int_equal(error.status, SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 1);
    if (!ses_slice_eq_str(error.violations[0].key, field))
        fail_msg("%.*s instead of %s", SES_FMT(error.violations[0].key), field);
    assert_true(error.violations[0].value.len > 0);
}

static void expect_ok(const struct ses_session_request *request)
{
    struct ses_error error = {.status = SES_OK};

    if (ses_request_check(request, SES_NAMING_SESSION_TOKEN, &error) != SES_OK)
        fail_msg("refused: %.*s %.*s", SES_FMT(error.violations[0].key), SES_FMT(error.violations[0].value));
}

static void expect_text(enum ses_field field, const char *text, bool good)
{
    struct ses_session_request request = minimal_request();
    struct ses_slice path = ses_field_path(SES_NAMING_SESSION_TOKEN, field);

    if (field == SES_FIELD_STATE_TOKEN || field == SES_FIELD_STATE_TOKEN_TYPE)
        set_access_token(&request, "tok");
    set_text(&request, field, text);
    if (good)
        expect_ok(&request);
    else
        expect_violation(&request, (const char *)path.data);
}

static void expect_number(enum ses_field field, int64_t number, bool good)
{
    struct ses_session_request request = minimal_request();

    set_number(&request, field, number);
    if (good)
        expect_ok(&request);
    else
        expect_violation(&request, (const char *)ses_field_path(SES_NAMING_SESSION_TOKEN, field).data);
}

static void test_good_requests(void **state)
{
    struct ses_session_request minimal = minimal_request();
    struct ses_session_request full = full_request();

    (void)state;
    expect_ok(&minimal);
    set_access_token(&full, "tok_1");
    set_text(&full, SES_FIELD_STATE_CUSTOMER, "cus_1");
    expect_ok(&full);
}

static void test_required_fields(void **state)
{
    struct ses_session_request request = minimal_request();

    (void)state;
    clear_field(&request, SES_FIELD_MERCHANT_SESSION_ID);
    expect_violation(&request, "merchant_session_id");
    request = minimal_request();
    request.present = SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID) | SES_FIELD_BIT(SES_FIELD_PAYMENT);
    expect_violation(&request, "amount");
    request = minimal_request();
    request.present |= SES_FIELD_BIT(SES_FIELD_STATE_ACCESS_TOKEN);
    expect_violation(&request, "state.access_token.token");
}

/* minimum and maximum of every text, and one byte more */
static void test_text_limits(void **state)
{
    static const struct {
        enum ses_field field;
        size_t min, max;
    } limits[] = {
        {SES_FIELD_MERCHANT_SESSION_ID, 1, 255},
        {SES_FIELD_METADATA, 0, 16384},
        {SES_FIELD_STATE_TOKEN, 1, 8192},
        {SES_FIELD_STATE_TOKEN_TYPE, 0, 64},
        {SES_FIELD_STATE_CUSTOMER, 1, 255},
        {SES_FIELD_LANGUAGE, 0, 64},
        {SES_FIELD_ACCEPT_HEADER, 0, 2048},
        {SES_FIELD_USER_AGENT, 0, 2048},
        {SES_FIELD_ACCEPT_LANGUAGE, 0, 512},
        {SES_FIELD_REFERER, 0, 2048},
        {SES_FIELD_OS_TYPE, 0, 64},
        {SES_FIELD_OS_VERSION, 0, 64},
        {SES_FIELD_DEVICE_MODEL, 0, 128},
        {SES_FIELD_CUSTOMER, 0, 4096},
        {SES_FIELD_ADDRESS, 0, 8192},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        expect_text(limits[i].field, text_of(limits[i].max, 'a'), true);
        expect_text(limits[i].field, text_of(limits[i].max + 1, 'a'), false);
        expect_text(limits[i].field, text_of(limits[i].min, 'a'), true);
        if (limits[i].min > 0)
            expect_text(limits[i].field, "", false);
    }
}

static void test_text_kinds(void **state)
{
    (void)state;
    for (unsigned field = 0; field < SES_FIELD_TEXTS; field++) {
        bool any = field == SES_FIELD_METADATA || field == SES_FIELD_CUSTOMER || field == SES_FIELD_ADDRESS;
        bool bytes = field == SES_FIELD_CUSTOMER || field == SES_FIELD_ADDRESS;

        expect_text((enum ses_field)field, "a\nb", any);
        expect_text((enum ses_field)field, "a\x7f", any);
        expect_text((enum ses_field)field, "\xc3\x28", bytes); /* not UTF-8 */
    }
    expect_text(SES_FIELD_MERCHANT_SESSION_ID, "Zahlung \xc3\xa4\xe2\x82\xac", true);
}

static void test_feature_data_must_be_json(void **state)
{
    char json[16388];

    (void)state;
    expect_text(SES_FIELD_FEATURE_DATA, "{\"a\":1}", true);
    expect_text(SES_FIELD_FEATURE_DATA, "", false);
    expect_text(SES_FIELD_FEATURE_DATA, "{a:1}", false);
    expect_text(SES_FIELD_METADATA, "{a:1}", true);
    memset(json, 'a', sizeof(json));
    json[0] = json[16383] = '"';
    json[16384] = '\0';
    expect_text(SES_FIELD_FEATURE_DATA, json, true);
    json[16383] = 'a';
    json[16384] = '"';
    json[16385] = '\0';
    expect_text(SES_FIELD_FEATURE_DATA, json, false);
}

static void test_ip_addresses(void **state)
{
    (void)state;
    expect_text(SES_FIELD_IP_ADDRESS, "127.0.0.1", true);
    expect_text(SES_FIELD_IP_ADDRESS, "2001:db8::1", true);
    expect_text(SES_FIELD_IP_ADDRESS, "::ffff:1.2.3.4", true);
    expect_text(SES_FIELD_IP_ADDRESS, "", false);
    expect_text(SES_FIELD_IP_ADDRESS, "256.0.0.1", false);
    expect_text(SES_FIELD_IP_ADDRESS, "1.2.3", false);
    expect_text(SES_FIELD_IP_ADDRESS, "[::1]", false);
    expect_text(SES_FIELD_IP_ADDRESS, "fe80::1%eth0", false);
    expect_text(SES_FIELD_IP_ADDRESS, "localhost", false);
}

static void test_number_limits(void **state)
{
    static const struct {
        enum ses_field field;
        int64_t min, max;
    } limits[] = {
        {SES_FIELD_COLOR_DEPTH, 0, 255},
        {SES_FIELD_SCREEN_HEIGHT, 0, 999999},
        {SES_FIELD_SCREEN_WIDTH, 0, 999999},
        {SES_FIELD_TIME_ZONE_OFFSET, -1440, 1440},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        expect_number(limits[i].field, limits[i].min, true);
        expect_number(limits[i].field, limits[i].max, true);
        expect_number(limits[i].field, limits[i].min - 1, false);
        expect_number(limits[i].field, limits[i].max + 1, false);
    }
    expect_number(SES_FIELD_MINOR_AMOUNT, 0, true);
    expect_number(SES_FIELD_MINOR_AMOUNT, INT64_MAX, true);
    expect_number(SES_FIELD_MINOR_AMOUNT, -1, false);
    expect_number(SES_FIELD_MINOR_AMOUNT, INT64_MIN, false);
}

static void test_token_life(void **state)
{
    struct ses_session_request request = minimal_request();

    (void)state;
    set_access_token(&request, "tok");
    set_number(&request, SES_FIELD_STATE_EXPIRES_IN, 3600);
    expect_ok(&request);
    set_number(&request, SES_FIELD_STATE_EXPIRES_IN, -1);
    expect_violation(&request, "state.access_token.expires_in_seconds");
}

static void test_currencies(void **state)
{
    (void)state;
    for (int64_t number = 1; number <= SES_CURRENCY_COUNT; number++)
        expect_number(SES_FIELD_CURRENCY, number, ses_currency_by_number(number)->accepted);
    expect_number(SES_FIELD_CURRENCY, 0, false);
    expect_number(SES_FIELD_CURRENCY, 161, false);
    expect_number(SES_FIELD_CURRENCY, -5, false);
}

static void test_all_violations_at_once(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_error error = {.status = SES_OK};
    static const char *const fields[] = {
        "payment.amount.currency",
        "merchant_server_session_id",
        "payment.metadata",
        "connector_feature_data",
        "payment.browser_info.ip_address",
        "payment.amount.minor_amount",
        "payment.browser_info.screen_width",
    };

    (void)state;
    set_text(&request, SES_FIELD_MERCHANT_SESSION_ID, "");
    set_text(&request, SES_FIELD_METADATA, "\xff");
    set_text(&request, SES_FIELD_FEATURE_DATA, "no json");
    set_text(&request, SES_FIELD_IP_ADDRESS, "nowhere");
    set_number(&request, SES_FIELD_MINOR_AMOUNT, -1);
    set_number(&request, SES_FIELD_CURRENCY, 0);
    set_number(&request, SES_FIELD_SCREEN_WIDTH, -1);
    assert_int_equal(ses_request_check(&request, SES_NAMING_SERVER_SESSION_TOKEN, &error),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, sizeof(fields) / sizeof(fields[0]));
    for (size_t i = 0; i < error.violations_count; i++)
        assert_true(ses_slice_eq_str(error.violations[i].key, fields[i]));
}

static void test_payment_context_is_required(void **state)
{
    struct ses_session_request request = minimal_request();
    struct ses_error error = {.status = SES_OK};

    (void)state;
    request.present = SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID);
    assert_int_equal(ses_request_check(&request, SES_NAMING_SERVER_SESSION_TOKEN, &error),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 1);
    assert_true(ses_slice_eq_str(error.violations[0].key, "payment"));
}

static void test_caller_ids(void **state)
{
    (void)state;
    assert_true(ses_caller_id_check(SES_STR("merchant_1")));
    assert_true(ses_caller_id_check(ses_slice(text_of(128, 'm'), 128)));
    assert_false(ses_caller_id_check(ses_slice(text_of(129, 'm'), 129)));
    assert_false(ses_caller_id_check(SES_SLICE_EMPTY));
    assert_false(ses_caller_id_check(SES_STR("a\tb")));
    assert_false(ses_caller_id_check(SES_STR("\xff")));
}

static void test_state_view(void **state)
{
    struct ses_session_request request = minimal_request();
    struct ses_session_state view;

    (void)state;
    ses_request_state(&request, 5, &view);
    assert_false(view.access_token_present || view.connector_customer_id_present);
    set_access_token(&request, "tok");
    set_text(&request, SES_FIELD_STATE_TOKEN_TYPE, "Bearer");
    set_number(&request, SES_FIELD_STATE_EXPIRES_IN, 60);
    set_text(&request, SES_FIELD_STATE_CUSTOMER, "cus");
    ses_request_state(&request, 5, &view);
    assert_true(view.access_token_present && view.access_token_type_present && view.expires_in_present);
    assert_true(view.connector_customer_id_present);
    assert_true(ses_slice_eq_str(view.access_token, "tok") &&
                ses_slice_eq_str(view.connector_customer_id, "cus"));
    assert_int_equal(view.expires_in_seconds, 60);
    assert_int_equal(view.stored_ms, 5);
}

static void test_every_field_has_its_own_tag(void **state)
{
    struct ses_tag_key key = {{1}};
    struct ses_session_request base = full_request();
    struct ses_fingerprint a, b;

    (void)state;
    ses_request_fingerprint(&base, &key, &a);
    assert_int_equal(a.fields, SES_FINGERPRINT_FIELDS);
    for (unsigned i = 0; i < SES_FIELD_TEXTS + SES_FIELD_NUMBERS; i++) {
        struct ses_session_request other = base;
        bool compared = (SES_FINGERPRINT_FIELDS & SES_FIELD_BIT(i)) != 0;

        if (i < SES_FIELD_TEXTS)
            other.text[i] = SES_STR("something else");
        else
            other.number[i - SES_FIELD_TEXTS]++;
        ses_request_fingerprint(&other, &key, &b);
        assert_int_equal(ses_fingerprint_differing(&a, &b), compared ? SES_FIELD_BIT(i) : 0);
        other = base;
        other.present &= ~SES_FIELD_BIT(i);
        ses_request_fingerprint(&other, &key, &b);
        assert_int_equal(ses_fingerprint_differing(&a, &b), compared ? SES_FIELD_BIT(i) : 0);
    }
    key.bytes[0] = 2;
    ses_request_fingerprint(&base, &key, &b);
    assert_int_equal(ses_fingerprint_differing(&a, &b), SES_FINGERPRINT_FIELDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_required_fields),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_text_kinds),
        cmocka_unit_test(test_feature_data_must_be_json),
        cmocka_unit_test(test_ip_addresses),
        cmocka_unit_test(test_number_limits),
        cmocka_unit_test(test_token_life),
        cmocka_unit_test(test_currencies),
        cmocka_unit_test(test_all_violations_at_once),
        cmocka_unit_test(test_payment_context_is_required),
        cmocka_unit_test(test_caller_ids),
        cmocka_unit_test(test_state_view),
        cmocka_unit_test(test_every_field_has_its_own_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
