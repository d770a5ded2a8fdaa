/* connection.c - HTTP/1.1 with keep-alive, one request of a connection at a time. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include <llhttp.h>

enum field { FIELD_OTHER, FIELD_AUTHORIZATION, FIELD_IDEMPOTENCY_KEY, FIELD_CONTENT_TYPE, FIELD_COUNT };

static const struct ses_slice field_names[FIELD_COUNT] = {
    {NULL, 0},
    {(const uint8_t *)"authorization", 13},
    {(const uint8_t *)"idempotency-key", 15},
    {(const uint8_t *)"content-type", 12},
};

/* Offsets, because head moves when it grows. */
struct span {
    size_t from;
    size_t len;
};

/* Two handles, the socket and the timer, are closed one after the other: handles_open says when the
 * struct may go. */
struct sim_connection {
    struct sim *sim;
    struct sim_connection *next;
    struct sim_connection *prev;
    uv_tcp_t tcp;
    uv_timer_t timer;
    unsigned handles_open;
    bool busy; /* a request is being answered; bytes behind it wait in pending */
    bool closing;
    bool keep_alive;

    llhttp_t parser;
    struct ses_buf head; /* URL, then the values of the fields above */
    size_t url_bytes;
    char name[24]; /* of the current field; a longer one is none of ours */
    size_t name_bytes;
    enum field field;
    struct span fields[FIELD_COUNT];
    struct ses_buf body;
    struct ses_buf pending;

    struct sim_reply reply;
    struct ses_buf out;
    uv_write_t write;
};

/* ---- parsing ---- */

static struct sim_connection *of_parser(llhttp_t *parser)
{
    return parser->data;
}

/* Everything of the request before is gone; its answer has been sent by then. */
static int on_begin(llhttp_t *parser)
{
    struct sim_connection *c = of_parser(parser);

    ses_buf_clear(&c->head);
    ses_buf_clear(&c->body);
    memset(c->fields, 0, sizeof(c->fields));
    c->url_bytes = 0;
    c->name_bytes = 0;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
    struct sim_connection *c = of_parser(parser);

    c->url_bytes += length;
    return ses_buf_append(&c->head, ses_slice(at, length)) == SES_OK ? 0 : -1;
}

/* A name longer than ours is kept cut: it then equals none of them. */
static int on_field(llhttp_t *parser, const char *at, size_t length)
{
    struct sim_connection *c = of_parser(parser);

    for (size_t i = 0; i < length && c->name_bytes < sizeof(c->name); i++)
        c->name[c->name_bytes++] = at[i];
    return 0;
}

/* Of a header that occurs twice the second one counts: its span begins anew. */
static int on_field_complete(llhttp_t *parser)
{
    struct sim_connection *c = of_parser(parser);

    c->field = FIELD_OTHER;
    for (size_t i = 1; i < FIELD_COUNT; i++) {
        if (ses_slice_ieq(ses_slice(c->name, c->name_bytes), field_names[i]))
            c->field = (enum field)i;
    }
    c->fields[c->field] = (struct span){c->head.len, 0};
    c->name_bytes = 0;
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t length)
{
    struct sim_connection *c = of_parser(parser);

    if (c->field == FIELD_OTHER)
        return 0;
    c->fields[c->field].len += length;
    return ses_buf_append(&c->head, ses_slice(at, length)) == SES_OK ? 0 : -1;
}

/* RFC 9110 section 7.8: an Upgrade may be ignored. Java's HTTP client asks for h2c in each first request. */
static int on_head(llhttp_t *parser)
{
    parser->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    return ses_buf_append(&of_parser(parser)->body, ses_slice(at, length)) == SES_OK ? 0 : -1;
}

/* Whether the connection stays is asked now: the parser forgets it with the next request. */
static int on_complete(llhttp_t *parser)
{
    of_parser(parser)->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED; /* the bytes behind belong to the next request */
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct sim_connection *c = handle->data;

    if (--c->handles_open > 0)
        return;
    ses_buf_done(&c->head);
    ses_buf_done(&c->body);
    ses_buf_done(&c->pending);
    ses_buf_done(&c->reply.body);
    ses_buf_done(&c->out);
    free(c);
}

