#include "codec/samples.h"

#include <google/rpc/error_details.pb-c.h>
#include <grpc/reflection/v1/reflection.pb-c.h>

#include <sessiond/base/buf.h>
#include <sessiond/codec/codec_proto.h>

static struct ses_proto_fault fault;

static enum ses_status decode(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t len,
                              ProtobufCMessage **ret_message)
{
    struct ses_proto_options options = {.arena = &sample_arena};

    return ses_proto_decode(&options, descriptor, ses_slice(bytes, len), ret_message, &fault);
}

static void test_full_request(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    size_t len = sample_pack(bytes);
    ProtobufCMessage *message;

    assert_ok(decode(&SAMPLE_REQUEST, bytes, len, &message));
    const SampleRequest *request = (const void *)message;
    assert_string_equal(request->merchant_session_id, "session_001");
    assert_int_equal(request->amount->minor_amount, 10000);
    assert_int_equal(request->amount->currency, TYPES__CURRENCY__USD);
    assert_int_equal(request->browser_info->time_zone_offset_minutes, -60);
    assert_int_equal(request->browser_info->_java_enabled_case, 4);
    assert_int_equal(request->browser_info->java_enabled, 0);
    assert_int_equal(request->browser_info->_screen_width_case, 0);
    assert_string_equal(request->browser_info->user_agent, "Z\xc3\xbcrich \xf0\x9f\x9a\x80");
    assert_int_equal(request->state->access_token->expires_in_seconds, 3600);
    assert_int_equal(request->test_mode, 1);

    struct ses_slice again;
    assert_ok(ses_proto_pack(message, &sample_arena, &again));
    assert_int_equal(again.len, len);
    assert_memory_equal(again.data, bytes, len);
}

static void test_empty_message(void **state)
{
    (void)state;
    ProtobufCMessage *message;

    assert_ok(decode(&SAMPLE_REQUEST, NULL, 0, &message));
    assert_null(((const SampleRequest *)(const void *)message)->amount);
    assert_int_equal(((const SampleRequest *)(const void *)message)->_merchant_session_id_case, 0);
}

/* A cut message is either malformed or, when cut between two fields, a shorter message; never a crash. */
static void test_every_truncation(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    size_t len = sample_pack(bytes), accepted = 0;

    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1); /* ASan sees a read behind the cut */
        ProtobufCMessage *message;
        memcpy(exact, bytes, cut);
        enum ses_status status = decode(&SAMPLE_REQUEST, exact, cut, &message);
        assert_true(status == SES_OK || status == SES_MALFORMED);
        accepted += status == SES_OK;
        free(exact);
        ses_arena_reset(&sample_arena);
    }
    assert_int_equal(accepted, 7); /* before each of the seven fields */
}

static void test_every_changed_byte(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    size_t len = sample_pack(bytes);

    for (size_t at = 0; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            ProtobufCMessage *message;
            bytes[at] ^= (uint8_t)(1u << bit);
            enum ses_status status = decode(&SAMPLE_REQUEST, bytes, len, &message);
            assert_true(status == SES_OK || status == SES_MALFORMED);
            bytes[at] ^= (uint8_t)(1u << bit);
            ses_arena_reset(&sample_arena);
        }
    }
}

static void test_every_arena_ceiling(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    size_t len = sample_pack(bytes), ceiling = 0;
    enum ses_status status;

    do {
        struct ses_arena small;
        struct ses_proto_options options = {.arena = &small};
        ProtobufCMessage *message;
        ses_arena_init(&small, ceiling);
        status = ses_proto_decode(&options, &SAMPLE_REQUEST, ses_slice(bytes, len), &message, &fault);
        assert_true(status == SES_OK || status == SES_NO_MEMORY);
        ses_arena_done(&small);
        ceiling += 16;
    } while (status != SES_OK);
    assert_true(ceiling > 500 && ceiling < 4096);
}

