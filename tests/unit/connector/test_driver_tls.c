/* test_driver_tls.c - a server whose certificate nobody vouches for, or that has none, must not get a request. */
#include "driver_fixture.h"
#include "tiny_server.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <unistd.h>

struct tls_server {
    int fd;
    int port;
    SSL_CTX *context;
    pthread_t thread;
    bool handshake_done;
    int reason; /* of the client's alert */
};

/* Signed by its own key, for 127.0.0.1, valid for an hour. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0),
        1);
    assert_int_equal(X509_set_issuer_name(certificate, name), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void *serve_once(void *arg)
{
    struct tls_server *server = arg;
    int fd = accept(server->fd, NULL, NULL);
    SSL *ssl = SSL_new(server->context);
    char byte;

    (void)SSL_set_fd(ssl, fd);
    server->handshake_done = SSL_accept(ssl) == 1;
    if (server->handshake_done)
        (void)SSL_read(ssl, &byte, 1); /* TLS 1.3: the alert comes behind our handshake */
    server->reason = ERR_GET_REASON(ERR_peek_last_error());
    SSL_free(ssl);
    (void)close(fd);
    return NULL;
}

static void tls_start(struct tls_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);

    *server = (struct tls_server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    server->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server->context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    assert_int_equal(bind(server->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->fd, 4), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve_once, server), 0);
}

static void an_unknown_certificate_is_refused(void **state)
{
    struct tls_server server;
    struct rig rig;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig); /* sandbox mode relaxes plain http, never TLS */
    tls_start(&server);
    request = rig_request(url, sizeof(url), server.port, false);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/path", server.port);
    request.url = text(url);
    assert_int_equal(rig_begin(&rig, &call, &request, FAR_AWAY), SES_OK);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_UNREACHABLE); /* not a byte of the request was sent */
    assert_int_equal(pthread_join(server.thread, NULL), 0);
    assert_int_equal(server.reason, SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    SSL_CTX_free(server.context);
    (void)close(server.fd);
    rig_stop(&rig);
}

static void plaintext_where_tls_is_wanted_is_unreachable(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.actions[0] = TINY_ANSWER_CLOSE;
    request = rig_request(url, sizeof(url), server.port, false);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/path", server.port);
    request.url = text(url);
    assert_int_equal(rig_begin(&rig, &call, &request, FAR_AWAY), SES_OK);
    rig_wait(&rig, &call);
    assert_int_equal(call.http_status, 0);
    assert_true(call.outcome == SES_OUTCOME_UNREACHABLE || call.outcome == SES_OUTCOME_TIMEOUT);
    assert_int_equal(server.requests, 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_certificate_is_refused),
        cmocka_unit_test(plaintext_where_tls_is_wanted_is_unreachable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