/* Out of the list at once, freed when libuv has closed both handles (on_closed). */
static void forget(struct sim_connection *c)
{
    c->closing = true;
    if (c->prev == NULL)
        c->sim->first = c->next;
    else
        c->prev->next = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    c->sim->connections--;
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void cut(struct sim_connection *c)
{
    if (c->closing)
        return;
    forget(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* A reset is what a crashed server's kernel sends: the client must not take it for an end. */
static void cut_with_reset(struct sim_connection *c)
{
    if (c->closing)
        return;
    forget(c);
    if (uv_tcp_close_reset(&c->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ---- answering ---- */

static void feed(struct sim_connection *c, struct ses_slice bytes);

/* pending is taken away first: feed may put the rest of it back. */
static void on_sent(struct sim_connection *c)
{
    struct ses_buf pending = c->pending;

    if (!c->keep_alive || c->reply.behaviour.mode == SIM_CLOSE_HALF) {
        cut(c);
        return;
    }
    c->busy = false;
    if (pending.len == 0)
        return;
    ses_buf_init(&c->pending, SIM_REQUEST_BODY_MAX + SIM_REQUEST_HEADER_MAX);
    feed(c, ses_buf_view(&pending));
    ses_buf_done(&pending);
}

static void on_written(uv_write_t *write, int status)
{
    struct sim_connection *c = write->data;

    if (c->closing)
        return;
    if (status < 0)
        cut(c);
    else
        on_sent(c);
}

/* Nearly every answer fits the socket's buffer and is written at once; only a rest needs a request of
 * libuv's. */
static void write_out(struct sim_connection *c, size_t bytes)
{
    uv_buf_t all = uv_buf_init((char *)c->out.data, (unsigned)bytes);
    int written = uv_try_write((uv_stream_t *)&c->tcp, &all, 1);
    uv_buf_t rest;

    if (written == (int)bytes) {
        on_sent(c);
        return;
    }
    if (written < 0)
        written = 0;
    rest = uv_buf_init(all.base + written, (unsigned)(bytes - (size_t)written));
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &rest, 1, on_written) != 0)
        cut(c);
}

/* The length is always told of the whole body, also where only half of it will be sent (close-half). */
static enum ses_status compose(struct sim_connection *c)
{
    const struct sim_reply *reply = &c->reply;

    ses_buf_clear(&c->out);
    SES_TRY(ses_buf_appendf(&c->out, "HTTP/1.1 %u %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n",
                            reply->status, llhttp_status_name((llhttp_status_t)reply->status),
                            reply->html ? "text/html; charset=utf-8" : "application/json", reply->body.len));
    if (reply->location[0] != '\0')
        SES_TRY(ses_buf_appendf(&c->out, "location: /made/%s\r\n", reply->location));
    if (reply->replayed)
        SES_TRY(ses_buf_append_str(&c->out, "idempotent-replayed: true\r\n"));
    if (!c->keep_alive)
        SES_TRY(ses_buf_append_str(&c->out, "connection: close\r\n"));
    SES_TRY(ses_buf_append_str(&c->out, "\r\n"));
    return ses_buf_append(&c->out, ses_buf_view(&reply->body));
}

/* The effect of an accepted call has been counted by then: a lost answer is not a lost call. */
static void send_reply(struct sim_connection *c)
{
    switch (c->reply.behaviour.mode) {
    case SIM_HANG: /* until the other side has enough */
        return;
    case SIM_RESET:
        cut_with_reset(c);
        return;
    default:
        break;
    }
    if (compose(c) != SES_OK)
        cut(c);
    else
        write_out(c, c->reply.behaviour.mode == SIM_CLOSE_HALF ? c->out.len / 2 : c->out.len);
}

static void on_latency(uv_timer_t *timer)
{
    send_reply(timer->data);
}

static struct ses_slice field_value(const struct sim_connection *c, enum field field)
{
    return ses_slice_trim(ses_slice(c->head.data + c->fields[field].from, c->fields[field].len));
}

/* The parser is done with the request; its slices point into head and body until the next one begins. */
static void answer(struct sim_connection *c)
{
    struct ses_slice url = ses_slice(c->head.data, c->url_bytes);
    size_t mark = ses_slice_find(url, '?');
    const struct sim_request request = {
        .post = llhttp_get_method(&c->parser) == HTTP_POST,
        .path = ses_slice_cut(url, 0, mark),
        .query = ses_slice_cut(url, mark + 1, url.len),
        .authorization = field_value(c, FIELD_AUTHORIZATION),
        .idempotency_key = field_value(c, FIELD_IDEMPOTENCY_KEY),
        .content_type = field_value(c, FIELD_CONTENT_TYPE),
        .body = ses_buf_view(&c->body),
    };

    c->busy = true;
    c->keep_alive = c->keep_alive && !c->sim->leaving;
    sim_route(c->sim, &request, &c->reply);
    if (c->reply.behaviour.latency_ms == 0)
        send_reply(c);
    else
        (void)uv_timer_start(&c->timer, on_latency, c->reply.behaviour.latency_ms, 0);
}

/* The mode of the request before must not be applied to this answer. */
static void answer_malformed(struct sim_connection *c)
{
    c->busy = true;
    c->keep_alive = false;
    c->reply.behaviour = (struct sim_behaviour){.mode = SIM_NORMAL};
    c->reply.replayed = false;
    c->reply.html = false;
    c->reply.location[0] = '\0';
    sim_say(&c->reply, 400, "{\"error\":\"malformed or too large\"}");
    send_reply(c);
}

/* As many requests as are there, until one cannot be answered at once. */
static void feed(struct sim_connection *c, struct ses_slice bytes)
{
    while (bytes.len > 0 && !c->busy && !c->closing) {
        llhttp_errno_t error = llhttp_execute(&c->parser, (const char *)bytes.data, bytes.len);
        size_t used;

        if (error == HPE_OK)
            return;
        if (error != HPE_PAUSED) {
            answer_malformed(c);
            return;
        }
        used = (size_t)((const uint8_t *)llhttp_get_error_pos(&c->parser) - bytes.data);
        bytes = ses_slice_cut(bytes, used, bytes.len);
        llhttp_resume(&c->parser);
        answer(c);
    }
    if (!c->closing && bytes.len > 0 && ses_buf_append(&c->pending, bytes) != SES_OK)
        cut(c);
}

/* One buffer for all connections: what is read is taken before the next read. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[64 * 1024];

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct sim_connection *c = stream->data;

    if (got < 0)
        cut(c);
    else if (got > 0)
        feed(c, ses_slice(buf->base, (size_t)got));
}

static struct sim_connection *connection_new(struct sim *sim)
{
    struct sim_connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->sim = sim;
    c->handles_open = 2;
    SES_REQUIRE(uv_tcp_init(sim->loop, &c->tcp) == 0 && uv_timer_init(sim->loop, &c->timer) == 0);
    c->tcp.data = c;
    c->timer.data = c;
    ses_buf_init(&c->head, SIM_REQUEST_HEADER_MAX);
    ses_buf_init(&c->body, SIM_REQUEST_BODY_MAX);
    ses_buf_init(&c->pending, SIM_REQUEST_BODY_MAX + SIM_REQUEST_HEADER_MAX);
    ses_buf_init(&c->reply.body, SIM_REPLY_MAX);
    ses_buf_init(&c->out, SIM_REPLY_MAX + 1024);
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
    c->next = sim->first;
    if (c->next != NULL)
        c->next->prev = c;
    sim->first = c;
    sim->connections++;
    return c;
}

/* libuv polls a listener no more while a connection of it is not taken, and to take one needs a struct: a
 * simulator that stays would accept nobody again, and no test would learn why. */
static _Noreturn void end_without_memory(void)
{
    (void)fputs("sessiond-sim: out of memory\n", stderr);
    exit(1);
}

void sim_on_connection(uv_stream_t *listener, int status)
{
    struct sim *sim = listener->data;
    struct sim_connection *c;

    if (status < 0)
        return;
    c = connection_new(sim);
    if (c == NULL)
        end_without_memory();
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || sim->connections > SIM_CONNECTIONS_MAX ||
        uv_tcp_nodelay(&c->tcp, 1) != 0 || uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        cut(c);
}

void sim_close_idle(struct sim *sim)
{
    struct sim_connection *c = sim->first;

    while (c != NULL) {
        struct sim_connection *next = c->next;

        if (!c->busy)
            cut(c);
        c = next;
    }
}

void sim_close_all(struct sim *sim)
{
    while (sim->first != NULL)
        cut(sim->first);
}
