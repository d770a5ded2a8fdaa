/* Plain text out of records, for the engine. */
#include "tls_conn_impl.h"

#include <openssl/err.h>

#include <sessiond/base/wiping.h>

/* Messages of a handshake after it (KeyUpdate, RFC 8446 section 4.6.3), beside one for each so many bytes. */
#define LATE_MESSAGES_MAX  32u
#define LATE_MESSAGE_BYTES (64 * SES_KIB)

/* A record that has begun must end: until then neither the engine nor its limits know of it. */
static void watch_record(struct ses_tls *tls, bool moved)
{
    struct ses_timers *timers = tls->conn->conns->options.timers;

    if (!ses_tls_record_inside(&tls->record))
        ses_timer_stop(&tls->timer);
    else if (moved || tls->timer.timers == NULL)
        ses_timer_start(timers, &tls->timer, tls->record_ms, ses_tls_on_late, tls);
}

/* Nothing is left to read: asking OpenSSL would tell the same at the price of a record. */
static bool is_empty(const struct ses_tls *tls)
{
    return tls->in.len == 0 && SSL_pending(tls->ssl) == 0;
}

/* SSL_get_error looks at the thread's queue of errors, where somebody else's may lie (libcurl's). Clearing an empty one
 * costs 840 instructions, looking 80. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

enum ses_tls_filled ses_tls_fill(struct ses_tls *tls, uint8_t *plain, size_t room, size_t *ret_len)
{
    size_t len = 0;
    size_t got = 0;
    int rc = 1;

    forget_errors();
    while (len < room && (rc = SSL_read_ex(tls->ssl, plain + len, room - len, &got)) == 1) {
        len += got;
        if (is_empty(tls))
            break;
    }
    *ret_len = len;
    if (rc == 1)
        return is_empty(tls) ? SES_TLS_FILLED_WANTS : SES_TLS_FILLED_WHOLE;
    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ: /* after a refused renegotiation too, with more to read */
        return tls->in.len > 0 ? SES_TLS_FILLED_WHOLE : SES_TLS_FILLED_WANTS;
    case SSL_ERROR_ZERO_RETURN:
        return SES_TLS_FILLED_CLOSED;
    default:
        return SES_TLS_FILLED_FAILED;
    }
}

/* close_notify: nothing comes behind it. Ours may still go (RFC 8446 section 6.1). */
static void take_goodbye(struct ses_tls *tls)
{
    struct ses_conn *conn = tls->conn;

    if (conn->eof)
        return;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    ses_conn_take_eof(conn);
}

/* Behind the handshake a first byte has first_byte_ms once more. */
static void hear(struct ses_tls *tls)
{
    if (!tls->heard)
        ses_conn_touch(tls->conn, 0);
    tls->heard = true;
}

static bool too_many_messages(const struct ses_tls *tls)
{
    return tls->late_messages > LATE_MESSAGES_MAX + tls->bytes_in / LATE_MESSAGE_BYTES;
}

static enum ses_status take_plain(struct ses_tls *tls, struct ses_slice plain)
{
    struct ses_conn *conn = tls->conn;
    enum ses_status status;

    if (plain.len == 0)
        return SES_OK;
    hear(tls);
    status = conn->inner_ops->on_bytes(conn->inner_engine, plain);
    ses_wiping_wipe(plain.data, plain.len);
    return status;
}

/* All that could be decrypted is taken. moved: it was something. */
static enum ses_status conclude(struct ses_tls *tls, enum ses_tls_filled filled, bool moved)
{
    struct ses_conn *conn = tls->conn;

    if (conn->state != CONN_OPEN)
        return SES_OK;
    if (filled == SES_TLS_FILLED_FAILED)
        return ses_tls_fail_by_ssl(tls);
    if (too_many_messages(tls))
        return ses_tls_fail(tls, SES_TLS_CAUSE_MALFORMED, "");
    if (filled == SES_TLS_FILLED_CLOSED)
        take_goodbye(tls);
    watch_record(tls, moved);
    if (tls->pending.len > 0)
        ses_conn_want_write(conn);
    return SES_OK;
}

enum ses_status ses_tls_take(struct ses_tls *tls, struct ses_slice first, enum ses_tls_filled filled)
{
    struct ses_conn *conn = tls->conn;
    uint8_t *plain = conn->conns->plain_bytes;
    bool moved = first.len > 0;

    SES_TRY(take_plain(tls, first));
    while (filled == SES_TLS_FILLED_WHOLE && conn->state == CONN_OPEN) {
        size_t len;

        filled = ses_tls_fill(tls, plain, READ_BYTES, &len);
        moved = moved || len > 0;
        SES_TRY(take_plain(tls, ses_slice(plain, len)));
    }
    return conclude(tls, filled, moved);
}

enum ses_status ses_tls_decrypt(struct ses_tls *tls)
{
    tls->sink = &tls->pending;
    ses_tls_keep_warm(tls);
    return ses_tls_take(tls, SES_SLICE_EMPTY, SES_TLS_FILLED_WHOLE);
}
