/* What of a request to the payment server is looked at, what is refused, and what is put in. */
#include "gateway_request.h"

#include <sessiond/domain/gateway_methods.h>

#include "unit.h"

#define AMOUNT "\x12\x06\x08\x90\x4e\x10\x92\x01" /* field 2: 10000, currency 146 */
#define ID     "\x0a\x02t1"
#define TOKEN  "\x8a\x01" /* field 17 */

static const struct ses_gateway_method *authorize(void)
{
    return ses_gateway_method_at(SES_GATEWAY_NAME_AUTHORIZE);
}

static enum ses_status read_of(const struct ses_gateway_method *method, const char *bytes, size_t len,
                               struct ses_gateway_request *ret_request)
{
    struct ses_error error = {.status = SES_OK};
    enum ses_status status = ses_gateway_request_read(method, ses_slice(bytes, len), ret_request, &error);

    assert_int_equal(status, error.status);
    return status;
}

static enum ses_status read_bytes(const char *bytes, size_t len, struct ses_gateway_request *ret_request)
{
    return read_of(authorize(), bytes, len, ret_request);
}

#define READ(literal, ret) read_bytes("" literal, sizeof(literal) - 1, ret)

static int setup(void **state)
{
    struct ses_arena *arena = malloc(sizeof(*arena));

    ses_arena_init(arena, 1 << 20);
    *state = arena;
    return 0;
}

static int teardown(void **state)
{
    ses_arena_done(*state);
    free(*state);
    return 0;
}

static void test_what_is_looked_at(void **state)
{
    struct ses_gateway_request request;

    (void)state;
    assert_ok(READ(ID AMOUNT "\xf0\x01\x01", &request));
    assert_slice_equal(request.part[SES_GATEWAY_ID], "t1");
    assert_true(request.minor_amount == 10000);
    assert_int_equal(request.currency, 146);
    assert_true(request.test_mode);
    assert_false(ses_gateway_has(&request, SES_GATEWAY_TOKEN));
    assert_ok(READ("", &request));
    assert_int_equal(request.present, 0);
    /* A field that is not in the table may come as often as it likes, in any shape. */
    assert_ok(READ("\x2a\x00\x2a\x00\x28\x01\x2d\x01\x02\x03\x04", &request));
}

