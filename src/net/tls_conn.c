/* One connection's TLS: an engine between conn.c and the protocol's engine. conn.c gives it what came and asks it
 * for what is to be written, as it does with any engine; it does the same with the inner one.
 *
 * A step of a handshake costs a signature or a verified chain, 0.1 to 1 ms, and a client pays nothing for it. So
 * a turn of the loop takes handshakes_per_turn of them; whose turn it is not waits in conns->steps with the bytes of
 * one read, is read no further, and a new turn begins with those.
 */
#include "tls_conn_impl.h"

#include <stdlib.h>

#include <openssl/err.h>

/* Of one handshake, both of the client's flights: its certificates are most of it. */
#define HANDSHAKE_BYTES_MAX (64 * SES_KIB)

/* ---- the handshake ------------------------------------------------------------------------------------ */

/* Verified, now or by the handshake whose session is resumed; its names were read already. */
static enum ses_status take_peer(struct ses_tls *tls)
{
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);

    if (certificate == NULL || SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return SES_OK;
    return ses_tls_peer_read(certificate, &tls->peer);
}

static enum ses_status established(struct ses_tls *tls)
{
    struct ses_metrics *metrics = tls->conn->conns->options.metrics;

    ses_timer_stop(&tls->timer);
    if (take_peer(tls) != SES_OK)
        return ses_tls_fail(tls, SES_TLS_CAUSE_CERTIFICATE, "no memory for its names");
    tls->state = TLS_OPEN;
    (void)SSL_clear_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
    ses_conn_touch(tls->conn, tls->conn->conns->options.first_byte_ms);
    ses_count(metrics, SES_C_TLS_HANDSHAKES, 1);
    if (SSL_session_reused(tls->ssl))
        ses_count(metrics, SES_C_TLS_RESUMED, 1);
    if (SSL_version(tls->ssl) == TLS1_2_VERSION)
        ses_count(metrics, SES_C_TLS_1_2, 1);
    return ses_tls_decrypt(tls); /* a request may have come with the last of it */
}

static enum ses_status step(struct ses_tls *tls, struct ses_slice bytes)
{
    int rc;

    tls->conn->conns->steps_left--;
    tls->in = bytes;
    tls->sink = &tls->pending;
    ERR_clear_error();
    rc = SSL_do_handshake(tls->ssl);
    if (tls->pending.len > 0)
        ses_conn_want_write(tls->conn);
    if (rc == 1)
        return established(tls);
    if (SSL_get_error(tls->ssl, rc) != SSL_ERROR_WANT_READ)
        return ses_tls_fail_by_ssl(tls);
    return tls->bytes_in <= HANDSHAKE_BYTES_MAX
               ? SES_OK
               : ses_tls_fail(tls, SES_TLS_CAUSE_MALFORMED, "a handshake of more than 64 KiB");
}

static enum ses_status handshake(struct ses_tls *tls, struct ses_slice bytes)
{
    struct ses_conns *conns = tls->conn->conns;

    if (conns->steps_left > 0 && ses_list_empty(&conns->steps))
        return step(tls, bytes);
    ses_list_push_back(&conns->steps, &tls->step);
    ses_count(conns->options.metrics, SES_C_TLS_POSTPONED, 1);
    ses_conn_read_pause(tls->conn);
    return ses_buf_append(&tls->inbox, bytes);
}

/* What came before it had to wait. */
static enum ses_status step_of_inbox(struct ses_tls *tls)
{
    struct ses_buf bytes = tls->inbox;
    enum ses_status status;

    ses_buf_init(&tls->inbox, READ_BYTES);
    ses_conn_read_resume(tls->conn);
    status = step(tls, ses_buf_view(&bytes));
    ses_buf_done(&bytes);
    ses_tls_count_held(tls);
    return status;
}

void ses_conns_handshake(struct ses_conns *conns)
{
    struct ses_list *node;

    conns->steps_left = conns->options.handshakes_per_turn;
    while (conns->steps_left > 0 && (node = ses_list_pop(&conns->steps)) != NULL) {
        struct ses_tls *tls = SES_CONTAINER(node, struct ses_tls, step);
        struct ses_conn *conn = tls->conn;

        if (conn->state == CONN_OPEN)
            ses_conn_took(conn, step_of_inbox(tls));
    }
    ses_conns_shed(conns);
}

/* ---- as conn.c's engine ------------------------------------------------------------------------------- */

static enum ses_status on_bytes(void *engine, struct ses_slice bytes)
{
    struct ses_tls *tls = engine;
    enum ses_status status = SES_OK;

    if (!ses_list_empty(&tls->turn))
        ses_conns_polled(tls->conn->conns); /* that came before */
    if (tls->conn->state != CONN_OPEN)
        return SES_OK;
    tls->bytes_in += bytes.len;
    ses_tls_record_pass(&tls->record, bytes);
    if (tls->state == TLS_HANDSHAKE) {
        status = handshake(tls, bytes);
    } else if (tls->state == TLS_OPEN && !ses_tls_turn_put(tls, bytes)) {
        tls->in = bytes;
        status = ses_tls_decrypt(tls);
    }
    ses_tls_count_held(tls);
    return status;
}

static enum ses_status on_produce(void *engine, struct ses_buf *out)
{
    struct ses_tls *tls = engine;

