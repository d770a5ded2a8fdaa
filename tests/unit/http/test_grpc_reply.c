#include "http/h2_rig.h"

#include "gzip.h"

/* ---- compression */

static const char *const gzip_in[] = {"grpc-encoding", "gzip", NULL};
static const char *const gzip_both[] = {"grpc-encoding", "gzip", "grpc-accept-encoding", "identity, gzip",
                                        NULL};
static const char *const gzip_out[] = {"grpc-accept-encoding", "deflate,gzip", NULL};

static int32_t call_compressed(const char *const *fields, struct ses_slice plain_bytes)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", fields, true);
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
    int32_t id = call_compressed(gzip_in, SES_STR("hello hello hello"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("hello hello hello"));
}

static void compressed_request_by_a_flag_alone(void **state)
{
    int32_t id = call_compressed(NULL, SES_STR("hello"));

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
    int32_t id = call_compressed(gzip_in, ses_slice(zeros, len));

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
    int32_t answered_alike = call_compressed(gzip_both, ses_slice(zeros, 500));

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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
        TEST(compressed_request), TEST(compressed_request_by_a_flag_alone),
        TEST(identity_encoding),  TEST(unknown_encoding),
        TEST(broken_gzip),        TEST(gzip_bomb),
        TEST(compressed_reply),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
