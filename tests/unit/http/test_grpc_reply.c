#include "http/h2_rig.h"

#include <stdio.h>

#include "gzip.h"

/* ---- compression */

static const char *const gzip_in[] = {"grpc-encoding", "gzip", NULL};
static const char *const gzip_both[] = {"grpc-encoding", "gzip", "grpc-accept-encoding", "identity, gzip",
                                        NULL};
static const char *const gzip_out[] = {"grpc-accept-encoding", "deflate,gzip", NULL};

static int32_t call_compressed(const char *path, const char *const *fields, struct ses_slice plain_bytes)
{
    int32_t id = rig_request("POST", path, "application/grpc", fields, true);
    struct ses_arena arena;
    struct ses_slice packed;

    ses_arena_init(&arena, 64u << 20);
    assert_ok(ses_gzip_deflate(plain_bytes, &arena, &packed));
    rig_upload_message(id, true, packed, true);
    ses_arena_done(&arena);
    return id;
}

static void compressed_request(void **state)
{
    int32_t id = call_compressed("/t.T/Echo", gzip_in, SES_STR("hello hello hello"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("hello hello hello"));
}

static void compressed_request_by_a_flag_alone(void **state)
{
    int32_t id = call_compressed("/t.T/Echo", NULL, SES_STR("hello"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 13);
    rig_expect_line(rig_stream(id)->headers,
                    "grpc-message: a compressed message in a request that names no compression");
}

static void identity_encoding(void **state)
{
    static const char *const identity[] = {"grpc-encoding", "identity", NULL};
    int32_t id = rig_call("/t.T/Echo", identity, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("x"));
}

static void unknown_encoding(void **state)
{
    static const char *const brotli[] = {"grpc-encoding", "br", NULL};
    int32_t id = rig_call("/t.T/Echo", brotli, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 12);
    rig_expect_line(rig_stream(id)->headers, "grpc-accept-encoding: identity,gzip");
}

static void broken_gzip(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", gzip_in, true);

    (void)state;
    rig_upload_message(id, true, SES_STR("not gzip at all"), true);
    rig_pump();
    rig_expect_status(id, 3);
}

/* 20 MiB of one byte in 20 KiB. */
static void gzip_bomb(void **state)
{
    size_t len = 20u << 20;
    uint8_t *zeros = calloc(1, len);

    (void)state;
    assert_non_null(zeros);
    int32_t id = call_compressed("/t.T/Echo", gzip_in, ses_slice(zeros, len));

    rig_pump();
    rig_expect_status(id, 8);
    free(zeros);
}

static void compressed_reply(void **state)
{
    static uint8_t zeros[2000];
    int32_t large = rig_call("/t.T/Echo", gzip_out, ses_slice(zeros, sizeof zeros));
    int32_t small = rig_call("/t.T/Echo", gzip_out, ses_slice(zeros, 1000));
    int32_t not_accepted = rig_call("/t.T/Echo", NULL, ses_slice(zeros, sizeof zeros));
    int32_t answered_alike = call_compressed("/t.T/Echo", gzip_both, ses_slice(zeros, 500));

    (void)state;
    rig_pump();
    rig_expect_status(large, 0);
    rig_expect_line(rig_stream(large)->headers, "grpc-encoding: gzip");
    assert_int_equal(rig_stream(large)->data.data[0], 1);
    struct ses_slice packed =
        ses_slice_cut(ses_buf_view(&rig_stream(large)->data), SES_GRPC_PREFIX_BYTES, 10000);
    struct ses_arena arena;
    struct ses_slice back;

    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_gzip_inflate(packed, 10000, &arena, &back));
    assert_int_equal(back.len, sizeof zeros);
    ses_arena_done(&arena);
    rig_expect_reply(small, false, ses_slice(zeros, 1000));
    assert_null(strstr(rig_stream(small)->headers, "grpc-encoding"));
    rig_expect_reply(not_accepted, false, ses_slice(zeros, sizeof zeros));
    assert_int_equal(rig_stream(answered_alike)->data.data[0], 1);
}

/* Gzip has 20 bytes of its own: what is no shorter leaves as it is, whatever the request was. */
static void what_gzip_makes_longer(void **state)
{
    static const char *const paths[] = {"/t.T/Echo", "/t.T/Three"};
    static const uint8_t three[] = {0, 0, 0, 0, 1, 'x', 0, 0, 0, 0, 1, 'x', 0, 0, 0, 0, 1, 'x'};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int32_t id = call_compressed(paths[i], gzip_both, SES_STR("x"));

        rig_pump();
        rig_expect_status(id, 0);
        assert_int_equal(rig_stream(id)->data.len, i == 0 ? 6 : 18);
        assert_memory_equal(rig_stream(id)->data.data, three, rig_stream(id)->data.len);
    }
}

