/* An inbox's body: what is written, and which of the stored forms are read by whom. */
#include "inbox.h"

#include <sessiond/base/units.h>
#include <sessiond/codec/codec_proto.h>

#include "record_codec.h"

#include "unit.h"

static int setup(void **state)
{
    static struct ses_arena arena;

    ses_arena_init(&arena, SES_MIB);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    ses_arena_done(*state);
    return 0;
}

static struct ses_slice body_with(struct ses_arena *arena)
{
    struct ses_inbox inbox = {.count = 2};
    struct ses_slice body;

    inbox.events[0] = (struct ses_inbox_event){
        .id = SES_STR("w1"),
        .event = SES_EVENT_COMPLETED,
        .at_ms = 5000,
        .subject = {
            .amount_present = true, .currency = 7, .minor_amount = 100, .payment_id = SES_STR("pi_1")}};
    inbox.events[1] = (struct ses_inbox_event){.id = SES_STR("w2"), .event = SES_EVENT_FAILED, .at_ms = 6000};
    assert_int_equal(ses_inbox_encode(&inbox, arena, &body), SES_OK);
    return body;
}

/* The same events under another format. */
static struct ses_slice body_of_format(struct ses_arena *arena, uint32_t format)
{
    ProtobufCMessage *message = NULL;
    struct ses_slice body = body_with(arena);

    assert_int_equal(ses_proto_unpack(&sessiond__store__v1__inbox_record__descriptor, body, arena, &message),
                     SES_OK);
    ((Sessiond__Store__V1__InboxRecord *)message)->format = format;
    assert_int_equal(ses_proto_pack(message, arena, &body), SES_OK);
    return body;
}

static void test_back_and_forth(void **state)
{
    struct ses_inbox inbox;

    assert_int_equal(ses_inbox_decode(body_with(*state), 0, *state, &inbox), SES_OK);
    assert_int_equal(inbox.count, 2);
    assert_slice_equal(inbox.events[0].id, "w1");
    assert_int_equal(inbox.events[0].event, SES_EVENT_COMPLETED);
    assert_int_equal(inbox.events[0].at_ms, 5000);
    assert_true(inbox.events[0].subject.amount_present);
    assert_int_equal(inbox.events[0].subject.currency, 7);
    assert_int_equal(inbox.events[0].subject.minor_amount, 100);
    assert_slice_equal(inbox.events[0].subject.payment_id, "pi_1");
    assert_false(inbox.events[1].subject.amount_present);
    assert_int_equal(ses_inbox_decode(body_with(*state), 5000, *state, &inbox), SES_OK);
    assert_int_equal(inbox.count, 1);
}

/* An earlier version finds it where it looks for a session, and reads as this one reads sessions. */
static void test_nobody_takes_it_for_a_session(void **state)
{
    const struct ses_record_origin *origin = NULL;
    struct ses_session session;

    assert_int_equal(ses_session_record_decode(body_with(*state), *state, &session, &origin), SES_DATA_LOSS);
}

static void test_which_formats_are_read(void **state)
{
    struct ses_inbox inbox;

    for (uint32_t format = 0; format < 4; format++)
        assert_int_equal(ses_inbox_decode(body_of_format(*state, format), 0, *state, &inbox),
                         format == 1 || format == 2 ? SES_OK : SES_DATA_LOSS);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_back_and_forth),
        T(test_nobody_takes_it_for_a_session),
        T(test_which_formats_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
