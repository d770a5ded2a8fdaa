/* The client tokens that a session names, in its record: written and read, gone with the session that they were of, and never guessed at. */
#include "record_clients.h"

#include <sessiond/codec/codec_proto.h>
#include <sessiond/domain/client_token.h>

#include "record_codec.h"
#include "unit.h"

static const struct ses_session fresh = {.status = SES_SESSION_OPEN};

static void read_back(const struct ses_session *session, const struct ses_record_origin *before,
                      struct ses_arena *arena, struct ses_session *ret_session,
                      const struct ses_record_origin **ret_origin)
{
    struct ses_slice body;

    assert_int_equal(ses_session_record_encode(session, NULL, before, arena, &body), SES_OK);
    assert_int_equal(ses_session_record_decode(body, arena, ret_session, ret_origin), SES_OK);
}

static void test_what_is_written_is_read(void **state)
{
    struct ses_client_token tokens[2] = {{.key = {1},
                                          .connector = SES_STR("adyen"),
                                          .kind = SES_CLIENT_TOKEN_CONNECTOR,
                                          .made_ms = 5,
                                          .ends_ms = 9},
                                         {.key = {2}, .connector = SES_STR("braintree"), .kind = 77}};
    const struct ses_session holder = {
        .status = SES_SESSION_OPEN, .client_tokens = tokens, .client_tokens_count = 2};
    const struct ses_record_origin *origin;
    struct ses_session got;
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    read_back(&holder, NULL, &arena, &got, &origin);
    assert_int_equal(got.client_tokens_count, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_true(ses_client_token_named(&got, &tokens[i]));
    read_back(&fresh, origin, &arena, &got, &origin);
    assert_int_equal(got.client_tokens_count, 0);
    ses_arena_done(&arena);
}

static void test_a_key_of_another_length(void **state)
{
    Sessiond__Store__V1__NamedClientToken token = SESSIOND__STORE__V1__NAMED_CLIENT_TOKEN__INIT;
    Sessiond__Store__V1__NamedClientToken *list = &token;
    Sessiond__Store__V1__SessionRecord record = SESSIOND__STORE__V1__SESSION_RECORD__INIT;
    struct ses_session got = {.status = SES_SESSION_OPEN};
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    token.key = ses_record_bytes(SES_STR("short"));
    record.client_tokens = &list;
    record.n_client_tokens = 1;
    assert_int_equal(ses_record_take_clients(&record, &arena, &got), SES_DATA_LOSS);
    assert_int_equal(got.client_tokens_count, 0);
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_key_of_another_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
