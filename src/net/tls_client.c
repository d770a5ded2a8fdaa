/* OpenSSL as a client between two buffers of ours: what the peer has sent goes into one memory BIO, what is to be sent is
 * taken out of the other. */
#include <sessiond/net/tls_client.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "tls_impl.h"

#define WHY_SIZE 160
#define PIECE    (16 * SES_KIB)
#define H2_WIRE  "\2h2"

struct ses_tls_client {
    SSL_CTX *ctx;
};

struct ses_tls_call {
    SSL *ssl;
    BIO *in;
    BIO *out;
    bool open;
    char why[WHY_SIZE];
};

/* ---- the context -------------------------------------------------------------------------------------- */

static bool set_rules(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_options(ctx,
                              SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)H2_WIRE, sizeof(H2_WIRE) - 1) == 0;
}

static enum ses_status fill(SSL_CTX *ctx, const struct ses_tls_client_options *options,
                            struct ses_fault *fault)
{
    const struct ses_tls_options own = {
        .certificate = options->certificate, .key = options->key, .client_ca = options->ca, .judged = true};
    enum ses_tls_text text;

    if (!set_rules(ctx))
        return ses_fault(fault, SES_NO_MEMORY, "TLS cannot be set up: %s", ses_tls_reason());
    if (options->certificate.len > 0)
        SES_TRY(ses_tls_pem_own(ctx, &own, &text, fault));
    if (options->ca.len > 0)
        return ses_tls_pem_trusted(ctx, options->ca, fault);
    if (SSL_CTX_set_default_verify_paths(ctx) != 1)
        return ses_fault(fault, SES_FAILED_PRECONDITION, "the machine's own authorities cannot be read: %s",
                         ses_tls_reason());
    return SES_OK;
}

enum ses_status ses_tls_client_new(const struct ses_tls_client_options *options,
                                   struct ses_tls_client **ret_client, struct ses_fault *ret_fault)
{
    struct ses_tls_client *client = calloc(1, sizeof(*client));
    enum ses_status status = SES_OK;

    ERR_clear_error();
    if (client != NULL)
        client->ctx = SSL_CTX_new(TLS_client_method());
    if (client == NULL || client->ctx == NULL)
        status = ses_fault(ret_fault, SES_NO_MEMORY, "no memory for TLS");
    else
        status = fill(client->ctx, options, ret_fault);
    if (status == SES_OK)
        *ret_client = client;
    else
        ses_tls_client_free(client);
    return status;
}

void ses_tls_client_free(struct ses_tls_client *client)
{
    if (client == NULL)
        return;
    SSL_CTX_free(client->ctx);
    free(client);
}

/* ---- one connection ----------------------------------------------------------------------------------- */

/* A name is sent in the clear too (SNI), an address is not (RFC 6066 section 3). */
static bool set_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_time(rules, (time_t)(ses_clock_wall_ms() / 1000));
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, name) == 1)
        return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    /* SSL_set_tlsext_host_name, whose cast drops a const that the library keeps. */
    return X509_VERIFY_PARAM_set1_host(rules, name, 0) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name) ==
               1;
}

enum ses_status ses_tls_call_new(const struct ses_tls_client *client, const char *name,
                                 struct ses_tls_call **ret_call)
{
    struct ses_tls_call *call = calloc(1, sizeof(*call));

    if (call == NULL)
        return SES_NO_MEMORY;
    call->ssl = SSL_new(client->ctx);
    call->in = BIO_new(BIO_s_mem());
    call->out = BIO_new(BIO_s_mem());
    if (call->ssl == NULL || call->in == NULL || call->out == NULL || !set_name(call->ssl, name)) {
        BIO_free(call->in);
        BIO_free(call->out);
        SSL_free(call->ssl);
        free(call);
        ERR_clear_error();
        return SES_NO_MEMORY;
    }
    (void)BIO_set_mem_eof_return(call->in, -1); /* empty is "later" and not "over" */
    SSL_set_bio(call->ssl, call->in, call->out);
    SSL_set_connect_state(call->ssl);
    *ret_call = call;
    return SES_OK;
}