static void refuse_text(const char *bytes, size_t len, const char *field)
{
    ProtobufCMessage *message;

    assert_int_equal(decode(&SAMPLE_REQUEST, bytes, len, &message), SES_MALFORMED);
    assert_string_equal(fault.what, "text is not UTF-8 or holds a NUL");
    assert_true(ses_slice_eq_str(fault.field, field));
}

static void test_text_is_checked(void **state)
{
    (void)state;
    ProtobufCMessage *message;

    refuse_text("\x0a\x02\xc3\x28", 4, "merchant_session_id");     /* broken sequence */
    refuse_text("\x0a\x02\xc0\x80", 4, "merchant_session_id");     /* overlong NUL */
    refuse_text("\x0a\x03\xed\xa0\x80", 5, "merchant_session_id"); /* surrogate */
    refuse_text("\x0a\x01\x00", 3, "merchant_session_id");         /* NUL */
    refuse_text("\x0a\x09"
                "abcdefg\x00h",
                11, "merchant_session_id"); /* NUL inside a full word */
    refuse_text("\x0a\x0b\xc3\xbc"
                "bcdefgh\x00i",
                13, "merchant_session_id"); /* NUL in text that is not ASCII */
    refuse_text("\x0a\x09"
                "abcdefgh\x80",
                11, "merchant_session_id");
    refuse_text("\x32\x03\x4a\x01\xff", 5, "browser_info.user_agent");
    assert_ok(decode(&SAMPLE_REQUEST,
                     "\x0a\x0a\x01"
                     "bcdefg\x7f\xc2\x80",
                     12, &message)); /* control characters are the method's business */
}

static void test_wire_type_must_fit(void **state)
{
    (void)state;
    ProtobufCMessage *message;

    assert_int_equal(decode(&SAMPLE_REQUEST, "\x08\x01", 2, &message), SES_MALFORMED);
    assert_true(ses_slice_eq_str(fault.field, "merchant_session_id"));
    assert_int_equal(decode(&SAMPLE_REQUEST, "\x12\x03\x0a\x01\x01", 5, &message), SES_MALFORMED);
    assert_true(ses_slice_eq_str(fault.field, "amount.minor_amount"));
    assert_int_equal(decode(&SAMPLE_REQUEST, "\x12\x05\x0d\x01\x00\x00\x00", 7, &message), SES_MALFORMED);
}

/* The format: a submessage that occurs twice is merged, scalars keep the last value. protobuf-c alone loses
 * the first currency. */
static void test_duplicate_submessage_is_merged(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    static const char twice[] = "\x12\x05\x08\x07\x10\x92\x01" /* amount: minor 7, currency 146 */
                                "\x12\x02\x08\x09";            /* amount: minor 9 */

    assert_ok(decode(&SAMPLE_REQUEST, twice, sizeof(twice) - 1, &message));
    const SampleRequest *request = (const void *)message;
    assert_int_equal(request->amount->minor_amount, 9);
    assert_int_equal(request->amount->currency, 146);

    /* in a oneof, too */
    static const char oneof[] = "\x2a\x07\x12\x05"
                                "cus_1"
                                "\x2a\x07\x0a\x05\x0a\x03\x0a\x01t";
    assert_ok(decode(&SAMPLE_REQUEST, oneof, sizeof(oneof) - 1, &message));
    request = (const void *)message;
    assert_string_equal(request->state->connector_customer_id, "cus_1");
    assert_string_equal(request->state->access_token->token->value, "t");
}

static void test_oneof_last_member_wins(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    /* file_by_filename "a", then file_containing_extension {number 5}, then list_services "b" */
    static const char bytes[] = "\x1a\x01"
                                "a\x2a\x02\x10\x05\x3a\x01"
                                "b";

    assert_ok(decode(&grpc__reflection__v1__server_reflection_request__descriptor, bytes, sizeof(bytes) - 1,
                     &message));
    const Grpc__Reflection__V1__ServerReflectionRequest *request = (const void *)message;
    assert_int_equal(request->message_request_case, 7);
    assert_string_equal(request->list_services, "b");
    assert_ok(decode(&grpc__reflection__v1__server_reflection_request__descriptor, bytes, 7, &message));
    request = (const void *)message;
    assert_int_equal(request->message_request_case, 5);
    assert_int_equal(request->file_containing_extension->extension_number, 5);
}

