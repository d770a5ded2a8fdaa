/* tls.h - TLS of one client connection by OpenSSL, without I/O: bytes of the wire in and out, plain bytes in
 * and out.
 *
 * RFC 9113 section 3.2: HTTP/2 over TLS is agreed on by ALPN ("h2"), with TLS 1.2 or later. Chain and name of
 * the server are verified unless the plan says otherwise. */
#ifndef SESSIOND_BENCH_TLS_H
#define SESSIOND_BENCH_TLS_H

#include <sessiond/base/buf.h>

#include "load.h"

#define LOAD_TLS_ERROR_MAX 160

struct load_tls;

/* What all connections share; NULL and why in ret_error: the CA file cannot be read. */
struct load_tls_context *load_tls_context_new(const struct load_plan *plan,
                                              char ret_error[LOAD_TLS_ERROR_MAX]);
void load_tls_context_free(struct load_tls_context *context);

/* A client's end that has not said anything yet. */
struct load_tls *load_tls_open(struct load_tls_context *context);
void load_tls_close(struct load_tls *tls);

enum load_tls_state { LOAD_TLS_HANDSHAKING, LOAD_TLS_READY, LOAD_TLS_FAILED };

/* Goes on with the handshake after bytes of the wire were taken in (none at first). FAILED: load_tls_error
 * says why. */
enum load_tls_state load_tls_handshake(struct load_tls *tls, struct ses_slice wire);
/* READY: bytes of the wire come in; plain ones are taken with load_tls_read until it gives none. False:
 * broken. */
bool load_tls_feed(struct load_tls *tls, struct ses_slice wire);
size_t load_tls_read(struct load_tls *tls, uint8_t *plain, size_t room);
/* READY: plain bytes are to be sent. False: broken. */
bool load_tls_write(struct load_tls *tls, struct ses_slice plain);
/* Appends what is to go onto the wire. */
enum ses_status load_tls_take(struct load_tls *tls, struct ses_buf *out);

/* "TLSv1.3" */
const char *load_tls_version(const struct load_tls *tls);
const char *load_tls_error(const struct load_tls *tls);

#endif
