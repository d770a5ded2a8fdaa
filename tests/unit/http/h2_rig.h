/* h2_rig.h - a server engine, a table of toy methods and an nghttp2 client, all in memory.
 *
 * rig_call sends a request, rig_pump lets both sides talk until nothing moves, rig_stream tells what the
 * client saw. For attacks rig_raw feeds bytes; what the server writes stands in rig.wire and rig_frames looks
 * through it.
 */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H2_RIG_H
#define SESSIOND_TESTS_UNIT_HTTP_H2_RIG_H

#include "unit_clock.h"
#include "usual.h"

#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include "grpc_frame.h"
#include "h2.h"

#define RIG               __attribute__((unused)) static
#define RIG_STREAMS_MAX   4200
#define RIG_HELD_MAX      4200
#define RIG_CALL_FIELDS   24
#define RIG_HEADERS_BYTES 4096

struct rig_stream {
    char *headers; /* "name: value\n"... */
    char *trailers;
    struct ses_buf data;
    struct ses_buf upload;
    size_t uploaded;
    bool upload_end;
    bool upload_deferred;
    bool headers_done;
    bool closed;
    bool ended; /* END_STREAM seen */
    uint32_t code;
};

struct rig {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    struct ses_h2 *h2;
    bool want_write, finish, cut, paused, flush_soon;
    size_t held_bytes; /* as the engine told */
    size_t held_most;
    unsigned touched;
    nghttp2_session *client;
    nghttp2_hd_deflater *deflater;
    struct rig_stream *streams;
    struct ses_buf to_server;
    struct ses_buf wire;
    size_t split; /* bytes per receive; 0: all */
    unsigned goaways;
    uint32_t goaway_code;
    int32_t goaway_last;
    struct ses_exchange *held[RIG_HELD_MAX];
    unsigned held_count;
    unsigned cancelled;
    unsigned half_closes;
    size_t backlog_seen;
};

static struct rig
    rig; /* one at a time: the toy methods have no other way to it that a test could read as easily */

#include "http/h2_rig_methods.h"

/* ---- the connection */

static void io_want_write(void *arg)
{
    (void)arg;
    rig.want_write = true;
}

static void io_read_pause(void *arg)
{
    (void)arg;
    rig.paused = true;
}

static void io_read_resume(void *arg)
{
    (void)arg;
    rig.paused = false;
}

static void io_touch(void *arg)
{
    (void)arg;
    rig.touched++;
}

static void io_finish(void *arg)
{
    (void)arg;
    rig.finish = true;
}

static void io_cut(void *arg)
{
    (void)arg;
    rig.cut = true;
}

static void io_hold(void *arg, size_t bytes)
{
    (void)arg;
    rig.held_bytes = bytes;
    rig.held_most = bytes > rig.held_most ? bytes : rig.held_most;
}

static void io_flush_soon(void *arg)
{
    (void)arg;
    rig.flush_soon = true;
}

static const struct ses_h2_io rig_io = {.want_write = io_want_write,
                                        .read_pause = io_read_pause,
                                        .read_resume = io_read_resume,
                                        .touch = io_touch,
                                        .finish = io_finish,
                                        .cut = io_cut,
                                        .hold = io_hold,
                                        .flush_soon = io_flush_soon};

/* ---- the client */

RIG struct rig_stream *rig_stream(int32_t id)
{
    assert_true(id > 0 && id / 2 < RIG_STREAMS_MAX);
    return &rig.streams[id / 2];
}

static int client_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct rig_stream *stream = rig_stream(frame->hd.stream_id);
    char **text = stream->headers_done ? &stream->trailers : &stream->headers;

    (void)session;
    (void)flags;
    (void)arg;
    if (*text == NULL)
        *text = calloc(1, RIG_HEADERS_BYTES);
    size_t len = strlen(*text);

    (void)snprintf(*text + len, RIG_HEADERS_BYTES - len, "%.*s: %.*s\n", (int)name_len, (const char *)name,
                   (int)value_len, (const char *)value);
    return 0;
}

static int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session;
    (void)arg;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        rig.goaways++;
        rig.goaway_code = frame->goaway.error_code;
        rig.goaway_last = frame->goaway.last_stream_id;
    }
    if (frame->hd.type == NGHTTP2_HEADERS)
        rig_stream(frame->hd.stream_id)->headers_done = true;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        rig_stream(frame->hd.stream_id)->ended = true;
    return 0;
}

static int client_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                       void *arg)
{
    (void)session;
    (void)flags;
    (void)arg;
    assert_ok(ses_buf_append(&rig_stream(id)->data, ses_slice(data, len)));
    return 0;
}

