#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/clock.h>

#include "message.h"
#include "tls.h"

#define OUT_MAX          (8u << 20)
#define ANSWER_MAX       8192
#define FIELDS_MAX       8
#define GRPC_MESSAGE_MAX 256 /* what is kept of it */

struct load_call {
    struct load_client *client;
    struct load_call *next_free;
    struct load_journey *journey; /* NULL: no call */
    uint64_t due_ns;
    struct load_request request;
    size_t message_sent;
    uint8_t body[ANSWER_MAX];
    size_t body_len;
    char location[LOAD_LOCATION_MAX];
    size_t location_len;
    char said[GRPC_MESSAGE_MAX]; /* grpc-message */
    size_t said_len;
    int grpc_status;
    int http_status;
};

struct load_client {
    struct load_run *run;
    uv_tcp_t tcp;
    uv_connect_t connect;
    nghttp2_session *session;
    struct load_tls *tls; /* NULL: plain */
    struct load_call *calls;
    struct load_call *free_calls;
    unsigned room; /* calls at a time */
    unsigned in_flight;
    struct ses_buf frames; /* with TLS: not sealed yet */
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
    load_run_broken(client->run, client->in_flight, why);
}

unsigned load_client_room(const struct load_client *client)
{
    return client->up ? client->room - client->in_flight : 0;
}

bool load_client_idle(const struct load_client *client)
{
    return client->in_flight == 0;
}

bool load_client_next_open(struct load_client *client, uint64_t *ret_due_ns, enum load_step *ret_step)
{
    for (unsigned i = 0; i < client->room; i++) {
        struct load_call *call = &client->calls[i];

        if (call->journey != NULL) {
            *ret_due_ns = call->due_ns;
            *ret_step = load_journey_step(call->journey);
            call->journey = NULL;
            return true;
        }
    }
    return false;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct load_call *call = source->ptr;
    size_t left = call->request.message_len - call->message_sent;
    size_t n = left < length ? left : length;

    (void)session;
    (void)stream_id;
    (void)arg;
    memcpy(buf, call->request.message + call->message_sent, n);
    call->message_sent += n;
    if (call->message_sent == call->request.message_len)
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

static size_t make_fields(const struct load_plan *plan, const struct load_request *request,
                          nghttp2_nv *fields)
{
    size_t n = 0;

    fields[n++] = pair(":method", request->method);
    fields[n++] = pair(":scheme", plan->tls ? "https" : "http");
    fields[n++] = pair(":path", request->path);
    fields[n++] = pair(":authority", plan->authority);
    if (request->grpc) {
        fields[n++] = pair("content-type", "application/grpc");
        fields[n++] = pair("te", "trailers");
        fields[n++] = pair("x-connector", plan->connector);
        fields[n++] = pair("x-connector-config", plan->config);
    } else if (request->message_len > 0) {
        fields[n++] = pair("content-type", "application/x-www-form-urlencoded");
    }
    return n;
}

void load_client_send(struct load_client *client, struct load_journey *journey, uint64_t due_ns)
{
    struct load_call *call = client->free_calls;
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = on_read_body};
    nghttp2_nv fields[FIELDS_MAX];
    size_t fields_count;

    client->free_calls = call->next_free;
    client->in_flight++;
    call->journey = journey;
    call->due_ns = due_ns;
    load_request_make(client->run->plan, journey, &call->request);
    call->message_sent = 0;
    call->body_len = 0;
    call->location_len = 0;
    call->said_len = 0;
    call->grpc_status = -1;
    call->http_status = 0;
    client->run->totals.sent++;
    fields_count = make_fields(client->run->plan, &call->request, fields);
    if (nghttp2_submit_request(client->session, NULL, fields, fields_count,
                               call->request.message_len > 0 ? &provider : NULL, call) < 0)
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
    else if (ses_slice_eq_str(ses_slice(name, name_len), "grpc-message")) {
        call->said_len = value_len < GRPC_MESSAGE_MAX ? value_len : GRPC_MESSAGE_MAX;
        memcpy(call->said, value, call->said_len);
    } else if (ses_slice_eq_str(ses_slice(name, name_len), "location") && value_len <= LOAD_LOCATION_MAX) {
        memcpy(call->location, value, value_len);
        call->location_len = value_len;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t len, void *arg)
{
    struct load_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)arg;
    if (call == NULL || len > ANSWER_MAX - call->body_len)
        return 0; /* longer than any answer: what is kept of it is not a whole message */
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
    return 0;
}

static const char *judge(const struct load_call *call, uint32_t error_code, char *room, size_t room_len)
{
    const struct load_answer answer = {
        .http_status = call->http_status,
        .grpc_status = call->grpc_status,
        .grpc_message = ses_slice((const uint8_t *)call->said, call->said_len),
        .body = ses_slice(call->body, call->body_len),
        .location = ses_slice((const uint8_t *)call->location, call->location_len),
    };

    if (error_code == 0)
        return load_answer_check(call->client->run->plan, call->journey, &answer, room, room_len);
    (void)snprintf(room, room_len, "stream reset, HTTP/2 error %u", (unsigned)error_code);
    return room;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *arg)
{
    struct load_client *client = arg;
    struct load_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    struct load_journey *journey;
    const char *error;
    char text[200];

    if (call == NULL || call->journey == NULL)
        return 0;
    error = judge(call, error_code, text, sizeof(text));
    journey = call->journey;
    call->journey = NULL;
    call->next_free = client->free_calls;
    client->free_calls = call;
    client->in_flight--;
    load_run_answered(client->run, client, journey, call->due_ns, error);
    return 0;
}