void ses_tls_call_free(struct ses_tls_call *call)
{
    if (call == NULL)
        return;
    SSL_free(call->ssl);
    free(call);
}

bool ses_tls_call_is_open(const struct ses_tls_call *call)
{
    return call->open;
}

const char *ses_tls_call_why(const struct ses_tls_call *call)
{
    return call->why;
}

/* What OpenSSL wants to be sent. */
static enum ses_status take_out(struct ses_tls_call *call, struct ses_buf *ret_out)
{
    char *bytes;
    long len = BIO_get_mem_data(call->out, &bytes);

    if (len > 0)
        SES_TRY(ses_buf_append(ret_out, ses_slice(bytes, (size_t)len)));
    (void)BIO_reset(call->out);
    return SES_OK;
}

/* A certificate's fault has a name of its own, which says more than that it was one. */
static enum ses_status refuse(struct ses_tls_call *call, const char *why)
{
    long verdict = SSL_get_verify_result(call->ssl);

    if (verdict != X509_V_OK)
        why = X509_verify_cert_error_string(verdict);
    (void)snprintf(call->why, sizeof(call->why), "%s", why);
    ERR_clear_error();
    return SES_UNAVAILABLE;
}

static enum ses_status judge(struct ses_tls_call *call, int rv)
{
    switch (SSL_get_error(call->ssl, rv)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return SES_OK;
    case SSL_ERROR_ZERO_RETURN:
        return SES_EXPIRED;
    default:
        return refuse(call, ses_tls_reason());
    }
}

static enum ses_status shake_hands(struct ses_tls_call *call)
{
    const unsigned char *protocol;
    unsigned len;
    int rv;

    if (call->open)
        return SES_OK;
    ERR_clear_error();
    rv = SSL_do_handshake(call->ssl);
    if (rv != 1)
        return judge(call, rv);
    SSL_get0_alpn_selected(call->ssl, &protocol, &len);
    if (len != 2 || memcmp(protocol, "h2", 2) != 0)
        return refuse(call, "the peer does not agree to HTTP/2 (ALPN h2)");
    call->open = true;
    return SES_OK;
}

static enum ses_status read_plain(struct ses_tls_call *call, struct ses_buf *ret_plain)
{
    while (call->open) {
        size_t got = 0;
        int rv;

        SES_TRY(ses_buf_reserve(ret_plain, PIECE));
        ERR_clear_error();
        rv = SSL_read_ex(call->ssl, ret_plain->data + ret_plain->len, PIECE, &got);
        if (rv != 1)
            return judge(call, rv);
        ret_plain->len += got;
    }
    return SES_OK;
}

enum ses_status ses_tls_call_receive(struct ses_tls_call *call, struct ses_slice bytes,
                                     struct ses_buf *ret_plain, struct ses_buf *ret_out)
{
    enum ses_status status;

    if (bytes.len > INT32_MAX || (bytes.len > 0 && BIO_write(call->in, bytes.data, (int)bytes.len) <= 0))
        return SES_NO_MEMORY;
    status = shake_hands(call);
    if (status == SES_OK)
        status = read_plain(call, ret_plain);
    if (take_out(call, ret_out) != SES_OK && status == SES_OK)
        status = SES_NO_MEMORY;
    return status;
}

enum ses_status ses_tls_call_send(struct ses_tls_call *call, struct ses_slice plain, struct ses_buf *ret_out)
{
    while (plain.len > 0) {
        size_t done = 0;
        int rv;

        ERR_clear_error();
        rv = SSL_write_ex(call->ssl, plain.data, plain.len, &done);
        if (rv != 1)
            return refuse(call, ses_tls_reason());
        plain = ses_slice_cut(plain, done, plain.len);
    }
    return take_out(call, ret_out);
}
