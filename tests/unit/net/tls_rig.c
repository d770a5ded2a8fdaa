#include "tls_rig.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include <sessiond/base/random.h>

struct tls_rig tls_rig;

int setup_tls(void **state)
{
    const struct made_options authority = {.common_name = "clients", .authority = true};

    ses_random_init();
    memset(&tls_rig, 0, sizeof(tls_rig));
    made_server(&tls_rig.server);
    made_certificate(&authority, &tls_rig.authority);
    tls_rig.options = (struct ses_tls_options){.certificate = made_text(tls_rig.server.certificate),
                                               .key = made_text(tls_rig.server.key)};
    tls_rig.start = (struct ses_tls_start){.handshake_ms = 1000, .record_ms = 1000};
    return setup(state);
}

int teardown_tls(void **state)
{
    teardown(state);
    tls_with = NULL;
    ses_tls_context_free(tls_rig.context);
    SSL_SESSION_free(tls_rig.resume);
    made_done(&tls_rig.server);
    made_done(&tls_rig.authority);
    return 0;
}

void begin_tls(struct fixture *f, struct ses_conns_options options)
{
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;

    if (ses_tls_context_new(&tls_rig.options, &tls_rig.context, &text, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    tls_rig.start.context = tls_rig.context;
    tls_with = &tls_rig.start;
    begin(f, options);
}

/* ---- clients */

static void set_client(struct tls_client *c)
{
    if (tls_rig.version != 0) {
        assert_int_equal(SSL_CTX_set_min_proto_version(c->ctx, tls_rig.version), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(c->ctx, tls_rig.version), 1);
    }
    SSL_CTX_set_security_level(c->ctx, 0); /* tries what it should not */
    if (tls_rig.alpn != NULL)
        assert_int_equal(SSL_CTX_set_alpn_protos(c->ctx, (const unsigned char *)tls_rig.alpn,
                                                 (unsigned)strlen(tls_rig.alpn)),
                         0);
    if (tls_rig.own != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(c->ctx, tls_rig.own->x509), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(c->ctx, tls_rig.own->pkey), 1);
    }
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ctx), tls_rig.server.x509), 1);
}

void tls_client(struct fixture *f, struct tls_client *ret_client)
{
    static const int on = 1;
    struct tls_client c = {.fd = client(f), .ctx = SSL_CTX_new(TLS_client_method()), .piece = tls_rig.piece};

    /* What is sent is there at once, and does not wait for an acknowledgement that the kernel delays (Nagle). */
    assert_int_equal(setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    set_client(&c);
    c.ssl = SSL_new(c.ctx);
    c.in = BIO_new(BIO_s_mem());
    c.out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(c.in, -1); /* nothing yet is no end */
    SSL_set_bio(c.ssl, c.in, c.out);
    SSL_set_connect_state(c.ssl);
    assert_int_equal(SSL_set1_host(c.ssl, "localhost"), 1);
    if (tls_rig.resume != NULL)
        assert_int_equal(SSL_set_session(c.ssl, tls_rig.resume), 1);
    *ret_client = c;
}

void tls_client_done(struct tls_client *client)
{
    (void)close(client->fd);
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
}

static void send_out(struct fixture *f, struct tls_client *c)
{
    static char bytes[1 << 20];
    int len = BIO_read(c->out, bytes, sizeof(bytes));
    int at = 0;

    while (at < len) {
        size_t piece = c->piece == 0 || c->piece > (size_t)(len - at) ? (size_t)(len - at) : c->piece;
        ssize_t done = send(c->fd, bytes + at, piece, MSG_NOSIGNAL);

        if (done < 0 && errno != EAGAIN)
            return; /* the server has ended it: what it said is still read */
        at += done < 0 ? 0 : (int)done;
        run_turn(f);
    }
}

static void take_in(struct tls_client *c)
{
    char bytes[65536];
    ssize_t got;

    while ((got = recv(c->fd, bytes, sizeof(bytes), 0)) > 0)
        assert_int_equal(BIO_write(c->in, bytes, (int)got), got);
    c->ended = c->ended || got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void tls_pump(struct fixture *f, struct tls_client *client)
{
    send_out(f, client);
    run_turn(f);
    take_in(client);
}

void tls_connect(struct fixture *f, struct tls_client *ret_client, struct toy **ret_toy)
{
    unsigned before = f->toys_count;

    tls_client(f, ret_client);
    TLS_UNTIL(f, ret_client, SSL_do_handshake(ret_client->ssl) == 1 || ret_client->ended);
    assert_false(ret_client->ended);
    tls_pump(f, ret_client);
    *ret_toy = f->toys[before];
}

int tls_refused(struct fixture *f, struct tls_client *client)
{
    char byte;
    int rc = -1;

    ERR_clear_error();
    WAIT_DOING(tls_pump(f, client), (rc = SSL_read(client->ssl, &byte, 1)) > 0 ||
                                        SSL_get_error(client->ssl, rc) != SSL_ERROR_WANT_READ ||
                                        client->ended);
    assert_true(rc <= 0);
    return SSL_get_error(client->ssl, rc) == SSL_ERROR_SSL ? ERR_GET_REASON(ERR_get_error()) : 0;
}

void tls_put(struct fixture *f, struct tls_client *client, const void *bytes, size_t len)
{
    size_t done;

    assert_int_equal(SSL_write_ex(client->ssl, bytes, len, &done), 1);
    assert_int_equal(done, len);
    send_out(f, client);
}

void tls_get(struct fixture *f, struct tls_client *client, void *ret_bytes, size_t len)
{
    uint8_t *to = ret_bytes;
    size_t done = 0;
    size_t got;

    while (done < len) {
        TLS_UNTIL(f, client, SSL_read_ex(client->ssl, to + done, len - done, &got) == 1 || client->ended);
        assert_true(got > 0);
        done += got;
    }
}