static void write_out(struct load_client *client);

static void on_written(uv_write_t *write, int status)
{
    struct load_client *client = write->data;

    client->writing = false;
    ses_buf_clear(&client->out);
    if (status < 0)
        fail(client, uv_strerror(status));
    else
        write_out(client);
}

/* Frames, sealed with TLS, behind whatever a handshake still has to say. */
static bool fill_out(struct load_client *client)
{
    struct ses_buf *frames = client->tls != NULL ? &client->frames : &client->out;
    const uint8_t *bytes;
    ssize_t n;

    while (client->session != NULL && (n = nghttp2_session_mem_send(client->session, &bytes)) > 0)
        if (ses_buf_append(frames, ses_slice(bytes, (size_t)n)) != SES_OK)
            return false;
    if (client->tls == NULL)
        return true;
    if (!load_tls_write(client->tls, ses_buf_view(frames)))
        return false;
    ses_buf_clear(frames);
    return load_tls_take(client->tls, &client->out) == SES_OK;
}

/* All that there is to say leaves in one write. */
static void write_out(struct load_client *client)
{
    uv_buf_t buf;
    int written;

    if (client->broken || client->writing)
        return;
    if (!fill_out(client)) {
        fail(client, "more to send than there is room for");
        return;
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

void load_client_flush(struct load_client *client)
{
    if (client->up)
        write_out(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    static char shared[256 * 1024]; /* one loop, one reader at a time */

    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(shared, sizeof(shared));
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

/* Frames of the server, plain. */
static bool take_frames(struct load_client *client, struct ses_slice bytes)
{
    if (nghttp2_session_mem_recv(client->session, bytes.data, bytes.len) >= 0)
        return true;
    fail(client, "the server's frames are not HTTP/2");
    return false;
}

static void take_sealed(struct load_client *client, struct ses_slice wire)
{
    static uint8_t plain[32 * 1024]; /* one loop, one reader at a time */
    size_t n;

    if (!load_tls_feed(client->tls, wire)) {
        fail(client, "TLS");
        return;
    }
    while ((n = load_tls_read(client->tls, plain, sizeof(plain))) > 0)
        if (!take_frames(client, ses_slice(plain, n)))
            return;
}

static void begin_http(struct load_client *client)
{
    client->session = new_session(client);
    if (client->session == NULL) {
        fail(client, "set-up");
        return;
    }
    client->up = true;
    load_client_flush(client);
    load_run_connected(client->run);
}

/* Bytes behind the handshake's last are the server's first frames: they wait in the TLS engine until the next
 * read, which therefore is made at once. */
static void shake_hands(struct load_client *client, struct ses_slice wire)
{
    switch (load_tls_handshake(client->tls, wire)) {
    case LOAD_TLS_HANDSHAKING:
        write_out(client);
        return;
    case LOAD_TLS_READY:
        client->run->tls_version = load_tls_version(client->tls);
        begin_http(client);
        if (!client->broken)
            take_sealed(client, SES_SLICE_EMPTY);
        return;
    case LOAD_TLS_FAILED:
    default:
        fail(client, load_tls_error(client->tls));
        return;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct load_client *client = stream->data;
    struct ses_slice bytes;

    if (n < 0) {
        fail(client, uv_strerror((int)n));
        return;
    }
    if (client->broken || n == 0)
        return;
    bytes = ses_slice((const uint8_t *)buf->base, (size_t)n);
    if (client->session == NULL)
        shake_hands(client, bytes);
    else if (client->tls != NULL)
        take_sealed(client, bytes);
    else
        (void)take_frames(client, bytes);
    load_client_flush(client);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct load_client *client = connect->data;

    if (status < 0) {
        fail(client, uv_strerror(status));
        return;
    }
    if (uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
        fail(client, "set-up");
    else if (client->tls != NULL)
        shake_hands(client, SES_SLICE_EMPTY);
    else
        begin_http(client);
}

struct load_client *load_client_open(struct load_run *run, unsigned room)
{
    struct load_client *client = calloc(1, sizeof(*client));

    SES_REQUIRE(client != NULL);
    client->run = run;
    client->room = room;
    client->calls = calloc(room, sizeof(*client->calls));
    SES_REQUIRE(client->calls != NULL);
    for (unsigned i = 0; i < room; i++) {
        client->calls[i].client = client;
        client->calls[i].next_free = client->free_calls;
        client->free_calls = &client->calls[i];
    }
    if (run->tls != NULL)
        client->tls = load_tls_open(run->tls);
    ses_buf_init(&client->frames, OUT_MAX);
    ses_buf_init(&client->out, OUT_MAX);
    SES_REQUIRE(uv_tcp_init(&run->loop, &client->tcp) == 0);
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
    load_tls_close(client->tls);
    ses_buf_done(&client->frames);
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
