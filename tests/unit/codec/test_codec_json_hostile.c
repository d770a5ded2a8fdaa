#include "json_fault.h"
#include "codec/json_fixture.h"

#include <stdio.h>

static void test_hostile_text(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "",
        " ",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{}x",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":1}",
        "{\"merchant_session_id\":\"a\\u0000b\"}",
        "{\"merchant_session_id\":\"\xc3\x28\"}",
        "{\"merchant_session_id\":\"\\ud800\"}",
        "{\"merchant_session_id\":\"\xed\xa0\x80\"}",
        "{\"a\\u0000\":1}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1e999}x",
        "{\"a\":1e}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":--1}",
        "{\"a\":123456789012345678901234567890,}",
        "{\"amount\":{\"minor_amount\":\"\\u00001\"}}",
        "\xef\xbb\xbf",
        "{}\xef\xbb\xbf",
    };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        assert_string_equal(refuse(hostile[i]), "");
    ProtobufCMessage *message;
    assert_int_equal(
        ses_json_decode(&sample_arena, &SAMPLE_REQUEST, SES_SLICE_EMPTY, false, &message, &json_error),
        SES_INVALID_ARGUMENT);
    assert_int_equal(ses_json_decode(&sample_arena, &SAMPLE_REQUEST, SES_STR("{\"a\":\"\0\"}"), false,
                                     &message, &json_error),
                     SES_INVALID_ARGUMENT);
}

static void test_fault_never_quotes_the_input(void **state)
{
    (void)state;
    static const char *const leaky[] = {
        "{\"metadata\":CANARY}",
        "{\"metadata\":\"CANARY",
        "CANARY",
        "{\"amount\":{\"currency\":\"CANARY\"}}",
        "{\"CANARY\":1,\"CANARY\":1}",
        "{\"amount\":\"CANARY\"}",
        "{\"amount\":{\"minor_amount\":\"CANARY\"}}",
    };

    for (size_t i = 0; i < sizeof(leaky) / sizeof(leaky[0]); i++) {
        (void)refuse(leaky[i]);
        assert_null(strstr(ses_arena_str(&sample_arena, json_error.message), "CANARY"));
        for (size_t v = 0; v < json_error.violations_count; v++)
            assert_null(strstr(ses_arena_str(&sample_arena, json_error.violations[v].value), "CANARY"));
    }
}

static char *repeat(const char *piece, size_t count, const char *head, const char *tail)
{
    size_t len = strlen(piece), head_len = strlen(head), tail_len = strlen(tail);
    char *text = malloc(head_len + len * count + tail_len + 1), *at = text + head_len;

    memcpy(text, head, head_len);
    for (size_t i = 0; i < count; i++, at += len)
        memcpy(at, piece, len);
    memcpy(at, tail, tail_len + 1);
    return text;
}

static void test_deep_and_wide(void **state)
{
    (void)state;
    char *deep = repeat("[", 100000, "{\"a\":", ""), *deep_objects = repeat("{\"a\":", 60, "", "");
    char *wide = repeat("1,", 5000, "{\"a\":[", "1]}"), *allowed = repeat("1,", 4000, "{\"a\":[", "1]}");
    char *quoted = repeat("[,", 10000, "{\"a\":\"\\\"", "\"}");

    assert_string_equal(refuse(deep), "");
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "too deeply"));
    (void)refuse(deep_objects);
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "too deeply"));
    (void)refuse(wide);
    assert_non_null(strstr(ses_arena_str(&sample_arena, json_error.message), "too many"));
    (void)admit(allowed);
    (void)admit(quoted); /* brackets and commas in a string count for nothing */
    free(deep);
    free(deep_objects);
    free(wide);
    free(allowed);
    free(quoted);
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < strlen(sample_json); cut++) {
        char *exact = malloc(cut + 1);
        ProtobufCMessage *message;
        memcpy(exact, sample_json, cut);
        assert_int_equal(ses_json_decode(&sample_arena, &SAMPLE_REQUEST, ses_slice(exact, cut), false,
                                         &message, &json_error),
                         SES_INVALID_ARGUMENT);
        free(exact);
        ses_arena_reset(&sample_arena);
    }
}

static void test_every_arena_ceiling(void **state)
{
    (void)state;
    enum ses_status status;
    size_t ceiling = 0;

    do {
        struct ses_arena small;
        ProtobufCMessage *message;
        ses_arena_init(&small, ceiling);
        status = ses_json_decode(&small, &SAMPLE_REQUEST,
                                 SES_STR("{\"merchant_session_id\":\"a\",\"metadata\":\"m\","
                                         "\"amount\":{\"minor_amount\":5.0}}"),
                                 false, &message, &json_error);
        assert_true(status == SES_OK || status == SES_NO_MEMORY);
        if (status == SES_NO_MEMORY)
            assert_int_equal(json_error.status, SES_NO_MEMORY);
        ses_arena_done(&small);
        ceiling += 16;
    } while (status != SES_OK);

    const SampleRequest *request = admit(sample_json);
    ceiling = 0;
    do {
        struct ses_arena small;
        struct ses_json json;
        struct ses_slice text;
        ses_arena_init(&small, ceiling);
        ses_json_begin(&json, &small);
        ses_json_message(&json, &request->base, false);
        status = ses_json_end(&json, &text);
        assert_true(status == SES_OK || status == SES_NO_MEMORY);
        ses_arena_done(&small);
        ceiling += 64;
    } while (status != SES_OK);
    assert_true(ceiling >= 512);
}

/* The parser's memory, which is not the arena's. */
static void test_every_failed_allocation(void **state)
{
    (void)state;
    enum ses_status status;
    unsigned allocations = 0;

    do {
        struct ses_arena room;
        ProtobufCMessage *message;
        ses_arena_init(&room, 1 << 20);
        json_fault_after(allocations++);
        status =
            ses_json_decode(&room, &SAMPLE_REQUEST, ses_slice_str(sample_json), false, &message, &json_error);
        json_fault_none();
        assert_true(status == SES_OK || (status == SES_NO_MEMORY && json_error.status == SES_NO_MEMORY));
        ses_arena_done(&room);
    } while (status != SES_OK);
    assert_true(allocations > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_failed_allocation, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_text, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_fault_never_quotes_the_input, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_deep_and_wide, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(test_every_arena_ceiling, sample_setup, sample_teardown),
    };

    json_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
