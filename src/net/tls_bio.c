/* OpenSSL's bytes come from what conn.c has read and go to what it will write: a source and sink (BIO) over our
 * own buffers, without a copy of them between the two. */
#include "tls_conn_impl.h"

static int bio_read(BIO *bio, char *to, size_t room, size_t *ret_got)
{
    struct ses_tls *tls = BIO_get_data(bio);
    size_t take = room < tls->in.len ? room : tls->in.len;

    BIO_clear_retry_flags(bio);
    *ret_got = take;
    if (take == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, tls->in.data, take);
    tls->in = ses_slice_cut(tls->in, take, tls->in.len);
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t len, size_t *ret_done)
{
    struct ses_tls *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *ret_done = len;
    return ses_buf_append(tls->sink, ses_slice(from, len)) == SES_OK ? 1 : 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Of the process: made once, by its one loop's thread. */
static const BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;

    if (method != NULL)
        return method;
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "sessiond connection");
    if (method == NULL || BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 || BIO_meth_set_ctrl(method, bio_ctrl) != 1) {
        BIO_meth_free(method);
        method = NULL;
    }
    return method;
}

static void on_message(int written, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    struct ses_tls *tls = arg;

    (void)version;
    (void)bytes;
    (void)len;
    (void)ssl;
    if (!written && type == SSL3_RT_HANDSHAKE && tls->state == TLS_OPEN)
        tls->late_messages++;
}

bool ses_tls_open_ssl(struct ses_tls *tls, const struct ses_tls_context *context)
{
    const BIO_METHOD *method = bio_method();
    BIO *bio = method == NULL ? NULL : BIO_new(method);

    tls->ssl = SSL_new(context->ctx);
    if (bio == NULL || tls->ssl == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* one reference for both */
    SSL_set_accept_state(tls->ssl);
    SSL_set_msg_callback(tls->ssl, on_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    return true;
}

/* ---- record buffers ----------------------------------------------------------------------------------- */

/* What OpenSSL has allocated while a record is not whole (ssl3_setup_read_buffer). */
#define RECORD_BUFFER_BYTES (17 * SES_KIB)

void ses_tls_count_held(struct ses_tls *tls)
{
    struct ses_conn *conn = tls->conn;
    size_t now =
        tls->inbox.room + tls->pending.room + (ses_tls_record_inside(&tls->record) ? RECORD_BUFFER_BYTES : 0);

    if (now == conn->tls_held_bytes)
        return;
    conn->tls_held_bytes = now;
    ses_conn_count_held(conn);
}

void ses_tls_let_cool(struct ses_tls *tls)
{
    if (ses_list_empty(&tls->warm))
        return;
    ses_list_remove(&tls->warm);
    tls->conn->conns->warm_count--;
    (void)SSL_free_buffers(tls->ssl); /* not those with part of a record, which is held, and counted so */
}

/* Those of the last WARM_MAX connections that had something to say are kept, all others' are given back: an idle
 * connection holds none, and a busy one need not allocate 34 KiB for each call (1 us of 4.5, which
 * SSL_MODE_RELEASE_BUFFERS would cost). */
void ses_tls_keep_warm(struct ses_tls *tls)
{
    struct ses_conns *conns = tls->conn->conns;

    if (ses_list_empty(&tls->warm))
        conns->warm_count++;
    else
        ses_list_remove(&tls->warm);
    ses_list_push_back(&conns->warm, &tls->warm);
    if (conns->warm_count > WARM_MAX)
        ses_tls_let_cool(SES_CONTAINER(conns->warm.next, struct ses_tls, warm));
}
