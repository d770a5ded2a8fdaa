/* What JSON says is what is stored, or it is refused: numbers, short names of enums, amounts that are not
 * there. */
#include "codec/samples.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/v1/session.pb-c.h>

#include "codec/json_fixture.h"

/* Whatever the caller writes beside it, a number is what it says or is refused: against arithmetic of another
 * kind. */
static void test_numbers_are_exact(void **state)
{
    (void)state;
    char text[160];
    uint64_t seed = 88172645463325252u;

    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t whole = (int64_t)(seed >> (seed % 60 + 2)) + 1;
        unsigned zeros = (unsigned)(seed >> 40) % 25;
        int kind = (int)(seed >> 33) % 3;
        int len = snprintf(text, sizeof(text), "{\"amount\":{\"minor_amount\":%" PRId64, whole);
        /* 5 -> 5.000, 5000e-3, 0.0 tail with a digit that is not zero */
        if (kind == 0)
            snprintf(text + len, sizeof(text) - (size_t)len, ".%.*s}}", (int)zeros + 1,
                     "00000000000000000000000000");
        else if (kind == 1)
            snprintf(text + len, sizeof(text) - (size_t)len, "%.*se-%u}}", (int)zeros,
                     "0000000000000000000000000", zeros);
        else
            snprintf(text + len, sizeof(text) - (size_t)len, ".%.*s7}}", (int)zeros,
                     "0000000000000000000000000");
        if (kind == 2)
            assert_string_equal(refuse(text), "amount.minor_amount");
        else
            assert_true(admit(text)->amount->minor_amount == whole);
        ses_arena_reset(&sample_arena);
    }
}

static void test_numbers_of_no_interest_are_not_judged(void **state)
{
    (void)state;
    assert_string_equal(
        admit("{\"later\":[1e999,-123456789012345678901234567890.5e-7],\"merchant_session_id\":\"1e999\"}")
            ->merchant_session_id,
        "1e999");
    assert_string_equal(admit("\xef\xbb\xbf{\"merchant_session_id\":\"a\"}")->merchant_session_id, "a");
}

/* What the plain routes demand beyond the other doors. */
static void test_plain_amount_has_no_default(void **state)
{
    static const char *const missing[] = {"{\"amount\":{\"currency\":\"EUR\"}}", "{\"amount\":{}}",
                                          "{\"amount\":{\"minor_amount\":null,\"currency\":\"EUR\"}}",
                                          "{\"amount\":{\"minorAmount\":null}}"};
    static const char *const told[] = {"{\"amount\":{\"minor_amount\":0}}",
                                       "{\"amount\":{\"minorAmount\":\"0\"}}", "{}", "{\"amount\":null}"};
    ProtobufCMessage *message;

    (void)state;
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        assert_int_equal(ses_json_decode(&sample_arena, &SAMPLE_REQUEST, ses_slice_str(missing[i]), true,
                                         &message, &json_error),
                         SES_INVALID_ARGUMENT);
        assert_true(ses_slice_eq_str(json_error.violations[0].key, "amount.minor_amount"));
        (void)admit(missing[i]); /* elsewhere absent is 0, as proto3 has it */
    }
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        assert_ok(ses_json_decode(&sample_arena, &SAMPLE_REQUEST, ses_slice_str(told[i]), true, &message,
                                  &json_error));
}

static void test_enum_by_its_short_name(void **state)
{
    const ProtobufCMessageDescriptor *advance = &sessiond__v1__advance_session_request__descriptor;
    ProtobufCMessage *message;

    (void)state;
    assert_ok(ses_json_decode(&sample_arena, advance, SES_STR("{\"event\":\"COMPLETED\"}"), false, &message,
                              &json_error));
    assert_int_equal(((const Sessiond__V1__AdvanceSessionRequest *)message)->event,
                     SESSIOND__V1__SESSION_EVENT__SESSION_EVENT_COMPLETED);
    assert_ok(ses_json_decode(&sample_arena, advance, SES_STR("{\"event\":\"SESSION_EVENT_FAILED\"}"), false,
                              &message, &json_error));
    assert_int_equal(ses_json_decode(&sample_arena, advance, SES_STR("{\"event\":\"DONE\"}"), false, &message,
                                     &json_error),
                     SES_INVALID_ARGUMENT);
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "CHALLENGE_PASSED, "));
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "COMPLETED"));
    (void)refuse("{\"amount\":{\"currency\":\"XXQ\"}}"); /* a long list is cut, and says so */
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "AED, "));
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), " in all)"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers_are_exact),
        TEST(test_numbers_of_no_interest_are_not_judged),
        TEST(test_plain_amount_has_no_default),
        TEST(test_enum_by_its_short_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
