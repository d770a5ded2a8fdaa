/* tls_rig.h - a server of conn_rig.h that speaks TLS, and clients that are OpenSSL's own.
 *
 * A client does no I/O either: what it wants to send is sent in pieces as the test likes, what comes is given to it
 * as it comes.
 */
#ifndef SESSIOND_TESTS_UNIT_NET_TLS_RIG_H
#define SESSIOND_TESTS_UNIT_NET_TLS_RIG_H

#include "conn_rig.h"

#include <openssl/ssl.h>

#include <sessiond/net/tls.h>

#include "made_certificate.h"

struct tls_client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in;
    BIO *out;
    size_t piece; /* bytes sent at a time; 0: all */
    bool ended;   /* the server's FIN or reset */
};

/* What the next clients are like, and what the server asks of them; reset by setup_tls. */
struct tls_rig {
    struct made server;
    struct made authority; /* of clients */
    struct ses_tls_options options;
    struct ses_tls_context *context;
    struct ses_tls_start start;
    int version;            /* of clients; 0: any */
    const char *alpn;       /* with length bytes; NULL: none */
    const struct made *own; /* clients' certificate */
    SSL_SESSION *resume;
    size_t piece;
};

extern struct tls_rig tls_rig;

/* cmocka's, around setup and teardown of conn_rig.h. */
int setup_tls(void **state);
int teardown_tls(void **state);

/* A context of tls_rig.options, and a server with it. */
void begin_tls(struct fixture *f, struct ses_conns_options options);

/* Connected; nothing is sent yet. */
void tls_client(struct fixture *f, struct tls_client *ret_client);
void tls_client_done(struct tls_client *client);
/* Sends what there is, takes what has come, one turn of the server in between. */
void tls_pump(struct fixture *f, struct tls_client *client);
/* The handshake, whole; ret_toy: the engine inside. */
void tls_connect(struct fixture *f, struct tls_client *ret_client, struct toy **ret_toy);
/* The handshake must fail on the client's side or by the server's end; the reason of OpenSSL, 0 if it was the end. */
int tls_refused(struct fixture *f, struct tls_client *client);
void tls_put(struct fixture *f, struct tls_client *client, const void *bytes, size_t len);
/* Until so many bytes have come. */
void tls_get(struct fixture *f, struct tls_client *client, void *ret_bytes, size_t len);

#define TLS_UNTIL(f, client, condition) WAIT_DOING(tls_pump(f, client), condition)

#endif
