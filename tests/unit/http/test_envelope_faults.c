/* What is wrong with an enveloped call, in its protocol's shape and in the same words. */
#include "unit_clock.h"

#include <stdio.h>

#include "envelope_rig.h"

struct fault {
    const char *path;
    const char *headers;
    struct ses_slice body;
    unsigned grpc;
    const char *code;
    const char *message;
};

#define EXHAUSTED 8, "resource_exhausted"
#define INTERNAL  13, "internal"
#define INVALID   3, "invalid_argument"
#define UNIMPL    12, "unimplemented"

/* The same sentence in either protocol. */
static const struct fault faults[] = {
    {"/t.S/Two", "", SES_STR_INIT("\4\0\0\0\3abc"), INTERNAL, "malformed message prefix"},
    {"/t.S/Two", "", SES_STR_INIT("\xff\xff\xff\xff\xff"), INTERNAL, "malformed message prefix"},
    {"/t.S/Two", "", SES_STR_INIT("\0\0\0\4\1"), EXHAUSTED, "the request is larger than may be sent"},
    {"/t.S/Two", "", SES_STR_INIT("\0\0"), INTERNAL, "the request ended inside a message"},
    {"/t.S/Two", "", SES_STR_INIT("\0\0\0\0\3ab"), INTERNAL, "the request ended inside a message"},
    {"/t.S/Two", "", SES_STR_INIT(""), UNIMPL, "no request message on a call that takes one"},
    {"/t.S/Two", "", SES_STR_INIT(ABC ABC), UNIMPL, "more than one request message on a call that takes one"},
    {"/t.S/Two", "content-encoding: gzip\r\n", SES_STR_INIT(ABC), UNIMPL,
     "the compression must be gzip or identity"},
    {"/t.S/Two", "x-raw-bin: !\r\n", SES_STR_INIT(ABC), INVALID, "a -bin header is not base64"},
    {"/t.S/Nothing", "", SES_STR_INIT(ABC), UNIMPL, "unknown method /t.S/Nothing"},
};

static void each_fault(const char *type, bool web)
{
    char headers[256], code[512];

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *fault = &faults[i];

        (void)snprintf(headers, sizeof headers, "%s%s", type, fault->headers);
        for (h1_rig.split = 0; h1_rig.split < 4; h1_rig.split++) {
            call(fault->path, headers, fault->body);
            expect("HTTP/1.1 200 OK\r\n");
            expect(type);
            if (web)
                (void)snprintf(code, sizeof code, "\r\ngrpc-status: %u\r\ngrpc-message: %s", fault->grpc,
                               fault->message);
            else
                (void)snprintf(code, sizeof code, "{\"error\":{\"code\":\"%s\",\"message\":\"%s", fault->code,
                               fault->message);
            expect(code);
            assert_int_equal(h1_rig.started, 0);
        }
        h1_rig.split = 0;
        expect_usable();
    }
}

static void faults_in_each_protocol(void **state)
{
    (void)state;
    each_fault(WEB, true);
    each_fault(CONNECT, false);
}

