#include "micro.h"

#include <string.h>

#include <nghttp2/nghttp2.h>

#include <sessiond/base/status.h>

#define TURN 64u

/* A client and a server session in memory, TURN calls a turn: both ends, so twice what a server pays. */
struct pipe {
    nghttp2_session *client, *server;
    unsigned closed;
};

static const uint8_t body[180];

static nghttp2_nv pair(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } n = {name}, v = {value}; /* nghttp2 takes them writable and does not write */

    return (nghttp2_nv){n.out, v.out, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                       nghttp2_data_source *source, void *arg)
{
    const nghttp2_nv trailers[] = {pair("grpc-status", "0")};

    (void)arg;
    SES_REQUIRE(length >= sizeof(body));
    memcpy(buf, body, sizeof(body));
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (source->fd == 1) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        SES_REQUIRE(nghttp2_submit_trailer(session, id, trailers, 1) == 0);
    }
    return sizeof(body);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    const struct pipe *pipe = arg;
    const nghttp2_nv headers[] = {pair(":status", "200"), pair("content-type", "application/grpc")};
    const nghttp2_data_provider provider = {.source = {.fd = 1}, .read_callback = on_read};

    if (session == pipe->server && frame->hd.type == NGHTTP2_DATA &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &provider);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct pipe *pipe = arg;

    (void)id;
    SES_REQUIRE(code == 0);
    pipe->closed += session == pipe->client;
    return 0;
}

static void move(nghttp2_session *from, nghttp2_session *to)
{
    const uint8_t *bytes;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(from, &bytes)) > 0)
        SES_REQUIRE(nghttp2_session_mem_recv(to, bytes, (size_t)n) == n);
    SES_REQUIRE(n == 0);
}

static void submit(struct pipe *pipe)
{
    const nghttp2_nv headers[] = {
        pair(":method", "POST"),
        pair(":scheme", "http"),
        pair(":path", "/types.MerchantAuthenticationService/CreateSessionToken"),
        pair(":authority", "127.0.0.1:8080"),
        pair("content-type", "application/grpc"),
        pair("te", "trailers"),
        pair("x-connector", "adyen"),
    };
    const nghttp2_data_provider provider = {.read_callback = on_read};

    SES_REQUIRE(nghttp2_submit_request(pipe->client, NULL, headers, 7, &provider, NULL) > 0);
}

static void turns(void *arg, unsigned times)
{
    struct pipe *pipe = arg;

    for (unsigned left = times; left > 0;) {
        unsigned count = left < TURN ? left : TURN;

        pipe->closed = 0;
        for (unsigned i = 0; i < count; i++)
            submit(pipe);
        move(pipe->client, pipe->server);
        move(pipe->server, pipe->client);
        SES_REQUIRE(pipe->closed == count);
        left -= count;
    }
}

void micro_nghttp2(void)
{
    nghttp2_session_callbacks *callbacks;
    struct pipe pipe = {0};

    SES_REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    SES_REQUIRE(nghttp2_session_client_new(&pipe.client, callbacks, &pipe) == 0);
    SES_REQUIRE(nghttp2_session_server_new(&pipe.server, callbacks, &pipe) == 0);
    nghttp2_session_callbacks_del(callbacks);
    SES_REQUIRE(nghttp2_submit_settings(pipe.client, 0, NULL, 0) == 0);
    SES_REQUIRE(nghttp2_submit_settings(pipe.server, 0, NULL, 0) == 0);
    move(pipe.client, pipe.server);
    move(pipe.server, pipe.client);
    micro_measure("nghttp2: a gRPC call, both ends, 64 a turn", turns, &pipe);
    nghttp2_session_del(pipe.client);
    nghttp2_session_del(pipe.server);
}
