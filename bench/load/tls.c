#include "tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct load_tls_context {
    SSL_CTX *ctx;
    const struct load_plan *plan;
};

struct load_tls {
    SSL *ssl;
    BIO *in;  /* from the wire; ssl owns both */
    BIO *out; /* to the wire */
    char error[LOAD_TLS_ERROR_MAX];
};

static const unsigned char alpn_h2[] = {2, 'h', '2'};

static void describe(char ret_error[LOAD_TLS_ERROR_MAX], const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    (void)snprintf(ret_error, LOAD_TLS_ERROR_MAX, "%s%s%s", what, reason != NULL ? ": " : "",
                   reason != NULL ? reason : "");
    ERR_clear_error();
}

static bool set_trust(SSL_CTX *ctx, const struct load_plan *plan, char ret_error[LOAD_TLS_ERROR_MAX])
{
    SSL_CTX_set_verify(ctx, plan->tls_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (plan->tls_ca != NULL ? SSL_CTX_load_verify_locations(ctx, plan->tls_ca, NULL) == 1
                             : SSL_CTX_set_default_verify_paths(ctx) == 1)
        return true;
    ERR_clear_error();
    (void)snprintf(ret_error, LOAD_TLS_ERROR_MAX, "TLS: %.100s has no certificate that can be read",
                   plan->tls_ca != NULL ? plan->tls_ca : "the system's store");
    return false;
}

struct load_tls_context *load_tls_context_new(const struct load_plan *plan,
                                              char ret_error[LOAD_TLS_ERROR_MAX])
{
    struct load_tls_context *context = calloc(1, sizeof(*context));

    SES_REQUIRE(context != NULL);
    context->plan = plan;
    context->ctx = SSL_CTX_new(TLS_client_method());
    SES_REQUIRE(context->ctx != NULL);
    SES_REQUIRE(SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION) == 1);
    SES_REQUIRE(SSL_CTX_set_alpn_protos(context->ctx, alpn_h2, sizeof(alpn_h2)) == 0);
    (void)SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS);
    if (set_trust(context->ctx, plan, ret_error))
        return context;
    load_tls_context_free(context);
    return NULL;
}

void load_tls_context_free(struct load_tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ctx);
    free(context);
}

/* The name that the certificate must have: a host's, sent as SNI too, or an address. */
static void expect_name(SSL *ssl, const struct load_plan *plan)
{
    char address[INET_ADDRSTRLEN];
    char name[256]; /* the macro below wants it writable */

    if (plan->tls_name != NULL) {
        (void)snprintf(name, sizeof(name), "%s", plan->tls_name);
        SES_REQUIRE(SSL_set_tlsext_host_name(ssl, name) == 1);
        SES_REQUIRE(SSL_set1_host(ssl, name) == 1);
        return;
    }
    SES_REQUIRE(inet_ntop(AF_INET, &plan->address.sin_addr, address, sizeof(address)) != NULL);
    SES_REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address) == 1);
}

struct load_tls *load_tls_open(struct load_tls_context *context)
{
    struct load_tls *tls = calloc(1, sizeof(*tls));

    SES_REQUIRE(tls != NULL);
    tls->ssl = SSL_new(context->ctx);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    SES_REQUIRE(tls->ssl != NULL && tls->in != NULL && tls->out != NULL);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    expect_name(tls->ssl, context->plan);
    return tls;
}

void load_tls_close(struct load_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

static enum load_tls_state fail(struct load_tls *tls, const char *what)
{
    long verdict = SSL_get_verify_result(tls->ssl);

    if (verdict != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
        (void)snprintf(tls->error, sizeof(tls->error), "TLS: the server's certificate: %s",
                       X509_verify_cert_error_string(verdict));
        ERR_clear_error();
    } else {
        describe(tls->error, what);
    }
    return LOAD_TLS_FAILED;
}

static bool take_in(struct load_tls *tls, struct ses_slice wire)
{
    return wire.len == 0 || BIO_write(tls->in, wire.data, (int)wire.len) == (int)wire.len;
}

enum load_tls_state load_tls_handshake(struct load_tls *tls, struct ses_slice wire)
{
    const unsigned char *chosen;
    unsigned chosen_len;
    int rc;

    if (!take_in(tls, wire))
        return fail(tls, "TLS");
    rc = SSL_do_handshake(tls->ssl);
    if (rc != 1)
        return SSL_get_error(tls->ssl, rc) == SSL_ERROR_WANT_READ ? LOAD_TLS_HANDSHAKING
                                                                  : fail(tls, "TLS handshake");
    SSL_get0_alpn_selected(tls->ssl, &chosen, &chosen_len);
    if (chosen_len == 2 && memcmp(chosen, "h2", 2) == 0)
        return LOAD_TLS_READY;
    (void)snprintf(tls->error, sizeof(tls->error), "TLS: the server does not offer HTTP/2 (ALPN h2)");
    return LOAD_TLS_FAILED;
}

bool load_tls_feed(struct load_tls *tls, struct ses_slice wire)
{
    return take_in(tls, wire);
}

size_t load_tls_read(struct load_tls *tls, uint8_t *plain, size_t room)
{
    int n = SSL_read(tls->ssl, plain, (int)room);

    if (n > 0)
        return (size_t)n;
    ERR_clear_error(); /* wants more, or is closed: then the connection's end follows */
    return 0;
}

bool load_tls_write(struct load_tls *tls, struct ses_slice plain)
{
    return plain.len == 0 || SSL_write(tls->ssl, plain.data, (int)plain.len) == (int)plain.len;
}

enum ses_status load_tls_take(struct load_tls *tls, struct ses_buf *out)
{
    char *bytes;
    long len = BIO_get_mem_data(tls->out, &bytes);

    if (len <= 0)
        return SES_OK;
    SES_TRY(ses_buf_append(out, ses_slice((const uint8_t *)bytes, (size_t)len)));
    (void)BIO_reset(tls->out);
    return SES_OK;
}

const char *load_tls_version(const struct load_tls *tls)
{
    return SSL_get_version(tls->ssl);
}

const char *load_tls_error(const struct load_tls *tls)
{
    return tls->error;
}