/* What only one of the two has. */
static void faults_of_one_protocol(void **state)
{
    static const struct {
        const char *headers;
        struct ses_slice body;
        const char *words;
    } rows[] = {
        {CONNECT, SES_STR_INIT(ABC "\2\0\0\0\2{}"), "an end-of-stream message in a request"},
        {CONNECT, SES_STR_INIT("\3\0\0\0\2{}"), "an end-of-stream message in a request"},
        {CONNECT, SES_STR_INIT("\x80\0\0\0\2{}"), "malformed message prefix"},
        {WEB, SES_STR_INIT(ABC "\x80\0\0\0\2{}"), "a trailer frame in a request"},
        {WEB, SES_STR_INIT(ABC "\x80\0\0\0\2{}\x80\0\0\0\2{}"), "a trailer frame in a request"},
        {WEB, SES_STR_INIT("\2\0\0\0\2{}"), "malformed message prefix"},
        {TEXT, SES_STR_INIT("AAAAAANhYmM"), "the request ended inside a message"},
        {TEXT, SES_STR_INIT("AAAAAANhYmM=A"), "the request ended inside a message"},
        {TEXT, SES_STR_INIT("AAAA!ANhYmM="), "the request's text is not base64"},
        {TEXT, SES_STR_INIT("AAAAAANhYmM=\r\n\r\n"), "the request's text is not base64"},
        {CONNECT "connect-content-encoding: br\r\n", SES_STR_INIT(ABC),
         "compression must be gzip or identity"},
        {WEB "grpc-encoding: br\r\n", SES_STR_INIT(ABC), "compression must be gzip or identity"},
        {CONNECT "connect-timeout-ms: 10000000000\r\n", SES_STR_INIT(ABC), "malformed timeout"},
        {CONNECT "connect-timeout-ms: -1\r\n", SES_STR_INIT(ABC), "malformed timeout"},
        {WEB "grpc-timeout: 1\r\n", SES_STR_INIT(ABC), "malformed timeout"},
        {CONNECT "connect-timeout-ms: 0\r\n", SES_STR_INIT(ABC), "deadline_exceeded"},
        {WEB "grpc-timeout: 0m\r\n", SES_STR_INIT(ABC), "grpc-status: 4\r\n"},
        {CONNECT "connect-protocol-version: 2\r\n", SES_STR_INIT(ABC), "connect-protocol-version must be 1"},
        {WEB "grpc-timeout: 1S\r\ngrpc-timeout: 1S\r\n", SES_STR_INIT(ABC), "more than one grpc-timeout"},
        {WEB "grpc-encoding: gzip\r\ngrpc-encoding: gzip\r\n", SES_STR_INIT(ABC),
         "more than one grpc-encoding"},
        {CONNECT "connect-content-encoding: gzip\r\nconnect-content-encoding: br\r\n", SES_STR_INIT(ABC),
         "more than one connect-content-encoding"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call("/t.S/Two", rows[i].headers, rows[i].body);
        expect("HTTP/1.1 200 OK\r\n");
        expect(rows[i].words);
        assert_int_equal(h1_rig.started, 0);
        expect_usable();
    }
}

/* What still comes behind a refusal is passed over where its length is known; where it is not, the connection ends. */
static void refused_while_it_comes(void **state)
{
    (void)state;
    feed("POST /t.S/Two HTTP/1.1\r\n" HOST CONNECT "Content-Length: 1000\r\n\r\n");
    (void)h1_rig_feed(SES_STR("\7"));
    expect("malformed message prefix");
    for (int i = 0; i < 999; i++)
        feed("x");
    expect_usable();
    feed("POST /t.S/Two HTTP/1.1\r\n" HOST CONNECT "Transfer-Encoding: chunked\r\n\r\n1\r\n\7\r\n");
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
}

/* In gRPC-Web's shape, though under HTTP's own status; Connect has HTTP's words for it. */
static void another_method_of_http(void **state)
{
    static const char web[] = "DELETE /t.S/Two HTTP/1.1\r\nHost: a\r\n" WEB "Content-Length: 0\r\n\r\n";
    static const char connect[] =
        "DELETE /t.S/Two HTTP/1.1\r\nHost: a\r\n" CONNECT "Content-Length: 0\r\n\r\n";

    (void)state;
    (void)h1_rig_feed(ses_slice_str(web));
    expect("HTTP/1.1 405 ");
    expect(WEB);
    expect("\r\ngrpc-status: 12\r\n");
    expect_usable();
    ses_buf_clear(&h1_rig.wire);
    (void)h1_rig_feed(ses_slice_str(connect));
    expect("HTTP/1.1 405 ");
    expect("\r\nallow: POST\r\n");
    expect("{\"code\":\"unknown\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, envelope_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(faults_in_each_protocol),
        TEST(faults_of_one_protocol),
        TEST(refused_while_it_comes),
        TEST(another_method_of_http),
    };
#undef TEST

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
