/* A client token's record: what was put comes back, and what cannot be read is told, never passed over. */
#include "client_record.h"

#include <sessiond/codec/codec_proto.h>
#include <sessiond/store/v1/record.pb-c.h>

#include "unit.h"

static const uint8_t session_id[SES_SESSION_ID_BYTES] = {1};

static struct ses_client_record sample(struct ses_slice data)
{
    struct ses_client_record record = {.made_ms = 1000, .ends_ms = 2000, .data = data, .status_code = 201};

    record.meaning.parts = 1u << SES_CLIENT_AMOUNT | 1u << SES_CLIENT_RETURN_URL;
    record.meaning.tag[SES_CLIENT_AMOUNT] = 7;
    record.meaning.tag[SES_CLIENT_RETURN_URL] = 9;
    record.credentials[3] = 5;
    record.idempotency_key = SES_STR("key");
    return record;
}

static void expect_same(struct ses_slice data, enum ses_record_kind kind)
{
    struct ses_client_record before = sample(data);
    struct ses_client_record after;
    struct ses_record stored;
    struct ses_arena arena;

    ses_arena_init(&arena, 1 << 16);
    assert_int_equal(ses_client_record_encode(&before, session_id, &arena, &stored), SES_OK);
    assert_int_equal(stored.kind, kind);
    assert_int_equal(stored.expires_ms, 2000);
    assert_int_equal(stored.session_id[0], kind == SES_RECORD_INTENT ? 1 : 0);
    assert_int_equal(ses_client_record_decode(&stored, &arena, &after), SES_OK);
    assert_int_equal(ses_client_meaning_differing(&before.meaning, &after.meaning), 0);
    assert_memory_equal(before.credentials, after.credentials, sizeof(before.credentials));
    assert_true(ses_slice_eq(before.data, after.data));
    assert_true(ses_slice_eq(before.idempotency_key, after.idempotency_key));
    assert_int_equal(after.made_ms, 1000);
    assert_int_equal(after.ends_ms, 2000);
    assert_int_equal(after.status_code, 201);
    ses_arena_done(&arena);
}

static void test_what_was_put_comes_back(void **state)
{
    (void)state;
    expect_same(SES_STR("token"), SES_RECORD_INBOX);
    expect_same(SES_SLICE_EMPTY, SES_RECORD_INTENT);
}

typedef void change_fn(Sessiond__Store__V1__ClientTokenRecord *message);

static void of_another_format(Sessiond__Store__V1__ClientTokenRecord *message)
{
    message->format = SES_CLIENT_FORMAT + 1;
}

static void with_a_part_of_a_later_version(Sessiond__Store__V1__ClientTokenRecord *message)
{
    message->parts |= UINT64_C(1) << SES_CLIENT_PARTS;
}

static void with_a_tag_too_few(Sessiond__Store__V1__ClientTokenRecord *message)
{
    message->n_tags--;
}

static void with_a_part_too_few(Sessiond__Store__V1__ClientTokenRecord *message)
{
    message->parts = 1;
}

static void without_credentials(Sessiond__Store__V1__ClientTokenRecord *message)
{
    message->credentials.len = 0;
}

static void test_what_cannot_be_read_is_told(void **state)
{
    static change_fn *const changes[] = {of_another_format, with_a_part_of_a_later_version,
                                         with_a_tag_too_few, with_a_part_too_few, without_credentials};

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ses_client_record record = sample(SES_STR("token"));
        ProtobufCMessage *message;
        struct ses_record stored;
        struct ses_arena arena;

        ses_arena_init(&arena, 1 << 16);
        assert_int_equal(ses_client_record_encode(&record, session_id, &arena, &stored), SES_OK);
        assert_int_equal(ses_proto_unpack(&sessiond__store__v1__client_token_record__descriptor, stored.body,
                                          &arena, &message),
                         SES_OK);
        changes[i]((Sessiond__Store__V1__ClientTokenRecord *)message);
        assert_int_equal(ses_proto_pack(message, &arena, &stored.body), SES_OK);
        assert_int_equal(ses_client_record_decode(&stored, &arena, &record), SES_DATA_LOSS);
        stored.body = SES_STR("\xff");
        assert_int_equal(ses_client_record_decode(&stored, &arena, &record), SES_DATA_LOSS);
        stored.kind = SES_RECORD_SESSION;
        assert_int_equal(ses_client_record_decode(&stored, &arena, &record), SES_DATA_LOSS);
        ses_arena_done(&arena);
    }
}

static void test_each_part_is_compared(void **state)
{
    struct ses_client_meaning a = sample(SES_SLICE_EMPTY).meaning;
    struct ses_client_meaning b = a;

    (void)state;
    b.tag[SES_CLIENT_AMOUNT]++;
    assert_int_equal(ses_client_meaning_differing(&a, &b), 1u << SES_CLIENT_AMOUNT);
    b = a;
    b.parts |= 1u << SES_CLIENT_COUNTRY;
    assert_int_equal(ses_client_meaning_differing(&a, &b), 1u << SES_CLIENT_COUNTRY);
    b = a;
    b.tag[SES_CLIENT_COUNTRY] = 1; /* of a part that is not there */
    assert_int_equal(ses_client_meaning_differing(&a, &b), 0);
}

static void test_a_key_is_of_one_call(void **state)
{
    struct ses_client_meaning meaning = sample(SES_SLICE_EMPTY).meaning;
    char first[SES_IDEMPOTENCY_KEY_SIZE];
    char again[SES_IDEMPOTENCY_KEY_SIZE];
    char other[SES_IDEMPOTENCY_KEY_SIZE];
    const struct ses_slice secret = SES_STR("0123456789abcdef0123456789abcdef");

    (void)state;
    ses_client_idempotency_key(secret, SES_STR("key"), &meaning, first);
    ses_client_idempotency_key(secret, SES_STR("key"), &meaning, again);
    assert_string_equal(first, again);
    assert_int_equal(strlen(first), SES_IDEMPOTENCY_KEY_SIZE - 1);
    ses_client_idempotency_key(secret, SES_STR("another"), &meaning, other);
    assert_string_not_equal(first, other);
    meaning.tag[SES_CLIENT_AMOUNT]++;
    ses_client_idempotency_key(secret, SES_STR("key"), &meaning, other);
    assert_string_not_equal(first, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_comes_back),
        cmocka_unit_test(test_what_cannot_be_read_is_told),
        cmocka_unit_test(test_each_part_is_compared),
        cmocka_unit_test(test_a_key_is_of_one_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
