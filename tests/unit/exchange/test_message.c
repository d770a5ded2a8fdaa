/* A request's bytes by the encoding of its door, and what its caller is told of bytes that are none. */
#include "exchange/door.h"

#include "codec/samples.h"

#include <sessiond/exchange/message.h>

static void test_message_chooses_by_encoding(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, NULL);
    ProtobufCMessage *message;
    struct ses_slice bytes;
    struct ses_error error;

    x->encoding = SES_ENCODING_JSON;
    assert_ok(ses_message_decode(x, SES_STR("{\"metadata\":\"m\"}"), &SAMPLE_REQUEST, &message, &error));
    assert_ok(ses_message_encode(x, message, &bytes));
    assert_slice_equal(bytes, "{\"metadata\":{\"value\":\"m\"}}");
    x->encoding = SES_ENCODING_JSON_BARE;
    assert_ok(ses_message_encode(x, message, &bytes));
    assert_slice_equal(bytes, "{\"metadata\":\"m\"}");
    x->encoding = SES_ENCODING_PROTO;
    assert_ok(ses_message_encode(x, message, &bytes));
    assert_slice_equal(bytes, "\x1a\x03\x0a\x01m");
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

static void test_decode_explains(void **state)
{
    (void)state;
    struct ses_exchange_pool *pool = door_pool(0);
    static struct door door;
    struct ses_exchange *x = door_exchange(pool, &door, NULL);
    ProtobufCMessage *message;
    struct ses_error error;

    assert_int_equal(ses_message_decode(x, SES_STR("\x0a\x02\xc3\x28"), &SAMPLE_REQUEST, &message, &error),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(error.status, SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 1);
    assert_true(ses_slice_eq_str(error.violations[0].key, "merchant_session_id"));
    assert_string_equal(ses_reason_name(error.reason), "MALFORMED_REQUEST");
    assert_int_equal(ses_message_decode(x, SES_STR("\x0a"), &SAMPLE_REQUEST, &message, &error),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 0);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);

    pool = door_pool(64);
    x = door_exchange(pool, &door, NULL);
    assert_int_equal(ses_message_decode(x, SES_STR("\x0a\x01x"), &SAMPLE_REQUEST, &message, &error),
                     SES_NO_MEMORY);
    assert_int_equal(ses_status_grpc(error.status), 8);
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_chooses_by_encoding),
        cmocka_unit_test(test_decode_explains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
