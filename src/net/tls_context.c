/* What all connections of a process share: certificate, suites, ALPN, who may be a client. */
#include "tls_impl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/units.h>

#define CLIENT_CHAIN_BYTES_MAX (32 * SES_KIB)
#define CLIENT_CHAIN_DEPTH     4
#define HOST_SIZE              256

/* ECDHE and AEAD only (RFC 9325 section 4.2); AES before ChaCha20, but for clients without AES in hardware, which
 * name it first. */
static const char suites_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/* Of 1.3: the same order; AES-128 and SHA-256 save 0.9 us a call of 700 bytes each way, and the key exchange is of the
 * same strength. */
static const char suites_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* Others that OpenSSL takes by default cost a handshake up to fifty times as much (X448, P-521, ffdhe8192). Only read,
 * but OpenSSL's macro would cast a const away. */
static char groups[] = "X25519:P-256:P-384";

/* In our order. Each name is preceded by its length (RFC 7301 section 3.1). */
static const unsigned char protocols[] = "\2h2\10http/1.1";

/* RFC 7301 section 3.2: a client that names protocols and none of ours is refused. */
static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_len, protocols, sizeof(protocols) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_chosen = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *ctx, const struct ses_tls_options *options)
{
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                       SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    /* 34 KiB less for a connection that waits in its handshake; later tls_conn.c gives back what is not used. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_BYTES_MAX);
    return SSL_CTX_set_min_proto_version(ctx, options->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, suites_1_2) == 1 && SSL_CTX_set_ciphersuites(ctx, suites_1_3) == 1 &&
           SSL_CTX_set1_groups_list(ctx, groups) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1;
}

/* By the world's clock as sessiond has it, and not OpenSSL's own look at it. A chain that is right with names that
 * are not is refused here, while the client can still be told. */
static int on_verify(X509_STORE_CTX *chain, void *arg)
{
    struct ses_tls_peer *peer = NULL;

    (void)arg;
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(chain), (time_t)(ses_clock_wall_ms() / 1000));
    if (X509_verify_cert(chain) != 1)
        return 0;
    if (ses_tls_peer_read(X509_STORE_CTX_get0_cert(chain), &peer) != SES_OK) {
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    free(peer);
    return 1;
}

/* A ticket is good for the rules under which its certificate was verified: with other authorities the context is
 * another one, and no session of the former is resumed in it. */
static bool name_context(SSL_CTX *ctx, const struct ses_tls_options *options)
{
    const uint8_t auth = (uint8_t)options->client_auth;
    const struct ses_slice parts[] = {SES_STR("sessiond"), ses_slice(&auth, 1), options->client_ca};
    uint8_t hash[SES_HASH_BYTES];

    ses_hash_parts(SES_SLICE_EMPTY, parts, 3, hash);
    return SSL_CTX_set_session_id_context(ctx, hash, sizeof(hash)) == 1;
}

static enum ses_status set_clients(SSL_CTX *ctx, const struct ses_tls_options *options,
                                   struct ses_fault *fault)
{
    int verify = SSL_VERIFY_PEER;

    if (options->client_auth == SES_TLS_CLIENT_NONE)
        return SES_OK;
    if (options->client_auth == SES_TLS_CLIENT_REQUIRE)
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, verify, NULL);
    SSL_CTX_set_verify_depth(ctx, CLIENT_CHAIN_DEPTH);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, NULL);
    return ses_tls_pem_clients(ctx, options, fault);
}

static enum ses_status fill(struct ses_tls_context *context, const struct ses_tls_options *options,
                            enum ses_tls_text *ret_text, struct ses_fault *fault)
{
    *ret_text = SES_TLS_CERTIFICATE;
    context->ctx = SSL_CTX_new(TLS_server_method());
    if (context->ctx == NULL)
        return ses_fault(fault, SES_NO_MEMORY, "no memory for TLS");
    context->tickets = options->tickets;
    context->ticket_seconds = options->ticket_seconds;
    (void)SSL_CTX_set_app_data(context->ctx, context);
    if (!set_rules(context->ctx, options) || !name_context(context->ctx, options) ||
        ses_tls_tickets_use(context) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "TLS cannot be set up: %s", ses_tls_reason());
    SES_TRY(ses_tls_pem_own(context->ctx, options, ret_text, fault));
    *ret_text = SES_TLS_CLIENT_CA;
    return set_clients(context->ctx, options, fault);
}

enum ses_status ses_tls_context_new(const struct ses_tls_options *options,
                                    struct ses_tls_context **ret_context, enum ses_tls_text *ret_text,
                                    struct ses_fault *ret_fault)
{
    struct ses_tls_context *context = calloc(1, sizeof(*context));
    enum ses_status status;

    if (context == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "no memory for TLS");
    ERR_clear_error();
    status = fill(context, options, ret_text, ret_fault);
    if (status == SES_OK)
        *ret_context = context;
    else
        ses_tls_context_free(context);
    return status;
}

void ses_tls_context_free(struct ses_tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ctx);
    free(context);
}

/* No common name: clients have not looked at it for years (RFC 9110 section 4.3.4). */
bool ses_tls_context_names(const struct ses_tls_context *context, struct ses_slice host)
{
    X509 *certificate = SSL_CTX_get0_certificate(context->ctx);
    char text[HOST_SIZE];

    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    return X509_check_ip_asc(certificate, text, 0) == 1 ||
           X509_check_host(certificate, text, host.len, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

uint64_t ses_tls_context_ends_ms(const struct ses_tls_context *context)
{
    struct tm tm = {.tm_year = 0};

    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context->ctx)), &tm) != 1)
        return 0;
    return (uint64_t)timegm(&tm) * 1000;
}
