#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#define RAW_MAX (64u << 20)

/* ---- what comes --------------------------------------------------------------------------------------- */

static struct peer_request *find(struct peer *peer, int32_t id)
{
    for (size_t i = 0; i < peer->count; i++) {
        if (peer->requests[i].id == id)
            return &peer->requests[i];
    }
    return NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct peer *peer = arg;
    struct peer_request *request = &peer->requests[peer->count++];

    (void)session;
    assert_true(peer->count < PEER_REQUESTS_MAX);
    *request = (struct peer_request){.peer = peer, .id = frame->hd.stream_id};
    request->headers = calloc(1, PEER_HEADERS_SIZE);
    ses_buf_init(&request->body, RAW_MAX);
    ses_buf_init(&request->reply, RAW_MAX);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct peer_request *request = find(arg, frame->hd.stream_id);
    size_t len = strlen(request->headers);

    (void)session;
    request->never_indexed += (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0 ? 1 : 0;
    (void)snprintf(request->headers + len, PEER_HEADERS_SIZE - len, "%.*s: %.*s\n", (int)name_len,
                   (const char *)name, (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *arg)
{
    (void)session;
    (void)flags;
    assert_int_equal(ses_buf_append(&find(arg, id)->body, ses_slice(bytes, len)), SES_OK);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct peer *peer = arg;
    struct peer_request *request = find(peer, frame->hd.stream_id);

    (void)session;
    if (frame->hd.type == NGHTTP2_PING) {
        peer->pings += (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 ? 1 : 0;
        peer->acknowledged += (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 ? 1 : 0;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY)
        peer->goaway = true;
    if (request == NULL || frame->hd.type > NGHTTP2_HEADERS ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    request->ended = true;
    if (peer->on_request != NULL)
        peer->on_request(peer, request);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct peer_request *request = find(arg, id);

    (void)session;
    if (request != NULL) {
        request->closed = true;
        request->code = code;
    }
    return 0;
}

/* ---- the session -------------------------------------------------------------------------------------- */

void peer_open(struct peer *peer, uint32_t streams_max, uint32_t window, uint32_t headers_max)
{
    nghttp2_settings_entry entries[3];
    nghttp2_session_callbacks *callbacks;
    size_t count = 0;

    memset(peer, 0, sizeof(*peer));
    ses_buf_init(&peer->raw, RAW_MAX);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    assert_int_equal(nghttp2_session_server_new(&peer->session, callbacks, peer), 0);
    nghttp2_session_callbacks_del(callbacks);
    if (streams_max != 0)
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};
    if (window != 0)
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    if (headers_max != 0)
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, headers_max};
    assert_int_equal(nghttp2_submit_settings(peer->session, 0, entries, count), 0);
}

void peer_close(struct peer *peer)
{
    for (size_t i = 0; i < peer->count; i++) {
        free(peer->requests[i].headers);
        ses_buf_done(&peer->requests[i].body);
        ses_buf_done(&peer->requests[i].reply);
    }
    ses_buf_done(&peer->raw);
    nghttp2_session_del(peer->session);
    peer->session = NULL;
}

int peer_receive(struct peer *peer, struct ses_slice bytes)
{
    ssize_t taken = nghttp2_session_mem_recv(peer->session, bytes.data, bytes.len);

    return taken < 0 ? (int)taken : 0;
}

void peer_produce(struct peer *peer, struct ses_buf *out)
{
    const uint8_t *bytes;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(peer->session, &bytes)) > 0)
        assert_int_equal(ses_buf_append(out, ses_slice(bytes, (size_t)len)), SES_OK);
    assert_int_equal(ses_buf_append(out, ses_buf_view(&peer->raw)), SES_OK);
    ses_buf_clear(&peer->raw);
}

/* ---- answers by the rules ----------------------------------------------------------------------------- */

#define NV(n, v)                                                                                             \
    (nghttp2_nv)                                                                                             \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), 0                        \
    }

static ssize_t read_reply(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room, uint32_t *flags,
                          nghttp2_data_source *source, void *arg)
{
    struct peer_request *request = source->ptr;
    size_t len = request->reply.len < room ? request->reply.len : room;
    char status[12];

    (void)arg;
    memcpy(bytes, request->reply.data, len);
    ses_buf_consume(&request->reply, len);
    if (request->reply.len > 0)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    (void)snprintf(status, sizeof(status), "%u", (unsigned)request->grpc_status);
    nghttp2_nv trailers[] = {NV("grpc-status", status)};

    assert_int_equal(nghttp2_submit_trailer(session, id, trailers, 1), 0);
    return (ssize_t)len;
}

