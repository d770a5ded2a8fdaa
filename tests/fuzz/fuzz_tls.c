/* fuzz_tls.c - a TLS connection under whatever a client may send, through a real socket.
 *
 * Input: a byte that chooses the scene, one that says how the rest is cut (0: in one piece, n: n bytes at a time), then
 * bytes. Scenes: 0 from the first byte on; 1 behind a whole handshake, as they are; 2 behind it as plain text in records of
 * its own; 3 the same, cut off at the end of the first piece. The end is the client's: nothing may be left, no connection
 * and nothing held, and what arrives inside is what was sent.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <sessiond/base/random.h>
#include <sessiond/config/usual.h>
#include "conn_impl.h"
#include "tls_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 16384 /* fits the sockets' buffers: nobody waits for anybody */
#define TURNS_MAX 100000

static struct {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct ses_timers *timers;
    struct ses_conns *conns;
    struct ses_metrics *metrics;
    struct ses_tls_context *tls;
    SSL_CTX *client;
    struct sockaddr_in address;
    struct ses_slice sent; /* what may arrive inside */
    size_t arrived;
} world;

/* ---- the engine inside */

static enum ses_status inside_bytes(void *engine, struct ses_slice bytes)
{
    (void)engine;
    SES_REQUIRE(world.arrived + bytes.len <= world.sent.len);
    SES_REQUIRE(memcmp(bytes.data, world.sent.data + world.arrived, bytes.len) == 0);
    world.arrived += bytes.len;
    return SES_OK;
}

static enum ses_status inside_produce(void *engine, struct ses_buf *out)
{
    (void)engine;
    (void)out;
    return SES_OK;
}

static void inside_end(void *conn)
{
    ses_conn_finish(conn);
}

static void forget(void *engine)
{
    (void)engine;
}

static const struct ses_conn_ops inside_ops = {.on_bytes = inside_bytes,
                                               .on_produce = inside_produce,
                                               .on_drain = inside_end,
                                               .on_idle = inside_end,
                                               .on_eof = inside_end,
                                               .on_close = forget};

static void attach_inside(void *arg, struct ses_conn *conn)
{
    (void)arg;
    ses_conn_attach(conn, &inside_ops, conn);
}

static enum ses_status first_bytes(void *conn, struct ses_slice bytes)
{
    struct ses_tls_start start = {.context = world.tls,
                                  .first = bytes,
                                  .handshake_ms = 1000,
                                  .record_ms = 1000,
                                  .on_attach = attach_inside};

    return ses_tls_start(conn, &start);
}

static const struct ses_conn_ops first_ops = {.on_bytes = first_bytes,
                                              .on_produce = inside_produce,
                                              .on_drain = inside_end,
                                              .on_idle = inside_end,
                                              .on_close = forget};

static void on_accept(void *arg, struct ses_conn *conn)
{
    (void)arg;
    ses_conn_attach(conn, &first_ops, conn);
}

static void on_prepare(uv_prepare_t *handle)
{
    (void)handle;
    ses_conns_flush(world.conns);
}

/* ---- making the world */

/* For nobody in particular: clients here do not look. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();

    SES_REQUIRE(certificate != NULL && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    SES_REQUIRE(X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static struct ses_slice text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);

    return ses_slice(bytes, (size_t)len);
}

static void make_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    BIO *certificate_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_mem());
    struct ses_tls_options options = {.client_auth = SES_TLS_CLIENT_OPTIONAL};
    struct ses_fault fault;
    enum ses_tls_text text;

    SES_REQUIRE(PEM_write_bio_X509(certificate_text, certificate) == 1);
    SES_REQUIRE(PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1);
    options.certificate = options.client_ca = text_of(certificate_text);
    options.key = text_of(key_text);
    SES_REQUIRE(ses_tls_context_new(&options, &world.tls, &text, &fault) == SES_OK);
    BIO_free(certificate_text);
    BIO_free(key_text);
    X509_free(certificate);
    EVP_PKEY_free(key);
    world.client = SSL_CTX_new(TLS_client_method());
    SES_REQUIRE(world.client != NULL);
}

static void make_world(void)
{
    struct ses_conns_options options = ses_usual_conns();
    socklen_t size = sizeof(world.address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ses_random_init();
    make_context();
    world.metrics = aligned_alloc(64, (sizeof(*world.metrics) + 63) / 64 * 64);
    SES_REQUIRE(world.metrics != NULL);
    memset(world.metrics, 0, sizeof(*world.metrics));
    SES_REQUIRE(uv_loop_init(&world.loop) == 0 && ses_timers_new(&world.loop, &world.timers) == SES_OK);
    SES_REQUIRE(uv_prepare_init(&world.loop, &world.prepare) == 0);
    SES_REQUIRE(uv_prepare_start(&world.prepare, on_prepare) == 0);
    options.loop = &world.loop;
    options.timers = world.timers;
    options.metrics = world.metrics;
    options.on_accept = on_accept;
    SES_REQUIRE(ses_conns_new(&options, &world.conns) == SES_OK);
    world.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SES_REQUIRE(fd >= 0 && bind(fd, (const struct sockaddr *)&world.address, size) == 0);
    SES_REQUIRE(getsockname(fd, (struct sockaddr *)&world.address, &size) == 0);
    SES_REQUIRE(ses_conns_listen(world.conns, fd) == SES_OK);
}

/* ---- the client */