/* The server merges these: what it will read is not what was checked. */
static void test_a_part_twice_is_refused(void **state)
{
    struct ses_gateway_request request;

    (void)state;
    assert_int_equal(READ(AMOUNT AMOUNT, &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ(AMOUNT ID "\x12\x02\x08\x05", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ(AMOUNT "\x12\x00", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ(ID ID, &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ(TOKEN "\x01xx" /* field 15 */, &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ(TOKEN "\x01x" TOKEN "\x00", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ("\xf0\x01\x01\xf0\x01\x00", &request), SES_INVALID_ARGUMENT);
}

static void test_inside_the_amount(void **state)
{
    struct ses_gateway_request request;

    (void)state;
    assert_int_equal(READ("\x12\x05\x08\x90\x4e\x08\x05", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ("\x12\x04\x10\x01\x10\x02", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ("\x12\x03\x0a\x01\x05", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ("\x12\x01\x08", &request), SES_INVALID_ARGUMENT);
    assert_int_equal(READ("\x12\x06\x10\xff\xff\xff\xff\x0f", &request), SES_INVALID_ARGUMENT);
    assert_ok(READ("\x12\x05\x08\x05\x1a\x01x", &request)); /* a field of tomorrow */
    assert_true(request.minor_amount == 5);
    assert_int_equal(request.currency, 0);
}

/* Of a refund, field 3: beside the refund's own amount. */
static void test_the_amount_of_the_payment(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum ses_status status;
        int64_t amount;
    } cases[] = {
        {"\x18\x90\x4e", 3, SES_OK, 10000},
        {"\x18\x00", 2, SES_OK, 0},
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, SES_OK, -1},
        {"\x18\x90\x4e\x18\x05", 5, SES_INVALID_ARGUMENT, 0},
        {"\x1a\x00", 2, SES_INVALID_ARGUMENT, 0},
    };
    const struct ses_gateway_method *refund = ses_gateway_method_at(SES_GATEWAY_NAME_REFUND);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ses_gateway_request request = {.payment_amount = 0};

        assert_int_equal(read_of(refund, cases[i].bytes, cases[i].len, &request), cases[i].status);
        assert_true(request.payment_amount == cases[i].amount);
    }
}

static void test_other_shapes_are_refused(void **state)
{
    struct ses_gateway_request request;

    (void)state;
    assert_int_equal(READ("\x10\x05", &request), SES_INVALID_ARGUMENT);     /* amount as a number */
    assert_int_equal(READ("\x08\x05", &request), SES_INVALID_ARGUMENT);     /* id as a number */
    assert_int_equal(READ("\xf2\x01\x00", &request), SES_INVALID_ARGUMENT); /* test_mode as bytes */
    assert_int_equal(READ("\x2b\x2c", &request), SES_INVALID_ARGUMENT);     /* a group */
    assert_int_equal(READ("\x0a\x05t", &request), SES_INVALID_ARGUMENT);    /* cut off */
    assert_int_equal(READ("\x00\x01", &request), SES_INVALID_ARGUMENT);     /* field 0 */
}

static void test_too_many_fields(void **state)
{
    struct ses_gateway_request request;
    char bytes[2 * (SES_GATEWAY_FIELDS_MAX + 1)];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i += 2)
        memcpy(bytes + i, "\x28\x01", 2);
    assert_ok(read_bytes(bytes, sizeof(bytes) - 2, &request));
    assert_int_equal(read_bytes(bytes, sizeof(bytes), &request), SES_INVALID_ARGUMENT);
}

/* ---- what is put in ------------------------------------------------------------------------------ */

static struct ses_session session_that_knows(void)
{
    static const struct ses_return_parameter parameters[] = {{SES_STR_INIT("cres"), SES_STR_INIT("v")},
                                                             {SES_STR_INIT("cres"), SES_STR_INIT("w")}};

    return (struct ses_session){
        .connector_session_present = true,
        .connector_session = {.token = SES_STR("con")},
        .state = {.access_token_present = true,
                  .access_token = SES_STR("at"),
                  .expires_in_present = true,
                  .expires_in_seconds = 10,
                  .stored_ms = 1000,
                  .connector_customer_id_present = true,
                  .connector_customer_id = SES_STR("cu")},
        .facts = {.feature_data = SES_STR("{}"),
                  .authentication_data = SES_STR("\x0a\x01"
                                                 "5")},
        .redirect_present = true,
        .redirect = {.query = SES_STR("a=b"), .parameters = parameters, .parameters_count = 2},
    };
}

#define PUT_TOKEN                                                                                            \
    "\x8a\x01\x03"                                                                                           \
    "con"
#define STATE          "\x9a\x02\x0e\x0a\x08\x0a\x04\x0a\x02\x61\x74\x10\x05\x12\x02\x63\x75"
#define AUTHENTICATION "\x5a\x03\x0a\x01\x35"
#define FEATURE_DATA   "\x6a\x04\x0a\x02\x7b\x7d"
#define REDIRECTION    "\xc2\x02\x10\x0a\x03\x61\x3d\x62\x12\x09\x0a\x04\x63\x72\x65\x73\x12\x01\x76"

static void assert_written(struct ses_arena *arena, const struct ses_session *session, const char *bytes,
                           size_t len, const char *wanted, size_t wanted_len)
{
    struct ses_gateway_request request;
    struct ses_slice got;

    assert_ok(read_bytes(bytes, len, &request));
    assert_ok(ses_gateway_request_write(&request, session, 6000, arena, &got));
    assert_int_equal(got.len, wanted_len);
    assert_memory_equal(got.data, wanted, wanted_len);
}

#define WRITTEN(session, bytes, wanted)                                                                      \
    assert_written(*state, session, "" bytes, sizeof(bytes) - 1, "" wanted, sizeof(wanted) - 1)

static void test_our_token_gives_way_to_the_connectors(void **state)
{
    struct ses_session session = {.connector_session_present = true,
                                  .connector_session = {.token = SES_STR("con")}};
    struct ses_session without = {.connector_session_present = false};

    WRITTEN(&session, ID TOKEN "\x06sess_x" AMOUNT, ID AMOUNT PUT_TOKEN);
    WRITTEN(&session, ID AMOUNT, ID AMOUNT PUT_TOKEN);
    WRITTEN(&session, ID TOKEN "\x03own", ID TOKEN "\x03own"); /* the connector's, from elsewhere */
    WRITTEN(&without, ID TOKEN "\x06sess_x" AMOUNT, ID AMOUNT);
    WRITTEN(&without, ID, ID);
}

/* By field: 35 state {access_token {token {at}, 5 s left of 10}, customer}, 11, 13 {text}, 40 {query, {cres: v}}. */
static void test_what_the_session_knows(void **state)
{
    struct ses_session session = session_that_knows();

    WRITTEN(&session, ID, ID PUT_TOKEN STATE AUTHENTICATION FEATURE_DATA REDIRECTION);
    /* What the request says itself stays alone. */
    WRITTEN(&session,
            ID "\x9a\x02\x00"
               "\x5a\x00"
               "\x6a\x00"
               "\xc2\x02\x00",
            ID "\x9a\x02\x00"
               "\x5a\x00"
               "\x6a\x00"
               "\xc2\x02\x00" PUT_TOKEN);
    /* The last step's result is none of the one that is under way. */
    session.step_open = true;
    WRITTEN(&session, ID, ID PUT_TOKEN STATE AUTHENTICATION FEATURE_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_looked_at),
        cmocka_unit_test(test_a_part_twice_is_refused),
        cmocka_unit_test(test_inside_the_amount),
        cmocka_unit_test(test_the_amount_of_the_payment),
        cmocka_unit_test(test_other_shapes_are_refused),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test_setup_teardown(test_our_token_gives_way_to_the_connectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_session_knows, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
