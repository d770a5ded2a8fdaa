#include "wire.h"

#include <stdlib.h>

#include <sessiond/base/buf.h>

#include "tls.h"

#define OUT_MAX (8u << 20)

struct load_wire {
    struct load_run *run;
    struct load_wire_owner owner;
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct load_tls *tls;  /* NULL: plain */
    struct ses_buf frames; /* with TLS: not sealed yet */
    struct ses_buf out;
    uv_write_t write;
    bool writing;
    bool ready;
    bool ended; /* the owner was told, or has closed it: it hears nothing more */
};

static void end(struct load_wire *wire, const char *why)
{
    if (wire->ended)
        return;
    wire->ended = true;
    wire->owner.ended(wire->owner.arg, why);
}

/* ---- out */

static void write_out(struct load_wire *wire);

static void on_written(uv_write_t *write, int status)
{
    struct load_wire *wire = write->data;

    wire->writing = false;
    ses_buf_clear(&wire->out);
    if (status < 0)
        end(wire, uv_strerror(status));
    else
        write_out(wire);
}

/* Frames, sealed with TLS, behind whatever a handshake still has to say. */
static bool fill_out(struct load_wire *wire)
{
    struct ses_buf *frames = wire->tls != NULL ? &wire->frames : &wire->out;
    const uint8_t *bytes;
    ssize_t n;

    while (wire->ready && (n = wire->owner.next(wire->owner.arg, &bytes)) > 0)
        if (ses_buf_append(frames, ses_slice(bytes, (size_t)n)) != SES_OK)
            return false;
    if (wire->tls == NULL)
        return true;
    if (!load_tls_write(wire->tls, ses_buf_view(frames)))
        return false;
    ses_buf_clear(frames);
    return load_tls_take(wire->tls, &wire->out) == SES_OK;
}

/* All that there is to say leaves in one write. */
static void write_out(struct load_wire *wire)
{
    uv_buf_t buf;
    int written;

    if (wire->ended || wire->writing)
        return;
    if (!fill_out(wire)) {
        end(wire, "more to send than there is room for");
        return;
    }
    if (wire->out.len == 0)
        return;
    buf = uv_buf_init((char *)wire->out.data, (unsigned)wire->out.len);
    written = uv_try_write((uv_stream_t *)&wire->tcp, &buf, 1);
    if (written == (int)wire->out.len) {
        ses_buf_clear(&wire->out);
        return;
    }
    if (written > 0)
        buf = uv_buf_init(buf.base + written, (unsigned)(wire->out.len - (size_t)written));
    wire->writing = true;
    wire->write.data = wire;
    if (uv_write(&wire->write, (uv_stream_t *)&wire->tcp, &buf, 1, on_written) < 0)
        end(wire, "write");
}

void load_wire_flush(struct load_wire *wire)
{
    write_out(wire);
}

/* ---- in */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    static char shared[256 * 1024]; /* one loop, one reader at a time */

    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(shared, sizeof(shared));
}

static void take_sealed(struct load_wire *wire, struct ses_slice sealed)
{
    static uint8_t plain[32 * 1024]; /* one loop, one reader at a time */
    size_t n;

    if (!load_tls_feed(wire->tls, sealed)) {
        end(wire, "TLS");
        return;
    }
    while (!wire->ended && (n = load_tls_read(wire->tls, plain, sizeof(plain))) > 0)
        wire->owner.take(wire->owner.arg, ses_slice(plain, n));
}

static void begin(struct load_wire *wire)
{
    wire->ready = true;
    wire->owner.ready(wire->owner.arg);
}

/* Bytes behind the handshake's last are the server's first frames: they wait in the TLS engine until the next
 * read, which therefore is made at once. */
static void shake_hands(struct load_wire *wire, struct ses_slice sealed)
{
    switch (load_tls_handshake(wire->tls, sealed)) {
    case LOAD_TLS_HANDSHAKING:
        write_out(wire);
        return;
    case LOAD_TLS_READY:
        wire->run->tls_version = load_tls_version(wire->tls);
        begin(wire);
        if (!wire->ended)
            take_sealed(wire, SES_SLICE_EMPTY);
        return;
    case LOAD_TLS_FAILED:
    default:
        end(wire, load_tls_error(wire->tls));
        return;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct load_wire *wire = stream->data;
    struct ses_slice bytes;

    if (n < 0) {
        end(wire, uv_strerror((int)n));
        return;
    }
    if (wire->ended || n == 0)
        return;
    bytes = ses_slice((const uint8_t *)buf->base, (size_t)n);
    if (!wire->ready)
        shake_hands(wire, bytes);
    else if (wire->tls != NULL)
        take_sealed(wire, bytes);
    else
        wire->owner.take(wire->owner.arg, bytes);
    if (wire->ready && !wire->ended)
        wire->owner.taken(wire->owner.arg);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct load_wire *wire = connect->data;

    if (wire->ended)
        return;
    if (status < 0)
        end(wire, uv_strerror(status));
    else if (uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read) < 0)
        end(wire, "set-up");
    else if (wire->tls != NULL)
        shake_hands(wire, SES_SLICE_EMPTY);
    else
        begin(wire);
}

/* ---- its life */

struct load_wire *load_wire_open(struct load_run *run, const struct load_wire_owner *owner)
{
    struct load_wire *wire = calloc(1, sizeof(*wire));

    SES_REQUIRE(wire != NULL);
    wire->run = run;
    wire->owner = *owner;
    if (run->tls != NULL)
        wire->tls = load_tls_open(run->tls);
    ses_buf_init(&wire->frames, OUT_MAX);
    ses_buf_init(&wire->out, OUT_MAX);
    SES_REQUIRE(uv_tcp_init(&run->loop, &wire->tcp) == 0);
    (void)uv_tcp_nodelay(&wire->tcp, 1);
    wire->tcp.data = wire;
    wire->connect.data = wire;
    if (uv_tcp_connect(&wire->connect, &wire->tcp, (const struct sockaddr *)&run->plan->address, on_connect) <
        0)
        end(wire, "connect");
    return wire;
}

static void on_closed(uv_handle_t *handle)
{
    struct load_wire *wire = handle->data;

    load_tls_close(wire->tls);
    ses_buf_done(&wire->frames);
    ses_buf_done(&wire->out);
    free(wire);
}

void load_wire_close(struct load_wire *wire)
{
    wire->ended = true;
    uv_close((uv_handle_t *)&wire->tcp, on_closed);
}