static int client_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    (void)session;
    (void)arg;
    rig_stream(id)->closed = true;
    rig_stream(id)->code = code;
    return 0;
}

static ssize_t client_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                             nghttp2_data_source *source, void *arg)
{
    struct rig_stream *stream = rig_stream(id);
    struct ses_slice rest =
        ses_slice_cut(ses_buf_view(&stream->upload), stream->uploaded, stream->upload.len);

    (void)session;
    (void)source;
    (void)arg;
    if (rest.len == 0 && !stream->upload_end) {
        stream->upload_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (rest.len > len)
        rest.len = len;
    if (rest.len > 0)
        memcpy(buf, rest.data, rest.len);
    stream->uploaded += rest.len;
    if (stream->upload_end && stream->uploaded == stream->upload.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)rest.len;
}

/* window 0: the protocol's default. */
RIG void rig_client(uint32_t window, bool manual_window)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};

    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, manual_window);
    nghttp2_option_set_peer_max_concurrent_streams(option, RIG_STREAMS_MAX);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, client_close);
    assert_int_equal(nghttp2_session_client_new2(&rig.client, callbacks, NULL, option), 0);
    assert_int_equal(nghttp2_submit_settings(rig.client, 0, settings, window == 0 ? 0 : 1), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
}

/* ---- both */

/* limits NULL, exchanges_max 0: the usual ones. */
RIG void rig_open(const struct ses_door_limits *limits, unsigned exchanges_max)
{
    const struct ses_route *tables[] = {rig_routes};
    const size_t counts[] = {sizeof rig_routes / sizeof rig_routes[0]};
    struct ses_exchange_pool_options pool_options = usual_pool();

    if (exchanges_max != 0)
        pool_options.exchanges_max = exchanges_max;
    ses_random_init();
    memset(&rig, 0, sizeof rig);
    rig.streams = calloc(RIG_STREAMS_MAX, sizeof *rig.streams);
    assert_non_null(rig.streams);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        ses_buf_init(&rig.streams[i].data, 64u << 20);
        ses_buf_init(&rig.streams[i].upload, 64u << 20);
    }
    ses_buf_init(&rig.wire, 256u << 20);
    ses_buf_init(&rig.to_server, 64u << 20);
    unit_clock_stop();
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    assert_ok(ses_timers_new(&rig.loop, &rig.timers));
    assert_ok(ses_exchange_pool_new(&pool_options, &rig.pool));
    assert_ok(ses_router_new(tables, counts, 1, &rig.router));
    struct ses_door_options options = {.router = rig.router,
                                       .pool = rig.pool,
                                       .timers = rig.timers,
                                       .limits = limits != NULL ? *limits : ses_usual_door_limits(),
                                       .http2 = true,
                                       .server_name = "rig"};

    assert_ok(ses_doors_new(&options, &rig.doors));
    assert_ok(ses_h2_shared_new(rig.doors, &rig.doors->h2));
    assert_ok(ses_h2_new(rig.doors->h2, &rig_io, NULL, "peer", &rig.h2));
    assert_int_equal(nghttp2_hd_deflate_new(&rig.deflater, 4096), 0);
}

RIG void rig_lose_connection(void)
{
    ses_h2_free(rig.h2);
    rig.h2 = NULL;
}

RIG void rig_close(void)
{
    rig_lose_connection();
    for (unsigned i = 0; i < rig.held_count; i++)
        assert_null(rig.held[i]); /* every exchange was answered or cancelled */
    assert_int_equal(rig.held_bytes, 0);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    ses_doors_free(rig.doors);
    ses_router_free(rig.router);
    ses_exchange_pool_free(rig.pool);
    ses_timers_free(rig.timers);
    (void)uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    nghttp2_session_del(rig.client);
    nghttp2_hd_deflate_del(rig.deflater);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        ses_buf_done(&rig.streams[i].data);
        ses_buf_done(&rig.streams[i].upload);
        free(rig.streams[i].headers);
        free(rig.streams[i].trailers);
    }
    free(rig.streams);
    ses_buf_done(&rig.wire);
    ses_buf_done(&rig.to_server);
}

RIG void rig_receive(struct ses_slice bytes)
{
    while (bytes.len > 0 && rig.h2 != NULL) {
        size_t n = rig.split == 0 || rig.split > bytes.len ? bytes.len : rig.split;

        if (ses_h2_receive(rig.h2, ses_slice_cut(bytes, 0, n)) != SES_OK)
            return;
        bytes = ses_slice_cut(bytes, n, bytes.len);
    }
}

