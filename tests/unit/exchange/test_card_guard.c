/* Every text of every request is searched: planted by the descriptors, so that a new field is in the test. */
#include <sessiond/exchange/card_guard.h>

#include <sessiond/v1/session.pb-c.h>
#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/codec/message_field.h>
#include "unit.h"

#define PAN       "4111 1111 1111 1111"
#define DEPTH_MAX 8

static struct ses_arena arena;
static ProtobufCMessage *top;
static unsigned planted;

static int setup(void **state)
{
    (void)state;
    ses_arena_init(&arena, 4u * 1024 * 1024);
    planted = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_arena_done(&arena);
    return 0;
}

static void expect_text(const ProtobufCFieldDescriptor *field)
{
    struct ses_error error = {.status = SES_OK};

    planted++;
    if (strcmp(field->name, "session_token") == 0) {
        assert_int_equal(ses_card_guard(top, &arena, &error), SES_OK);
        return;
    }
    if (ses_card_guard(top, &arena, &error) != SES_INVALID_ARGUMENT)
        fail_msg("%s of %s is not searched", field->name, top->descriptor->name);
    assert_string_equal(ses_reason_name(error.reason), "CARD_DATA_REFUSED");
    assert_int_equal(error.violations_count, 1);
    assert_null(memmem(error.violations[0].value.data, error.violations[0].value.len, "4111", 4));
}

/* A list of one. */
static void plant_repeated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    char pan[] = PAN;
    char *list[] = {pan};
    char **texts = list;
    size_t count = 1;

    assert_int_equal(field->type, PROTOBUF_C_TYPE_STRING);
    memcpy((char *)message + field->quantifier_offset, &count, sizeof(count));
    memcpy((char *)message + field->offset, &texts, sizeof(texts));
    expect_text(field);
}

/* The number into each text below message in turn; message hangs in the tree under top. */
static void plant(ProtobufCMessage *message, unsigned depth)
{
    assert_in_range(depth, 0, DEPTH_MAX);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        uint8_t before[1024];
        ProtobufCMessage *inner;
        const char *text = PAN;
        void *member;

        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        assert_in_range(message->descriptor->sizeof_message, 0, sizeof(before));
        memcpy(before, message, message->descriptor->sizeof_message);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            plant_repeated(message, field);
            memcpy(message, before, message->descriptor->sizeof_message);
            continue;
        }
        member = ses_field_select(message, field);
        if (field->type == PROTOBUF_C_TYPE_STRING) {
            memcpy(member, &text, sizeof(text));
            expect_text(field);
        } else {
            assert_int_equal(ses_message_make(field->descriptor, &arena, &inner), SES_OK);
            memcpy(member, &inner, sizeof(void *));
            plant(inner, depth + 1);
        }
        memcpy(message, before, message->descriptor->sizeof_message);
    }
}

static void plant_in(const ProtobufCServiceDescriptor *service)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        assert_int_equal(ses_message_make(service->methods[i].input, &arena, &top), SES_OK);
        plant(top, 0);
    }
}

/* Of every method that there is. */
static void test_every_text_of_every_request(void **state)
{
    (void)state;
    plant_in(&types__merchant_authentication_service__descriptor);
    plant_in(&sessiond__v1__session_service__descriptor);
    assert_in_range(planted, 100, 1000);
}

static void test_several_and_their_names(void **state)
{
    Sessiond__V1__AdvanceSessionRequest request;
    Sessiond__V1__ConnectorSession connector;
    Sessiond__V1__SecretString token;
    struct ses_error error = {.status = SES_OK};
    char pan[] = PAN;

    (void)state;
    sessiond__v1__advance_session_request__init(&request);
    sessiond__v1__connector_session__init(&connector);
    sessiond__v1__secret_string__init(&token);
    request.event_id = pan;
    request.connector_session = &connector;
    connector.token = &token;
    token.value = pan;
    assert_int_equal(ses_card_guard(&request.base, &arena, &error), SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 2);
    assert_true(ses_slice_eq_str(error.violations[0].key, "event_id"));
    assert_true(ses_slice_eq_str(error.violations[1].key, "connector_session.token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_text_of_every_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_and_their_names, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
