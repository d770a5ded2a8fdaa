/* Gates in front of HTTP/2: gRPC and the rest, asked at the head. */
#include "http/h2_rig_raw.h"

static unsigned asked;

static enum ses_status toy_gate(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                struct ses_error *ret_error)
{
    const struct ses_slice *reason = arg;

    (void)conn;
    asked++;
    assert_non_null(x->route);
    assert_int_equal(x->body.len, 0);
    if (ses_exchange_header(x, "x-refuse", NULL).len == 0)
        return SES_OK;
    ses_error_set(ret_error, SES_PERMISSION_DENIED, *reason);
    return SES_PERMISSION_DENIED;
}

static struct ses_slice first = SES_STR_INIT("the first"), second = SES_STR_INIT("the second");

static int setup(void **state)
{
    int rv = rig_setup_client(state);

    asked = 0;
    rig.doors->options.gates[0] = (struct ses_gate){.admit = toy_gate, .arg = &first};
    rig.doors->options.gates[1] = (struct ses_gate){.admit = toy_gate, .arg = &second};
    rig.doors->options.gates_count = 2;
    return rv;
}

static void let_through_by_all(void **state)
{
    int32_t id = rig_call("/t.T/Echo", NULL, SES_STR("hello"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("hello"));
    assert_int_equal(asked, 2);
}

static const char *const refuse[] = {"x-refuse", "1", NULL};

static void the_first_refusal_is_the_answer(void **state)
{
    int32_t id = rig_call("/t.T/Echo", refuse, SES_STR("hello"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 7);
    rig_expect_line(rig_stream(id)->headers, "grpc-message: the first");
    assert_int_equal(asked, 1);
}

static void refused_before_the_message_comes(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", refuse, true);

    (void)state;
    rig_pump();
    rig_expect_status(id, 7);
}

static void streams_are_asked_for_too(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", refuse, true);

    (void)state;
    rig_pump();
    rig_expect_status(id, 7);
}

static void json_is_refused_before_its_body(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/json", refuse, true);

    (void)state;
    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 403");
    assert_int_equal(asked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)
        TEST(let_through_by_all),
        TEST(the_first_refusal_is_the_answer),
        TEST(refused_before_the_message_comes),
        TEST(streams_are_asked_for_too),
        TEST(json_is_refused_before_its_body),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
