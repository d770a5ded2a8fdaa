/* A small engine that reads until it knows which engine the connection needs, and hands over what it
 * has read. Nearly always that is one read: 24 bytes are the HTTP/2 preface, the first byte tells TLS. */
#include "sniff.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define PREFACE       SES_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
#define PREFACE_BYTES 24
#define TLS_HANDSHAKE 0x16
#define TLS_MAJOR     0x03

struct sniffer {
    struct ses_doors *doors;
    struct ses_conn *conn;
    bool refused; /* an alert waits to be written */
    struct ses_timer timer;
    uint64_t began_ns; /* of the first byte */
    size_t len;
    uint8_t bytes[PREFACE_BYTES];
};

/* The first bytes of the preface may be those of an HTTP/1.1 request as well ("P"): wait for more. 0x16
 * begins no method. */
enum ses_sniff ses_sniff_check(struct ses_slice first, bool http2)
{
    struct ses_slice preface = PREFACE;
    size_t common = first.len < preface.len ? first.len : preface.len;

    if (first.len == 0)
        return SES_SNIFF_MORE;
    if (first.data[0] == TLS_HANDSHAKE) {
        if (first.len == 1)
            return SES_SNIFF_MORE;
        return first.data[1] == TLS_MAJOR ? SES_SNIFF_TLS : SES_SNIFF_HTTP1;
    }
    if (!http2 || memcmp(first.data, preface.data, common) != 0)
        return SES_SNIFF_HTTP1;
    return common == preface.len ? SES_SNIFF_HTTP2 : SES_SNIFF_MORE;
}

/* A fatal alert protocol_version (RFC 8446 section 6): clients then report the handshake, not a lost
 * connection. */
static const uint8_t tls_alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 70};

/* Bounded: a client that tries TLS again and again must not fill the log. */
static void log_tls(struct sniffer *s)
{
    struct ses_log_line line;

    ses_count(s->doors->options.metrics, SES_C_PROTOCOL_ERRORS, 1);
    ses_log_begin_bounded(s->doors->options.log, SES_LOG_INFO, "tls_refused", NULL, &line);
    ses_log_str(&line, "msg", "TLS handshake on a port without TLS: use http:// or grpc plaintext");
    ses_log_str(&line, "peer", ses_conn_peer(s->conn)->text);
    ses_log_end(&line);
}

/* The sniffer is gone before the engine starts. */
static void hand_over(struct sniffer *s, enum ses_sniff kind, struct ses_slice first)
{
    struct ses_doors *doors = s->doors;
    struct ses_conn *conn = s->conn;
    uint32_t spent_ms = s->len == 0 ? 0 : (uint32_t)((ses_clock_mono_ns() - s->began_ns) / SES_NS_PER_MS);

    ses_timer_stop(&s->timer);
    free(s);
    if (kind == SES_SNIFF_HTTP2)
        ses_h2_attach(doors, conn, first, spent_ms);
    else
        ses_h1_attach(doors, conn, first, spent_ms);
}

/* Bytes kept from earlier reads and these, as one: only for clients that split the first 24 bytes. */
static enum ses_status hand_over_joined(struct sniffer *s, enum ses_sniff kind, struct ses_slice bytes)
{
    struct ses_buf joined;
    enum ses_status status;

    ses_buf_init(&joined, s->len + bytes.len);
    status = ses_buf_append(&joined, ses_slice(s->bytes, s->len));
    if (status == SES_OK)
        status = ses_buf_append(&joined, bytes);
    if (status == SES_OK)
        hand_over(s, kind, ses_buf_view(&joined));
    ses_buf_done(&joined);
    return status;
}

/* The first byte starts header_ms. What came is HTTP/1.1's to refuse, which it does at once: no time is
 * left. */
static void on_late(void *arg)
{
    struct sniffer *s = arg;
    struct ses_conn *conn = s->conn;

    if (hand_over_joined(s, SES_SNIFF_HTTP1, SES_SLICE_EMPTY) != SES_OK)
        ses_conn_cut(conn);
}

static void keep_first(struct sniffer *s, size_t len)
{
    const struct ses_door_options *options = &s->doors->options;

    if (s->len == 0 && len > 0) {
        s->began_ns = ses_clock_mono_ns();
        ses_timer_start(options->timers, &s->timer, options->limits.header_ms, on_late, s);
    }
    s->len += len;
}

/* At most 24 bytes are copied to be looked at; the whole read is handed on as it came where nothing was
 * kept before. */
static enum ses_status on_bytes(void *engine, struct ses_slice bytes)
{
    struct sniffer *s = engine;
    size_t take = PREFACE_BYTES - s->len < bytes.len ? PREFACE_BYTES - s->len : bytes.len;
    enum ses_sniff kind;

    memcpy(s->bytes + s->len, bytes.data, take);
    kind = ses_sniff_check(ses_slice(s->bytes, s->len + take), s->doors->options.http2);
    if (kind == SES_SNIFF_MORE) {
        keep_first(s, bytes.len);
        return SES_OK;
    }
    if (kind == SES_SNIFF_TLS) {
        log_tls(s);
        ses_timer_stop(&s->timer);
        s->refused = true;
        ses_conn_finish(s->conn);
        return SES_OK;
    }
    if (s->len > 0)
        return hand_over_joined(s, kind, bytes);
    hand_over(s, kind, bytes);
    return SES_OK;
}

static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    struct sniffer *s = engine;

    if (!s->refused)
        return SES_OK;
    s->refused = false;
    return ses_buf_append(out, ses_slice(tls_alert, sizeof(tls_alert)));
}

/* A connection that has said nothing yet: its first request may be on its way (engine.h). */
static void on_drain(void *engine)
{
    struct sniffer *s = engine;

    ses_conn_touch(s->conn, SES_DRAIN_GRACE_MS);
}

/* A connection that never said anything has nothing to be answered. */
static void on_idle(void *engine)
{
    struct sniffer *s = engine;

    ses_conn_finish(s->conn);
}

static void on_close(void *engine)
{
    struct sniffer *s = engine;

    ses_timer_stop(&s->timer);
    free(s);
}

static const struct ses_conn_ops sniff_ops = {
    .on_bytes = on_bytes,
    .on_produce = on_produce,
    .on_drain = on_drain,
    .on_idle = on_idle,
    .on_close = on_close,
};

void ses_sniff_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first)
{
    struct sniffer *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        ses_conn_cut(conn);
        return;
    }
    s->doors = doors;
    s->conn = conn;
    ses_conn_attach(conn, &sniff_ops, s);
    if (first.len > 0 && on_bytes(s, first) != SES_OK)
        ses_conn_cut(conn);
}
