/* PEM texts into OpenSSL's context, each looked at first: what is wrong is said here in a sentence, and not by a
 * client that is refused. */
#include "tls_impl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sessiond/base/clock.h>

#define CHAIN_MAX       8
#define AUTHORITIES_MAX 64
#define TIME_TEXT_BYTES 32

const char *ses_tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason == NULL ? "no reason given" : reason;
}

static BIO *open_text(struct ses_slice pem)
{
    return pem.len == 0 || pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
}

/* ---- certificates ------------------------------------------------------------------------------------- */

static void free_certificates(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

/* Looking at an extension that cannot be read leaves an error, whatever comes of the certificate. */
static void forget(STACK_OF(X509) * certificates)
{
    free_certificates(certificates);
    ERR_clear_error();
}

/* All certificates of a text, at least one. What is no certificate in it is passed over, as others do. */
static enum ses_status read_certificates(struct ses_slice pem, int count_max,
                                         STACK_OF(X509) * *ret_certificates, struct ses_fault *fault)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();
    BIO *text = open_text(pem);
    X509 *certificate = NULL;
    enum ses_status status = SES_OK;

    while (status == SES_OK && text != NULL &&
           (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_num(certificates) == count_max)
            status = ses_fault(fault, SES_MALFORMED,
                               "more than %d certificates in it: leave those that are needed", count_max);
        if (status != SES_OK || sk_X509_push(certificates, certificate) <= 0)
            X509_free(certificate);
    }
    BIO_free(text);
    /* The end of the text is told as an error too. */
    if (status == SES_OK && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE && text != NULL)
        status = ses_fault(fault, SES_MALFORMED, "a certificate in it cannot be read (%s): copy it again",
                           ses_tls_reason());
    ERR_clear_error();
    if (status == SES_OK && sk_X509_num(certificates) <= 0)
        status = ses_fault(fault, SES_MALFORMED,
                           "there is no certificate in it (-----BEGIN CERTIFICATE-----, PEM)");
    if (status == SES_OK)
        *ret_certificates = certificates;
    else
        free_certificates(certificates);
    return status;
}

int ses_tls_pem_time(const X509 *certificate)
{
    time_t now = (time_t)(ses_clock_wall_ms() / 1000);

    if (X509_cmp_time(X509_get0_notBefore(certificate), &now) > 0)
        return -1;
    return X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0 ? 1 : 0;
}

static void tell_time(const ASN1_TIME *at, char ret_text[TIME_TEXT_BYTES])
{
    BIO *text = BIO_new(BIO_s_mem());
    int len = text != NULL && ASN1_TIME_print_ex(text, at, ASN1_DTFLGS_ISO8601) == 1
                  ? BIO_read(text, ret_text, TIME_TEXT_BYTES - 1)
                  : 0;

    ret_text[len > 0 ? len : 0] = '\0';
    BIO_free(text);
}

static enum ses_status check_time(const X509 *certificate, const char *which, bool judged,
                                  struct ses_fault *fault)
{
    int side = judged ? 0 : ses_tls_pem_time(certificate);
    char text[TIME_TEXT_BYTES];

    if (side == 0)
        return SES_OK;
    tell_time(side < 0 ? X509_get0_notBefore(certificate) : X509_get0_notAfter(certificate), text);
    return ses_fault(fault, SES_EXPIRED,
                     side < 0 ? "%s is not valid before %s: check this machine's clock, or wait"
                              : "%s has expired at %s: renew it",
                     which, text);
}

/* The own certificate first, each next one has signed the one before. */
static enum ses_status check_chain(STACK_OF(X509) * chain, bool judged, struct ses_fault *fault)
{
    SES_TRY(check_time(sk_X509_value(chain, 0), "the certificate", judged, fault));
    for (int i = 1; i < sk_X509_num(chain); i++) {
        X509 *issuer = sk_X509_value(chain, i);

        SES_TRY(check_time(issuer, "a certificate of its chain", judged, fault));
        if (X509_check_issued(issuer, sk_X509_value(chain, i - 1)) != X509_V_OK)
            return ses_fault(
                fault, SES_MALFORMED,
                "certificate %d has not issued the one before it: the server's must come first, then "
                "those that lead to its authority, in order",
                i + 1);
    }
    return SES_OK;
}

/* ---- the key ------------------------------------------------------------------------------------------ */

