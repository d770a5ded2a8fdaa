#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "message.h"

#define ID "t-aaaaaaaaaaaf" /* number 5 */

struct rig {
    struct load_plan plan;
    struct load_journey journey;
    struct load_script script; /* of the one step that is looked at */
    uint8_t bytes[4096];
    size_t len;
};

static void begin(struct rig *rig, enum load_step step)
{
    *rig = (struct rig){.plan = {.id_prefix = "t", .return_url = "https://shop.example/back"},
                        .script = {.name = "test", .steps = {step}, .steps_count = 1}};
    rig->journey.script = &rig->script;
    rig->journey.number = 5;
    rig->journey.version = 2;
    rig->journey.status = 1;
    rig->len = 5; /* the gRPC prefix is written at the end */
}

static void put_varint(struct rig *rig, unsigned field, uint8_t value)
{
    rig->bytes[rig->len++] = (uint8_t)LOAD_KEY_VARINT(field);
    rig->bytes[rig->len++] = value;
}

static void put_text(struct rig *rig, unsigned field, const char *text)
{
    size_t len = strlen(text);

    assert_true(len < 128);
    rig->bytes[rig->len++] = (uint8_t)LOAD_KEY_LEN(field);
    rig->bytes[rig->len++] = (uint8_t)len;
    memcpy(rig->bytes + rig->len, text, len);
    rig->len += len;
}

/* Field 1 of every answer: a session of that id, status and version. */
static void put_session(struct rig *rig, const char *id, uint8_t status, uint8_t version)
{
    size_t at = rig->len;

    rig->len += 2;
    put_text(rig, 1, "0123456789abcdef0123456789abcdef");
    put_text(rig, 2, id);
    put_varint(rig, 3, status);
    put_varint(rig, 4, version);
    rig->bytes[at] = LOAD_KEY_LEN(1);
    rig->bytes[at + 1] = (uint8_t)(rig->len - at - 2);
}

static const char *check_with(struct rig *rig, int http_status, int grpc_status, const char *location)
{
    static char room[80];
    struct load_answer answer = {.http_status = http_status,
                                 .grpc_status = grpc_status,
                                 .body = ses_slice(rig->bytes, rig->len),
                                 .location = ses_slice_str(location)};

    memset(rig->bytes, 0, 5);
    rig->bytes[3] = (uint8_t)((rig->len - 5) >> 8);
    rig->bytes[4] = (uint8_t)(rig->len - 5);
    return load_answer_check(&rig->plan, &rig->journey, &answer, room, sizeof(room));
}

static const char *check(struct rig *rig)
{
    return check_with(rig, 200, 0, NULL);
}

static void test_create(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_CREATE);
    rig.journey.version = 0;
    rig.bytes[rig.len++] = LOAD_KEY_VARINT(2);
    rig.bytes[rig.len++] = 0xc8; /* 200 */
    rig.bytes[rig.len++] = 0x01;
    put_text(&rig, 3, "sess_v4.public.abc");
    assert_null(check(&rig));
    assert_int_equal(rig.journey.version, 1);
    assert_int_equal(rig.journey.status, 1);
    assert_int_equal(rig.journey.token_len, 18);
    assert_memory_equal(rig.journey.token, "sess_v4.public.abc", 18);

    begin(&rig, LOAD_CREATE); /* the connector's refusal: OK by gRPC, but no token */
    put_varint(&rig, 2, 100);
    assert_string_equal(check(&rig), "an answer without status_code 200 and a token");
    begin(&rig, LOAD_CREATE);
    put_text(&rig, 3, "sess_v4.public.abc");
    assert_string_equal(check(&rig), "an answer without status_code 200 and a token");
}

static void test_authorize(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_AUTHORIZE_STORED);
    put_text(&rig, 2, "txn1");
    put_varint(&rig, 3, 8);
    assert_null(check(&rig));
    begin(&rig, LOAD_AUTHORIZE_STORED); /* it is pending */
    put_text(&rig, 2, "txn1");
    put_varint(&rig, 3, 20);
    assert_string_equal(check(&rig), "a payment that is not charged");
    begin(&rig, LOAD_AUTHORIZE_STORED);
    put_varint(&rig, 3, 8);
    assert_string_equal(check(&rig), "a payment that is not charged");
}