static void test_numbers(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    static const char money[] =
        "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";

    assert_ok(decode(&types__money__descriptor, money, sizeof(money) - 1, &message));
    assert_int_equal(((const Types__Money *)(const void *)message)->minor_amount, -1);
    assert_int_equal((int)((const Types__Money *)(const void *)message)->currency, -1);
    static const char browser[] = "\x20\x80\x02\x38\xc4\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_ok(decode(&types__browser_information__descriptor, browser, sizeof(browser) - 1, &message));
    assert_int_equal(((const Types__BrowserInformation *)(const void *)message)->java_enabled, 1);
    assert_int_equal(((const Types__BrowserInformation *)(const void *)message)->time_zone_offset_minutes,
                     -60);

    static const char rare[] = "\x08\x77"                                     /* zigzag -60 */
                               "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* zigzag INT64_MIN */
                               "\x1d\x01\x00\x00\x80"
                               "\x21\xff\xff\xff\xff\xff\xff\xff\xff"
                               "\x2d\x00\x00\xc0\x3f"
                               "\x31\x00\x00\x00\x00\x00\x00\xf8\xbf"
                               "\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_ok(decode(&sample_numbers, rare, sizeof(rare) - 1, &message));
    const struct sample_numbers *numbers = (const void *)message;
    struct ses_slice again;
    assert_int_equal(numbers->sint32, -60);
    assert_true(numbers->sint64 == INT64_MIN);
    assert_true(numbers->fixed32 == 0x80000001u);
    assert_true(numbers->sfixed64 == -1);
    assert_true(numbers->single == 1.5f);
    assert_true(numbers->real == -1.5);
    assert_true(numbers->uint64 == UINT64_MAX);
    assert_ok(ses_proto_pack(message, &sample_arena, &again));
    assert_int_equal(again.len, sizeof(rare) - 1);
    assert_memory_equal(again.data, rare, sizeof(rare) - 1);
}

