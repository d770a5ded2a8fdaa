#include "connector_fixture.h"

#include "paytm_signature.h"

static void init(struct fixture *f, const char *key)
{
    fixture_init(f, "paytm", "https://securestage.paytmpayments.com/");
    fixture_key(f, "merchant_id", "MID12345678901234567");
    fixture_key(f, "merchant_key", key);
    fixture_key(f, "website", "WEBSTAGING");
    f->call.currency = "INR";
}

#define BODY                                                                                                 \
    "{\"requestType\":\"Payment\",\"mid\":\"MID12345678901234567\",\"orderId\":\"session_001\","             \
    "\"websiteName\":"                                                                                       \
    "\"WEBSTAGING\",\"txnAmount\":{\"value\":\"100.00\",\"currency\":\"INR\"},\"userInfo\":{\"custId\":"     \
    "\"cus_default\",\"mobile\":null,\"email\":null,\"firstName\":null,\"lastName\":null},"                  \
    "\"enablePaymentMode\":[{"                                                                               \
    "\"mode\":\"UPI\",\"channels\":[\"UPIPUSH\",\"UPI\"]}],\"callbackUrl\":\"https://"                       \
    "default-callback.com\","                                                                                \
    "\"shippingInfo\":[{\"trackingNo\":\"session_001\",\"chargeAmount\":{\"value\":\"100.00\",\"currency\":" \
    "\"INR\"}}]}"

#define SIGNATURE_16                                                                                         \
    "GznsIQoGHOWiUSXfJq6HBHoEyCRPdSR+"                                                                       \
    "zuv2BH252iOVb0PgJhkXr6kF3GuTlpk8WEeWOLTrPYA6LsJYQV19FxF49jL83XOup7g3gjXjFuU="

static const struct {
    const char *key, *signature;
} signatures[] = {
    {"0123456789abcdef", SIGNATURE_16},
    {"0123456789abcdef01234567",
     "IZFvQYUO9HkpnLPz+aieIQ9/"
     "m9vVnZpuKu5bFWJSCSBbIzvTogdsEw4j4rQpH+hFWOiCU4jE6UuqY+B6CHqujKVDJbobRW82jYfxK3RjLlg="},
    {"0123456789abcdef0123456789abcdef", "Hnj5CmdsDli2Igw6v9RxFihDo8lVxgU2iZT8xWKSSr5FuYbbBmcodpNu0W0GIxSBIP7"
                                         "MUudltAjPnq4IxADChJvl4B0/TLO3HuKYIIHI7G8="},
    {"short", "3vKHlx00GaE9498zPqYoeE2ARi6ipS17cgPEbN4q40RwlmXD23yz5jWPCF34c/"
              "r6vyfA+OXNMRG67L4tsb+7aBk4rKg3UotNY3L4WuuO7e8="},
    /* A longer key is cut to 32 bytes. */
    {"0123456789abcdef0123456789abcdefXYZ", "Hnj5CmdsDli2Igw6v9RxFihDo8lVxgU2iZT8xWKSSr5FuYbbBmcodpNu0W0GIxSB"
                                            "IP7MUudltAjPnq4IxADChJvl4B0/TLO3HuKYIIHI7G8="},
};

static void signs_with_every_key_length(void **state)
{
    static const uint8_t salt[SES_PAYTM_SALT_BYTES] = {0, 1, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        char signature[SES_PAYTM_SIGNATURE_SIZE];

        assert_int_equal(ses_paytm_sign(text(BODY), text(signatures[i].key), salt, signature), SES_OK);
        assert_string_equal(signature, signatures[i].signature);
    }
}