static void test_access_token(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_ACCESS_TOKEN);
    put_text(&rig, 1, "..at");
    rig.bytes[rig.len++] = LOAD_KEY_VARINT(6);
    rig.bytes[rig.len++] = 0xc8; /* 200 */
    rig.bytes[rig.len++] = 0x01;
    assert_null(check(&rig));
    begin(&rig, LOAD_ACCESS_TOKEN); /* the connector's refusal */
    put_varint(&rig, 6, 100);
    assert_string_equal(check(&rig), "an answer without status_code 200 and an access token");
}

static void test_statuses(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_GET);
    put_session(&rig, ID, 1, 2);
    assert_null(check(&rig));
    assert_string_equal(check_with(&rig, 200, 7, NULL), "HTTP status 200, grpc-status 7");
    assert_string_equal(check_with(&rig, 200, -1, NULL), "HTTP status 200, grpc-status -1");
    assert_string_equal(check_with(&rig, 503, 0, NULL), "HTTP status 503, grpc-status 0");
}

static void test_whose_session_and_where_it_stands(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_GET);
    put_session(&rig, "t-aaaaaaaaaaag", 1, 2);
    assert_string_equal(check(&rig), "an answer without that session");
    begin(&rig, LOAD_GET);
    put_session(&rig, ID, 3, 2);
    assert_string_equal(check(&rig), "session status 3 instead of 1");
    begin(&rig, LOAD_GET);
    put_session(&rig, ID, 1, 1); /* a stale read */
    assert_string_equal(check(&rig), "session version 1 instead of 2");
    begin(&rig, LOAD_GET);
    put_varint(&rig, 2, 1);
    assert_string_equal(check(&rig), "an answer without a session");
}

static void test_begin_step(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_BEGIN_STEP);
    put_session(&rig, ID, 3, 3);
    put_text(&rig, 2, "v4.local.handle");
    put_text(&rig, 3, "https://pay.example/r/v4.local.handle");
    put_text(&rig, 5, "sess_v4.public.new");
    assert_null(check(&rig));
    assert_int_equal(rig.journey.handle_len, 15);
    assert_memory_equal(rig.journey.handle, "v4.local.handle", 15);
    assert_memory_equal(rig.journey.token, "sess_v4.public.new", 18);
    assert_int_equal(rig.journey.version, 3);

    begin(&rig, LOAD_BEGIN_STEP);
    put_session(&rig, ID, 3, 3);
    put_text(&rig, 3, "https://pay.example/r/");
    assert_string_equal(check(&rig), "no step handle, or one longer than any handle");
    begin(&rig, LOAD_BEGIN_STEP);
    put_session(&rig, ID, 3, 3);
    put_text(&rig, 2, "v4.local.handle");
    put_text(&rig, 3, "https://pay.example/r/v4.local.other");
    assert_string_equal(check(&rig), "a return URL that is not the handle's");
    begin(&rig, LOAD_BEGIN_STEP);
    put_session(&rig, ID, 3, 2);
    assert_string_equal(check(&rig), "session version 2 instead of 3");
}

static void test_events(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_COMPLETED);
    put_session(&rig, ID, 6, 3);
    put_varint(&rig, 2, 1);
    assert_null(check(&rig));
    begin(&rig, LOAD_COMPLETED); /* late: told, and not applied */
    put_session(&rig, ID, 6, 3);
    put_varint(&rig, 2, 2);
    assert_string_equal(check(&rig), "event outcome 2 instead of 1");
    begin(&rig, LOAD_CHALLENGE_PASSED);
    put_session(&rig, ID, 1, 3);
    put_varint(&rig, 2, 1);
    assert_string_equal(check(&rig), "no new token for the new generation");
    begin(&rig, LOAD_CHALLENGE_PASSED);
    put_session(&rig, ID, 1, 3);
    put_varint(&rig, 2, 1);
    put_text(&rig, 3, "sess_v4.public.two");
    assert_null(check(&rig));
    assert_memory_equal(rig.journey.token, "sess_v4.public.two", 18);
}

