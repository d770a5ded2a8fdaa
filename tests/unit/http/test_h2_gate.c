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

/* More than linger at once, so that the rest are reset; the bodies never come. */
#define MANY (SES_H2_LINGERING_MAX + 50u)

static void ask_many(const char *content_type, const char *const *fields)
{
    for (unsigned i = 0; i < MANY && rig.h2 != NULL; i++) {
        (void)rig_request("POST", "/t.T/Echo", content_type, fields, true);
        rig_pump();
    }
    assert_non_null(rig.h2);
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), MANY - SES_H2_LINGERING_MAX);
}

/* With room for so many errors; the gates are set again. */
static void reopen(void **state, unsigned errors_max)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    limits.errors_max = errors_max;
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    rig.doors->options.gates[0] = (struct ses_gate){.admit = toy_gate, .arg = &first};
    rig.doors->options.gates_count = 1;
    (void)state;
}

static void a_refusal_is_no_error_of_the_connection(void **state)
{
    static const char *const types[] = {"application/grpc", "application/json"};

    for (size_t i = 0; i < 2; i++) {
        reopen(state, 1);
        ask_many(types[i], refuse);
        assert_int_equal(asked, (i + 1) * MANY);
    }
}

/* What a door refuses by itself is one error a stream, whether a reset follows or not. */
static void a_head_that_is_refused_is_one_error(void **state)
{
    static char value[40000];
    static const char *const big[] = {"x-big", value, NULL};
    static const char *const types[] = {"application/grpc", "application/json"};

    memset(value, 'x', sizeof(value) - 1);
    for (size_t i = 0; i < 2; i++) {
        reopen(state, MANY);
        ask_many(types[i], big);
        (void)rig_request("POST", "/t.T/Echo", types[i], big, true);
        rig_pump();
        assert_null(rig.h2); /* and one above is too many */
    }
    assert_int_equal(asked, 0);
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
        TEST(a_refusal_is_no_error_of_the_connection),
        TEST(a_head_that_is_refused_is_one_error),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
