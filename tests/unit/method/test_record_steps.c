/* The stored form of steps, returns, events and generations. */
#include "record_codec.h"

#include <sessiond/store/v1/record.pb-c.h>

#include <sessiond/domain/session_machine.h>
#include <sessiond/codec/codec_proto.h>

#include "unit.h"

static struct ses_session sample(void)
{
    static const struct ses_return_parameter parameters[] = {{SES_STR_INIT("cres"), SES_STR_INIT("a\nb")},
                                                             {SES_STR_INIT("MD"), SES_STR_INIT("")}};
    struct ses_session session = {.status = SES_SESSION_REDIRECTED,
                                  .version = 4,
                                  .generation = 2,
                                  .expires_ms = 5000,
                                  .own_expires_ms = 4000,
                                  .previous_generation = 1,
                                  .previous_until_ms = 3000,
                                  .step_open = true,
                                  .redirect_present = true,
                                  .events_count = SES_SESSION_EVENTS_MAX};

    session.step = (struct ses_session_step){.name = SES_STR("challenge"),
                                             .return_url = SES_STR("https://shop.example/back"),
                                             .frame = true,
                                             .started_ms = 1000,
                                             .expires_ms = 5000};
    memset(session.step.id, 7, sizeof(session.step.id));
    session.past_steps_count = 2;
    session.past_steps[0] = (struct ses_past_step){.id = {1},
                                                   .name = SES_STR("device"),
                                                   .return_url = SES_STR("https://shop.example/"),
                                                   .returned = true};
    memset(session.past_steps[0].payload_hash, 5, sizeof(session.past_steps[0].payload_hash));
    session.past_steps[1] = (struct ses_past_step){.id = {2},
                                                   .name = SES_STR("x"),
                                                   .return_url = SES_STR("https://shop.example/b"),
                                                   .frame = true,
                                                   .timed_out = true,
                                                   .started_ms = 700,
                                                   .expires_ms = 6000};
    session.redirect = (struct ses_redirect_result){.step_name = SES_STR("device"),
                                                    .http_method = SES_STR("POST"),
                                                    .query = SES_STR("a=b"),
                                                    .parameters = parameters,
                                                    .parameters_count = 2,
                                                    .received_ms = 900,
                                                    .return_url = SES_STR("https://shop.example/")};
    memset(session.redirect.step_id, 8, sizeof(session.redirect.step_id));
    memset(session.redirect.payload_hash, 9, sizeof(session.redirect.payload_hash));
    for (unsigned i = 0; i < SES_SESSION_EVENTS_MAX; i++)
        session.events[i] = (struct ses_session_event){
            .id = i % 2 == 0 ? SES_STR("e") : SES_SLICE_EMPTY,
            .event = (enum ses_event)(1 + i % (SES_EVENT_COUNT - 1)),
            .outcome = i % 3 == 0 ? SES_EVENT_LATE : SES_EVENT_APPLIED,
            .at_ms = 100 + i,
            .version = i,
        };
    return session;
}

static void check_redirect(const struct ses_redirect_result *a, const struct ses_redirect_result *b)
{
    assert_memory_equal(a->step_id, b->step_id, sizeof(a->step_id));
    assert_memory_equal(a->payload_hash, b->payload_hash, sizeof(a->payload_hash));
    assert_true(ses_slice_eq(a->step_name, b->step_name) && ses_slice_eq(a->http_method, b->http_method));
    assert_true(ses_slice_eq(a->query, b->query) && ses_slice_eq(a->return_url, b->return_url));
    assert_int_equal(a->received_ms, b->received_ms);
    assert_int_equal(a->parameters_count, b->parameters_count);
    for (size_t i = 0; i < a->parameters_count; i++) {
        assert_true(ses_slice_eq(a->parameters[i].name, b->parameters[i].name));
        assert_true(ses_slice_eq(a->parameters[i].value, b->parameters[i].value));
    }
}

static void check_events(const struct ses_session *a, const struct ses_session *b)
{
    assert_int_equal(a->events_count, b->events_count);
    for (unsigned i = 0; i < a->events_count; i++) {
        assert_true(ses_slice_eq(a->events[i].id, b->events[i].id));
        assert_int_equal(a->events[i].event, b->events[i].event);
        assert_int_equal(a->events[i].outcome, b->events[i].outcome);
        assert_int_equal(a->events[i].at_ms, b->events[i].at_ms);
        assert_int_equal(a->events[i].version, b->events[i].version);
    }
}

static struct ses_session again(const struct ses_session *session, const struct ses_record_origin **origin,
                                struct ses_arena *arena)
{
    struct ses_session decoded;
    struct ses_slice body;

    assert_int_equal(ses_session_record_encode(session, NULL, *origin, arena, &body), SES_OK);
    assert_int_equal(ses_session_record_decode(body, arena, &decoded, origin), SES_OK);
    return decoded;
}

