#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/clock.h>

#define OUT_MAX    (8u << 20)
#define ANSWER_MAX 4096

struct load_call {
    struct load_client *client;
    struct load_call *next_free;
    uint64_t intended_ns;
    uint64_t number;
    uint8_t message[LOAD_MESSAGE_MAX];
    size_t message_len;
    size_t message_sent;
    uint8_t answer[ANSWER_MAX];
    size_t answer_len;
    int grpc_status;
    int http_status;
};

struct load_client {
    struct load_run *run;
    uv_tcp_t tcp;
    uv_connect_t connect;
    nghttp2_session *session;
    struct load_call *calls;
    struct load_call *free_calls;
    unsigned in_flight;
    struct ses_buf out;
    uv_write_t write;
    bool writing;
    bool up;
    bool broken;
};

static void fail(struct load_client *client, const char *why)
{
    if (client->broken)
        return;
    client->broken = true;
    client->up = false;
    load_run_broken(client->run, client, client->in_flight, why);
}

unsigned load_client_room(const struct load_client *client)
{
    return client->up ? client->run->plan->streams - client->in_flight : 0;
}

/* A call is marked as seen by its due time's end: 0 is no due time. */
bool load_client_next_open(struct load_client *client, uint64_t *due)
{
    for (unsigned i = 0; i < client->run->plan->streams; i++) {
        struct load_call *call = &client->calls[i];

        if (call->intended_ns != 0) {
            *due = call->intended_ns;
            call->intended_ns = 0;
            return true;
        }
    }
    return false;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct load_call *call = source->ptr;
    size_t left = call->message_len - call->message_sent;
    size_t n = left < length ? left : length;

    (void)session;
    (void)stream_id;
    (void)arg;
    memcpy(buf, call->message + call->message_sent, n);
    call->message_sent += n;
    if (call->message_sent == call->message_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
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

void load_client_send(struct load_client *client, uint64_t intended_ns)
{
    const struct load_plan *plan = client->run->plan;
    struct load_call *call = client->free_calls;
    const nghttp2_nv headers[] = {
        pair(":method", "POST"),
        pair(":scheme", "http"),
        pair(":path", load_message_path(plan)),
        pair(":authority", plan->authority),
        pair("content-type", "application/grpc"),
        pair("te", "trailers"),
        pair("x-connector", plan->connector),
        pair("x-connector-config", plan->config),
    };
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = on_read_body};

    client->free_calls = call->next_free;
    client->in_flight++;
    call->intended_ns = intended_ns;
    call->number = client->run->next_number++;
    call->message_len = load_message_encode(plan, call->number, call->message);
    call->message_sent = 0;
    call->answer_len = 0;
    call->grpc_status = -1;
    call->http_status = 0;
    client->run->totals.sent++;
    if (nghttp2_submit_request(client->session, NULL, headers, sizeof(headers) / sizeof(headers[0]),
                               &provider, call) < 0)
        fail(client, "nghttp2_submit_request");
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct load_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    uint64_t number = 0;

    (void)flags;
    (void)arg;
    if (call == NULL || name_len == 0)
        return 0;
    if (ses_slice_eq_str(ses_slice(name, name_len), ":status") &&
        ses_parse_u64(ses_slice(value, value_len), 999, &number) == SES_OK)
        call->http_status = (int)number;
    else if (ses_slice_eq_str(ses_slice(name, name_len), "grpc-status") &&
             ses_parse_u64(ses_slice(value, value_len), 99, &number) == SES_OK)
        call->grpc_status = (int)number;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t len, void *arg)
{
    struct load_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)arg;
    if (call == NULL || len > ANSWER_MAX - call->answer_len)
        return 0;
    memcpy(call->answer + call->answer_len, data, len);
    call->answer_len += len;
    return 0;
}

