/* dev_pair.h - a certificate and its key: made, written, read. */
#ifndef SESSIOND_SRC_NET_DEV_PAIR_H
#define SESSIOND_SRC_NET_DEV_PAIR_H

#include <openssl/x509v3.h>

#include <stddef.h>

#include <sessiond/base/fault.h>

struct dev_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

enum dev_kind { DEV_AUTHORITY, DEV_SERVER, DEV_CLIENT };

struct dev_pair_options {
    enum dev_kind kind;
    const char *common_name;
    const char *const *names; /* of a server; of an authority those it is good for */
    size_t names_count;
    const struct dev_pair *issuer; /* NULL: itself */
    unsigned days;
};

/* SES_NO_MEMORY: OpenSSL failed; SES_INVALID_ARGUMENT: a name that it does not take. */
SES_MUST_CHECK enum ses_status ses_dev_pair_make(const struct dev_pair_options *options,
                                                 struct dev_pair *ret_pair);
/* DIR/NAME.key, 0600, and then DIR/NAME.pem, each whole or as it was: one that died in between has left a pair that
 * does not match, which is seen and made again. */
SES_MUST_CHECK enum ses_status ses_dev_pair_write(const char *dir, const char *name,
                                                  const struct dev_pair *pair, struct ses_fault *fault);
/* False: missing, unreadable, or not a pair. */
bool ses_dev_pair_read(const char *dir, const char *name, struct dev_pair *ret_pair);
void ses_dev_pair_done(struct dev_pair *pair);
/* A numeric address, not a name. */
bool ses_dev_name_is_address(const char *name);

#endif