/* Made by another program (openssl enc, with the recipe of the documents): the payer as far as he is told. */
#define PAYER                                                                                                   \
    "{\"requestType\":\"Payment\",\"mid\":\"MID12345678901234567\",\"orderId\":\"session_001\","                \
    "\"websiteName\":\"WEBSTAGING\",\"txnAmount\":{\"value\":\"100.00\",\"currency\":\"INR\"},\"userInfo\":{"   \
    "\"custId\":\"cus_42\",\"mobile\":\"9876543210\",\"email\":\"a@shop.example\",\"firstName\":\"Asha\","      \
    "\"lastName\":null},\"enablePaymentMode\":[{\"mode\":\"UPI\",\"channels\":[\"UPIPUSH\",\"UPI\"]}],"         \
    "\"callbackUrl\":\"https://default-callback.com\",\"shippingInfo\":[{\"trackingNo\":\"session_001\","       \
    "\"chargeAmount\":{\"value\":\"100.00\",\"currency\":\"INR\"},\"countryName\":\"IN\",\"stateName\":\"KA\"," \
    "\"cityName\":\"Bengaluru\",\"address1\":\"1 MG Road\",\"address2\":\"\",\"firstName\":\"Ravi\","           \
    "\"lastName\":\"Rao\",\"mobileNo\":\"9000000001\",\"zipCode\":\"560001\",\"email\":\"r@shop.example\"}]}"
#define PAYER_SIGNATURE                                                                                      \
    "jqFcpmHmgpJ9aF3aEEHmcSEEnUMSQZqQqmZYozlgD1jHQTRnyKLflUO4Ph6VjwX896bzVbxhclm8vNSRpgrAJUa/"               \
    "jdgsnJhhUovJwyQ7pvc="

static void tells_of_the_payer(void **state)
{
    struct fixture f;

    (void)state;
    init(&f, "0123456789abcdef");
    f.call.customer_id = text("cus_42");
    f.call.billing = (struct ses_call_address){.phone_number = text("9876543210"),
                                               .email = text("a@shop.example"),
                                               .first_name = text("Asha"),
                                               .city = text("not told")};
    f.call.shipping = (struct ses_call_address){.first_name = text("Ravi"),
                                                .last_name = text("Rao"),
                                                .line1 = text("1 MG Road"),
                                                .line2 = text(""), /* given, and empty */
                                                .city = text("Bengaluru"),
                                                .state = text("KA"),
                                                .zip_code = text("560001"),
                                                .email = text("r@shop.example"),
                                                .phone_number = text("9000000001"),
                                                .country = text("IN")};
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.body,
                 "{\"head\":{\"clientId\":null,\"version\":\"v1\",\"requestTimestamp\":\"1767323045\","
                 "\"signature\":\"" PAYER_SIGNATURE "\"},\"body\":" PAYER "}");
    fixture_done(&f);
}

/* The longest that a request may carry, every byte of it escaped. */
static void any_payer_has_room(void **state)
{
    static char control[4097];
    struct fixture f;

    (void)state;
    memset(control, 1, 4096);
    init(&f, "0123456789abcdef");
    f.call.customer_id = text(control);
    f.call.billing = (struct ses_call_address){.email = text(control)};
    f.call.shipping = (struct ses_call_address){.line1 = text(control)};
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_in_range(f.request.body.len, 3 * 6 * 4096, 3 * 6 * 4096 + 2048);
    fixture_done(&f);
}

static void builds_the_worked_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        char body[2048];

        init(&f, signatures[i].key);
        assert_int_equal(fixture_build(&f), SES_OK);
        assert_slice(f.request.url, "https://securestage.paytmpayments.com/theia/api/v1/"
                                    "initiateTransaction?mid=MID12345678901234567&orderId=session_001");
        assert_int_equal(f.request.headers_count, 2);
        assert_header(&f.request, 0, "content-type", "application/json");
        assert_header(&f.request, 1, "via", "HyperSwitch");
        (void)snprintf(body, sizeof(body),
                       "{\"head\":{\"clientId\":null,\"version\":\"v1\",\"requestTimestamp\":\"1767323045\","
                       "\"signature\":\"%s\"},\"body\":" BODY "}",
                       signatures[i].signature);
        assert_slice(f.request.body, body);
        assert_false(f.request.idempotent);
        fixture_done(&f);
    }
}

static void head_follows_client_and_device(void **state)
{
    static const struct {
        const char *os_type, *channel;
    } devices[] = {{"Android 14", "WAP"}, {"iOS", "WAP"},     {"IOS 17", "WAP"},
                   {"", "WEB"},           {"Windows", "WEB"}, {"io", "WEB"}};

    (void)state;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        struct fixture f;
        char head[256];

        init(&f, "0123456789abcdef");
        fixture_key(&f, "client_id", "cl\"1");
        f.call.os_type = text(devices[i].os_type);
        f.call.os_type_present = true;
        assert_int_equal(fixture_build(&f), SES_OK);
        (void)snprintf(
            head, sizeof(head),
            "{\"head\":{\"clientId\":\"cl\\\"1\",\"version\":\"v1\",\"requestTimestamp\":\"1767323045\","
            "\"channelId\":\"%s\",\"signature\":\"" SIGNATURE_16 "\"},\"body\":",
            devices[i].channel);
        assert_memory_equal(f.request.body.data, head, strlen(head));
        fixture_done(&f);
    }
}

