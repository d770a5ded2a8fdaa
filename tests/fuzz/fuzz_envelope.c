/* fuzz_envelope.c - the bodies of gRPC-Web and of Connect's streams: envelopes, base64, gzip, whatever a client puts
 * into them.
 *
 * Input: one byte that chooses content type and method (below), one that says how the body is cut (n: n bytes at a time),
 * then the body. It is sent whole and in pieces: both must bring about the same, word for word. At the end no exchange
 * may be held.
 */
#include <stdio.h>

#include "../unit/http/h1_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/connect+json",
    "application/connect+proto",
};
static const char *const paths[] = {"/t.S/Two", "/t.S/Bidi", "/t.S/Echo", "/t.S/Tail"};

/* The same each time but for the date, which becomes blanks. */
static void blank_date(struct ses_buf *wire)
{
    static const char name[] = "\r\ndate: ";
    uint8_t *at = wire->len == 0 ? NULL : memmem(wire->data, wire->len, name, sizeof(name) - 1);

    if (at != NULL)
        memset(at + sizeof(name) - 1, ' ', 29);
}

/* What the server says, and how often it called a method. */
static unsigned run(uint8_t choice, size_t split, struct ses_slice body, struct ses_buf *ret_wire)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    char head[400];
    unsigned started;
    int len = snprintf(
        head, sizeof(head),
        "POST %s HTTP/1.1\r\nhost: a\r\nx-request-id: r\r\ncontent-type: %s\r\ngrpc-encoding: gzip\r\n"
        "connect-content-encoding: gzip\r\ncontent-length: %zu\r\n\r\n",
        paths[choice / 4 % 4], types[choice % 4], body.len);

    limits.body_bytes_max = 1024;
    h1_rig_begin(&limits);
    h1_rig_connect();
    (void)h1_rig_feed(ses_slice(head, (size_t)len));
    h1_rig.split = split;
    (void)h1_rig_feed(body);
    blank_date(&h1_rig.wire);
    SES_REQUIRE(ses_buf_append(ret_wire, ses_buf_view(&h1_rig.wire)) == SES_OK);
    started = h1_rig.started;
    h1_rig_end();
    return started;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_buf whole, pieces;
    unsigned started;

    if (size < 2)
        return 0;
    struct ses_slice body = ses_slice(data + 2, size - 2);

    ses_buf_init(&whole, SIZE_MAX / 4);
    ses_buf_init(&pieces, SIZE_MAX / 4);
    started = run(data[0], 0, body, &whole);
    SES_REQUIRE(run(data[0], data[1], body, &pieces) == started);
    SES_REQUIRE(ses_slice_eq(ses_buf_view(&whole), ses_buf_view(&pieces)));
    SES_REQUIRE(whole.len > 0); /* a request whose length is known is answered, whatever it says */
    ses_buf_done(&whole);
    ses_buf_done(&pieces);
    return 0;
}
