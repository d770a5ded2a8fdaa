/* Enveloped calls (envelope.h) over HTTP/1.1: gRPC-Web and Connect's streams, as their bytes stand on the wire. */
#include "unit_clock.h"

#include <sessiond/base/encode.h>
#include "envelope_rig.h"
#include "gzip.h"

/* ---- answers */

/* The method's trailers, then gRPC's own. */
static const char web_answer[] =
    "\0\0\0\0\3abc"
    "\x80\0\0\0\x3cx-tail: one\r\nx-tail: two\r\ntail-bin: AQL//g\r\ngrpc-status: 0\r\n";

static void web_unary(void **state)
{
    (void)state;
    call("/t.S/Echo", WEB "x-request-id: r1\r\n", SES_STR(ABC));
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\ncontent-type: application/grpc-web+proto\r\n");
    expect("\r\ngrpc-accept-encoding: identity,gzip\r\n");
    expect("\r\nx-request-id: r1\r\n");
    expect("\r\nx-from-method: yes\r\n");
    expect("\r\nx-raw-bin: AQL//g\r\n");
    expect("\r\ncontent-length: 73\r\n");
    expect_body(ses_slice(web_answer, sizeof web_answer - 1));
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_PROTO);
    assert_string_equal(h1_rig.last_body, "abc");
    call("/t.S/Echo", "content-type: application/grpc-web\r\n", SES_STR(ABC));
    expect("\r\ncontent-type: application/grpc-web\r\n");
    call("/t.S/Echo", "content-type: Application/gRPC-Web+JSON; charset=utf-8\r\n", SES_STR(ABC));
    expect("\r\ncontent-type: application/grpc-web+json\r\n");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_JSON);
    expect_usable();
}

/* The request's base64 may be padded where it was cut, the answer's is one piece. */
static void web_text(void **state)
{
    char answer[SES_BASE64_SIZE(sizeof web_answer)];

    (void)state;
    (void)ses_base64_encode(ses_slice(web_answer, sizeof web_answer - 1), answer);
    for (h1_rig.split = 1; h1_rig.split < 12; h1_rig.split++) {
        call("/t.S/Echo", TEXT, SES_STR("AA==AAAAAA==YWJj"));
        assert_int_equal(h1_rig.started, 0);
        expect("grpc-status: 13\r\n"); /* behind an empty message another one begins */
        call("/t.S/Echo", TEXT, SES_STR("AA==AAAAA2E=YmM="));
        expect("\r\ncontent-type: application/grpc-web-text\r\n");
        assert_string_equal(h1_rig.last_body, "abc");
        expect_body(ses_slice_str(answer));
    }
    h1_rig.split = 0;
    expect_usable();
}

static void web_errors_stand_in_the_headers(void **state)
{
    (void)state;
    h1_rig.retry_delay_ms = 1500;
    call("/t.S/Fail", WEB, SES_STR(ABC));
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\nx-tail: failed\r\ngrpc-status: 9\r\n");
    expect("\r\ngrpc-message: no such luck\r\n");
    expect("\r\ngrpc-status-details-bin: ");
    expect("\r\ngrpc-retry-pushback-ms: 1500\r\n");
    expect("\r\ncontent-length: 0\r\n");
    call("/t.S/None", WEB, SES_STR(ABC));
    expect("\r\ngrpc-status: 0\r\n");
    expect("\r\ncontent-length: 0\r\n");
    expect_usable();
}

static void connect_stream(void **state)
{
    (void)state;
    call("/t.S/Two", CONNECT, SES_STR(ABC));
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\ncontent-type: application/connect+json\r\n");
    expect("\r\nconnect-accept-encoding: identity,gzip\r\n");
    expect("\r\nx-from-method: yes\r\n");
    expect("\r\ntransfer-encoding: chunked\r\n");
    assert_false(wrote("content-length"));
    expect_bytes(SES_STR("\r\n\r\n8\r\n\0\0\0\0\3abc\r\n6\r\n\0\0\0\0\1"
                         "2\r\n7\r\n\2\0\0\0\2{}\r\n0\r\n\r\n"));
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_JSON);
    call("/t.S/Two", "content-type: application/connect+proto\r\n", SES_STR(ABC));
    expect("\r\ncontent-type: application/connect+proto\r\n");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_PROTO);
    call("/t.S/None", CONNECT, SES_STR(ABC));
    expect_body(SES_STR("\2\0\0\0\2{}"));
    expect_usable();
}