static void test_repeated(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    struct ses_buf bytes;
    const ProtobufCMessageDescriptor *numbers = &grpc__reflection__v1__extension_number_response__descriptor;

    /* packed, single, packed again, in more than one growth step */
    ses_buf_init(&bytes, 4096);
    assert_ok(ses_buf_append(&bytes, SES_STR("\x12\x03\x00\x01\x02\x10\x03\x12\x02\x04\x05")));
    for (uint8_t i = 6; i < 100; i++) {
        const uint8_t item[2] = {0x10, i};
        assert_ok(ses_buf_append(&bytes, ses_slice(item, 2)));
    }
    assert_ok(decode(numbers, bytes.data, bytes.len, &message));
    const Grpc__Reflection__V1__ExtensionNumberResponse *response = (const void *)message;
    assert_int_equal(response->n_extension_number, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(response->extension_number[i], i);
    assert_int_equal(decode(numbers, "\x12\x02\x00\x80", 4, &message),
                     SES_MALFORMED); /* cut inside the packed numbers */

    ses_buf_clear(&bytes);
    for (int i = 0; i < 50; i++)
        assert_ok(ses_buf_append(&bytes, SES_STR("\x0a\x05\x0a\x01k\x12\x00")));
    assert_ok(decode(&google__rpc__bad_request__descriptor, bytes.data, bytes.len, &message));
    assert_int_equal(((const Google__Rpc__BadRequest *)(const void *)message)->n_field_violations, 50);
    assert_string_equal(((const Google__Rpc__BadRequest *)(const void *)message)->field_violations[49]->field,
                        "k");
    assert_int_equal(
        decode(&google__rpc__bad_request__descriptor, "\x0a\x00\x0a\x03\x0a\x01\xff", 7, &message),
        SES_MALFORMED);
    assert_true(ses_slice_eq_str(fault.field, "field_violations[1].field"));
    ses_buf_done(&bytes);
}

/* Two bytes on the wire become 70 in memory: the ceiling stops it. */
static void test_wide_message_meets_the_ceiling(void **state)
{
    (void)state;
    size_t count = 60000;
    uint8_t *bytes = malloc(2 * count);
    ProtobufCMessage *message;

    for (size_t i = 0; i < count; i++)
        memcpy(bytes + 2 * i, "\x0a\x00", 2);
    assert_int_equal(decode(&google__rpc__bad_request__descriptor, bytes, 2 * count, &message),
                     SES_NO_MEMORY);
    assert_true(sample_arena.total <= SAMPLE_ARENA_BYTES);
    free(bytes);
}

static void test_unknown_fields(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    struct ses_slice again;
    /* a record of a later version: fields 900 (varint), 901 (bytes), 902 (32 bit), 903 (64 bit) behind a
     * known one */
    static const char later[] = "\x08\x01\xa0\x38\xac\x02\xaa\x38\x03xyz\xb5\x38\x01\x02\x03\x04\xb9\x38\x01"
                                "\x02\x03\x04\x05\x06\x07\x08";

    assert_ok(decode(&SAMPLE_RECORD, later, sizeof(later) - 1, &message));
    assert_int_equal(message->n_unknown_fields, 0); /* requests: dropped */
    assert_ok(ses_proto_unpack(&SAMPLE_RECORD, ses_slice(later, sizeof(later) - 1), &sample_arena, &message));
    assert_int_equal(message->n_unknown_fields, 4);
    assert_ok(ses_proto_pack(message, &sample_arena, &again));
    assert_int_equal(again.len, sizeof(later) - 1);
    assert_memory_equal(again.data, later, sizeof(later) - 1);
}

#define INFO &google__rpc__error_info__descriptor

static void test_a_key_of_a_map_has_its_last_value(void **state)
{
    static const char bytes[] = "\x1a\x06\x0a\x01k\x12\x01"
                                "1\x1a\x06\x0a\x01m\x12\x01"
                                "2\x1a\x06\x0a\x01k\x12\x01"
                                "3\x1a\x03\x12\x01"
                                "4\x1a\x02\x0a\x00"; /* no key is the empty one */
    ProtobufCMessage *message;

    (void)state;
    assert_ok(decode(INFO, bytes, sizeof(bytes) - 1, &message));
    const Google__Rpc__ErrorInfo *info = (const void *)message;
    assert_int_equal(info->n_metadata, 3);
    assert_string_equal(info->metadata[0]->key, "k");
    assert_string_equal(info->metadata[0]->value, "3");
    assert_string_equal(info->metadata[1]->value, "2");
    assert_string_equal(info->metadata[2]->key, "");
    assert_string_equal(info->metadata[2]->value, "");
}

static void test_a_map_has_a_limit(void **state)
{
    ProtobufCMessage *message;
    struct ses_buf bytes;

    (void)state;
    ses_buf_init(&bytes, 65536);
    for (unsigned i = 0; i < 1024; i++)
        assert_ok(ses_buf_appendf(&bytes, "\x1a\x06\x0a\x04%04u", i));
    assert_ok(decode(INFO, bytes.data, bytes.len, &message));
    assert_ok(ses_buf_appendf(&bytes, "\x1a\x06\x0a\x04more"));
    assert_int_equal(decode(INFO, bytes.data, bytes.len, &message), SES_MALFORMED);
    assert_string_equal(fault.what, "has too many entries");
    ses_buf_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_request, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_empty_message, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_a_key_of_a_map_has_its_last_value, sample_setup,
                                        sample_teardown),
        cmocka_unit_test_setup_teardown(test_a_map_has_a_limit, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_every_changed_byte, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_every_arena_ceiling, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_text_is_checked, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_wire_type_must_fit, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_duplicate_submessage_is_merged, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_oneof_last_member_wins, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_numbers, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_repeated, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_wide_message_meets_the_ceiling, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields, sample_setup, sample_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
