#include "tiny_server.h"

static void tiny_free(uv_handle_t *handle)
{
    free(handle->data);
}

static void tiny_cut(struct tiny_connection *c, bool reset)
{
    struct tiny_connection **at = &c->server->first;

    if (c->gone)
        return;
    c->gone = true;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (!reset || uv_tcp_close_reset(&c->tcp, tiny_free) != 0)
        uv_close((uv_handle_t *)&c->tcp, tiny_free);
}

struct tiny_write {
    uv_write_t write;
    struct tiny_connection *again; /* flood on */
};

static void tiny_flood(struct tiny_connection *c, const char *text);

static void tiny_on_written(uv_write_t *write, int status)
{
    struct tiny_write *w = write->data;
    struct tiny_connection *c = w->again;

    free(w);
    if (c != NULL && status == 0 && !c->gone)
        tiny_flood(c, NULL);
}

static void tiny_write(struct tiny_connection *c, const char *bytes, size_t len, bool again)
{
    struct tiny_write *w = calloc(1, sizeof(*w));
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);

    assert_non_null(w);
    w->write.data = w;
    w->again = again ? c : NULL;
    assert_int_equal(uv_write(&w->write, (uv_stream_t *)&c->tcp, &buf, 1, tiny_on_written), 0);
}

/* That many bytes which begin so and end with a line. */
static void tiny_fill(char *bytes, size_t len, struct ses_slice begin, char rest)
{
    memset(bytes, rest, len);
    memcpy(bytes, begin.data, begin.len);
    bytes[len - 2] = '\r';
    bytes[len - 1] = '\n';
}

/* Pieces of 4 KiB: a field of padding, or a chunk. */
static void tiny_flood(struct tiny_connection *c, const char *text)
{
    static char chunk[4096 + 8];
    static char header[4096];
    bool headers = c->server->actions[0] == TINY_FLOOD_HEADERS;

    tiny_fill(chunk, sizeof(chunk), SES_STR("1000\r\n"), 'x');
    tiny_fill(header, sizeof(header), SES_STR("x-pad: "), 'y');
    if (text != NULL)
        tiny_write(c, text, strlen(text), false);
    tiny_write(c, headers ? header : chunk, headers ? sizeof(header) : sizeof(chunk), true);
}

static void tiny_act(struct tiny_connection *c)
{
    struct tiny_server *server = c->server;
    unsigned number = server->requests++;
    enum tiny_action action = number < TINY_ACTIONS_MAX ? server->actions[number] : TINY_ANSWER;
    size_t len = strlen(server->answer);

    memcpy(server->last_request, c->request, sizeof(c->request));
    c->len = 0;
    switch (action) {
    case TINY_HANG:
        break;
    case TINY_FIRST_LINE:
        tiny_write(c, "HTTP/1.1 200 OK\r\n", sizeof("HTTP/1.1 200 OK\r\n") - 1, false);
        break;
    case TINY_CLOSE:
    case TINY_RESET:
        tiny_cut(c, action == TINY_RESET);
        break;
    case TINY_FLOOD_BODY:
        tiny_flood(c, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        break;
    case TINY_FLOOD_HEADERS:
        tiny_flood(c, "HTTP/1.1 200 OK\r\n");
        break;
    default:
        tiny_write(c, server->answer, action == TINY_HALF ? len / 2 : len, false);
        if (action != TINY_ANSWER)
            tiny_cut(c, false); /* libuv has tried the write at once */
        break;
    }
}

/* Complete when as many bytes follow the empty line as content-length says. */
static bool tiny_complete(const struct tiny_connection *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    const char *length = strstr(c->request, "Content-Length: ");

    if (end == NULL)
        return false;
    return length == NULL || c->len >= (size_t)(end + 4 - c->request) + strtoul(length + 16, NULL, 10);
}

static void tiny_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[65536];

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void tiny_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct tiny_connection *c = stream->data;

    if (got < 0) {
        tiny_cut(c, false);
        return;
    }
    assert_true(c->len + (size_t)got < sizeof(c->request));
    memcpy(c->request + c->len, buf->base, (size_t)got);
    c->len += (size_t)got;
    c->request[c->len] = '\0';
    if (tiny_complete(c))
        tiny_act(c);
}

static void tiny_on_connection(uv_stream_t *listener, int status)
{
    struct tiny_server *server = listener->data;
    struct tiny_connection *c = calloc(1, sizeof(*c));

    assert_int_equal(status, 0);
    assert_non_null(c);
    c->server = server;
    c->tcp.data = c;
    assert_int_equal(uv_tcp_init(server->loop, &c->tcp), 0);
    c->next = server->first;
    server->first = c;
    server->connections++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, tiny_on_alloc, tiny_on_read), 0);
}

void tiny_start(struct tiny_server *server, uv_loop_t *loop, int port)
{
    struct sockaddr_in address;
    int len = sizeof(address);

    *server = (struct tiny_server){.loop = loop, .answer = TINY_OK};
    assert_int_equal(uv_ip4_addr("127.0.0.1", port, &address), 0);
    assert_int_equal(uv_tcp_init(loop, &server->listener), 0);
    server->listener.data = server;
    assert_int_equal(uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 128, tiny_on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
}

void tiny_cut_all(struct tiny_server *server)
{
    while (server->first != NULL)
        tiny_cut(server->first, false);
}

void tiny_stop(struct tiny_server *server)
{
    tiny_cut_all(server);
    if (!uv_is_closing((uv_handle_t *)&server->listener))
        uv_close((uv_handle_t *)&server->listener, NULL);
}

int unused_port(uv_loop_t *loop)
{
    struct tiny_server server;
    int port;

    tiny_start(&server, loop, 0);
    port = server.port;
    tiny_stop(&server);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    return port;
}