/* One turn of the server's writing: into wire, and to the client if there is one. */
RIG void rig_produce(void)
{
    struct ses_buf out;

    rig.want_write = false;
    ses_buf_init(&out, SES_CONN_OUT_MAX);
    assert_ok(ses_h2_produce(rig.h2, &out));
    assert_ok(ses_buf_append(&rig.wire, ses_buf_view(&out)));
    if (rig.client != NULL && out.len > 0)
        assert_int_equal(nghttp2_session_mem_recv(rig.client, out.data, out.len), (ssize_t)out.len);
    bool more = out.len >= SES_CONN_HIGH_WATER;

    ses_buf_done(&out);
    if (more)
        rig.want_write = true;
    else if (rig.finish || rig.cut)
        rig_lose_connection();
    else
        ses_h2_drained(rig.h2);
}

RIG bool rig_client_sends(void)
{
    const uint8_t *data;
    bool any = false;
    ssize_t n;

    while (rig.client != NULL && (n = nghttp2_session_mem_send(rig.client, &data)) > 0) {
        assert_ok(ses_buf_append(&rig.to_server, ses_slice(data, (size_t)n)));
        any = true;
    }
    if (rig.paused || rig.to_server.len == 0)
        return any;
    rig_receive(ses_buf_view(&rig.to_server));
    ses_buf_clear(&rig.to_server);
    return true;
}

RIG void rig_pump(void)
{
    bool moved = true;

    while (moved) {
        moved = rig_client_sends();
        if (rig.h2 != NULL && rig.want_write) {
            rig_produce();
            moved = true;
        }
    }
}

/* Lets timers run for ms, and what follows from them. */
RIG void rig_wait(unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        unit_clock_pass_ms(1);
        (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
        rig_pump();
    }
}

/* ---- calls */

static nghttp2_nv rig_nv(const char *name, const char *value)
{
    return ses_h2_nv(ses_slice_str(name), ses_slice_str(value));
}

/* fields: name, value, .., NULL; they come behind the four of every gRPC call. */
RIG int32_t rig_request(const char *method, const char *path, const char *content_type,
                        const char *const *fields, bool body)
{
    nghttp2_nv nva[RIG_CALL_FIELDS] = {rig_nv(":method", method), rig_nv(":scheme", "http"),
                                       rig_nv(":path", path), rig_nv(":authority", "rig")};
    size_t count = 4;
    nghttp2_data_provider provider = {.read_callback = client_upload};

    if (content_type != NULL)
        nva[count++] = rig_nv("content-type", content_type);
    for (; fields != NULL && fields[0] != NULL; fields += 2)
        nva[count++] = rig_nv(fields[0], fields[1]);
    int32_t id = nghttp2_submit_request(rig.client, NULL, nva, count, body ? &provider : NULL, NULL);

    assert_true(id > 0);
    return id;
}

RIG void rig_upload(int32_t id, struct ses_slice bytes, bool end)
{
    struct rig_stream *stream = rig_stream(id);

    assert_ok(ses_buf_append(&stream->upload, bytes));
    stream->upload_end = end;
    if (stream->upload_deferred) {
        stream->upload_deferred = false;
        (void)nghttp2_session_resume_data(rig.client, id); /* the stream may be closed */
    }
}

RIG void rig_upload_message(int32_t id, bool compressed, struct ses_slice message, bool end)
{
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    ses_grpc_prefix(compressed, message.len, prefix);
    rig_upload(id, ses_slice(prefix, sizeof prefix), false);
    rig_upload(id, message, end);
}

RIG int32_t rig_call(const char *path, const char *const *fields, struct ses_slice message)
{
    int32_t id = rig_request("POST", path, "application/grpc", fields, true);

    rig_upload_message(id, false, message, true);
    return id;
}

/* ---- what the client saw */

RIG bool rig_has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text; at != NULL && (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

RIG void rig_expect_line(const char *text, const char *line)
{
    if (!rig_has_line(text, line))
        fail_msg("no line \"%s\" in:\n%s", line, text == NULL ? "(nothing)" : text);
}

/* The whole answer: trailers-only or not. */
RIG void rig_expect_status(int32_t id, unsigned code)
{
    const struct rig_stream *stream = rig_stream(id);
    char line[32];

    (void)snprintf(line, sizeof line, "grpc-status: %u", code);
    assert_true(stream->ended);
    rig_expect_line(stream->trailers != NULL ? stream->trailers : stream->headers, line);
}

RIG void rig_expect_reply(int32_t id, bool compressed, struct ses_slice message)
{
    const struct rig_stream *stream = rig_stream(id);
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    rig_expect_status(id, 0);
    ses_grpc_prefix(compressed, message.len, prefix);
    assert_int_equal(stream->data.len, sizeof prefix + message.len);
    assert_memory_equal(stream->data.data, prefix, sizeof prefix);
    assert_memory_equal(stream->data.data + sizeof prefix, message.data, message.len);
}

#endif