static void web_stream(void **state)
{
    (void)state;
    call("/t.S/Two", WEB, SES_STR(ABC));
    expect_bytes(SES_STR("8\r\n\0\0\0\0\3abc\r\n6\r\n\0\0\0\0\1"
                         "2\r\n15\r\n\x80\0\0\0\x10grpc-status: 0\r\n\r\n0\r\n\r\n"));
    call("/t.S/Two", TEXT, SES_STR("AAAAAANhYmM="));
    expect_bytes(SES_STR("c\r\nAAAAAANhYmM=\r\n8\r\nAAAAAAEy\r\n")); /* each piece by itself */
    expect_usable();
}

/* Names that repeat are one array; what could be a header of its own is left out. */
static void metadata_at_the_end(void **state)
{
    (void)state;
    call("/t.S/Tail", CONNECT, SES_STR(ABC));
    expect_bytes(SES_STR("{\"metadata\":{\"x-tail\":[\"one\",\"two\"],\"tail-bin\":[\"AQL//g\"]}}"));
    call("/t.S/Tail", WEB, SES_STR(ABC));
    expect_bytes(SES_STR("x-tail: one\r\nx-tail: two\r\ntail-bin: AQL//g\r\ngrpc-status: 0\r\n"));
    call("/t.S/Tail", CONNECT, SES_STR("\0\0\0\0\4fail"));
    expect_bytes(SES_STR(
        "{\"error\":{\"code\":\"aborted\",\"message\":\"asked to fail\"},\"metadata\":{\"x-tail\":[\"one\""));
    call("/t.S/Tail", WEB, SES_STR("\0\0\0\0\4fail")); /* headers of its own: the trailers are told apart */
    expect("\r\nx-from-method: yes\r\n");
    expect_bytes(SES_STR("\r\n\r\n\x80\0\0\0"));
    expect(
        "x-tail: one\r\nx-tail: two\r\ntail-bin: AQL//g\r\ngrpc-status: 10\r\ngrpc-message: asked to fail\r\n");
    expect_usable();
}

/* HTTP/1.0 has no chunks: the end of the connection is the end. */
static void http_1_0(void **state)
{
    (void)state;
    call_as("HTTP/1.0", "/t.S/Two", CONNECT "Connection: keep-alive\r\n", SES_STR(ABC));
    expect("\r\nconnection: close\r\n");
    assert_false(wrote("transfer-encoding"));
    expect_bytes(SES_STR("\r\n\r\n\0\0\0\0\3abc\0\0\0\0\1"
                         "2\2\0\0\0\2{}"));
    assert_true(h1_rig.finished);
}

/* A conversation over HTTP/1.1 begins when all of its requests are here, in their order. */
static void conversation(void **state)
{
    (void)state;
    for (h1_rig.split = 0; h1_rig.split < 3; h1_rig.split++) {
        call("/t.S/Bidi", CONNECT, SES_STR(ABC "\0\0\0\0\0\0\0\0\0\1z"));
        expect_bytes(SES_STR(
            "8\r\n\0\0\0\0\3abc\r\n5\r\n\0\0\0\0\0\r\n6\r\n\0\0\0\0\1z\r\n7\r\n\2\0\0\0\2{}\r\n0\r\n\r\n"));
        call("/t.S/Bidi", CONNECT, SES_STR(""));
        expect_body(SES_STR("\2\0\0\0\2{}"));
        call("/t.S/Bidi", WEB, SES_STR(ABC "\0\0\0\0\4fail\0\0\0\0\1z"));
        expect_bytes(SES_STR("8\r\n\0\0\0\0\3abc\r\n"));
        expect("grpc-status: 10\r\ngrpc-message: asked to fail\r\n");
        assert_false(wrote("\1z"));
    }
    h1_rig.split = 0;
    expect_usable();
    feed("POST /t.S/Bidi HTTP/1.1\r\n" HOST CONNECT "Content-Length: 9\r\n\r\n");
    (void)h1_rig_feed(SES_STR(ABC));
    assert_int_equal(h1_rig.started, 1); /* of expect_usable */
    (void)h1_rig_feed(SES_STR("\0"));
    expect("the request ended inside a message");
}

