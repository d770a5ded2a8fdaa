#include "micro.h"

#include <string.h>

#include <openssl/ssl.h>

#include <sessiond/base/status.h>

#define CONNECTIONS   64u
#define REQUEST_BYTES 218u
#define ANSWER_BYTES  827u
#define PIPE_BYTES    8192u

/* A client and a server in memory: both ends, so twice what a server pays. Each end encrypts one record and decrypts the
 * other one. */
struct pipe {
    SSL *client, *server;
};

static struct pipe pipes[CONNECTIONS];
static uint8_t bytes[ANSWER_BYTES];

/* A key that both know spares the certificate; the records are the same. */
static unsigned know_key(uint8_t *ret_key, unsigned size)
{
    SES_REQUIRE(size >= 32);
    memset(ret_key, 7, 32);
    return 32;
}

static unsigned server_key(SSL *ssl, const char *identity, unsigned char *ret_key, unsigned size)
{
    (void)ssl;
    (void)identity;
    return know_key(ret_key, size);
}

static unsigned client_key(SSL *ssl, const char *hint, char *ret_identity, unsigned identity_size,
                           unsigned char *ret_key, unsigned size)
{
    (void)ssl;
    (void)hint;
    SES_REQUIRE(identity_size > 1);
    memcpy(ret_identity, "m", 2);
    return know_key(ret_key, size);
}

static SSL_CTX *new_context(const SSL_METHOD *method, const char *suite)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    SES_REQUIRE(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_ciphersuites(ctx, suite) == 1);
    SSL_CTX_set_psk_server_callback(ctx, server_key);
    SSL_CTX_set_psk_client_callback(ctx, client_key);
    SES_REQUIRE(SSL_CTX_set_num_tickets(ctx, 0) == 1);
    return ctx;
}

static void open_pipe(struct pipe *pipe, SSL_CTX *client, SSL_CTX *server)
{
    BIO *near, *far;
    int done = 0;

    pipe->client = SSL_new(client);
    pipe->server = SSL_new(server);
    SES_REQUIRE(pipe->client != NULL && pipe->server != NULL &&
                BIO_new_bio_pair(&near, PIPE_BYTES, &far, PIPE_BYTES) == 1);
    SSL_set_bio(pipe->client, near, near);
    SSL_set_bio(pipe->server, far, far);
    SSL_set_connect_state(pipe->client);
    SSL_set_accept_state(pipe->server);
    for (int i = 0; i < 8 && done != 2; i++)
        done = (SSL_do_handshake(pipe->client) == 1) + (SSL_do_handshake(pipe->server) == 1);
    SES_REQUIRE(done == 2);
}

static void pass(SSL *from, SSL *to, size_t len)
{
    size_t done;

    SES_REQUIRE(SSL_write_ex(from, bytes, len, &done) == 1 && done == len);
    SES_REQUIRE(SSL_read_ex(to, bytes, len, &done) == 1 && done == len);
}

static void one(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++) {
        pass(pipes[0].client, pipes[0].server, REQUEST_BYTES);
        pass(pipes[0].server, pipes[0].client, ANSWER_BYTES);
    }
}

static void in_turn(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++) {
        struct pipe *pipe = &pipes[i % CONNECTIONS];

        pass(pipe->client, pipe->server, REQUEST_BYTES);
        pass(pipe->server, pipe->client, ANSWER_BYTES);
    }
}

static void measure(const char *suite, const char *name, const char *name_in_turn)
{
    SSL_CTX *client = new_context(TLS_client_method(), suite),
            *server = new_context(TLS_server_method(), suite);

    for (unsigned i = 0; i < CONNECTIONS; i++)
        open_pipe(&pipes[i], client, server);
    micro_measure(name, one, NULL);
    micro_measure(name_in_turn, in_turn, NULL);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        SSL_free(pipes[i].client);
        SSL_free(pipes[i].server);
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

void micro_openssl(void)
{
    measure("TLS_AES_128_GCM_SHA256", "OpenSSL: call, AES-128-GCM, both ends",
            "OpenSSL: the same, 64 connections in turn");
    measure("TLS_CHACHA20_POLY1305_SHA256", "OpenSSL: call, ChaCha20, both ends",
            "OpenSSL: the same, 64 connections in turn");
}
