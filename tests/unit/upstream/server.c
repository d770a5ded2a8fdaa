#include "server.h"

#include <stdlib.h>

#include "unit.h"

static void on_written(uv_write_t *request, int rv)
{
    (void)rv;
    free(request->data);
    free(request);
}

static void flush(struct server_connection *connection)
{
    struct ses_buf out;
    uv_write_t *request;
    uv_buf_t piece;

    if (!connection->open)
        return;
    ses_buf_init(&out, 64u << 20);
    peer_produce(&connection->peer, &out);
    if (out.len == 0) {
        ses_buf_done(&out);
        return;
    }
    request = calloc(1, sizeof(*request));
    request->data = out.data;
    piece = uv_buf_init((char *)out.data, (unsigned)out.len);
    assert_int_equal(uv_write(request, (uv_stream_t *)&connection->tcp, &piece, 1, on_written), 0);
}

static void hang_up(struct server_connection *connection)
{
    if (!connection->open)
        return;
    connection->open = false;
    uv_close((uv_handle_t *)&connection->tcp, NULL);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    (void)handle;
    *ret_room = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
    struct server_connection *connection = stream->data;

    if (len < 0 || (len > 0 && peer_receive(&connection->peer, ses_slice(room->base, (size_t)len)) != 0))
        hang_up(connection);
    else if (!connection->server->silent)
        flush(connection);
    free(room->base);
}

static void on_request(struct peer *peer, struct peer_request *request)
{
    struct server_connection *connection = peer->arg;
    struct server *server = connection->server;
    const uint8_t serving[] = {0x08, 1};
    const uint8_t not_serving[] = {0x08, 2};

    if (strstr(request->headers, ":path: /grpc.health.v1.Health/Check\n") != NULL) {
        server->checks++;
        peer_answer(request, 0, ses_slice(server->is_up ? serving : not_serving, 2));
        return;
    }
    server->requests++;
    if (server->on_request != NULL)
        server->on_request(peer, request);
}

static void on_connection(uv_stream_t *listener, int rv)
{
    struct server *server = listener->data;
    struct server_connection *connection = calloc(1, sizeof(*connection));

    assert_int_equal(rv, 0);
    assert_true(server->accepted < SERVER_CONNECTIONS_MAX);
    server->connections[server->accepted++] = connection;
    connection->server = server;
    connection->open = true;
    assert_int_equal(uv_tcp_init(server->loop, &connection->tcp), 0);
    connection->tcp.data = connection;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
    peer_open(&connection->peer, server->streams_max, server->window, server->headers_max);
    if (server->window != 0)
        assert_int_equal(
            nghttp2_session_set_local_window_size(connection->peer.session, 0, 0, (int32_t)server->window),
            0);
    connection->peer.on_request = on_request;
    connection->peer.arg = connection;
    if (!server->deaf)
        assert_int_equal(uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_read), 0);
    if (!server->silent)
        flush(connection);
}

void server_open(struct server *server, uv_loop_t *loop, uint16_t port)
{
    struct sockaddr_in address;
    int len = sizeof(address);

    memset(server, 0, sizeof(*server));
    server->loop = loop;
    server->is_up = true;
    server->listening = true;
    assert_int_equal(uv_tcp_init(loop, &server->listener), 0);
    server->listener.data = server;
    assert_int_equal(uv_ip4_addr("127.0.0.1", port, &address), 0);
    assert_int_equal(uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
}

void server_flush(struct server *server)
{
    for (unsigned i = 0; i < server->accepted && !server->silent; i++)
        flush(server->connections[i]);
}

void server_hang_up(struct server *server, unsigned connection)
{
    hang_up(server->connections[connection]);
}

void server_stop_listening(struct server *server)
{
    if (server->listening)
        uv_close((uv_handle_t *)&server->listener, NULL);
    server->listening = false;
}

void server_close(struct server *server)
{
    server_stop_listening(server);
    for (unsigned i = 0; i < server->accepted; i++)
        hang_up(server->connections[i]);
}

void server_free(struct server *server)
{
    for (unsigned i = 0; i < server->accepted; i++) {
        peer_close(&server->connections[i]->peer);
        free(server->connections[i]);
    }
}