static void test_return(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_RETURN_POST);
    assert_null(check_with(&rig, 303, -1, "https://shop.example/back"));
    assert_int_equal(rig.journey.status, 4);
    assert_int_equal(rig.journey.version, 3);
    assert_string_equal(check_with(&rig, 200, -1, NULL), "HTTP status 200 instead of 303");
    assert_string_equal(check_with(&rig, 303, -1, "https://shop.example/other"),
                        "the browser is sent elsewhere than to the step's return URL");
    assert_string_equal(check_with(&rig, 303, -1, NULL),
                        "the browser is sent elsewhere than to the step's return URL");
}

/* Each shorter answer, and each with one byte changed: whatever it is called, nothing is read beyond it (the
 * sanitizer watches), and a truncated one is never right. */
static void test_hostile_answers(void **state)
{
    struct rig whole;

    (void)state;
    begin(&whole, LOAD_BEGIN_STEP);
    put_session(&whole, ID, 3, 3);
    put_text(&whole, 2, "v4.local.handle");
    put_text(&whole, 3, "https://pay.example/r/v4.local.handle");
    for (size_t len = 0; len < whole.len; len++) {
        struct rig rig = whole;
        uint8_t *copy = malloc(len == 0 ? 1 : len);
        struct load_answer answer = {.http_status = 200, .grpc_status = 0, .body = ses_slice(copy, len)};
        char room[80];

        assert_non_null(copy);
        rig.journey.script = &rig.script;
        memcpy(copy, whole.bytes, len);
        assert_non_null(load_answer_check(&rig.plan, &rig.journey, &answer, room, sizeof(room)));
        free(copy);
    }
    for (size_t at = 5; at < whole.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct rig rig = whole;

            rig.journey.script = &rig.script;
            rig.bytes[at] ^= (uint8_t)(1u << bit);
            (void)check(&rig);
            assert_true(rig.journey.handle_len <= LOAD_HANDLE_MAX && rig.journey.token_len <= LOAD_TOKEN_MAX);
        }
    }
}

/* The requests by their bytes: a decoder of ours would share a mistake. */
static void test_requests(void **state)
{
    static const char event[] = "\x28\x06\x32\x04"
                                "ev-6"; /* event 5: COMPLETED, event_id 6 */
    struct load_request request;
    struct rig rig;

    (void)state;
    begin(&rig, LOAD_COMPLETED_BY_WEBHOOK);
    load_request_make(&rig.plan, &rig.journey, &request);
    assert_string_equal(request.path, "/sessiond.v1.SessionService/AdvanceSession");
    assert_int_equal(request.message_len, 5 + 16 + 2 + 8);
    assert_memory_equal(request.message, "\0\0\0\0\x1a\x12\x0e" ID "\x20\x01", 5 + 18);
    assert_memory_equal(request.message + 5 + 18, event, sizeof(event) - 1);

    begin(&rig, LOAD_RETURN_GET);
    memcpy(rig.journey.handle, "v4.local.h", 10);
    rig.journey.handle_len = 10;
    load_request_make(&rig.plan, &rig.journey, &request);
    assert_string_equal(request.method, "GET");
    assert_memory_equal(request.path, "/r/v4.local.h?cres=", 19);
    assert_int_equal(request.message_len, 0);
    begin(&rig, LOAD_RETURN_POST);
    load_request_make(&rig.plan, &rig.journey, &request);
    assert_string_equal(request.method, "POST");
    assert_memory_equal(request.message, "cres=", 5);
    assert_false(request.grpc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_authorize),
        cmocka_unit_test(test_access_token),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_whose_session_and_where_it_stands),
        cmocka_unit_test(test_begin_step),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_hostile_answers),
        cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