static int no_passphrase(char *text, int size, int writing, void *asked)
{
    (void)text;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static enum ses_status read_key(struct ses_slice pem, EVP_PKEY **ret_key, struct ses_fault *fault)
{
    BIO *text = open_text(pem);
    bool encrypted = false;
    EVP_PKEY *key = text == NULL ? NULL : PEM_read_bio_PrivateKey(text, NULL, no_passphrase, &encrypted);

    BIO_free(text);
    ERR_clear_error();
    if (encrypted)
        return ses_fault(fault, SES_MALFORMED,
                         "the key is encrypted and nobody is there to type its passphrase: write it without "
                         "(openssl pkey -in KEY -out NEW)");
    if (key == NULL)
        return ses_fault(fault, SES_MALFORMED,
                         "there is no private key in it (-----BEGIN PRIVATE KEY-----, PEM)");
    *ret_key = key;
    return SES_OK;
}

/* ---- into the context --------------------------------------------------------------------------------- */

/* The context refuses what its security level finds too weak. */
static enum ses_status use_certificates(SSL_CTX *ctx, STACK_OF(X509) * chain, struct ses_fault *fault)
{
    if (SSL_CTX_use_certificate(ctx, sk_X509_value(chain, 0)) != 1)
        return ses_fault(fault, SES_FAILED_PRECONDITION, "the certificate cannot be used: %s",
                         ses_tls_reason());
    for (int i = 1; i < sk_X509_num(chain); i++) {
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) != 1)
            return ses_fault(fault, SES_FAILED_PRECONDITION, "certificate %d of it cannot be used: %s", i + 1,
                             ses_tls_reason());
    }
    return SES_OK;
}

static enum ses_status read_and_use(SSL_CTX *ctx, struct ses_slice pem, struct ses_fault *fault)
{
    EVP_PKEY *key = NULL;
    enum ses_status status = SES_OK;

    SES_TRY(read_key(pem, &key, fault));
    if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
        status =
            ses_fault(fault, SES_FAILED_PRECONDITION,
                      "the key is not that of the certificate: name the key with which it was requested");
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        status = ses_fault(fault, SES_FAILED_PRECONDITION, "the key cannot be used: %s", ses_tls_reason());
    ERR_clear_error();
    EVP_PKEY_free(key);
    return status;
}

static enum ses_status use_key(SSL_CTX *ctx, struct ses_slice pem, struct ses_fault *fault)
{
    enum ses_status status;

    ses_tls_memory_wipe(true);
    status = read_and_use(ctx, pem, fault);
    ses_tls_memory_wipe(false);
    return status;
}

enum ses_status ses_tls_pem_own(SSL_CTX *ctx, const struct ses_tls_options *options,
                                enum ses_tls_text *ret_text, struct ses_fault *fault)
{
    STACK_OF(X509) *chain = NULL;
    enum ses_status status;

    *ret_text = SES_TLS_CERTIFICATE;
    SES_TRY(read_certificates(options->certificate, CHAIN_MAX, &chain, fault));
    status = check_chain(chain, options->judged, fault);
    if (status == SES_OK)
        status = use_certificates(ctx, chain, fault);
    forget(chain);
    SES_TRY(status);
    *ret_text = SES_TLS_KEY;
    return use_key(ctx, options->key, fault);
}

static enum ses_status check_authority(X509 *authority, int number, const char *which, bool judged,
                                       struct ses_fault *fault)
{
    SES_TRY(check_time(authority, which, judged, fault));
    if (X509_check_ca(authority) == 0)
        return ses_fault(fault, SES_MALFORMED, "certificate %d is not that of an authority (CA:TRUE)",
                         number);
    return SES_OK;
}

enum ses_status ses_tls_pem_clients(SSL_CTX *ctx, const struct ses_tls_options *options,
                                    struct ses_fault *fault)
{
    STACK_OF(X509) *authorities = NULL;
    enum ses_status status = SES_OK;

    SES_TRY(read_certificates(options->client_ca, AUTHORITIES_MAX, &authorities, fault));
    for (int i = 0; i < sk_X509_num(authorities) && status == SES_OK; i++) {
        X509 *authority = sk_X509_value(authorities, i);

        status = check_authority(authority, i + 1, "an authority of clients", options->judged, fault);
        if (status == SES_OK && (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) != 1 ||
                                 SSL_CTX_add_client_CA(ctx, authority) != 1))
            status = ses_fault(fault, SES_FAILED_PRECONDITION, "certificate %d cannot be used: %s", i + 1,
                               ses_tls_reason());
    }
    forget(authorities);
    return status;
}

enum ses_status ses_tls_pem_trusted(SSL_CTX *ctx, struct ses_slice pem, struct ses_fault *fault)
{
    STACK_OF(X509) *authorities = NULL;
    enum ses_status status = SES_OK;

    SES_TRY(read_certificates(pem, AUTHORITIES_MAX, &authorities, fault));
    for (int i = 0; i < sk_X509_num(authorities) && status == SES_OK; i++) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(authorities, i)) != 1)
            status = ses_fault(fault, SES_FAILED_PRECONDITION, "certificate %d cannot be used: %s", i + 1,
                               ses_tls_reason());
    }
    forget(authorities);
    return status;
}

enum ses_status ses_tls_authorities_check(struct ses_slice pem, struct ses_fault *ret_fault)
{
    STACK_OF(X509) *authorities = NULL;
    enum ses_status status = SES_OK;

    ERR_clear_error();
    SES_TRY(read_certificates(pem, AUTHORITIES_MAX, &authorities, ret_fault));
    for (int i = 0; i < sk_X509_num(authorities) && status == SES_OK; i++)
        status =
            check_authority(sk_X509_value(authorities, i), i + 1, "an authority in it", false, ret_fault);
    forget(authorities);
    return status;
}
