#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include <sessiond/base/clock.h>

#include "message.h"
#include "wire.h"

#define ANSWER_MAX       8192
#define FIELDS_MAX       9
#define GRPC_MESSAGE_MAX 256 /* what is kept of it */
#define BARREN_MOVES_MAX 100 /* connections in a row that the server leaves without an answer to any call */

struct load_call {
    struct load_client *client;
    struct load_call *next;       /* in the free list, or among those that wait */
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
    bool unsent; /* its stream was never begun */
};

/* After the server's GOAWAY a client is leaving: it is not up, calls that it is given wait, those under way
 * are finished, and then it moves to a new connection, where those that wait are sent. */
struct load_client {
    struct load_run *run;
    struct load_wire *wire;
    nghttp2_session *session;
    struct load_call *calls;
    struct load_call *free_calls;
    struct load_call *waiting; /* for the next connection */
    struct load_call **waiting_end;
    unsigned room;      /* calls at a time */
    unsigned in_flight; /* those that wait included */
    unsigned waiting_count;
    unsigned barren_moves;
    bool connected; /* at least once */
    bool up;        /* calls may be sent */
    bool leaving;
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
    uint32_t most;

    if (!client->up)
        return 0;
    most = nghttp2_session_get_remote_settings(client->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    most = most < client->room ? most : client->room;
    return most > client->in_flight ? most - client->in_flight : 0;
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
        if (plan->merchant != NULL)
            fields[n++] = pair("x-merchant-id", plan->merchant);
    } else if (request->message_len > 0) {
        fields[n++] = pair("content-type", "application/x-www-form-urlencoded");
    }
    return n;
}

static void wait_for_next(struct load_client *client, struct load_call *call)
{
    call->next = NULL;
    *client->waiting_end = call;
    client->waiting_end = &call->next;
    client->waiting_count++;
}

static void submit(struct load_client *client, struct load_call *call)
{
    nghttp2_data_provider provider = {.source = {.ptr = call}, .read_callback = on_read_body};
    nghttp2_nv fields[FIELDS_MAX];
    size_t fields_count = make_fields(client->run->plan, &call->request, fields);

    call->message_sent = 0;
    call->body_len = 0;
    call->location_len = 0;
    call->said_len = 0;
    call->grpc_status = -1;
    call->http_status = 0;
    call->unsent = false;
    if (nghttp2_submit_request(client->session, NULL, fields, fields_count,
                               call->request.message_len > 0 ? &provider : NULL, call) < 0)
        fail(client, "nghttp2_submit_request");
}

void load_client_send(struct load_client *client, struct load_journey *journey, uint64_t due_ns)
{
    struct load_call *call = client->free_calls;

    client->free_calls = call->next;
    client->in_flight++;
    call->journey = journey;
    call->due_ns = due_ns;
    load_request_make(client->run->plan, journey, &call->request);
    client->run->totals.sent++;
    if (client->up)
        submit(client, call);
    else
        wait_for_next(client, call);
}

static void send_waiting(struct load_client *client)
{
    struct load_call *call = client->waiting;

    client->waiting = NULL;
    client->waiting_end = &client->waiting;
    client->waiting_count = 0;
    while (call != NULL) {
        struct load_call *next = call->next;

        submit(client, call);
        call = next;
    }
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
    if (client->leaving && (call->unsent || error_code == NGHTTP2_REFUSED_STREAM)) {
        wait_for_next(client, call); /* RFC 9113 sections 6.8, 8.7: the server has not processed it */
        return 0;
    }
    if (error_code == NGHTTP2_REFUSED_STREAM) {
        submit(client, call);
        return 0;
    }
    error = judge(call, error_code, text, sizeof(text));
    journey = call->journey;
    call->journey = NULL;
    call->next = client->free_calls;
    client->free_calls = call;
    client->in_flight--;
    client->barren_moves = 0;
    load_run_answered(client->run, client, journey, call->due_ns, error);
    return 0;
}