void peer_answer(struct peer_request *request, uint32_t grpc_status, struct ses_slice message)
{
    const uint8_t prefix[5] = {0, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
                               (uint8_t)(message.len >> 8), (uint8_t)message.len};
    nghttp2_nv headers[] = {NV(":status", "200"), NV("content-type", "application/grpc")};
    nghttp2_data_provider body = {.source.ptr = request, .read_callback = read_reply};

    request->grpc_status = grpc_status;
    assert_int_equal(ses_buf_append(&request->reply, ses_slice(prefix, sizeof(prefix))), SES_OK);
    assert_int_equal(ses_buf_append(&request->reply, message), SES_OK);
    assert_int_equal(nghttp2_submit_response(request->peer->session, request->id, headers, 2, &body), 0);
}

void peer_refuse(struct peer_request *request, uint32_t grpc_status, const char *message)
{
    char status[12];

    (void)snprintf(status, sizeof(status), "%u", (unsigned)grpc_status);
    nghttp2_nv headers[] = {NV(":status", "200"), NV("content-type", "application/grpc"),
                            NV("grpc-status", status), NV("grpc-message", message)};

    assert_int_equal(nghttp2_submit_response(request->peer->session, request->id, headers, 4, NULL), 0);
}

void peer_reset(struct peer_request *request, uint32_t code)
{
    assert_int_equal(nghttp2_submit_rst_stream(request->peer->session, 0, request->id, code), 0);
}

/* ---- byte by byte ------------------------------------------------------------------------------------- */

void peer_say(struct peer *peer, const void *bytes, size_t len)
{
    assert_int_equal(ses_buf_append(&peer->raw, ses_slice(bytes, len)), SES_OK);
}

void peer_say_frame(struct peer *peer, uint8_t type, uint8_t flags, int32_t id, const void *payload,
                    size_t len)
{
    const uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
                             (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    peer_say(peer, head, sizeof(head));
    peer_say(peer, payload, len);
}

/* RFC 7541 section 5.1, with a prefix of seven bits. */
static void put_text(struct ses_buf *block, const char *text)
{
    size_t len = strlen(text);

    if (len < 127) {
        assert_int_equal(ses_buf_append_byte(block, (uint8_t)len), SES_OK);
    } else {
        assert_int_equal(ses_buf_append_byte(block, 127), SES_OK);
        for (size_t rest = len - 127;; rest >>= 7) {
            assert_int_equal(ses_buf_append_byte(block, (uint8_t)((rest & 127) | (rest > 127 ? 128 : 0))),
                             SES_OK);
            if (rest <= 127)
                break;
        }
    }
    assert_int_equal(ses_buf_append_str(block, text), SES_OK);
}

void peer_say_headers(struct peer *peer, uint8_t flags, int32_t id, const char *pairs)
{
    enum { FRAME_MAX = 16384 };
    struct ses_buf block;
    size_t at = 0;

    ses_buf_init(&block, RAW_MAX);
    while (*pairs != '\0') {
        assert_int_equal(ses_buf_append_byte(&block, 0), SES_OK); /* literal, not indexed, new name */
        put_text(&block, pairs);
        pairs += strlen(pairs) + 1;
        put_text(&block, pairs);
        pairs += strlen(pairs) + 1;
    }
    do {
        size_t len = block.len - at < FRAME_MAX ? block.len - at : FRAME_MAX;
        uint8_t last = at + len == block.len ? NGHTTP2_FLAG_END_HEADERS : 0;

        peer_say_frame(peer, at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
                       (uint8_t)((at == 0 ? flags : 0) | last), id, block.data + at, len);
        at += len;
    } while (at < block.len);
    ses_buf_done(&block);
}

static void put32(uint8_t *bytes, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

void peer_say_goaway(struct peer *peer, int32_t last_id, uint32_t code)
{
    uint8_t payload[8];

    put32(payload, (uint32_t)last_id);
    put32(payload + 4, code);
    peer_say_frame(peer, NGHTTP2_GOAWAY, 0, 0, payload, sizeof(payload));
}

void peer_say_reset(struct peer *peer, int32_t id, uint32_t code)
{
    uint8_t payload[4];

    put32(payload, code);
    peer_say_frame(peer, NGHTTP2_RST_STREAM, 0, id, payload, sizeof(payload));
}