static void amounts_have_their_currency_s_digits(void **state)
{
    static const struct {
        int64_t minor;
        unsigned exponent;
        const char *value;
    } amounts[] = {
        {10000, 2, "\"value\":\"100.00\""},
        {10000, 0, "\"value\":\"10000\""},
        {10000, 3, "\"value\":\"10.000\""},
        {10000, 4, "\"value\":\"1.0000\""},
        {5, 2, "\"value\":\"0.05\""},
        {0, 2, "\"value\":\"0.00\""},
        {INT64_MAX, 2, "\"value\":\"92233720368547758.07\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        struct fixture f;

        init(&f, "0123456789abcdef");
        f.call.minor_amount = amounts[i].minor;
        f.call.exponent = amounts[i].exponent;
        assert_int_equal(fixture_build(&f), SES_OK);
        assert_non_null(strstr(ses_arena_str(&f.arena, f.request.body), amounts[i].value));
        fixture_done(&f);
    }
}

/* Paytm reads two decimals. */
static void what_paytm_cannot_read_is_refused(void **state)
{
    static const struct {
        int64_t minor;
        unsigned exponent;
        bool taken;
    } amounts[] = {
        {10001, 2, true}, {10001, 0, true}, {10010, 3, true}, {10001, 3, false}, {10010, 4, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        struct fixture f;

        init(&f, "0123456789abcdef");
        f.call.minor_amount = amounts[i].minor;
        f.call.exponent = amounts[i].exponent;
        assert_int_equal(fixture_build(&f), amounts[i].taken ? SES_OK : SES_INVALID_ARGUMENT);
        if (!amounts[i].taken)
            assert_string_equal(ses_reason_name(f.error.reason), "AMOUNT_NOT_ACCEPTED");
        fixture_done(&f);
    }
}

static void a_negative_amount_is_refused(void **state)
{
    struct fixture f;

    (void)state;
    init(&f, "0123456789abcdef");
    f.call.minor_amount = -1;
    assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
    fixture_done(&f);
}

static void an_id_cannot_leave_the_query(void **state)
{
    struct fixture f;

    (void)state;
    init(&f, "0123456789abcdef");
    f.credentials.fields[0].value = text("m&x=1#");
    f.call.merchant_session_id = text("a b&mid=evil#\r\nhost: x%41\xc3\xa9~-._");
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(
        f.request.url,
        "https://securestage.paytmpayments.com/theia/api/v1/initiateTransaction?mid=m%26x%3D1%23&orderId="
        "a%20b%26mid%3Devil%23%0D%0Ahost%3A%20x%2541%C3%A9~-._");
    assert_non_null(strstr(ses_arena_str(&f.arena, f.request.body),
                           "\"orderId\":\"a b&mid=evil#\\r\\nhost: x%41\xc3\xa9"));
    fixture_done(&f);
}

static void the_longest_hostile_ids_fit(void **state)
{
    struct fixture f;
    char id[256];

    (void)state;
    memset(id, 0x01, 255);
    id[255] = '\0';
    init(&f, "0123456789abcdef");
    for (size_t i = 0; i < 3; i++)
        f.credentials.fields[i].value = text(id);
    fixture_key(&f, "client_id", id);
    f.call.merchant_session_id = text(id);
    f.call.os_type_present = true;
    assert_int_equal(fixture_build(&f), SES_OK);
    fixture_done(&f);
}

static void names_a_missing_credential(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;

        init(&f, "0123456789abcdef");
        f.credentials.fields[i].value = SES_SLICE_EMPTY;
        assert_int_equal(fixture_build(&f), SES_INVALID_ARGUMENT);
        assert_slice(f.error.metadata[1].value, f.credentials.fields[i].name);
        fixture_done(&f);
    }
}

#define HEAD "{\"head\":{\"version\":\"v1\",\"responseTimestamp\":\"1\",\"signature\":\"x\"},"

static void reads_a_token(void **state)
{
    static const char *const bodies[] = {
        HEAD
        "\"body\":{\"resultInfo\":{\"resultStatus\":\"S\",\"resultCode\":\"0000\",\"resultMsg\":\"Success\"},"
        "\"txnToken\":\"tok-1\",\"isPromoCodeValid\":false}}",
        /* Other codes are not looked at when a token is there. */
        HEAD "\"body\":{\"resultInfo\":{\"resultStatus\":\"F\",\"resultCode\":\"501\",\"resultMsg\":\"?\"},"
             "\"txnToken\":\"tok-1\"}}",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;

        init(&f, "x");
        fixture_parse(&f, 200, bodies[i]);
        assert_int_equal(f.result.outcome, SES_OUTCOME_SUCCESS);
        assert_int_equal(f.result.status_code, 200);
        assert_slice(f.result.session_token, "tok-1");
        fixture_done(&f);
    }
}

#define INFO(code, message)                                                                                  \
    "\"body\":{\"resultInfo\":{\"resultStatus\":\"F\",\"resultCode\":\"" code "\",\"resultMsg\":\"" message  \
    "\"}"

static const struct {
    uint32_t http_status;
    const char *body;
    enum ses_connector_outcome outcome;
    uint32_t status_code;
    const char *code, *message, *reason, *transaction_id;
} errors[] = {
    {200, HEAD INFO("0002", "Duplicate") ",\"txnToken\":\"tok\"}}", SES_OUTCOME_DECLINED, 200, "0002",
     "Duplicate", "Duplicate", ""},
    {200, HEAD INFO("2005", "Checksum") "}}", SES_OUTCOME_DECLINED, 200, "2005", "Checksum", "Checksum", ""},
    {200, HEAD INFO("1", "m") ",\"txnToken\":null}}", SES_OUTCOME_DECLINED, 200, "1", "m", "m", ""},
    {400, HEAD INFO("1001", "Bad") "}}", SES_OUTCOME_DECLINED, 400, "1001", "Bad", "", ""},
    {500, HEAD INFO("900", "System") "}}", SES_OUTCOME_SERVER_ERROR, 500, "900", "System", "", ""},
    {401, HEAD "\"body\":{\"txnInfo\":{\"RESPCODE\":\"330\",\"RESPMSG\":\"Invalid\",\"ORDERID\":\"o-1\"}}}",
     SES_OUTCOME_AUTH_FAILED, 401, "330", "Invalid", "", "o-1"},
    {429,
     "{\"errorCode\":\"E1\",\"errorMessage\":\"slow\",\"errorDescription\":\"too "
     "fast\",\"transactionId\":\"t-1\"}",
     SES_OUTCOME_RATE_LIMITED, 429, "E1", "slow", "too fast", "t-1"},
    {400, "{\"errorCode\":\"E1\"}", SES_OUTCOME_DECLINED, 400, "E1", "", "", ""},
    /* What is missing beside them takes no text away. */
    {400, "{" INFO("1001", "Bad") "}}", SES_OUTCOME_DECLINED, 400, "1001", "Bad", "", ""},
    {400, "{\"body\":{\"resultInfo\":{\"resultMsg\":\"Bad mid\"}}}", SES_OUTCOME_DECLINED, 400, "", "Bad mid",
     "", ""},
    {400, HEAD "\"body\":{\"resultInfo\":{\"resultCode\":1001,\"resultMsg\":\"Bad mid\"}}}",
     SES_OUTCOME_DECLINED, 400, "1001", "Bad mid", "", ""},
    {400, "{\"errorMessage\":\"slow\"}", SES_OUTCOME_DECLINED, 400, "", "slow", "", ""},
    {400, "{\"errorCode\":7,\"errorDescription\":\"too fast\"}", SES_OUTCOME_DECLINED, 400, "7", "",
     "too fast", ""},
    {400, HEAD "\"body\":{\"txnInfo\":{\"RESPMSG\":\"Invalid\"}}}", SES_OUTCOME_DECLINED, 400, "", "Invalid",
     "", ""},
    {400, "nope", SES_OUTCOME_DECLINED, 400, "400", "Bad request", "Raw response: nope", ""},
    {404, "[]", SES_OUTCOME_DECLINED, 404, "404", "Not found", "Raw response: []", ""},
    {500, "", SES_OUTCOME_SERVER_ERROR, 500, "500", "Internal server error", "Raw response: ", ""},
    {502, "x", SES_OUTCOME_SERVER_ERROR, 502, "502", "Bad gateway", "Raw response: x", ""},
    {503, "{}", SES_OUTCOME_SERVER_ERROR, 503, "503", "Service temporarily unavailable", "Raw response: {}",
     ""},
    {403, "x", SES_OUTCOME_AUTH_FAILED, 403, "403", "HTTP 403 error", "Raw response: x", ""},
};

static void an_earlier_orders_token_is_an_error_that_says_so(void **state)
{
    struct fixture f;

    (void)state;
    init(&f, "x");
    fixture_parse(&f, 200, HEAD INFO("0002", "Duplicate") ",\"txnToken\":\"tok\"}}");
    assert_int_equal(f.result.outcome, SES_OUTCOME_DECLINED);
    assert_true(f.result.repeated);
    assert_slice(f.result.session_token, "tok");
    fixture_done(&f);
    init(&f, "x");
    fixture_parse(&f, 200, HEAD INFO("0002", "Duplicate") "}}");
    assert_false(f.result.repeated);
    fixture_done(&f);
}

static void maps_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct fixture f;

        init(&f, "x");
        fixture_parse(&f, errors[i].http_status, errors[i].body);
        assert_error(&f.result, errors[i].outcome, errors[i].status_code, errors[i].code, errors[i].message,
                     errors[i].reason);
        assert_slice(f.result.connector_transaction_id, errors[i].transaction_id);
        fixture_done(&f);
    }
}

