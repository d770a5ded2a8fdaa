/* Records out of what the engine says. */
#include "tls_conn_impl.h"

#include <openssl/err.h>

enum ses_status ses_tls_seal(struct ses_tls *tls, struct ses_slice plain, struct ses_buf *out)
{
    size_t done;

    if (plain.len == 0)
        return SES_OK;
    tls->sink = out;
    ses_tls_keep_warm(tls);
    return SSL_write_ex(tls->ssl, plain.data, plain.len, &done) == 1 ? SES_OK : SES_IO;
}

/* The engine has said its last word: a client that gets no close_notify cannot know that it has all of it. */
static void say_goodbye(struct ses_tls *tls, struct ses_buf *out)
{
    struct ses_conn *conn = tls->conn;

    if (conn->state != CONN_FINISHING || !ses_list_empty(&conn->want) ||
        conn->conns->plain.len >= SES_CONN_HIGH_WATER)
        return;
    tls->said_goodbye = true;
    tls->sink = out;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
}

enum ses_status ses_tls_say(struct ses_tls *tls, struct ses_buf *plain)
{
    struct ses_conn *conn = tls->conn;

    ses_buf_clear(plain);
    return conn->inner_ops->on_produce(conn->inner_engine, plain);
}

enum ses_status ses_tls_encrypt(struct ses_tls *tls, struct ses_buf *out)
{
    struct ses_conn *conn = tls->conn;
    struct ses_buf *plain = &conn->conns->plain;

    SES_TRY(ses_tls_say(tls, plain));
    if (conn->state == CONN_CLOSED)
        return SES_OK;
    SES_TRY(ses_tls_seal(tls, ses_buf_view(plain), out));
    say_goodbye(tls, out);
    return SES_OK;
}
