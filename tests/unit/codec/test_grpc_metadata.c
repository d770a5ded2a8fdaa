#include "unit.h"

#include <sessiond/codec/grpc_metadata.h>

static struct ses_arena arena;

static int setup(void **state)
{
    (void)state;
    ses_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_arena_done(&arena);
    return 0;
}

static void timeout_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"1H", UINT64_C(3600000000000)},
        {"2M", UINT64_C(120000000000)},
        {"3S", UINT64_C(3000000000)},
        {"4m", 4000000},
        {"5u", 5000},
        {"6n", 6},
        {"0n", 0},
        {"99999999n", 99999999},
        {"00000001S", UINT64_C(1000000000)},
        {"99999999H", UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ns = 1;

        assert_ok(ses_grpc_timeout_decode(ses_slice_str(rows[i].text), &ns));
        assert_true(ns == rows[i].ns);
    }
}

static void timeout_malformed(void **state)
{
    static const char *const rows[] = {"",    "S",   "1",    "1s",         "1h", "-1S",  "+1S", " 1S",
                                       "1 S", "1S ", "1.5S", "999999999S", "1x", "0x1S", "m1"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ns = 7;

        assert_int_equal(ses_grpc_timeout_decode(ses_slice_str(rows[i]), &ns), SES_MALFORMED);
        assert_int_equal(ns, 7);
    }
}

static void plain_message_is_itself(void **state)
{
    struct ses_slice message = SES_STR("field amount is required~"), text;

    (void)state;
    assert_ok(ses_grpc_message_encode(message, &arena, &text));
    assert_ptr_equal(text.data, message.data);
    assert_int_equal(text.len, message.len);
}

static void message_is_percent_encoded(void **state)
{
    struct ses_slice text;

    (void)state;
    assert_ok(ses_grpc_message_encode(SES_STR("100% \xc3\xa9\n\x7f"), &arena, &text));
    assert_slice_equal(text, "100%25 %C3%A9%0A%7F");
}

static void long_message_is_cut_between_characters(void **state)
{
    char message[SES_GRPC_MESSAGE_MAX + 10];
    struct ses_slice text;

    (void)state;
    memset(message, 'a', sizeof message);
    memcpy(message + SES_GRPC_MESSAGE_MAX - 1, "\xe2\x82\xac", 3);
    assert_ok(ses_grpc_message_encode(ses_slice(message, sizeof message), &arena, &text));
    assert_int_equal(text.len, SES_GRPC_MESSAGE_MAX - 1);
}

static void message_needs_memory(void **state)
{
    struct ses_arena none;
    struct ses_slice text;

    (void)state;
    ses_arena_init(&none, 0);
    assert_int_equal(ses_grpc_message_encode(SES_STR("%"), &none, &text), SES_NO_MEMORY);
    ses_arena_done(&none);
}

static void binary_names(void **state)
{
    (void)state;
    assert_true(ses_grpc_metadata_is_binary(SES_STR("trace-bin")));
    assert_false(ses_grpc_metadata_is_binary(SES_STR("-bin")));
    assert_false(ses_grpc_metadata_is_binary(SES_STR("bin")));
    assert_false(ses_grpc_metadata_is_binary(SES_STR("trace-bins")));
    assert_false(ses_grpc_metadata_is_binary(SES_SLICE_EMPTY));
}

static void binary_padded_and_not(void **state)
{
    struct ses_slice bytes;

    (void)state;
    assert_ok(ses_grpc_binary_decode(SES_STR("AAE="), &arena, &bytes));
    assert_slice_equal(bytes, "\0\1");
    assert_ok(ses_grpc_binary_decode(SES_STR("AAE"), &arena, &bytes));
    assert_slice_equal(bytes, "\0\1");
    assert_ok(ses_grpc_binary_decode(SES_SLICE_EMPTY, &arena, &bytes));
    assert_int_equal(bytes.len, 0);
    assert_int_equal(ses_grpc_binary_decode(SES_STR("A"), &arena, &bytes), SES_MALFORMED);
    assert_int_equal(ses_grpc_binary_decode(SES_STR("AA*E"), &arena, &bytes), SES_MALFORMED);
}

static void binary_is_sent_unpadded(void **state)
{
    struct ses_slice text;

    (void)state;
    assert_ok(ses_grpc_binary_encode(SES_STR("\0\1"), &arena, &text));
    assert_slice_equal(text, "AAE");
    assert_ok(ses_grpc_binary_encode(SES_STR("\0\1\2"), &arena, &text));
    assert_slice_equal(text, "AAEC");
    assert_ok(ses_grpc_binary_encode(SES_SLICE_EMPTY, &arena, &text));
    assert_int_equal(text.len, 0);
}

/* Where it lies; what is no code stays. */
static void message_is_decoded(void **state)
{
    uint8_t text[] = "100%25 a%C3%a4b %zz %4";
    const size_t len = sizeof(text) - 1;

    (void)state;
    assert_slice_equal(ses_slice(text, ses_grpc_message_decode(ses_slice(text, len), text)), "100% a\xc3\xa4"
                                                                                             "b %zz %4");
    assert_int_equal(ses_grpc_message_decode(SES_SLICE_EMPTY, text), 0);
}

static void ascii_values(void **state)
{
    (void)state;
    assert_true(ses_grpc_ascii_check(SES_STR("a b~")));
    assert_true(ses_grpc_ascii_check(SES_SLICE_EMPTY));
    assert_false(ses_grpc_ascii_check(SES_STR(" a")));
    assert_false(ses_grpc_ascii_check(SES_STR("a ")));
    assert_false(ses_grpc_ascii_check(SES_STR("a\r\nb")));
    assert_false(ses_grpc_ascii_check(SES_STR("\xc3\xa9")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_units),
        cmocka_unit_test(timeout_malformed),
        cmocka_unit_test_setup_teardown(plain_message_is_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(message_is_percent_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(long_message_is_cut_between_characters, setup, teardown),
        cmocka_unit_test(message_needs_memory),
        cmocka_unit_test(binary_names),
        cmocka_unit_test_setup_teardown(binary_padded_and_not, setup, teardown),
        cmocka_unit_test_setup_teardown(binary_is_sent_unpadded, setup, teardown),
        cmocka_unit_test(message_is_decoded),
        cmocka_unit_test(ascii_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
