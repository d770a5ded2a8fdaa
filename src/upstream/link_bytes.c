/* Bytes between the kernel, TLS and HTTP/2. What has passed through is wiped: it may have been a card's number. */
#include "link_impl.h"

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/secret.h>

static void clear(struct ses_buf *buf)
{
    if (buf->len > 0)
        ses_wipe(buf->data, buf->len);
    ses_buf_clear(buf);
}

static void fail(struct ses_up_link *link, const char *what, const char *why)
{
    (void)snprintf(link->why, sizeof(link->why), "%s: %s", what, why);
    ses_up_link_close(link, link->why);
}

/* ---- in ----------------------------------------------------------------------------------------------- */

/* Into HTTP/2, and what follows from it. */
static void receive(struct ses_up_link *link, struct ses_slice plain)
{
    if (ses_up_session_receive(&link->session, plain) != SES_OK) {
        fail(link, "what it says is not HTTP/2", link->session.dead);
        return;
    }
    if (link->state == SES_UP_HELLO && link->session.ready)
        ses_up_link_greet(link);
    ses_up_link_want_write(link);
}

static void receive_tls(struct ses_up_link *link, struct ses_slice bytes)
{
    enum ses_status status = ses_tls_call_receive(link->tls, bytes, &link->plain, &link->out);

    if (status == SES_OK || status == SES_EXPIRED) {
        if (link->plain.len > 0)
            receive(link, ses_buf_view(&link->plain));
        clear(&link->plain);
    }
    if (link->state == SES_UP_CLOSED)
        return;
    if (status == SES_OK)
        ses_up_link_want_write(link);
    else if (status == SES_EXPIRED)
        ses_up_link_close(link, "the server has ended the connection");
    else
        fail(link, "TLS", status == SES_UNAVAILABLE ? ses_tls_call_why(link->tls) : "no memory");
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    struct ses_up_link *link = handle->data;

    (void)suggested;
    *ret_room = uv_buf_init((char *)link->read_room, SES_UP_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
    struct ses_up_link *link = stream->data;

    if (link->state == SES_UP_CLOSED || len == 0)
        return;
    if (len < 0) {
        ses_up_link_close(link,
                          len == UV_EOF ? "the server has ended the connection" : uv_strerror((int)len));
        return;
    }
    link->heard_mono_ns = ses_clock_mono_ns();
    link->session.ping_waits = false; /* whoever speaks is there */
    if (link->tls != NULL)
        receive_tls(link, ses_slice(room->base, (size_t)len));
    else
        receive(link, ses_slice(room->base, (size_t)len));
    ses_wipe(room->base, (size_t)len);
}

/* ---- out ---------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int rv)
{
    struct ses_up_link *link = request->data;

    link->writing = false;
    clear(&link->out);
    if (link->state == SES_UP_CLOSED)
        return;
    if (rv != 0)
        ses_up_link_close(link, uv_strerror(rv));
    else
        ses_up_link_want_write(link);
}

/* What the kernel does not take at once is written by libuv from the same place, which does not change meanwhile. */
static void write_out(struct ses_up_link *link)
{
    uv_buf_t piece = uv_buf_init((char *)link->out.data, (unsigned)link->out.len);
    int rv;

    if (link->out.len == 0)
        return;
    rv = uv_try_write((uv_stream_t *)&link->tcp, &piece, 1);
    if (rv == (int)link->out.len) {
        clear(&link->out);
        return;
    }
    if (rv < 0 && rv != UV_EAGAIN) {
        ses_up_link_close(link, uv_strerror(rv));
        return;
    }
    if (rv > 0)
        piece = uv_buf_init(piece.base + rv, (unsigned)link->out.len - (unsigned)rv);
    link->write.data = link;
    rv = uv_write(&link->write, (uv_stream_t *)&link->tcp, &piece, 1, on_written);
    link->writing = rv == 0;
    if (rv != 0)
        ses_up_link_close(link, uv_strerror(rv));
}

static bool can_speak(const struct ses_up_link *link)
{
    return link->tls == NULL || ses_tls_call_is_open(link->tls);
}

/* false: closed. */
static bool produce(struct ses_up_link *link)
{
    struct ses_buf *to = link->tls == NULL ? &link->out : &link->plain;

    if (!can_speak(link))
        return true;
    if (ses_up_session_produce(&link->session, to, SES_UP_HIGH_WATER) != SES_OK) {
        fail(link, "HTTP/2 has ended", link->session.dead);
        return false;
    }
    if (link->tls == NULL || link->plain.len == 0)
        return true;
    if (ses_tls_call_send(link->tls, ses_buf_view(&link->plain), &link->out) != SES_OK) {
        fail(link, "TLS", "a record could not be made");
        return false;
    }
    clear(&link->plain);
    return true;
}

/* A link that takes no more streams and has none has nothing left to do but to say so. */
static bool is_over(const struct ses_up_link *link)
{
    return link->session.leaving && link->session.streams_count == 0 && !link->writing &&
           !ses_up_session_wants_write(&link->session);
}

void ses_up_link_move(struct ses_up_link *link)
{
    if ((link->state != SES_UP_HELLO && link->state != SES_UP_READY) || link->writing)
        return;
    if (!produce(link))
        return;
    write_out(link);
    if (link->state == SES_UP_CLOSED || link->writing)
        return;
    if (is_over(link))
        ses_up_link_close(link, link->state == SES_UP_READY ? NULL : "the server takes no streams");
    else if (can_speak(link) && ses_up_session_wants_write(&link->session))
        ses_up_link_want_write(link);
}

void ses_up_link_begin(struct ses_up_link *link)
{
    link->state = SES_UP_HELLO;
    if ((link->options->tls != NULL &&
         ses_tls_call_new(link->options->tls, link->options->server_name, &link->tls) != SES_OK) ||
        ses_up_session_open(&link->session, link->options->streams_max, link->options->answer_bytes_max,
                            &link->ops->streams, link->arg) != SES_OK) {
        ses_up_link_close(link, "no memory");
        return;
    }
    link->has_session = true;
    if (uv_read_start((uv_stream_t *)&link->tcp, on_room, on_read) != 0) {
        ses_up_link_close(link, "no memory");
        return;
    }
    if (link->tls != NULL)
        receive_tls(link, SES_SLICE_EMPTY);
    else
        ses_up_link_want_write(link);
}
