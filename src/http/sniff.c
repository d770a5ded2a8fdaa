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
    struct ses_slice last_words; /* to be written */
    bool as_http1;               /* they are the body of a 400 */
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

/* ---- refusing ----------------------------------------------------------------------------------------- */

/* Bodies of a plain HTTP/1.1 400. To a TLS client no answer can be read, and one that is no TLS at all says most:
 * Go shows "first record does not look like a TLS handshake", OpenSSL "wrong version number", people this text. */
static const char plain_port[] =
    "This port speaks plain text, not TLS: use http://, in gRPC a plaintext (insecure) "
    "channel.\n";
static const char tls_port[] =
    "This port speaks TLS only: use https://, in gRPC a channel with TLS credentials.\n";

/* Empty SETTINGS, as every server must begin, and GOAWAY (last stream 0, INADEQUATE_SECURITY, RFC 9113 section 7)
 * with a text that clients of gRPC show. */
static const char tls_port_h2[] = "\0\0\0\4\0\0\0\0\0"
                                  "\0\0\41\7\0\0\0\0\0"
                                  "\0\0\0\0\0\0\0\14"
                                  "this port speaks TLS only";

/* A fatal alert internal_error (RFC 8446 section 6): nobody who could do the handshake is there. */
static const char nobody_for_tls[] = "\25\3\3\0\2\2\120";

/* Bounded: a client that tries again and again must not fill the log. */
static void log_refused(struct sniffer *s, const char *event, const char *what)
{
    struct ses_log_line line;

    ses_log_begin_bounded(s->doors->options.log, SES_LOG_INFO, event, NULL, &line);
    ses_log_str(&line, "msg", what);
    ses_log_str(&line, "peer", ses_conn_peer(s->conn)->text);
    ses_log_end(&line);
}

static void refuse(struct sniffer *s, struct ses_slice last_words, bool as_http1)
{
    ses_timer_stop(&s->timer);
    s->last_words = last_words;
    s->as_http1 = as_http1;
    ses_conn_finish(s->conn);
}

static void refuse_tls(struct sniffer *s)
{
    ses_count(s->doors->options.metrics, SES_C_TLS_REFUSED, 1);
    log_refused(s, "tls_refused", "TLS handshake on a port without TLS: use http:// or grpc plaintext");
    if (s->doors->options.closed == NULL)
        refuse(s, ses_slice_str(plain_port), true);
    else
        refuse(s, ses_slice(nobody_for_tls, sizeof(nobody_for_tls) - 1), false);
}

static void refuse_plain(struct sniffer *s, enum ses_sniff kind)
{
    ses_count(s->doors->options.metrics, SES_C_PLAINTEXT_REFUSED, 1);
    log_refused(s, "plaintext_refused", "plain text on a port that demands TLS (tls.plaintext)");
    if (kind == SES_SNIFF_HTTP2)
        refuse(s, ses_slice(tls_port_h2, sizeof(tls_port_h2) - 1), false);
    else
        refuse(s, ses_slice_str(tls_port), true);
}

/* ---- handing over ------------------------------------------------------------------------------------- */

static void attach_inside(void *doors, struct ses_conn *conn)
{
    ses_sniff_attach(doors, conn, SES_SLICE_EMPTY);
}

static enum ses_status start_tls(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first,
                                 uint32_t spent_ms)
{
    uint32_t header_ms = doors->options.limits.header_ms;
    struct ses_tls_start start = {
        .context = doors->options.tls,
        .first = first,
        .handshake_ms = spent_ms < header_ms ? header_ms - spent_ms : 0,
        .record_ms = header_ms,
        .on_attach = attach_inside,
        .arg = doors,
    };

    return ses_tls_start(conn, &start);
}

/* The sniffer is gone before the engine starts. */
static enum ses_status hand_over(struct sniffer *s, enum ses_sniff kind, struct ses_slice first)
{
    struct ses_doors *doors = s->doors;
    struct ses_conn *conn = s->conn;
    uint32_t spent_ms = s->len == 0 ? 0 : (uint32_t)((ses_clock_mono_ns() - s->began_ns) / SES_NS_PER_MS);

    ses_timer_stop(&s->timer);
    free(s);
    if (kind == SES_SNIFF_TLS)
        return start_tls(doors, conn, first, spent_ms);
    if (kind == SES_SNIFF_HTTP2)
        ses_h2_attach(doors, conn, first, spent_ms);
    else
        ses_h1_attach(doors, conn, first, spent_ms);
    return SES_OK;
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
        status = hand_over(s, kind, ses_buf_view(&joined));
    ses_buf_done(&joined);
    return status;
}

/* What these bytes lead to, beside those kept. */
static enum ses_status follow(struct sniffer *s, enum ses_sniff kind, struct ses_slice bytes)
{
    const struct ses_door_options *options = &s->doors->options;

    if (kind == SES_SNIFF_TLS && options->tls == NULL) {
        refuse_tls(s);
        return SES_OK;
    }
    if (kind != SES_SNIFF_TLS && options->tls != NULL && options->tls_only && !ses_conn_is_tls(s->conn)) {
        refuse_plain(s, kind);
        return SES_OK;
    }
    return s->len > 0 ? hand_over_joined(s, kind, bytes) : hand_over(s, kind, bytes);
}

/* TLS within TLS is nobody's. */
static enum ses_sniff check_inside(struct sniffer *s, struct ses_slice first)
{
    enum ses_tls_alpn alpn = ses_conn_tls_alpn(s->conn);
    enum ses_sniff kind;

    if (alpn != SES_TLS_ALPN_NONE)
        return alpn == SES_TLS_ALPN_HTTP2 ? SES_SNIFF_HTTP2 : SES_SNIFF_HTTP1;
    kind = ses_sniff_check(first, s->doors->options.http2);
    return kind == SES_SNIFF_TLS ? SES_SNIFF_HTTP1 : kind;
}

/* The first byte starts header_ms. What came is HTTP/1.1's to refuse, which it does at once: no time is
 * left. */
static void on_late(void *arg)
{
    struct sniffer *s = arg;
    struct ses_conn *conn = s->conn;

    if (follow(s, SES_SNIFF_HTTP1, SES_SLICE_EMPTY) != SES_OK)
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
    kind = ses_conn_is_tls(s->conn)
               ? check_inside(s, ses_slice(s->bytes, s->len + take))
               : ses_sniff_check(ses_slice(s->bytes, s->len + take), s->doors->options.http2);
    if (kind != SES_SNIFF_MORE)
        return follow(s, kind, bytes);
    keep_first(s, bytes.len);
    return SES_OK;
}

static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    struct sniffer *s = engine;

    if (s->last_words.len > 0 && s->as_http1)
        SES_TRY(ses_buf_appendf(out,
                                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
                                "content-length: %zu\r\nconnection: close\r\n\r\n",
                                s->last_words.len));
    SES_TRY(ses_buf_append(out, s->last_words));
    s->last_words = SES_SLICE_EMPTY;
    return SES_OK;
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
