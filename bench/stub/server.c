#include "stub.h"

#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include <sessiond/base/buf.h>

#define BACKLOG 1024
#define OUT_MAX (8u << 20)

/* gRPC prefix; CreateSessionTokenResponse: field 2 status_code 200, field 3 a token by its looks. */
static const struct ses_slice session_answer = SES_STR_INIT("\x00\x00\x00\x00\x1d"
                                                            "\x10\xc8\x01"
                                                            "\x1a\x18"
                                                            "sess_v4.public.c3R1Yg.eA");
/* AuthorizeResponse: connector_transaction_id 2, status 3 (CHARGED), status_code 5 (200). */
static const struct ses_slice payment_answer = SES_STR_INIT("\x00\x00\x00\x00\x0b"
                                                            "\x12\x04txn1"
                                                            "\x18\x08"
                                                            "\x28\xc8\x01");

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_check_t flush; /* once a turn */
    nghttp2_session *session;
    struct stub_queue *queue;
    struct ses_buf out;
    unsigned calls; /* taken by the queue */
    unsigned handles;
    bool writing;
    bool closed;
};

struct call {
    struct stub_call base; /* first: the queue gives it back */
    struct connection *connection;
    int32_t stream_id;
    struct ses_slice body; /* of the answer, what is not sent yet */
    bool open;             /* its stream is */
    bool answered;         /* the queue is done with it */
};

static void forget(struct connection *connection)
{
    if (connection->handles > 0 || connection->calls > 0)
        return;
    ses_buf_done(&connection->out);
    free(connection);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    connection->handles--;
    forget(connection);
}

static void shut(struct connection *connection)
{
    if (connection->closed)
        return;
    connection->closed = true;
    nghttp2_session_del(connection->session);
    connection->session = NULL;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
    uv_close((uv_handle_t *)&connection->flush, on_closed);
}

static nghttp2_nv pair(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } n = {name}, v = {value}; /* nghttp2 takes them writable and does not write */

    return (nghttp2_nv){n.out, v.out, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct call *call = source->ptr;
    size_t n = call->body.len < length ? call->body.len : length;
    const nghttp2_nv trailers[] = {pair("grpc-status", "0")};

    (void)arg;
    memcpy(buf, call->body.data, n);
    call->body = ses_slice_cut(call->body, n, call->body.len);
    if (call->body.len == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, trailers, 1) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return (ssize_t)n;
}

static void on_answer(struct stub_call *base)
{
    struct call *call = (struct call *)base;
    struct connection *connection = call->connection;
    const nghttp2_nv headers[] = {pair(":status", "200"), pair("content-type", "application/grpc")};
    const nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = on_read_body};

    connection->calls--;
    call->answered = true;
    if (call->open && !connection->closed) {
        (void)nghttp2_submit_response(connection->session, call->stream_id, headers, 2, &provider);
        return;
    }
    free(call);
    if (connection->closed)
        forget(connection);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct call *call;

    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    call = calloc(1, sizeof(*call));
    SES_REQUIRE(call != NULL);
    call->base.answer = on_answer;
    call->connection = arg;
    call->stream_id = frame->hd.stream_id;
    call->open = true;
    call->body = session_answer;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)arg;
    if (call != NULL && ses_slice_eq_str(ses_slice(name, name_len), ":path") &&
        ses_slice_eq_str(ses_slice(value, value_len), "/types.PaymentService/Authorize"))
        call->body = payment_answer;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct connection *connection = arg;
    struct call *call;

    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
        (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
        return 0;
    call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    connection->calls++;
    stub_queue_take(connection->queue, &call->base);
    return 0;
}

/* nghttp2_session_del does not come here: calls of a connection that went away are freed by their answer, or,
 * answered but not sent, lost; a stub may. */
static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *arg)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)error_code;
    (void)arg;
    call->open = false;
    if (call->answered)
        free(call);
    return 0;
}

static void flush(struct connection *connection);

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    connection->writing = false;
    ses_buf_clear(&connection->out);
    if (status < 0)
        shut(connection);
    else
        flush(connection);
}

static void flush(struct connection *connection)
{
    const uint8_t *bytes;
    ssize_t n;
    uv_buf_t buf;

    if (connection->closed || connection->writing)
        return;
    while ((n = nghttp2_session_mem_send(connection->session, &bytes)) > 0)
        SES_REQUIRE(ses_buf_append(&connection->out, ses_slice(bytes, (size_t)n)) == SES_OK);
    if (connection->out.len == 0)
        return;
    buf = uv_buf_init((char *)connection->out.data, (unsigned)connection->out.len);
    connection->writing = true;
    connection->write.data = connection;
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buf, 1, on_written) < 0)
        shut(connection);
}

static void on_turn_end(uv_check_t *check)
{
    flush(check->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    static char shared[64 * 1024]; /* one loop, one reader at a time */

    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(shared, sizeof(shared));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;

    if (n < 0 || nghttp2_session_mem_recv(connection->session, (const uint8_t *)buf->base, (size_t)n) < 0)
        shut(connection);
}

static nghttp2_session *new_session(struct connection *connection)
{
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 4096}};
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;

    SES_REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    SES_REQUIRE(nghttp2_session_server_new(&session, callbacks, connection) == 0);
    nghttp2_session_callbacks_del(callbacks);
    (void)nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1);
    return session;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *connection = calloc(1, sizeof(*connection));

    SES_REQUIRE(connection != NULL && status == 0);
    ses_buf_init(&connection->out, OUT_MAX);
    connection->queue = listener->data;
    connection->session = new_session(connection);
    connection->handles = 2;
    (void)uv_tcp_init(listener->loop, &connection->tcp);
    (void)uv_check_init(listener->loop, &connection->flush);
    connection->tcp.data = connection;
    connection->flush.data = connection;
    (void)uv_check_start(&connection->flush, on_turn_end);
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0 || uv_tcp_nodelay(&connection->tcp, 1) < 0 ||
        uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) < 0)
        shut(connection);
}

int stub_serve(uint16_t port, const struct stub_model *model)
{
    uv_loop_t *loop = uv_default_loop();
    static uv_tcp_t listener;
    struct sockaddr_in address;

    (void)uv_ip4_addr("127.0.0.1", port, &address);
    (void)uv_tcp_init(loop, &listener);
    listener.data = stub_queue_new(loop, model);
    if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