/* ---- what a method says beside its messages */

/* In their order, and each once. */
static void expect_lines(const char *text, const char *even, const char *odd, const char *letter)
{
    const char *at = text;

    assert_non_null(text);
    for (int i = 0; i < RIG_FIELDS; i++) {
        char line[64];

        (void)snprintf(line, sizeof line, "%s: %s%d\n", i % 2 == 0 ? even : odd, letter, i);
        at = strstr(at, line);
        assert_non_null(at);
        assert_null(strstr(at + 1, line));
    }
}

static void expect_trailers(const char *text, const char *status)
{
    expect_lines(text, "x-tail-0", "x-tail-1", "t");
    rig_expect_line(text, "tail-bin: AAE"); /* base64, not padded */
    rig_expect_line(text, status);
    assert_null(strstr(text, "x-broken"));
}

static void headers_and_trailers_of_the_method(void **state)
{
    static const char *const paths[] = {"/t.T/Fields", "/t.T/FieldsThree"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int32_t id = rig_call(paths[i], NULL, SES_SLICE_EMPTY);

        rig_pump();
        expect_lines(rig_stream(id)->headers, "x-head", "x-head", "h");
        assert_null(strstr(rig_stream(id)->headers, "tail"));
        expect_trailers(rig_stream(id)->trailers, "grpc-status: 0");
    }
}

static void trailers_stand_behind_the_headers_of_a_failure(void **state)
{
    int32_t id = rig_call("/t.T/Fields", NULL, SES_STR("fail"));

    (void)state;
    rig_pump();
    assert_null(rig_stream(id)->trailers);
    expect_lines(rig_stream(id)->headers, "x-head", "x-head", "h");
    expect_trailers(rig_stream(id)->headers, "grpc-status: 10");
    rig_expect_line(rig_stream(id)->headers, "grpc-message: as asked");
}

/* Some clients tell the two apart. */
static void headers_of_a_stream_without_messages(void **state)
{
    int32_t id = rig_call("/t.T/FieldsThree", NULL, SES_STR("fail"));

    (void)state;
    rig_pump();
    expect_lines(rig_stream(id)->headers, "x-head", "x-head", "h");
    assert_null(strstr(rig_stream(id)->headers, "grpc-status"));
    assert_int_equal(rig_stream(id)->data.len, 0);
    expect_trailers(rig_stream(id)->trailers, "grpc-status: 10");
}

/* What waits for the client's window is copied out of its exchange, which others use meanwhile. */
static void trailers_outlive_their_exchange(void **state)
{
    (void)state;
    rig_close();
    rig_open(NULL, 0);
    rig_client(1, false);
    int32_t id = rig_call("/t.T/Fields", NULL, SES_SLICE_EMPTY);

    assert_true(rig_client_sends());
    rig_produce();
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    for (int i = 0; i < 3; i++)
        (void)rig_call("/t.T/Echo", NULL, SES_SLICE_EMPTY);
    rig_pump();
    expect_trailers(rig_stream(id)->trailers, "grpc-status: 0");
    assert_int_equal(rig.held_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
        TEST(compressed_request),
        TEST(compressed_request_by_a_flag_alone),
        TEST(identity_encoding),
        TEST(unknown_encoding),
        TEST(broken_gzip),
        TEST(gzip_bomb),
        TEST(what_gzip_makes_longer),
        TEST(headers_of_a_stream_without_messages),
        TEST(compressed_reply),
        TEST(headers_and_trailers_of_the_method),
        TEST(trailers_stand_behind_the_headers_of_a_failure),
        TEST(trailers_outlive_their_exchange),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
