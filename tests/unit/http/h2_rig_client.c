/* The client of h2_rig.h: its calls, and what it saw. */
#include "http/h2_rig.h"

#include <sessiond/codec/grpc_frame.h>

#define CALL_FIELDS   24
#define HEADERS_BYTES 4096

struct rig_stream *rig_stream(int32_t id)
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
        *text = calloc(1, HEADERS_BYTES);
    size_t len = strlen(*text);

    (void)snprintf(*text + len, HEADERS_BYTES - len, "%.*s: %.*s\n", (int)name_len, (const char *)name,
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

void rig_client(uint32_t window, bool manual_window)
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

/* ---- calls */

nghttp2_nv rig_nv(const char *name, const char *value)
{
    return ses_h2_nv(ses_slice_str(name), ses_slice_str(value));
}

int32_t rig_request(const char *method, const char *path, const char *content_type, const char *const *fields,
                    bool body)
{
    nghttp2_nv nva[CALL_FIELDS] = {rig_nv(":method", method), rig_nv(":scheme", "http"),
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

void rig_upload(int32_t id, struct ses_slice bytes, bool end)
{
    struct rig_stream *stream = rig_stream(id);

    assert_ok(ses_buf_append(&stream->upload, bytes));
    stream->upload_end = end;
    if (stream->upload_deferred) {
        stream->upload_deferred = false;
        (void)nghttp2_session_resume_data(rig.client, id); /* the stream may be closed */
    }
}

void rig_upload_message(int32_t id, bool compressed, struct ses_slice message, bool end)
{
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    ses_grpc_prefix(compressed, message.len, prefix);
    rig_upload(id, ses_slice(prefix, sizeof prefix), false);
    rig_upload(id, message, end);
}

int32_t rig_call(const char *path, const char *const *fields, struct ses_slice message)
{
    int32_t id = rig_request("POST", path, "application/grpc", fields, true);

    rig_upload_message(id, false, message, true);
    return id;
}

struct ses_slice rig_filled(size_t len)
{
    static uint8_t bytes[1 << 20];

    assert_true(len <= sizeof bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return ses_slice(bytes, len);
}

/* ---- what it saw */

static bool rig_has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text; at != NULL && (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

void rig_expect_line(const char *text, const char *line)
{
    if (!rig_has_line(text, line))
        fail_msg("no line \"%s\" in:\n%s", line, text == NULL ? "(nothing)" : text);
}

void rig_expect_status(int32_t id, unsigned code)
{
    const struct rig_stream *stream = rig_stream(id);
    char line[32];

    (void)snprintf(line, sizeof line, "grpc-status: %u", code);
    assert_true(stream->ended);
    rig_expect_line(stream->trailers != NULL ? stream->trailers : stream->headers, line);
}

void rig_expect_reply(int32_t id, bool compressed, struct ses_slice message)
{
    const struct rig_stream *stream = rig_stream(id);
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];

    rig_expect_status(id, 0);
    ses_grpc_prefix(compressed, message.len, prefix);
    assert_int_equal(stream->data.len, sizeof prefix + message.len);
    assert_memory_equal(stream->data.data, prefix, sizeof prefix);
    assert_memory_equal(stream->data.data + sizeof prefix, message.data, message.len);
}
