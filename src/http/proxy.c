/* The engine of a connection's very first bytes, where a trusted proxy may speak the PROXY protocol. Nearly always the
 * header is the first read, or the beginning of it. */
#include "proxy.h"

#include <stdlib.h>

#include "proxy_header.h"
#include "sniff.h"

struct reader {
    struct ses_doors *doors;
    struct ses_conn *conn;
    struct ses_timer timer;
    struct ses_buf in; /* the header, as far as it came */
};

static void release(struct reader *reader)
{
    ses_timer_stop(&reader->timer);
    ses_buf_done(&reader->in);
    free(reader);
}

/* The specification wants no answer: nobody knows who would read it. */
static enum ses_status refuse(struct reader *reader, const char *why)
{
    struct ses_doors *doors = reader->doors;

    ses_count(doors->options.metrics, SES_C_PROTOCOL_ERRORS, 1);
    ses_doors_log_refused(doors, ses_conn_peer(reader->conn)->text, "proxy", 0, why);
    ses_conn_cut(reader->conn);
    return SES_OK;
}

/* The sniffer is given what follows the header. The buffer outlives the reader, whose memory it is. */
static void hand_over(struct reader *reader, size_t header_len)
{
    struct ses_doors *doors = reader->doors;
    struct ses_conn *conn = reader->conn;
    struct ses_buf in = reader->in;

    ses_buf_init(&reader->in, 0);
    release(reader);
    ses_sniff_attach(doors, conn, ses_slice_cut(ses_buf_view(&in), header_len, in.len));
    ses_buf_done(&in);
}

static enum ses_status judge(struct reader *reader)
{
    struct ses_proxy_header header;

    switch (ses_proxy_header_parse(ses_buf_view(&reader->in), &header)) {
    case SES_PROXY_MORE:
        return SES_OK;
    case SES_PROXY_WHOLE:
        if (header.named && !ses_conn_set_peer(reader->conn, &header.source)) {
            ses_conn_cut(reader->conn);
            return SES_OK;
        }
        break;
    case SES_PROXY_NONE:
        if (reader->doors->options.proxies.protocol == SES_PROXY_PROTOCOL_REQUIRE)
            return refuse(reader, "no PROXY protocol header from a trusted proxy");
        break;
    case SES_PROXY_MALFORMED:
    default:
        return refuse(reader, header.why);
    }
    hand_over(reader, header.len);
    return SES_OK;
}

static void on_late(void *arg)
{
    (void)refuse(arg, "a PROXY protocol header that took too long");
}

static enum ses_status on_bytes(void *engine, struct ses_slice bytes)
{
    struct reader *reader = engine;

    if (reader->in.len == 0)
        ses_timer_start(reader->doors->options.timers, &reader->timer,
                        reader->doors->options.limits.header_ms, on_late, reader);
    SES_TRY(ses_buf_append(&reader->in, bytes));
    return judge(reader);
}

static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    (void)engine;
    (void)out;
    return SES_OK;
}

/* As in the sniffer: its first request may be on its way. */
static void on_drain(void *engine)
{
    struct reader *reader = engine;

    ses_conn_touch(reader->conn, SES_DRAIN_GRACE_MS);
}

static void on_close(void *engine)
{
    release(engine);
}

static const struct ses_conn_ops proxy_ops = {
    .on_bytes = on_bytes,
    .on_produce = on_produce,
    .on_drain = on_drain,
    .on_close = on_close,
};

/* The longest header and one whole read behind it. */
#define IN_BYTES_MAX (SES_PROXY_HEADER_MAX + 64 * SES_KIB)

void ses_proxy_attach(struct ses_doors *doors, struct ses_conn *conn)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        ses_conn_cut(conn);
        return;
    }
    reader->doors = doors;
    reader->conn = conn;
    ses_timer_init(&reader->timer);
    ses_buf_init(&reader->in, IN_BYTES_MAX);
    ses_conn_attach(conn, &proxy_ops, reader);
}