/* A request that comes to its turn behind GOAWAY; its stream is closed next. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
    struct load_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)error;
    (void)arg;
    if (call != NULL && frame->hd.type == NGHTTP2_HEADERS)
        call->unsent = true;
    return 0;
}

/* Streams above the last one that the server names are closed by nghttp2 next, as refused. */
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct load_client *client = arg;
    char text[64];

    (void)session;
    if (frame->hd.type != NGHTTP2_GOAWAY)
        return 0;
    if (frame->goaway.error_code == NGHTTP2_NO_ERROR) {
        client->leaving = true;
        client->up = false;
        return 0;
    }
    (void)snprintf(text, sizeof(text), "GOAWAY, HTTP/2 error %u", (unsigned)frame->goaway.error_code);
    fail(client, text);
    return 0;
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
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    if (nghttp2_session_client_new(&session, callbacks, client) == 0) {
        (void)nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2);
        (void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    }
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

/* ---- the connection, and the next one */

static void connect_anew(struct load_client *client);

static void move(struct load_client *client)
{
    if (client->waiting_count > 0 && ++client->barren_moves > BARREN_MOVES_MAX) {
        fail(client, "the server leaves every connection before it answers");
        return;
    }
    client->run->totals.moved++;
    client->leaving = false;
    load_wire_close(client->wire);
    nghttp2_session_del(client->session);
    client->session = NULL;
    connect_anew(client);
}

static bool has_left(const struct load_client *client)
{
    return client->leaving && !client->broken && client->in_flight == client->waiting_count;
}

/* [wire] */
static ssize_t next_frames(void *arg, const uint8_t **ret_frames)
{
    struct load_client *client = arg;

    return nghttp2_session_mem_send(client->session, ret_frames);
}

/* Never inside nghttp2's callbacks of the same client: a move deletes its session. */
void load_client_flush(struct load_client *client)
{
    if (client->broken || (!client->up && !client->leaving))
        return;
    load_wire_flush(client->wire);
    if (has_left(client))
        move(client);
}

/* [wire] */
static void on_ready(void *arg)
{
    struct load_client *client = arg;

    client->session = new_session(client);
    if (client->session == NULL) {
        fail(client, "set-up");
        return;
    }
    client->up = true;
    send_waiting(client);
    load_client_flush(client);
    if (client->connected)
        return;
    client->connected = true;
    load_run_connected(client->run);
}

/* [wire] */
static void on_take(void *arg, struct ses_slice frames)
{
    struct load_client *client = arg;

    if (!client->broken && nghttp2_session_mem_recv(client->session, frames.data, frames.len) < 0)
        fail(client, "the server's frames are not HTTP/2");
}

/* [wire] */
static void on_taken(void *arg)
{
    load_client_flush(arg);
}

/* [wire] Behind GOAWAY the server may close first. What had not been begun by then waits for the next
 * connection: nghttp2 refuses it when its turn comes. What had been begun is lost. */
static void on_ended(void *arg, const char *why)
{
    struct load_client *client = arg;
    const uint8_t *frames;

    while (client->leaving && nghttp2_session_mem_send(client->session, &frames) > 0)
        ;
    if (has_left(client))
        move(client);
    else
        fail(client, why);
}

static void connect_anew(struct load_client *client)
{
    const struct load_wire_owner owner = {
        .arg = client,
        .ready = on_ready,
        .take = on_take,
        .taken = on_taken,
        .next = next_frames,
        .ended = on_ended,
    };

    client->wire = load_wire_open(client->run, &owner);
}

struct load_client *load_client_open(struct load_run *run, unsigned room)
{
    struct load_client *client = calloc(1, sizeof(*client));

    SES_REQUIRE(client != NULL);
    client->run = run;
    client->room = room;
    client->waiting_end = &client->waiting;
    client->calls = calloc(room, sizeof(*client->calls));
    SES_REQUIRE(client->calls != NULL);
    for (unsigned i = 0; i < room; i++) {
        client->calls[i].client = client;
        client->calls[i].next = client->free_calls;
        client->free_calls = &client->calls[i];
    }
    connect_anew(client);
    return client;
}

void load_client_close(struct load_client *client)
{
    load_wire_close(client->wire);
    nghttp2_session_del(client->session);
    free(client->calls);
    free(client);
}