/* What of a conversation waits is bounded like a message. */
static void conversation_that_is_too_long(void **state)
{
    (void)state;
    feed("POST /t.S/Bidi HTTP/1.1\r\n" HOST CONNECT "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < BODY_MAX / 8; i++)
        (void)h1_rig_feed(SES_STR("8\r\n" ABC "\r\n"));
    assert_int_equal(h1_rig.wire.len, 0);
    (void)h1_rig_feed(SES_STR("8\r\n" ABC "\r\n"));
    expect("{\"error\":{\"code\":\"resource_exhausted\",\"message\":\"too many request messages wait\"");
    assert_int_equal(h1_rig.started, 0);
}

/* ---- compression */

static void gzip(void **state)
{
    char plain[400];
    struct ses_slice packed;
    struct ses_arena arena;
    struct ses_buf body;

    (void)state;
    memset(plain, 'a', sizeof plain);
    ses_arena_init(&arena, 1 << 20);
    ses_buf_init(&body, 10000);
    assert_ok(ses_gzip_deflate(ses_slice(plain, sizeof plain), &arena, &packed));
    assert_ok(ses_buf_append(&body, SES_STR("\1\0\0\0")));
    assert_ok(ses_buf_append_byte(&body, (uint8_t)packed.len));
    assert_ok(ses_buf_append(&body, packed));

    call("/t.S/Echo", WEB "grpc-encoding: gzip\r\ngrpc-accept-encoding: br, gzip\r\n", ses_buf_view(&body));
    assert_int_equal(h1_rig.last_body_len, sizeof plain);
    expect("\r\ngrpc-encoding: gzip\r\n");
    expect_bytes(ses_buf_view(&body));
    call("/t.S/Echo", WEB "grpc-encoding: gzip\r\n", ses_buf_view(&body));
    assert_false(wrote("\r\ngrpc-encoding:"));
    call("/t.S/Two", CONNECT "connect-content-encoding: gzip\r\nconnect-accept-encoding: gzip\r\n",
         ses_buf_view(&body));
    expect("\r\nconnect-content-encoding: gzip\r\n");
    expect_bytes(ses_buf_view(&body));
    expect_bytes(SES_STR("\0\0\0\0\1"
                         "2\r\n")); /* no shorter when packed */
    call("/t.S/Echo", WEB "grpc-encoding: gzip\r\n", SES_STR("\1\0\0\0\3abc"));
    expect("grpc-status: 3\r\ngrpc-message: the request is not valid gzip\r\n");
    call("/t.S/Echo", WEB "grpc-encoding: identity\r\n", ses_buf_view(&body));
    expect(
        "grpc-status: 13\r\ngrpc-message: a compressed message in a request that names no compression\r\n");
    expect_usable();
    ses_buf_done(&body);
    ses_arena_done(&arena);
}

/* 64 bytes that unpack to more than one message may have. */
static void gzip_bomb(void **state)
{
    static uint8_t zeros[BODY_MAX + 1];
    struct ses_slice packed;
    struct ses_arena arena;
    struct ses_buf body;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    ses_buf_init(&body, 10000);
    assert_ok(ses_gzip_deflate(ses_slice(zeros, sizeof zeros), &arena, &packed));
    assert_ok(ses_buf_append(&body, SES_STR("\1\0\0\0")));
    assert_ok(ses_buf_append_byte(&body, (uint8_t)packed.len));
    assert_ok(ses_buf_append(&body, packed));
    call("/t.S/Echo", WEB "grpc-encoding: gzip\r\n", ses_buf_view(&body));
    expect(
        "grpc-status: 8\r\ngrpc-message: the request is larger than may be sent (limits.body_kib) when unpacked");
    expect_usable();
    ses_buf_done(&body);
    ses_arena_done(&arena);
}

/* ---- time, and clients that go */

static void deadlines(void **state)
{
    (void)state;
    call("/t.S/Watch", CONNECT "connect-timeout-ms: 700\r\n", SES_STR(ABC));
    assert_int_equal(h1_rig.started, 1);
    wait_ms(690);
    assert_int_equal(h1_rig.wire.len, 0);
    wait_ms(20);
    expect("{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"the deadline has passed\"");
    assert_int_equal(h1_rig.cancel_status, SES_DEADLINE_EXCEEDED);
    call("/t.S/Watch", WEB "grpc-timeout: 700m\r\n", SES_STR(ABC));
    wait_ms(710);
    expect("grpc-status: 4\r\ngrpc-message: the deadline has passed\r\n");
    call("/t.S/Hold", WEB "grpc-timeout: 1H\r\n", SES_STR(ABC)); /* no longer than the server's own */
    wait_ms(4900);
    assert_int_equal(h1_rig.wire.len, 0);
    wait_ms(200);
    expect("grpc-status: 4\r\n");
    expect_usable();
}

static void request_that_never_ends(void **state)
{
    (void)state;
    feed("POST /t.S/Two HTTP/1.1\r\n" HOST CONNECT "Content-Length: 100\r\n\r\n");
    wait_ms(2900);
    assert_int_equal(h1_rig.wire.len, 0);
    wait_ms(200);
    expect("deadline_exceeded");
    expect("the request did not come in time");
    fresh(SES_STR("POST /t.S/Echo HTTP/1.1\r\n" HOST WEB "Content-Length: 100\r\n\r\n"));
    wait_ms(4900); /* a unary call has one limit for all of it, which is longer than that of other bodies */
    assert_int_equal(h1_rig.wire.len, 0);
    wait_ms(200);
    expect("grpc-status: 4\r\ngrpc-message: the deadline has passed\r\n");
}

static void no_stream_lasts_for_ever(void **state)
{
    (void)state;
    call("/t.S/Watch", CONNECT, SES_STR(ABC));
    wait_ms(50000);
    assert_int_equal(h1_rig.wire.len, 0);
    wait_ms(11000);
    expect(
        "{\"error\":{\"code\":\"unavailable\",\"message\":\"the stream has lasted as long as one may: call again\"");
    assert_int_equal(h1_rig.cancelled, 1);
    expect_usable();
}

/* A unary call is answered behind the client's half-close, as ever; a stream is over with its client. */
static void client_goes(void **state)
{
    (void)state;
    call("/t.S/Watch", CONNECT, SES_STR(ABC));
    ses_exchange_send(h1_rig.held[0], SES_STR("1"));
    h1_rig_flush();
    expect_bytes(SES_STR("6\r\n\0\0\0\0\1"
                         "1\r\n"));
    h1_rig_eof();
    assert_true(h1_rig.cut);
    h1_rig_close();
    assert_int_equal(h1_rig.cancelled, 1);
    assert_int_equal(h1_rig.cancel_status, SES_CANCELLED);
    h1_rig_connect();
    call("/t.S/Hold", WEB, SES_STR(ABC));
    h1_rig_eof();
    assert_false(h1_rig.cut);
    h1_rig_answer_held();
    expect("grpc-status: 0\r\n");
}

static void count_drained(struct ses_exchange *x, void *arg)
{
    (void)x;
    ++*(unsigned *)arg;
}

/* A method that has more to say hears that all of it has left. */
static void what_has_left_is_told(void **state)
{
    unsigned drained = 0;

    (void)state;
    call("/t.S/Watch", CONNECT, SES_STR(ABC));
    h1_rig.held[0]->drained = count_drained;
    h1_rig.held[0]->cancel_arg = &drained;
    ses_exchange_send(h1_rig.held[0], SES_STR("1"));
    assert_int_equal(h1_rig.held[0]->ops->backlog(h1_rig.held[0]) > 0, true);
    assert_int_equal(drained, 0);
    h1_rig_flush();
    assert_int_equal(drained, 1);
    assert_int_equal(h1_rig.held[0]->ops->backlog(h1_rig.held[0]), 0);
}

static void drain_ends_streams(void **state)
{
    (void)state;
    call("/t.S/Watch", CONNECT, SES_STR(ABC));
    h1_rig.ops->on_drain(h1_rig.engine);
    h1_rig_flush();
    expect("{\"error\":{\"code\":\"unavailable\",\"message\":\"this connection is closing: call again\"");
    assert_true(h1_rig.finished);
    assert_int_equal(h1_rig.cancelled, 1);
}

/* A message that does not fit is the end: the client is told, and the method hears of it afterwards. */
static void slow_reader(void **state)
{
    static uint8_t message[1 << 20];
    struct ses_exchange *x;

    (void)state;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * i >> 7);
    call("/t.S/Watch", WEB, SES_STR(ABC));
    x = h1_rig.held[0];
    for (int i = 0; i < 6; i++)
        ses_exchange_send(x, ses_slice(message, sizeof message));
    assert_int_equal(h1_rig.cancelled, 0);
    wait_ms(10);
    assert_int_equal(h1_rig.cancelled, 1);
    assert_true(h1_rig.wire.len < 4 * sizeof message);
    expect("grpc-status: 8\r\ngrpc-message: the client reads the stream too slowly\r\n\r\n0\r\n\r\n");
    expect_usable();
}

/* What a request that is not whole makes us hold is told. */
static void held(void **state)
{
    char part[500];

    (void)state;
    memset(part, 'x', sizeof part);
    feed("POST /t.S/Two HTTP/1.1\r\n" HOST CONNECT "Content-Length: 1005\r\n\r\n");
    size_t before = h1_rig.held_bytes;

    (void)h1_rig_feed(SES_STR("\0\0\0\3\xe8"));
    (void)h1_rig_feed(ses_slice(part, sizeof part));
    assert_true(h1_rig.held_bytes >= before + sizeof part);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, envelope_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(web_unary),
        TEST(web_text),
        TEST(web_errors_stand_in_the_headers),
        TEST(connect_stream),
        TEST(web_stream),
        TEST(metadata_at_the_end),
        TEST(http_1_0),
        TEST(conversation),
        TEST(conversation_that_is_too_long),
        TEST(gzip),
        TEST(gzip_bomb),
        TEST(deadlines),
        TEST(request_that_never_ends),
        TEST(no_stream_lasts_for_ever),
        TEST(client_goes),
        TEST(what_has_left_is_told),
        TEST(drain_ends_streams),
        TEST(slow_reader),
        TEST(held),
    };
#undef TEST

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