static const char *judge(const struct load_call *call, uint32_t error_code, char *room, size_t room_len)
{
    if (error_code != 0) {
        (void)snprintf(room, room_len, "stream reset, HTTP/2 error %u", (unsigned)error_code);
        return room;
    }
    if (call->http_status != 200 || call->grpc_status != 0) {
        (void)snprintf(room, room_len, "HTTP status %d, grpc-status %d", call->http_status,
                       call->grpc_status);
        return room;
    }
    return load_message_check(call->client->run->plan, call->number,
                              ses_slice(call->answer, call->answer_len));
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *arg)
{
    struct load_client *client = arg;
    struct load_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    char text[80];
    uint64_t intended_ns;
    const char *error;

    if (call == NULL)
        return 0;
    error = judge(call, error_code, text, sizeof(text));
    intended_ns = call->intended_ns;
    call->intended_ns = 0;
    call->next_free = client->free_calls;
    client->free_calls = call;
    client->in_flight--;
    load_run_answered(client->run, client, intended_ns, error);
    return 0;
}

static void on_written(uv_write_t *write, int status)
{
    struct load_client *client = write->data;

    client->writing = false;
    ses_buf_clear(&client->out);
    if (status < 0)
        fail(client, uv_strerror(status));
    else
        load_client_flush(client);
}

/* All frames of a turn leave in one write. */
void load_client_flush(struct load_client *client)
{
    uv_buf_t buf;
    int written;

    if (!client->up || client->writing)
        return;
    for (;;) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(client->session, &bytes);

        if (n <= 0 || ses_buf_append(&client->out, ses_slice(bytes, (size_t)n)) != SES_OK)
            break;
    }
    if (client->out.len == 0)
        return;
    buf = uv_buf_init((char *)client->out.data, (unsigned)client->out.len);
    written = uv_try_write((uv_stream_t *)&client->tcp, &buf, 1);
    if (written == (int)client->out.len) {
        ses_buf_clear(&client->out);
        return;
    }
    if (written > 0)
        buf = uv_buf_init(buf.base + written, (unsigned)(client->out.len - (size_t)written));
    client->writing = true;
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->tcp, &buf, 1, on_written) < 0)
        fail(client, "write");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    static char shared[256 * 1024]; /* one loop, one reader at a time */

    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(shared, sizeof(shared));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct load_client *client = stream->data;

    if (n < 0) {
        fail(client, uv_strerror((int)n));
        return;
    }
    if (client->broken || n == 0)
        return;
    if (nghttp2_session_mem_recv(client->session, (const uint8_t *)buf->base, (size_t)n) < 0) {
        fail(client, "the server's frames are not HTTP/2");
        return;
    }
    load_client_flush(client);
}

static nghttp2_session *new_session(struct load_client *client)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session = NULL;
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&session, callbacks, client) == 0) {
        (void)nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2);
        (void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    }
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct load_client *client = connect->data;

    if (status < 0) {
        fail(client, uv_strerror(status));
        return;
    }
    client->session = new_session(client);
    if (client->session == NULL || uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0) {
        fail(client, "set-up");
        return;
    }
    client->up = true;
    load_client_flush(client);
    load_run_connected(client->run);
}

struct load_client *load_client_open(struct load_run *run, unsigned index)
{
    struct load_client *client = calloc(1, sizeof(*client));

    (void)index;
    SES_REQUIRE(client != NULL);
    client->run = run;
    client->calls = calloc(run->plan->streams, sizeof(*client->calls));
    SES_REQUIRE(client->calls != NULL);
    for (unsigned i = 0; i < run->plan->streams; i++) {
        client->calls[i].client = client;
        client->calls[i].next_free = client->free_calls;
        client->free_calls = &client->calls[i];
    }
    ses_buf_init(&client->out, OUT_MAX);
    SES_REQUIRE(uv_tcp_init(run->loop, &client->tcp) == 0);
    (void)uv_tcp_nodelay(&client->tcp, 1);
    client->tcp.data = client;
    client->connect.data = client;
    if (uv_tcp_connect(&client->connect, &client->tcp, (const struct sockaddr *)&run->plan->address,
                       on_connect) < 0)
        fail(client, "connect");
    return client;
}

static void on_closed(uv_handle_t *handle)
{
    struct load_client *client = handle->data;

    nghttp2_session_del(client->session);
    ses_buf_done(&client->out);
    free(client->calls);
    free(client);
}

void load_client_close(struct load_client *client)
{
    client->up = false;
    client->broken = true;
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}
