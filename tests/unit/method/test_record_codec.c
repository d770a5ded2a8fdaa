/* The record of a session: what is written is read, also what an older or a newer version wrote. */
#include "record_codec.h"

#include <sessiond/store/v1/record.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#include <sessiond/domain/effect.h>

#include "unit.h"

static struct ses_session full_session(void)
{
    struct ses_session session = {
        .status = SES_SESSION_PROCESSING,
        .generation = 3,
        .version = 7,
        .created_ms = 1000,
        .updated_ms = 2000,
        .expires_ms = 3000,
        .token_issued_ms = 1500,
        .tenant = SES_STR("t"),
        .merchant = SES_STR("m"),
        .merchant_session_id = SES_STR("session_001"),
        .test_mode = true,
        .connector = {.number = 75, .name = "stripe"},
        .credentials = {{7, 8, 9}, true},
        .attempts = 2,
        .late_success = true,
        .revoke_reason = SES_STR("because"),
        .currency = 148,
        .minor_amount = INT64_MAX,
        .metadata_present = true, /* and empty */
        .feature_data_present = true,
        .feature_data = SES_STR("{}"),
        .connector_session_present = true,
        .connector_session = {SES_STR("tok"), SES_STR("id"), SES_STR("tx"), 99},
    };

    session.state = (struct ses_session_state){
        .access_token_present = true,
        .access_token = SES_STR("at"),
        .access_token_type_present = true,
        .access_token_type = SES_STR("Bearer"),
        .expires_in_present = true,
        .expires_in_seconds = 3600,
        .stored_ms = 1234,
        .connector_customer_id_present = true,
        .connector_customer_id = SES_STR("cus"),
    };
    session.fingerprint.fields = SES_FINGERPRINT_FIELDS;
    for (unsigned i = 0; i < SES_FIELD_TEXTS + SES_FIELD_NUMBERS; i++)
        session.fingerprint.tag[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    session.binding.facets = (1u << SES_FACET_COUNT) - 1;
    for (unsigned i = 0; i < SES_FACET_COUNT; i++)
        session.binding.tag[i] = i + 1;
    memset(session.binding.hash, 0xab, sizeof(session.binding.hash));
    return session;
}

static void assert_same(const struct ses_session *a, const struct ses_session *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->generation, b->generation);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->updated_ms, b->updated_ms);
    assert_int_equal(a->expires_ms, b->expires_ms);
    assert_int_equal(a->token_issued_ms, b->token_issued_ms);
    assert_true(ses_slice_eq(a->tenant, b->tenant) && ses_slice_eq(a->merchant, b->merchant));
    assert_true(ses_slice_eq(a->merchant_session_id, b->merchant_session_id));
    assert_int_equal(a->test_mode, b->test_mode);
    assert_int_equal(a->connector.number, b->connector.number);
    assert_int_equal(a->connector.name == NULL, b->connector.name == NULL);
    if (a->connector.name != NULL)
        assert_string_equal(a->connector.name, b->connector.name);
    assert_int_equal(a->currency, b->currency);
    assert_true(a->minor_amount == b->minor_amount);
    assert_int_equal(a->metadata_present, b->metadata_present);
    assert_int_equal(a->feature_data_present, b->feature_data_present);
    assert_true(ses_slice_eq(a->metadata, b->metadata) && ses_slice_eq(a->feature_data, b->feature_data));
    assert_false(ses_session_state_differs(&a->state, &b->state) ||
                 ses_session_state_differs(&b->state, &a->state));
    assert_int_equal(a->state.stored_ms, b->state.stored_ms);
    assert_int_equal(ses_fingerprint_differing(&a->fingerprint, &b->fingerprint), 0);
    assert_int_equal(a->binding.facets, b->binding.facets);
    assert_int_equal(ses_binding_differing(&a->binding, &b->binding), 0);
    assert_memory_equal(a->binding.hash, b->binding.hash, SES_HASH_BYTES);
    assert_int_equal(a->credentials.known, b->credentials.known);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->late_success, b->late_success);
    assert_true(ses_slice_eq(a->revoke_reason, b->revoke_reason));
    assert_int_equal(a->fingerprint.optional, b->fingerprint.optional);
    assert_memory_equal(a->credentials.bytes, b->credentials.bytes, sizeof(a->credentials.bytes));
    assert_int_equal(a->connector_session_present, b->connector_session_present);
    assert_true(ses_slice_eq(a->connector_session.token, b->connector_session.token));
    assert_true(ses_slice_eq(a->connector_session.id, b->connector_session.id));
    assert_true(ses_slice_eq(a->connector_session.transaction_id, b->connector_session.transaction_id));
    assert_int_equal(a->connector_session.expires_ms, b->connector_session.expires_ms);
}

