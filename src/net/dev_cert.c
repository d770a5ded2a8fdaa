/* What is there is kept while it is good; what is not is made. */
#include <sessiond/net/dev_cert.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include <sessiond/base/clock.h>

#include "dev_pair.h"

#define RENEW_DAYS          30
#define AUTHORITY_DAYS      3650
#define SERVER_DAYS         397 /* what browsers take at most */
#define CLIENT_DAYS         397
#define CLIENT_NAME_MAX     64
#define HOST_NAME_MAX_BYTES 253
#define AUTHORITY_NAME      "sessiond development authority"

/* ---- judging what is there ---------------------------------------------------------------------------- */

static bool lasts(const X509 *certificate)
{
    time_t soon = (time_t)(ses_clock_wall_ms() / 1000) + (time_t)RENEW_DAYS * 86400;

    return X509_cmp_time(X509_get0_notAfter(certificate), &soon) > 0;
}

/* Signature and name constraints, by the verification that clients make. */
static bool is_by(X509 *certificate, X509 *authority)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *chain = X509_STORE_CTX_new();
    bool good = store != NULL && chain != NULL && X509_STORE_add_cert(store, authority) == 1 &&
                X509_STORE_CTX_init(chain, store, certificate, NULL) == 1;

    if (good) {
        X509_STORE_CTX_set_time(chain, 0, (time_t)(ses_clock_wall_ms() / 1000));
        good = X509_verify_cert(chain) == 1;
    }
    X509_STORE_CTX_free(chain);
    X509_STORE_free(store);
    ERR_clear_error();
    return good;
}

static bool is_for(X509 *certificate, const char *name)
{
    return ses_dev_name_is_address(name) ? X509_check_ip_asc(certificate, name, 0) == 1
                                         : X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

static bool serves(X509 *certificate, X509 *authority, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_for(certificate, names[i]))
            return false;
    }
    return lasts(certificate) && is_by(certificate, authority);
}

/* ---- making ------------------------------------------------------------------------------------------- */

static bool is_plain(const char *name, const char *more, size_t len_max)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    for (const char *at = name; *at != '\0'; at++) {
        if (strchr(letters, *at) == NULL && strchr(more, *at) == NULL)
            return false;
    }
    return name[0] != '\0' && strlen(name) <= len_max;
}

static enum ses_status make_dir(const char *dir, struct ses_fault *fault)
{
    if (mkdir(dir, S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH) != 0 && errno != EEXIST)
        return ses_fault(fault, SES_IO, "%s: cannot be created: %s", dir, strerror(errno));
    return SES_OK;
}

static enum ses_status make(const char *dir, const char *file, const struct dev_pair_options *options,
                            struct dev_pair *ret_pair, struct ses_fault *fault)
{
    struct dev_pair pair;
    enum ses_status status = ses_dev_pair_make(options, &pair);

    if (status != SES_OK)
        return ses_fault(fault, status, "%s: a certificate for %s cannot be made", dir, options->common_name);
    status = ses_dev_pair_write(dir, file, &pair, fault);
    if (status == SES_OK)
        *ret_pair = pair;
    else
        ses_dev_pair_done(&pair);
    return status;
}

static enum ses_status make_server(const char *dir, const struct dev_pair *authority,
                                   const char *const *names, size_t count, struct ses_fault *fault)
{
    const struct dev_pair_options options = {.kind = DEV_SERVER,
                                             .common_name = "sessiond",
                                             .names = names,
                                             .names_count = count,
                                             .issuer = authority,
                                             .days = SERVER_DAYS};
    struct dev_pair pair;

    SES_TRY(make(dir, "server", &options, &pair, fault));
    ses_dev_pair_done(&pair);
    return SES_OK;
}

static enum ses_status make_both(const char *dir, const char *const *names, size_t count,
                                 struct ses_fault *fault)
{
    const struct dev_pair_options options = {.kind = DEV_AUTHORITY,
                                             .common_name = AUTHORITY_NAME,
                                             .names = names,
                                             .names_count = count,
                                             .days = AUTHORITY_DAYS};
    struct dev_pair authority;
    enum ses_status status;

    SES_TRY(make(dir, "ca", &options, &authority, fault));
    status = make_server(dir, &authority, names, count, fault);
    ses_dev_pair_done(&authority);
    return status;
}

/* ---- asked from outside ------------------------------------------------------------------------------- */

static bool has_server(const char *dir, const struct dev_pair *authority, const char *const *names,
                       size_t count)
{
    struct dev_pair server;
    bool good;

    if (!ses_dev_pair_read(dir, "server", &server))
        return false;
    good = serves(server.certificate, authority->certificate, names, count);
    ses_dev_pair_done(&server);
    return good;
}

/* False: this authority cannot certify these names, or not for long: another one is needed, and clients have to
 * learn of it. */
static bool keep_authority(const char *dir, const struct dev_pair *authority, const char *const *names,
                           size_t count, bool *ret_made, struct ses_fault *fault)
{
    if (!lasts(authority->certificate))
        return false;
    *ret_made = !has_server(dir, authority, names, count);
    return !*ret_made || (make_server(dir, authority, names, count, fault) == SES_OK &&
                          has_server(dir, authority, names, count));
}

enum ses_status ses_dev_cert_server(const char *dir, const char *const *names, size_t names_count,
                                    bool *ret_made, struct ses_fault *ret_fault)
{
    struct dev_pair authority;
    bool kept = false;

    if (names_count == 0 || names_count > SES_DEV_CERT_NAMES_MAX)
        return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "1 to %d names", SES_DEV_CERT_NAMES_MAX);
    for (size_t i = 0; i < names_count; i++) {
        if (!is_plain(names[i], ses_dev_name_is_address(names[i]) ? ".:" : ".", HOST_NAME_MAX_BYTES))
            return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "'%.64s' is no host name and no address",
                             names[i]);
    }
    SES_TRY(make_dir(dir, ret_fault));
    if (ses_dev_pair_read(dir, "ca", &authority)) {
        kept = keep_authority(dir, &authority, names, names_count, ret_made, ret_fault);
        ses_dev_pair_done(&authority);
    }
    if (kept)
        return SES_OK;
    *ret_made = true;
    return make_both(dir, names, names_count, ret_fault);
}

enum ses_status ses_dev_cert_client(const char *dir, const char *name, struct ses_fault *ret_fault)
{
    struct dev_pair_options options = {.kind = DEV_CLIENT, .common_name = name, .days = CLIENT_DAYS};
    struct dev_pair authority;
    struct dev_pair pair;
    enum ses_status status;

    if (!is_plain(name, "", CLIENT_NAME_MAX) || strcmp(name, "ca") == 0 || strcmp(name, "server") == 0)
        return ses_fault(
            ret_fault, SES_INVALID_ARGUMENT,
            "a client's name has letters, digits, '-' and '_', at most %d, and is not ca or server",
            CLIENT_NAME_MAX);
    if (!ses_dev_pair_read(dir, "ca", &authority))
        return ses_fault(ret_fault, SES_NOT_FOUND, "%s: there is no authority (ca.pem, ca.key)", dir);
    options.issuer = &authority;
    status = make(dir, name, &options, &pair, ret_fault);
    if (status == SES_OK)
        ses_dev_pair_done(&pair);
    ses_dev_pair_done(&authority);
    return status;
}