/* What it has to send goes, in pieces; what has come is given to it. False: the server has ended it. */
static bool pump(int fd, struct ses_slice bytes, size_t piece, BIO *in)
{
    char got[16384];
    ssize_t n = 0;

    while (bytes.len > 0) {
        size_t take = piece == 0 || piece > bytes.len ? bytes.len : piece;

        if (send(fd, bytes.data, take, MSG_NOSIGNAL) < (ssize_t)take)
            return false;
        bytes = ses_slice_cut(bytes, take, bytes.len);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
        if (in != NULL)
            SES_REQUIRE(BIO_write(in, got, (int)n) == n);
    }
    return n != 0;
}

static bool pump_ssl(int fd, SSL *ssl, size_t piece)
{
    bool open = pump(fd, text_of(SSL_get_wbio(ssl)), piece, SSL_get_rbio(ssl));

    (void)BIO_reset(SSL_get_wbio(ssl));
    return open;
}

static SSL *connect_ssl(int fd)
{
    SSL *ssl = SSL_new(world.client);
    BIO *in = BIO_new(BIO_s_mem());

    SES_REQUIRE(ssl != NULL && in != NULL);
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    for (unsigned turns = 0; SSL_do_handshake(ssl) != 1; turns++)
        SES_REQUIRE(turns < TURNS_MAX && pump_ssl(fd, ssl, 0));
    SES_REQUIRE(pump_ssl(fd, ssl, 0));
    return ssl;
}

/* As many records as there are pieces; cut: the first one loses its end. */
static void send_records(int fd, SSL *ssl, struct ses_slice bytes, size_t piece, bool cut)
{
    struct ses_slice wire;

    while (bytes.len > 0) {
        size_t take = piece == 0 || piece > bytes.len ? bytes.len : piece;

        SES_REQUIRE(SSL_write(ssl, bytes.data, (int)take) == (int)take);
        bytes = ses_slice_cut(bytes, take, bytes.len);
    }
    wire = text_of(SSL_get_wbio(ssl));
    (void)pump(fd, ses_slice_cut(wire, 0, cut ? wire.len / 2 : wire.len), 0, NULL);
}

/* Its end, and the server's of it. */
static void end_client(int fd, SSL *ssl)
{
    (void)shutdown(fd, SHUT_WR);
    (void)pump(fd, SES_SLICE_EMPTY, 0, NULL);
    SSL_free(ssl);
    (void)close(fd);
    for (unsigned turns = 0; ses_conns_count(world.conns) > 0; turns++) {
        SES_REQUIRE(turns < TURNS_MAX);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    ERR_clear_error();
}

static int connect_client(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    SES_REQUIRE(fd >= 0 && connect(fd, (const struct sockaddr *)&world.address, sizeof(world.address)) == 0);
    for (unsigned turns = 0; ses_conns_count(world.conns) == 0; turns++) {
        SES_REQUIRE(turns < TURNS_MAX);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_slice bytes;
    SSL *ssl = NULL;
    unsigned scene;
    int fd;

    if (world.tls == NULL)
        make_world();
    if (size < 2)
        return 0;
    scene = data[0] % 4;
    bytes = ses_slice(data + 2, size - 2 < INPUT_MAX ? size - 2 : INPUT_MAX);
    world.sent = scene >= 2 ? bytes : SES_SLICE_EMPTY;
    world.arrived = 0;
    fd = connect_client();
    if (scene > 0)
        ssl = connect_ssl(fd);
    if (scene >= 2)
        send_records(fd, ssl, bytes, data[1], scene == 3);
    else
        (void)pump(fd, bytes, data[1], NULL);
    end_client(fd, ssl);
    SES_REQUIRE(scene != 2 || world.arrived == bytes.len);
    SES_REQUIRE(world.conns->held_bytes == 0);
    return 0;
}
