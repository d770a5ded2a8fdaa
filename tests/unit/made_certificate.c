#include "made_certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = calloc(1, (size_t)len + 1);

    assert_non_null(text);
    memcpy(text, bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

static void write_texts(struct made *made)
{
    BIO *certificate = BIO_new(BIO_s_mem());
    BIO *key = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_X509(certificate, made->x509), 1);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(key, made->pkey, NULL, NULL, 0, NULL, NULL), 1);
    made->certificate = text_of(certificate);
    made->key = text_of(key);
}

static void set_subject(X509 *x509, const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    if (common_name != NULL)
        assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                    (const unsigned char *)common_name, -1, -1, 0),
                         1);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    X509_NAME_free(name);
}

void made_certificate(const struct made_options *options, struct made *ret_made)
{
    struct made made = {.x509 = X509_new(), .pkey = EVP_EC_gen("P-256")};
    X509 *issuer = options->issuer == NULL ? made.x509 : options->issuer->x509;
    uint64_t serial;

    assert_non_null(made.pkey);
    assert_int_equal(RAND_bytes((unsigned char *)&serial, sizeof(serial)), 1);
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.x509), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(made.x509),
                    options->from_seconds == 0 ? -3600 : options->from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), options->to_seconds == 0 ? 86400 : options->to_seconds);
    X509_set_pubkey(made.x509, made.pkey);
    set_subject(made.x509, options->common_name);
    X509_set_issuer_name(made.x509, X509_get_subject_name(issuer));
    if (options->authority)
        add_extension(made.x509, issuer, NID_basic_constraints, "critical,CA:TRUE");
    if (options->san != NULL)
        add_extension(made.x509, issuer, NID_subject_alt_name, options->san);
    if (options->names != NULL)
        assert_int_equal(
            X509_add1_ext_i2d(made.x509, NID_subject_alt_name, (void *)(uintptr_t)options->names, 0, 0), 1);
    if (options->usage != NULL)
        add_extension(made.x509, issuer, NID_ext_key_usage, options->usage);
    assert_true(X509_sign(made.x509, options->issuer == NULL ? made.pkey : options->issuer->pkey,
                          options->old_sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    write_texts(&made);
    *ret_made = made;
}

void made_server(struct made *ret_made)
{
    const struct made_options options = {.common_name = "localhost",
                                         .san = "DNS:localhost,IP:127.0.0.1,IP:::1"};

    made_certificate(&options, ret_made);
}

void made_done(struct made *made)
{
    X509_free(made->x509);
    EVP_PKEY_free(made->pkey);
    free(made->certificate);
    free(made->key);
    memset(made, 0, sizeof(*made));
}

struct ses_slice made_text(const char *pem)
{
    return ses_slice_str(pem);
}

char *made_joined(const char *first, const char *second)
{
    char *joined = calloc(1, strlen(first) + strlen(second) + 1);

    assert_non_null(joined);
    memcpy(joined, first, strlen(first));
    memcpy(joined + strlen(first), second, strlen(second));
    return joined;
}
