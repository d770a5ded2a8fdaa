/* made_certificate.h - certificates and authorities made for a test: EC P-256, valid from now on unless the test says
 * otherwise. */
#ifndef SESSIOND_TESTS_UNIT_MADE_CERTIFICATE_H
#define SESSIOND_TESTS_UNIT_MADE_CERTIFICATE_H

#include "unit.h"

#include <openssl/x509v3.h>

struct made {
    X509 *x509;
    EVP_PKEY *pkey;
    char *certificate; /* PEM */
    char *key;         /* PEM */
};

struct made_options {
    const char *common_name;    /* NULL: an empty subject */
    const char *san;            /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const GENERAL_NAMES *names; /* instead of san: what no text can say */
    const char *usage;          /* extendedKeyUsage, "clientAuth"; NULL: none */
    const struct made *issuer;  /* NULL: itself */
    bool authority;
    bool old_sha1;    /* signed by SHA-1, which nobody should take */
    int from_seconds; /* from the kernel's time; 0: an hour ago */
    int to_seconds;   /* 0: a day */
};

/* Ended by made_done. */
void made_certificate(const struct made_options *options, struct made *ret_made);
void made_done(struct made *made);
/* For localhost and its addresses, by itself. */
void made_server(struct made *ret_made);
struct ses_slice made_text(const char *pem);
/* One text behind the other; freed by the caller. */
char *made_joined(const char *first, const char *second);

#endif