static void a_raw_body_is_cut_at_200_characters(void **state)
{
    struct fixture f;
    char body[1001];

    (void)state;
    for (size_t i = 0; i < 1000; i += 2)
        memcpy(body + i, "\xc3\xa9", 2);
    body[1000] = '\0';
    init(&f, "x");
    fixture_parse(&f, 400, body);
    assert_int_equal(f.result.reason.len, strlen("Raw response: ") + 400);
    assert_true(ses_utf8_check(f.result.reason));
    fixture_done(&f);
}

static void an_unreadable_answer_is_502(void **state)
{
    static const char *const bodies[] = {
        "rubbish",
        "",
        "{}",
        "{" INFO("0000", "no head") ",\"txnToken\":\"t\"}}",
        "{\"head\":{}," INFO("0000", "no version") ",\"txnToken\":\"t\"}}",
        "{\"head\":{\"version\":1}," INFO("0000", "no text") ",\"txnToken\":\"t\"}}",
        HEAD "\"body\":{\"txnToken\":\"t\"}}",
        HEAD "\"body\":{\"resultInfo\":{\"resultCode\":\"0000\"},\"txnToken\":\"t\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct fixture f;

        init(&f, "x");
        fixture_parse(&f, 200, bodies[i]);
        assert_error(&f.result, SES_OUTCOME_BAD_RESPONSE, 502, "RESPONSE_DESERIALIZATION_FAILED",
                     "The connector's answer could not be read", "");
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_with_every_key_length),
        cmocka_unit_test(builds_the_worked_example),
        cmocka_unit_test(tells_of_the_payer),
        cmocka_unit_test(any_payer_has_room),
        cmocka_unit_test(head_follows_client_and_device),
        cmocka_unit_test(amounts_have_their_currency_s_digits),
        cmocka_unit_test(what_paytm_cannot_read_is_refused),
        cmocka_unit_test(a_negative_amount_is_refused),
        cmocka_unit_test(an_id_cannot_leave_the_query),
        cmocka_unit_test(the_longest_hostile_ids_fit),
        cmocka_unit_test(names_a_missing_credential),
        cmocka_unit_test(reads_a_token),
        cmocka_unit_test(an_earlier_orders_token_is_an_error_that_says_so),
        cmocka_unit_test(maps_errors),
        cmocka_unit_test(a_raw_body_is_cut_at_200_characters),
        cmocka_unit_test(an_unreadable_answer_is_502),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
