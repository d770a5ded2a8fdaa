/* The payment server's answer: what is read of it, and what nobody may see. */
#include "gateway_answer.h"

#include <sessiond/domain/gateway_methods.h>

#include "unit.h"

#define AUTHORIZED  "\x18\x06"             /* status 3 */
#define TRANSACTION "\x12\x03tx1"          /* 2 */
#define RAW_ANSWER  "\x5a\x06\x0a\x04pan1" /* 11 */
#define RAW_REQUEST "\x62\x06\x0a\x04pan2" /* 12 */
#define STATE                                                                                                \
    "\x52\x0e\x0a\x08\x0a\x04\x0a\x02"                                                                       \
    "at"                                                                                                     \
    "\x10\x3c"                                                                                               \
    "\x12\x02"                                                                                               \
    "cu"                                  /* 10 */
#define FEATURE  "\x92\x01\x04\x0a\x02{}" /* 18 */
#define REDIRECT "\x3a\x02\x0a\x00"       /* 7 */

static const struct ses_gateway_method *authorize(void)
{
    return ses_gateway_method_at(SES_GATEWAY_NAME_AUTHORIZE);
}

static void test_what_it_tells(void **state)
{
    struct ses_gateway_told_facts facts;

    (void)state;
    assert_ok(ses_gateway_answer_read(
        authorize(), SES_STR(TRANSACTION AUTHORIZED REDIRECT STATE RAW_ANSWER FEATURE "\x7a\x00"), 77,
        &facts));
    assert_int_equal(facts.status, 6);
    assert_true(facts.redirection);
    assert_slice_equal(facts.transaction, "tx1");
    assert_slice_equal(facts.feature_data, "{}");
    assert_true(facts.state.access_token_present);
    assert_slice_equal(facts.state.access_token, "at");
    assert_true(facts.state.expires_in_present);
    assert_true(facts.state.expires_in_seconds == 60);
    assert_int_equal(facts.state.stored_ms, 77);
    assert_slice_equal(facts.state.connector_customer_id, "cu");
    assert_ok(ses_gateway_answer_read(authorize(), SES_SLICE_EMPTY, 77, &facts));
    assert_int_equal(facts.status, 0);
    assert_false(facts.state.access_token_present);
    assert_int_equal(ses_gateway_answer_read(authorize(), SES_STR("\x12\x09x"), 77, &facts), SES_MALFORMED);
}

static void test_raw_fields_are_cut_out(void **state)
{
    struct ses_arena arena;
    struct ses_slice got;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    assert_ok(ses_gateway_answer_without_raw(
        authorize(), SES_STR(RAW_REQUEST TRANSACTION RAW_ANSWER AUTHORIZED RAW_REQUEST FEATURE), &arena,
        &got));
    assert_slice_equal(got, TRANSACTION AUTHORIZED FEATURE);
    assert_int_equal(ses_gateway_answer_without_raw(authorize(), SES_STR("\x12\x09x"), &arena, &got),
                     SES_MALFORMED);
    ses_arena_done(&arena);
}

/* Fields 3 (Authorize), 6 (PreAuthenticate: status 2, raw 11) and 4 (CreateOrder: raw 7); 5 is a number. */
static void test_answers_in_an_answer(void **state)
{
    const struct ses_gateway_method *composite = ses_gateway_method_at(SES_GATEWAY_NAME_COMPOSITE_AUTHORIZE);
    struct ses_gateway_told_facts facts;
    struct ses_arena arena;
    struct ses_slice got;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    assert_ok(ses_gateway_answer_without_raw(composite,
                                             SES_STR("\x1a\x0a" AUTHORIZED RAW_REQUEST
                                                     "\x22\x08\x3a\x06\x0a\x04pan3"
                                                     "\x28\x01"
                                                     "\x32\x0a\x10\x04" RAW_ANSWER),
                                             &arena, &got));
    assert_slice_equal(got, "\x1a\x02" AUTHORIZED "\x22\x00"
                            "\x28\x01"
                            "\x32\x02\x10\x04");
    assert_ok(ses_gateway_answer_read(composite, got, 1, &facts));
    assert_int_equal(facts.status, 6);
    /* The payment's own counts, wherever it stands. */
    assert_ok(ses_gateway_answer_read(composite,
                                      SES_STR("\x1a\x02\x18\x15"
                                              "\x42\x02\x10\x05"),
                                      1, &facts));
    assert_int_equal(facts.status, 21);
    assert_ok(ses_gateway_answer_read(composite, SES_STR("\x32\x02\x10\x04"), 1, &facts));
    assert_int_equal(facts.status, 4);
    assert_int_equal(ses_gateway_answer_without_raw(composite, SES_STR("\x1a\x02\x62\x09"), &arena, &got),
                     SES_MALFORMED);
    assert_int_equal(ses_gateway_answer_read(composite, SES_STR("\x1a\x02\x62\x09"), 1, &facts),
                     SES_MALFORMED);
    ses_arena_done(&arena);
}

static void test_what_a_status_means(void **state)
{
    (void)state;
    assert_int_equal(ses_gateway_event_of(8, false), SES_EVENT_COMPLETED);
    assert_int_equal(ses_gateway_event_of(6, false), SES_EVENT_COMPLETED);
    assert_int_equal(ses_gateway_event_of(21, false), SES_EVENT_ATTEMPT_FAILED);
    assert_int_equal(ses_gateway_event_of(4, true), SES_EVENT_ACTION_REQUIRED);
    assert_int_equal(ses_gateway_event_of(4, false), SES_EVENT_NONE);
    assert_int_equal(ses_gateway_event_of(20, true), SES_EVENT_NONE);
    assert_int_equal(ses_gateway_event_of(0, false), SES_EVENT_NONE);
    assert_int_equal(ses_gateway_event_of(UINT64_MAX, false), SES_EVENT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_tells),
        cmocka_unit_test(test_raw_fields_are_cut_out),
        cmocka_unit_test(test_answers_in_an_answer),
        cmocka_unit_test(test_what_a_status_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
