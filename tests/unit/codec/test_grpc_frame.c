#include "unit.h"

#include <sessiond/codec/grpc_frame.h>

#define MAX 1000

static struct ses_grpc_reader reader;

static int setup(void **state)
{
    (void)state;
    ses_grpc_reader_init(&reader, MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_grpc_reader_done(&reader);
    return 0;
}

static size_t put(uint8_t *out, bool compressed, const void *bytes, size_t len)
{
    ses_grpc_prefix(compressed, len, out);
    if (len > 0)
        memcpy(out + SES_GRPC_PREFIX_BYTES, bytes, len);
    return SES_GRPC_PREFIX_BYTES + len;
}

static void prefix_is_big_endian(void **state)
{
    const uint8_t expected[] = {1, 0x01, 0x02, 0x03, 0x04};
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    (void)state;
    ses_grpc_prefix(true, 0x01020304, prefix);
    assert_memory_equal(prefix, expected, sizeof expected);
}

static void whole_message_is_not_copied(void **state)
{
    uint8_t wire[64];
    size_t len = put(wire, false, "hello", 5);
    struct ses_slice bytes = ses_slice(wire, len);
    struct ses_grpc_message message;
    bool whole;

    (void)state;
    assert_ok(ses_grpc_reader_step(&reader, &bytes, &whole, &message));
    assert_true(whole);
    assert_false(message.compressed);
    assert_ptr_equal(message.bytes.data, wire + SES_GRPC_PREFIX_BYTES);
    assert_slice_equal(message.bytes, "hello");
    assert_int_equal(bytes.len, 0);
    assert_false(ses_grpc_reader_inside(&reader));
    assert_int_equal(ses_grpc_reader_held(&reader), 0);
}

/* Three messages, the middle one empty and compressed, cut at every pair of places. */
static void any_split_gives_the_same(void **state)
{
    uint8_t wire[64];
    size_t len = put(wire, false, "one", 3);

    (void)state;
    len += put(wire + len, true, NULL, 0);
    len += put(wire + len, false, "three!", 6);
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct ses_slice parts[3] = {ses_slice(wire, a), ses_slice(wire + a, b - a),
                                         ses_slice(wire + b, len - b)};
            static const char *const expected[] = {"one", "", "three!"};
            unsigned seen = 0;

            for (unsigned i = 0; i < 3; i++) {
                while (parts[i].len > 0) {
                    struct ses_grpc_message message;
                    bool whole;

                    assert_ok(ses_grpc_reader_step(&reader, &parts[i], &whole, &message));
                    if (!whole)
                        continue;
                    assert_true(ses_slice_eq_str(message.bytes, expected[seen]));
                    assert_int_equal(message.compressed, seen == 1);
                    seen++;
                }
            }
            assert_int_equal(seen, 3);
            assert_false(ses_grpc_reader_inside(&reader));
        }
    }
}

static void cut_message_is_inside(void **state)
{
    uint8_t wire[64];
    size_t len = put(wire, false, "hello", 5);

    (void)state;
    for (size_t end = 1; end < len; end++) {
        struct ses_slice bytes = ses_slice(wire, end);
        struct ses_grpc_message message;
        bool whole = false;

        while (bytes.len > 0)
            assert_ok(ses_grpc_reader_step(&reader, &bytes, &whole, &message));
        assert_false(whole);
        assert_true(ses_grpc_reader_inside(&reader));
        ses_grpc_reader_done(&reader);
        ses_grpc_reader_init(&reader, MAX);
    }
}

static void promise_above_the_limit_is_refused_at_once(void **state)
{
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];
    struct ses_slice bytes = ses_slice(prefix, sizeof prefix);
    struct ses_grpc_message message;
    bool whole;

    (void)state;
    ses_grpc_prefix(false, MAX + 1, prefix);
    assert_int_equal(ses_grpc_reader_step(&reader, &bytes, &whole, &message), SES_TOO_LARGE);
    ses_grpc_reader_init(&reader, MAX);
    ses_grpc_prefix(false, MAX, prefix);
    bytes = ses_slice(prefix, sizeof prefix);
    assert_ok(ses_grpc_reader_step(&reader, &bytes, &whole, &message));
    assert_false(whole);
}

/* A promise alone must cost nothing: 4096 streams could each promise the limit. */
static void memory_follows_what_arrives(void **state)
{
    uint8_t wire[SES_GRPC_PREFIX_BYTES + 1] = {0, 0, 0, 3, 0xe8, 'x'};
    struct ses_slice bytes = ses_slice(wire, sizeof wire);
    struct ses_grpc_message message;
    bool whole;

    (void)state;
    assert_ok(ses_grpc_reader_step(&reader, &bytes, &whole, &message));
    assert_int_equal(ses_grpc_reader_held(&reader), 1);
    assert_true(reader.gathered.room <= 256);
}

static void unknown_flags_are_malformed(void **state)
{
    uint8_t wire[] = {2};
    struct ses_slice bytes = ses_slice(wire, sizeof wire);
    struct ses_grpc_message message;
    bool whole;

    (void)state;
    assert_int_equal(ses_grpc_reader_step(&reader, &bytes, &whole, &message), SES_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prefix_is_big_endian, setup, teardown),
        cmocka_unit_test_setup_teardown(whole_message_is_not_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(any_split_gives_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_message_is_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(promise_above_the_limit_is_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_follows_what_arrives, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_flags_are_malformed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