    if (tls->pending.len > 0) {
        SES_TRY(ses_buf_append(out, ses_buf_view(&tls->pending)));
        ses_buf_done(&tls->pending);
        ses_buf_init(&tls->pending, PENDING_BYTES_MAX);
        ses_tls_count_held(tls);
    }
    if (tls->turn_made)
        return ses_tls_turn_made(tls, out);
    if (tls->state != TLS_OPEN || tls->said_goodbye)
        return SES_OK;
    return ses_tls_encrypt(tls, out);
}

static void on_drain(void *engine)
{
    struct ses_tls *tls = engine;

    if (tls->conn->inner_ops->on_drain != NULL)
        tls->conn->inner_ops->on_drain(tls->conn->inner_engine);
    else
        ses_conn_finish(tls->conn);
}

static void on_idle(void *engine)
{
    struct ses_tls *tls = engine;

    if (tls->state == TLS_OPEN && tls->conn->inner_ops->on_idle != NULL)
        tls->conn->inner_ops->on_idle(tls->conn->inner_engine);
    else
        ses_conn_cut(tls->conn);
}

static void on_drained(void *engine)
{
    struct ses_tls *tls = engine;

    if (tls->state == TLS_OPEN && tls->conn->inner_ops->on_drained != NULL)
        tls->conn->inner_ops->on_drained(tls->conn->inner_engine);
}

static void on_eof(void *engine)
{
    struct ses_tls *tls = engine;

    if (!ses_list_empty(&tls->turn))
        ses_conns_polled(tls->conn->conns); /* that came before */
    if (tls->conn->state != CONN_OPEN)
        return;
    if (tls->state == TLS_HANDSHAKE)
        ses_tls_tell_failure(tls->conn, SES_TLS_CAUSE_LEFT, "it closed the connection");
    if (tls->state == TLS_OPEN && tls->conn->inner_ops->on_eof != NULL)
        tls->conn->inner_ops->on_eof(tls->conn->inner_engine);
    else
        ses_conn_cut(tls->conn);
}

static void on_shed(void *engine)
{
    struct ses_tls *tls = engine;

    if (tls->state == TLS_OPEN && tls->conn->inner_ops->on_shed != NULL)
        tls->conn->inner_ops->on_shed(tls->conn->inner_engine);
    else
        ses_conn_cut(tls->conn);
}

static void on_throttle(void *engine, bool on)
{
    struct ses_tls *tls = engine;

    if (tls->conn->inner_ops != NULL && tls->conn->inner_ops->on_throttle != NULL)
        tls->conn->inner_ops->on_throttle(tls->conn->inner_engine, on);
}

static void on_close(void *engine)
{
    struct ses_tls *tls = engine;
    struct ses_conn *conn = tls->conn;

    if (conn->inner_ops != NULL && conn->inner_ops->on_close != NULL)
        conn->inner_ops->on_close(conn->inner_engine);
    conn->tls = NULL;
    ses_timer_stop(&tls->timer);
    ses_list_remove(&tls->step);
    ses_list_remove(&tls->turn);
    ses_tls_let_cool(tls);
    SSL_free(tls->ssl);
    ses_buf_done(&tls->inbox);
    ses_buf_done(&tls->pending);
    free(tls->peer);
    free(tls);
}

static const struct ses_conn_ops tls_ops = {
    .on_bytes = on_bytes,
    .on_produce = on_produce,
    .on_drain = on_drain,
    .on_idle = on_idle,
    .on_drained = on_drained,
    .on_eof = on_eof,
    .on_throttle = on_throttle,
    .on_shed = on_shed,
    .on_close = on_close,
};

/* ---- beginning, and what engines ask ------------------------------------------------------------------ */

static struct ses_tls *new_tls(struct ses_conn *conn, const struct ses_tls_start *start)
{
    struct ses_tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL)
        return NULL;
    tls->conn = conn;
    tls->record_ms = start->record_ms;
    ses_list_init(&tls->step);
    ses_list_init(&tls->warm);
    ses_list_init(&tls->turn);
    ses_buf_init(&tls->inbox, READ_BYTES);
    ses_buf_init(&tls->pending, PENDING_BYTES_MAX);
    if (ses_tls_open_ssl(tls, start->context))
        return tls;
    SSL_free(tls->ssl);
    free(tls);
    return NULL;
}

enum ses_status ses_tls_start(struct ses_conn *conn, const struct ses_tls_start *start)
{
    struct ses_tls *tls = new_tls(conn, start);

    conn->ops = NULL; /* the engine so far has gone */
    conn->engine = NULL;
    if (tls == NULL) {
        ses_conn_cut(conn);
        return SES_OK;
    }
    ses_conn_attach(conn, &tls_ops, tls);
    conn->tls = tls;
    ses_timer_start(conn->conns->options.timers, &tls->timer, start->handshake_ms, ses_tls_on_late, tls);
    start->on_attach(start->arg, conn);
    return conn->state == CONN_OPEN ? on_bytes(tls, start->first) : SES_OK;
}

bool ses_conn_is_tls(const struct ses_conn *conn)
{
    return conn->tls != NULL;
}

enum ses_tls_alpn ses_conn_tls_alpn(const struct ses_conn *conn)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    if (conn->tls != NULL)
        SSL_get0_alpn_selected(conn->tls->ssl, &name, &len);
    if (len == 0)
        return SES_TLS_ALPN_NONE;
    return len == 2 ? SES_TLS_ALPN_HTTP2 : SES_TLS_ALPN_HTTP1;
}

const struct ses_tls_peer *ses_conn_tls_peer(const struct ses_conn *conn)
{
    return conn->tls == NULL ? NULL : conn->tls->peer;
}