static void test_back_and_forth(void **state)
{
    const struct ses_record_origin *origin = NULL;
    const struct ses_session session = sample();
    struct ses_session decoded;
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    decoded = again(&session, &origin, &arena);
    assert_int_equal(decoded.own_expires_ms, 4000);
    assert_int_equal(decoded.previous_generation, 1);
    assert_int_equal(decoded.previous_until_ms, 3000);
    assert_true(decoded.step_open);
    assert_memory_equal(decoded.step.id, session.step.id, sizeof(session.step.id));
    assert_true(ses_slice_eq(decoded.step.name, session.step.name));
    assert_true(ses_slice_eq(decoded.step.return_url, session.step.return_url));
    assert_true(decoded.step.frame);
    assert_int_equal(decoded.step.started_ms, 1000);
    assert_int_equal(decoded.step.expires_ms, 5000);
    assert_int_equal(decoded.past_steps_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct ses_past_step *a = &session.past_steps[i], *b = &decoded.past_steps[i];

        assert_memory_equal(a->id, b->id, sizeof(a->id));
        assert_true(ses_slice_eq(a->name, b->name) && ses_slice_eq(a->return_url, b->return_url));
        assert_memory_equal(a->payload_hash, b->payload_hash, sizeof(a->payload_hash));
        assert_int_equal(a->frame, b->frame);
        assert_int_equal(a->returned, b->returned);
        assert_int_equal(a->timed_out, b->timed_out);
        assert_int_equal(a->started_ms, b->started_ms);
        assert_int_equal(a->expires_ms, b->expires_ms);
    }
    check_redirect(&session.redirect, &decoded.redirect);
    check_events(&session, &decoded);
    ses_arena_done(&arena);
}

/* What has ended does not come back from the record it was decoded from. */
static void test_an_ended_step_leaves_the_record(void **state)
{
    const struct ses_record_origin *origin = NULL;
    const struct ses_session session = sample();
    struct ses_session decoded;
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    decoded = again(&session, &origin, &arena);
    decoded.step_open = false;
    decoded.redirect_present = false;
    decoded.events_count = 0;
    decoded.previous_generation = 0;
    decoded = again(&decoded, &origin, &arena);
    assert_false(decoded.step_open);
    assert_false(decoded.redirect_present);
    assert_int_equal(decoded.events_count, 0);
    assert_int_equal(decoded.previous_generation, 0);
    ses_arena_done(&arena);
}

/* A step without a handle has no id that a handle could name. */
static void test_step_without_handle(void **state)
{
    static const uint8_t zero[SES_STEP_ID_SIZE];
    const struct ses_record_origin *origin = NULL;
    struct ses_session session = sample();
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    session.step.return_url = SES_SLICE_EMPTY;
    session = again(&session, &origin, &arena);
    assert_true(session.step_open);
    assert_memory_equal(session.step.id, zero, sizeof(zero));
    ses_arena_done(&arena);
}

/* A record of the version before: none of the fields; its session lives as it did. */
static void test_an_older_record(void **state)
{
    const struct ses_record_origin *origin = NULL;
    struct ses_session session = {
        .status = SES_SESSION_OPEN, .version = 1, .generation = 1, .expires_ms = 9000};
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    session = again(&session, &origin, &arena);
    assert_int_equal(session.own_expires_ms, 0);
    assert_false(ses_session_settle(&session, 8999));
    assert_true(ses_session_accepts(&session, 1, 0));
    assert_false(ses_session_accepts(&session, 0, 0));
    assert_true(ses_session_settle(&session, 9000));
    ses_arena_done(&arena);
}

/* A record of the version before, with steps: their returns are redirects, as they were promised to be. */
static void test_older_steps_are_redirects(void **state)
{
    static const uint8_t older[] = {
        0x08, SES_RECORD_FORMAT, /* format */
        0xd2, 0x01,
        0x16, 0x0a,
        0x10, 1,
        2,    3,
        4,    5,
        6,    7,
        8, /* open_step: step_id */
        9,    10,
        11,   12,
        13,   14,
        15,   16,
        0x1a, 2,
        'u',  '1', /* return_url */
        0x92, 0x03,
        0x16, 0x0a,
        0x10, 16,
        15,   14,
        13,   12,
        11,   10,
        9, /* past_steps */
        8,    7,
        6,    5,
        4,    3,
        2,    1,
        0x1a, 2,
        'u',  '2',
    };
    const struct ses_record_origin *origin = NULL;
    struct ses_session session;
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    assert_int_equal(ses_session_record_decode(ses_slice(older, sizeof(older)), &arena, &session, &origin),
                     SES_OK);
    assert_true(session.step_open);
    assert_slice_equal(session.step.return_url, "u1");
    assert_false(session.step.frame);
    assert_int_equal(session.past_steps_count, 1);
    assert_slice_equal(session.past_steps[0].return_url, "u2");
    assert_false(session.past_steps[0].frame);
    ses_arena_done(&arena);
}

static void test_a_damaged_step_is_data_loss(void **state)
{
    Sessiond__Store__V1__SessionRecord record = SESSIOND__STORE__V1__SESSION_RECORD__INIT;
    Sessiond__Store__V1__OpenStep step = SESSIOND__STORE__V1__OPEN_STEP__INIT;
    const struct ses_record_origin *origin = NULL;
    struct ses_session session;
    struct ses_arena arena;
    struct ses_slice body;
    uint8_t id[3] = {1, 2, 3};

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    record.format = SES_RECORD_FORMAT;
    step.step_id = (ProtobufCBinaryData){sizeof(id), id};
    record._open_step_case = SESSIOND__STORE__V1__SESSION_RECORD___OPEN_STEP_OPEN_STEP;
    record.open_step = &step;
    assert_int_equal(ses_proto_pack(&record.base, &arena, &body), SES_OK);
    assert_int_equal(ses_session_record_decode(body, &arena, &session, &origin), SES_DATA_LOSS);
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_and_forth),
        cmocka_unit_test(test_an_ended_step_leaves_the_record),
        cmocka_unit_test(test_step_without_handle),
        cmocka_unit_test(test_an_older_record),
        cmocka_unit_test(test_older_steps_are_redirects),
        cmocka_unit_test(test_a_damaged_step_is_data_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