static void assert_same_effect(const struct ses_effect *a, const struct ses_effect *b)
{
    assert_true(ses_slice_eq(a->method, b->method) && ses_slice_eq(a->merchant_id, b->merchant_id));
    assert_memory_equal(a->attempt, b->attempt, sizeof(a->attempt));
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->until_ms, b->until_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_int_equal(a->amount_present, b->amount_present);
    assert_true(a->minor_amount == b->minor_amount);
    assert_int_equal(a->pays, b->pays);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->payment_status, b->payment_status);
    assert_int_equal(a->grpc_status, b->grpc_status);
    assert_true(ses_slice_eq(a->grpc_message, b->grpc_message) &&
                ses_slice_eq(a->grpc_details, b->grpc_details) && ses_slice_eq(a->answer, b->answer));
    assert_int_equal(a->answer_left_out, b->answer_left_out);
}

static void test_effects_and_what_they_told(void **state)
{
    struct ses_effect effects[2] = {
        {.method = SES_STR("types.PaymentService/Authorize"),
         .merchant_id = SES_STR("tx-1"),
         .attempt = {1, 2, 3},
         .started_ms = 10,
         .until_ms = 20,
         .ended_ms = 15,
         .minor_amount = 0,
         .amount_present = true,
         .pays = true,
         .attempts = 4,
         .state = SES_EFFECT_ANSWERED,
         .event = SES_EVENT_COMPLETED,
         .payment_status = 8,
         .grpc_status = 3,
         .grpc_message = SES_STR("no"),
         .grpc_details = SES_STR("details"),
         .answer = SES_STR("bytes"),
         .answer_left_out = true},
        {.method = SES_STR("types.PaymentService/Void"), .attempt = {9}, .state = SES_EFFECT_RUNS},
    };
    struct ses_session session = {.status = SES_SESSION_OPEN,
                                  .effects = effects,
                                  .effects_count = 2,
                                  .facts = {SES_STR("ctx"), SES_STR("{}"), SES_STR("auth")}};
    const struct ses_record_origin *origin;
    struct ses_session got;
    struct ses_slice body;

    assert_ok(ses_session_record_encode(&session, NULL, NULL, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_int_equal(got.effects_count, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_same_effect(&effects[i], &got.effects[i]);
    assert_slice_equal(got.facts.connector_transaction_id, "ctx");
    assert_slice_equal(got.facts.feature_data, "{}");
    assert_slice_equal(got.facts.authentication_data, "auth");
    /* One that is taken out is not written back from where it was read. */
    got.effects_count = 1;
    got.facts = (struct ses_payment_facts){.feature_data = SES_SLICE_EMPTY};
    assert_ok(ses_session_record_encode(&got, NULL, origin, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_int_equal(got.effects_count, 1);
    assert_int_equal(got.facts.connector_transaction_id.len, 0);
}

/* A state of a newer version must not be taken for one that lets the call be made again. */
static void test_an_effect_of_an_unknown_state_is_unknown(void **state)
{
    struct ses_effect effect = {.state = (enum ses_effect_state)77, .method = SES_STR("m")};
    struct ses_session session = {.status = SES_SESSION_OPEN, .effects = &effect, .effects_count = 1};
    const struct ses_record_origin *origin;
    struct ses_session got;
    struct ses_slice body;

    assert_ok(ses_session_record_encode(&session, NULL, NULL, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_int_equal(got.effects[0].state, SES_EFFECT_UNKNOWN);
}

static int setup(void **state)
{
    struct ses_arena *arena = malloc(sizeof(*arena));

    ses_arena_init(arena, 1 << 20);
    *state = arena;
    return 0;
}

static int teardown(void **state)
{
    ses_arena_done(*state);
    free(*state);
    return 0;
}

static void test_what_is_written_is_read(void **state)
{
    struct ses_session full = full_session(), bare = {.status = SES_SESSION_OPEN}, got;
    const struct ses_record_origin *origin;
    struct ses_slice body;

    assert_ok(ses_session_record_encode(&full, NULL, NULL, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_same(&full, &got);
    assert_ok(ses_session_record_encode(&bare, NULL, NULL, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_same(&bare, &got);
}

static void test_damage_is_data_loss(void **state)
{
    struct ses_session full = full_session(), got;
    const struct ses_record_origin *origin;
    struct ses_slice body;
    unsigned read = 0;

    assert_ok(ses_session_record_encode(&full, NULL, NULL, *state, &body));
    /* The store's seal finds such damage first; here nothing must crash, and no half record pass for a whole
     * one's tags. */
    for (size_t len = 0; len < body.len; len++) {
        enum ses_status status = ses_session_record_decode(ses_slice(body.data, len), *state, &got, &origin);

        assert_true(status == SES_OK || status == SES_DATA_LOSS);
        read += status == SES_OK ? 1 : 0;
    }
    assert_true(read < 40); /* cuts between fields behind the tags */
    assert_int_equal(ses_session_record_decode(SES_SLICE_EMPTY, *state, &got, &origin), SES_DATA_LOSS);
    assert_int_equal(ses_session_record_decode(SES_STR("\x08\x02"), *state, &got, &origin), SES_DATA_LOSS);
    assert_ok(ses_session_record_decode(SES_STR("\x08\x01"), *state, &got, &origin));
    assert_int_equal(got.status, 0);
    assert_true(ses_session_closed(got.status)); /* a status nobody wrote is the safe one */
}

/* Tags and bits must match. */
static void test_tags_without_bits(void **state)
{
    Sessiond__Store__V1__SessionRecord record = SESSIOND__STORE__V1__SESSION_RECORD__INIT;
    uint64_t tags[2] = {1, 2};
    struct ses_session got;
    const struct ses_record_origin *origin;
    struct ses_slice body;

    record.format = SES_RECORD_FORMAT;
    record.payload_fields = SES_FIELD_BIT(SES_FIELD_METADATA);
    record.payload_tags = tags;
    record.n_payload_tags = 2;
    assert_ok(ses_proto_pack(&record.base, *state, &body));
    assert_int_equal(ses_session_record_decode(body, *state, &got, &origin), SES_DATA_LOSS);
    record.n_payload_tags = 0;
    assert_ok(ses_proto_pack(&record.base, *state, &body));
    assert_int_equal(ses_session_record_decode(body, *state, &got, &origin), SES_DATA_LOSS);
    record.n_payload_tags = 1;
    assert_ok(ses_proto_pack(&record.base, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    record.binding_facets = 1;
    record.binding_tags = tags;
    record.n_binding_tags = 1; /* and no hash */
    assert_ok(ses_proto_pack(&record.base, *state, &body));
    assert_int_equal(ses_session_record_decode(body, *state, &got, &origin), SES_DATA_LOSS);
}

/* What a newer version wrote: a field of its own, a payload field of its own. Both must not disturb, the
 * first must survive. */
static void test_a_newer_versions_data(void **state)
{
    struct ses_session full = full_session(), got;
    const struct ses_record_origin *origin;
    struct ses_slice body, longer, again;
    uint8_t *bytes;
    static const uint8_t unknown[] = {0xfa, 0x3f, 0x03, 'n', 'e', 'w'}; /* field 1023 */

    assert_ok(ses_session_record_encode(&full, NULL, NULL, *state, &body));
    bytes = ses_arena_alloc(*state, body.len + sizeof(unknown));
    memcpy(bytes, body.data, body.len);
    memcpy(bytes + body.len, unknown, sizeof(unknown));
    longer = ses_slice(bytes, body.len + sizeof(unknown));
    assert_ok(ses_session_record_decode(longer, *state, &got, &origin));
    assert_same(&full, &got);
    got.version++;
    assert_ok(ses_session_record_encode(&got, NULL, origin, *state, &again));
    assert_non_null(memmem(again.data, again.len, unknown, sizeof(unknown)));
    assert_ok(ses_session_record_decode(again, *state, &got, &origin));
    assert_int_equal(got.version, full.version + 1);
}

static struct ses_session identity_after(struct ses_arena *arena, uint32_t number, const char *name,
                                         const struct ses_record_origin **ret_origin)
{
    Sessiond__Store__V1__SessionRecord record = SESSIOND__STORE__V1__SESSION_RECORD__INIT;
    struct ses_session got;
    struct ses_slice body;

    record.format = SES_RECORD_FORMAT;
    record.connector_number = number;
    record.connector_name = (ProtobufCBinaryData){strlen(name), (uint8_t *)(uintptr_t)name};
    assert_ok(ses_proto_pack(&record.base, arena, &body));
    assert_ok(ses_session_record_decode(body, arena, &got, ret_origin));
    return got;
}

static void assert_rewritten(struct ses_arena *arena, const struct ses_session *session,
                             const struct ses_record_origin *origin, const char *name)
{
    ProtobufCMessage *message;
    ProtobufCBinaryData written;
    struct ses_slice body;

    assert_ok(ses_session_record_encode(session, NULL, origin, arena, &body));
    assert_ok(ses_proto_unpack(&sessiond__store__v1__session_record__descriptor, body, arena, &message));
    written = ((Sessiond__Store__V1__SessionRecord *)message)->connector_name;
    assert_true(ses_slice_eq_str(ses_slice(written.data, written.len), name));
}

static void test_the_connectors_name_is_its_identity(void **state)
{
    const struct ses_record_origin *origin;
    struct ses_session got = identity_after(*state, 69, "razorpay_v2", &origin);

    assert_int_equal(got.connector.number, 69);
    assert_string_equal(got.connector.name, "razorpay_v2");
    assert_false(got.connector.assumed);
    assert_rewritten(*state, &got, origin, "razorpay_v2");
    assert_rewritten(*state, &got, NULL, "razorpay_v2");
}

/* Version N-1 wrote only the number. What it means stays open until a call names it. */
static void test_a_record_without_a_name(void **state)
{
    const struct ses_record_origin *origin;
    struct ses_session got = identity_after(*state, 69, "", &origin);

    assert_string_equal(got.connector.name, "razorpay");
    assert_true(got.connector.assumed);
    assert_rewritten(*state, &got, origin, "");
    got.connector = (struct ses_connector_identity){.number = 69, .name = "razorpay_v2"};
    assert_rewritten(*state, &got, origin, "razorpay_v2");
}

/* It goes by its name; what is no name stays where it was, and is not used. */
static void test_a_connector_of_a_newer_version(void **state)
{
    const struct ses_record_origin *origin;
    struct ses_session got = identity_after(*state, 69, "razorpay_v3", &origin);

    assert_int_equal(got.connector.number, 69);
    assert_string_equal(got.connector.name, "razorpay_v3");
    assert_true(got.connector.unlisted);
    assert_false(got.connector.assumed);
    assert_rewritten(*state, &got, origin, "razorpay_v3");
    got = identity_after(*state, 69, "No name", &origin);
    assert_null(got.connector.name);
    assert_rewritten(*state, &got, origin, "No name");
    got = identity_after(*state, 9999, "", &origin);
    assert_null(got.connector.name);
}

/* A version that did not know it stored no number. */
static void test_a_connector_that_was_new(void **state)
{
    const struct ses_record_origin *origin;
    struct ses_session got = identity_after(*state, 0, "newcomer", &origin);
    struct ses_connector_identity given = {.number = 0, .name = "newcomer"};

    assert_int_equal(got.connector.number, 0);
    assert_string_equal(got.connector.name, "newcomer");
    assert_true(ses_connector_identity_agrees(&got.connector, &given));
    given.number = 200; /* of a version with a row of it */
    assert_true(ses_connector_identity_agrees(&got.connector, &given));
    given.name = "another";
    assert_false(ses_connector_identity_agrees(&got.connector, &given));
    assert_rewritten(*state, &got, origin, "newcomer");
    got = identity_after(*state, 0, "tamara", &origin);
    assert_int_equal(got.connector.number, 123);
    assert_string_equal(got.connector.name, "tamara");
    assert_false(got.connector.unlisted);
    got = identity_after(*state, 0, "", &origin);
    assert_null(got.connector.name);
    assert_false(ses_connector_identity_agrees(&got.connector, &given));
}

/* Parts that other methods write pass through a continuation. */
static void test_steps_survive_a_rewrite(void **state)
{
    Sessiond__Store__V1__SessionRecord record = SESSIOND__STORE__V1__SESSION_RECORD__INIT, *read;
    Sessiond__Store__V1__OpenStep step;
    struct ses_session got;
    const struct ses_record_origin *origin;
    ProtobufCMessage *message;
    struct ses_slice body;

    record.format = SES_RECORD_FORMAT;
    sessiond__store__v1__open_step__init(&step);
    step.started_ms = 5;
    record._open_step_case = SESSIOND__STORE__V1__SESSION_RECORD___OPEN_STEP_OPEN_STEP;
    record.open_step = &step;
    assert_ok(ses_proto_pack(&record.base, *state, &body));
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_ok(ses_session_record_encode(&got, NULL, origin, *state, &body));
    assert_ok(ses_proto_unpack(&sessiond__store__v1__session_record__descriptor, body, *state, &message));
    read = (Sessiond__Store__V1__SessionRecord *)message;
    assert_int_not_equal(read->_open_step_case, 0);
    assert_int_equal(read->open_step->started_ms, 5);
}

static void test_an_intent_is_told_and_then_gone(void **state)
{
    struct ses_session full = full_session(), got;
    struct ses_record_intent intent = {SES_STR("key"), 77, NULL};
    const struct ses_record_origin *origin;
    ProtobufCMessage *message;
    struct ses_slice body;

    assert_ok(ses_session_record_encode(&full, &intent, NULL, *state, &body));
    assert_ok(ses_proto_unpack(&sessiond__store__v1__session_record__descriptor, body, *state, &message));
    assert_int_equal(((Sessiond__Store__V1__SessionRecord *)message)->intent->started_ms, 77);
    assert_ok(ses_session_record_decode(body, *state, &got, &origin));
    assert_ok(ses_session_record_encode(&got, NULL, origin, *state, &body));
    assert_ok(ses_proto_unpack(&sessiond__store__v1__session_record__descriptor, body, *state, &message));
    assert_int_equal(((Sessiond__Store__V1__SessionRecord *)message)->_intent_case, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_what_is_written_is_read),
        T(test_effects_and_what_they_told),
        T(test_an_effect_of_an_unknown_state_is_unknown),
        T(test_damage_is_data_loss),
        T(test_tags_without_bits),
        T(test_a_newer_versions_data),
        T(test_steps_survive_a_rewrite),
        T(test_an_intent_is_told_and_then_gone),
        T(test_the_connectors_name_is_its_identity),
        T(test_a_record_without_a_name),
        T(test_a_connector_of_a_newer_version),
        T(test_a_connector_that_was_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
