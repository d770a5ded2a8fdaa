/* Certificates as OpenSSL's functions make them, files as a crash may not halve them. */
#include "dev_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/clock.h>
#include <sessiond/base/file.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#define TEXT_MAX       (16 * SES_KIB)
#define PATH_SIZE      4096
#define HOUR_SECONDS   3600
#define DAY_SECONDS    86400
#define IPV4_HOST_MASK "255.255.255.255"
#define IPV6_HOST_MASK "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

/* ---- extensions --------------------------------------------------------------------------------------- */

bool ses_dev_name_is_address(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static bool add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool added;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/* "DNS:localhost,IP:127.0.0.1". Whatever could end a word in OpenSSL's little language is no part of a name. */
static bool add_names(X509 *certificate, X509 *issuer, const struct dev_pair_options *options)
{
    bool constraint = options->kind == DEV_AUTHORITY;
    struct ses_buf text;
    bool added;

    ses_buf_init(&text, TEXT_MAX);
    added = ses_buf_append_str(&text, constraint ? "critical" : "") == SES_OK;
    for (size_t i = 0; i < options->names_count && added; i++) {
        const char *name = options->names[i];
        bool address = ses_dev_name_is_address(name);
        bool six = strchr(name, ':') != NULL;

        added =
            ses_buf_appendf(&text, "%s%s%s:%s%s%s", text.len == 0 ? "" : ",", constraint ? "permitted;" : "",
                            address ? "IP" : "DNS", name, address && constraint ? "/" : "",
                            !address || !constraint ? ""
                            : six                   ? IPV6_HOST_MASK
                                                    : IPV4_HOST_MASK) == SES_OK;
    }
    added = added && ses_buf_append_byte(&text, '\0') == SES_OK &&
            add(certificate, issuer, constraint ? NID_name_constraints : NID_subject_alt_name,
                (const char *)text.data);
    ses_buf_done(&text);
    return added;
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct dev_pair_options *options)
{
    bool authority = options->kind == DEV_AUTHORITY;

    if (!add(certificate, issuer, NID_basic_constraints,
             authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") ||
        !add(certificate, issuer, NID_key_usage,
             authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
        !add(certificate, issuer, NID_subject_key_identifier, "hash") ||
        !add(certificate, issuer, NID_authority_key_identifier, "keyid:always"))
        return false;
    if (!authority && !add(certificate, issuer, NID_ext_key_usage,
                           options->kind == DEV_SERVER ? "serverAuth" : "clientAuth"))
        return false;
    return options->kind == DEV_CLIENT || add_names(certificate, issuer, options);
}

/* ---- making ------------------------------------------------------------------------------------------- */

/* Of 63 random bits: RFC 5280 section 4.1.2.2 wants it positive. */
static bool set_serial(X509 *certificate)
{
    uint64_t serial = 0;

    ses_random_bytes(&serial, sizeof(serial));
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1;
}

/* From an hour ago: clocks of clients differ. */
static bool set_times(X509 *certificate, unsigned days)
{
    time_t now = (time_t)(ses_clock_wall_ms() / 1000);

    return ASN1_TIME_set(X509_getm_notBefore(certificate), now - HOUR_SECONDS) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), now + (time_t)days * DAY_SECONDS) != NULL;
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
                                      0) == 1;
}

static bool fill(const struct dev_pair *pair, const struct dev_pair_options *options)
{
    X509 *issuer = options->issuer == NULL ? pair->certificate : options->issuer->certificate;
    EVP_PKEY *key = options->issuer == NULL ? pair->key : options->issuer->key;

    return X509_set_version(pair->certificate, X509_VERSION_3) == 1 && set_serial(pair->certificate) &&
           set_times(pair->certificate, options->days) &&
           set_subject(pair->certificate, options->common_name) &&
           X509_set_issuer_name(pair->certificate, X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(pair->certificate, pair->key) == 1 &&
           add_extensions(pair->certificate, issuer, options) &&
           X509_sign(pair->certificate, key, EVP_sha256()) > 0;
}

enum ses_status ses_dev_pair_make(const struct dev_pair_options *options, struct dev_pair *ret_pair)
{
    struct dev_pair pair = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    bool made = pair.certificate != NULL && pair.key != NULL;

    if (made && fill(&pair, options)) {
        *ret_pair = pair;
        return SES_OK;
    }
    ERR_clear_error();
    ses_dev_pair_done(&pair);
    return made ? SES_INVALID_ARGUMENT : SES_NO_MEMORY;
}

void ses_dev_pair_done(struct dev_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct dev_pair){.certificate = NULL};
}

/* ---- files -------------------------------------------------------------------------------------------- */

static bool path_of(const char *dir, const char *name, const char *ending, char ret_path[PATH_SIZE])
{
    int len = snprintf(ret_path, PATH_SIZE, "%s/%s%s", dir, name, ending);

    return len > 0 && len < PATH_SIZE;
}

/* Beside, synced, renamed over. */
static enum ses_status write_file(const char *dir, const char *name, const char *ending, mode_t mode,
                                  BIO *text, struct ses_fault *fault)
{
    char path[PATH_SIZE];
    char beside[PATH_SIZE];
    char *bytes = NULL;
    long len = BIO_get_mem_data(text, &bytes);
    bool done;
    int fd;

    if (!path_of(dir, name, ending, path) || !path_of(dir, name, ".new", beside))
        return ses_fault(fault, SES_IO, "%s: the path is too long", dir);
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    done = fd >= 0 && ses_file_write_all(fd, ses_slice(bytes, (size_t)len)) && fsync(fd) == 0;
    if (fd >= 0)
        done = close(fd) == 0 && done;
    if (!done || rename(beside, path) != 0) {
        enum ses_status status = ses_fault(fault, SES_IO, "%s: cannot be written: %s", path, strerror(errno));

        (void)unlink(beside);
        return status;
    }
    return SES_OK;
}

enum ses_status ses_dev_pair_write(const char *dir, const char *name, const struct dev_pair *pair,
                                   struct ses_fault *fault)
{
    BIO *key = BIO_new(BIO_s_secmem()); /* cleared when it is freed */
    BIO *certificate = BIO_new(BIO_s_mem());
    enum ses_status status = SES_OK;

    if (key == NULL || certificate == NULL ||
        PEM_write_bio_PKCS8PrivateKey(key, pair->key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(certificate, pair->certificate) != 1)
        status = ses_fault(fault, SES_NO_MEMORY, "no memory to write a certificate");
    if (status == SES_OK)
        status = write_file(dir, name, ".key", S_IRUSR | S_IWUSR, key, fault);
    if (status == SES_OK)
        status = write_file(dir, name, ".pem", S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, certificate, fault);
    BIO_free(key);
    BIO_free(certificate);
    return status;
}

static BIO *open_file(const char *dir, const char *name, const char *ending)
{
    char path[PATH_SIZE];

    return path_of(dir, name, ending, path) ? BIO_new_file(path, "re") : NULL;
}

bool ses_dev_pair_read(const char *dir, const char *name, struct dev_pair *ret_pair)
{
    BIO *certificate = open_file(dir, name, ".pem");
    BIO *key = open_file(dir, name, ".key");
    struct dev_pair pair = {.certificate = NULL};
    bool good;

    if (certificate != NULL)
        pair.certificate = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
    if (key != NULL)
        pair.key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    BIO_free(certificate);
    BIO_free(key);
    good = pair.certificate != NULL && pair.key != NULL &&
           X509_check_private_key(pair.certificate, pair.key) == 1;
    ERR_clear_error();
    if (good)
        *ret_pair = pair;
    else
        ses_dev_pair_done(&pair);
    return good;
}
