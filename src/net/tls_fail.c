/* How TLS ends a connection: handshakes are counted by cause and told within bounds, later faults counted. */
#include "tls_conn_impl.h"

#include <openssl/err.h>

static const struct {
    const char *name; /* in the log */
    enum ses_counter counter;
} causes[] = {
    [SES_TLS_CAUSE_CERTIFICATE] = {"client certificate", SES_C_TLS_FAILED_CERTIFICATE},
    [SES_TLS_CAUSE_MISMATCH] = {"nothing in common", SES_C_TLS_FAILED_MISMATCH},
    [SES_TLS_CAUSE_LATE] = {"too slow", SES_C_TLS_FAILED_LATE},
    [SES_TLS_CAUSE_LEFT] = {"the client left", SES_C_TLS_FAILED_LEFT},
    [SES_TLS_CAUSE_MALFORMED] = {"malformed", SES_C_TLS_FAILED_MALFORMED},
};

enum ses_tls_cause ses_tls_cause_of(unsigned long error)
{
    int reason = ERR_GET_REASON(error);

    switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_BAD_SIGNATURE:
        return SES_TLS_CAUSE_CERTIFICATE;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
        return SES_TLS_CAUSE_MISMATCH;
    default:
        /* An alert that was received: its number and this. */
        return reason >= SSL_AD_REASON_OFFSET ? SES_TLS_CAUSE_LEFT : SES_TLS_CAUSE_MALFORMED;
    }
}

/* Bounded: a client that fails again and again must not fill the log. */
void ses_tls_tell_failure(const struct ses_conn *conn, enum ses_tls_cause cause, const char *reason)
{
    const struct ses_conns_options *options = &conn->conns->options;
    struct ses_log_line line;

    ses_count(options->metrics, causes[cause].counter, 1);
    if (options->log == NULL)
        return;
    ses_log_begin_bounded(options->log, SES_LOG_INFO, "tls_failed", causes[cause].name, &line);
    ses_log_str(&line, "cause", causes[cause].name);
    ses_log_str(&line, "reason", reason);
    ses_log_str(&line, "peer", conn->peer.text);
    ses_log_end(&line);
}

enum ses_status ses_tls_fail(struct ses_tls *tls, enum ses_tls_cause cause, const char *reason)
{
    if (tls->state == TLS_HANDSHAKE)
        ses_tls_tell_failure(tls->conn, cause, reason);
    else
        ses_count(tls->conn->conns->options.metrics, SES_C_PROTOCOL_ERRORS, 1);
    tls->state = TLS_BROKEN;
    ses_conn_want_write(tls->conn);
    return SES_MALFORMED;
}

enum ses_status ses_tls_fail_by_ssl(struct ses_tls *tls)
{
    enum ses_tls_cause cause = ses_tls_cause_of(ERR_peek_last_error());

    return ses_tls_fail(tls, cause, ses_tls_reason());
}

/* Nobody is told why: a client that is that slow does not listen either. */
void ses_tls_on_late(void *arg)
{
    struct ses_tls *tls = arg;
    struct ses_conn *conn = tls->conn;

    if (tls->state == TLS_HANDSHAKE) {
        ses_tls_tell_failure(conn, SES_TLS_CAUSE_LATE, "limits.header_ms");
        ses_conn_cut(conn);
    } else {
        ses_count(conn->conns->options.metrics, SES_C_REQUESTS_LATE, 1);
        ses_conn_finish(conn);
    }
}
