/* tls_impl.h - what the files of TLS share.
 *
 *   tls_context.c  certificate, key and rules, for all connections
 *   tls_pem.c      reading and judging certificates and keys
 *   tls_client.c   the other side: TLS to somebody whom we call
 *   tls_ticket.c   session tickets
 *   tls_peer.c     names of a client certificate
 *   tls_record.c   how far a stream of records has come
 *   tls_conn.c     one connection: handshake and life
 *   tls_read.c     plain text out of its records
 *   tls_write.c    records out of what its engine says
 *   tls_turn.c     the same for all connections of a turn at once
 */
#ifndef SESSIOND_SRC_NET_TLS_IMPL_H
#define SESSIOND_SRC_NET_TLS_IMPL_H

#include <openssl/ssl.h>

#include <sessiond/net/tls.h>

struct ses_tls_context {
    SSL_CTX *ctx;
    const struct ses_tls_tickets *tickets;
    uint32_t ticket_seconds;
};

/* ---- tls_pem.c: a failure is a sentence in fault; nothing of OpenSSL's queue of errors is left */

/* certificate and key, once both are good, into ctx. */
SES_MUST_CHECK enum ses_status ses_tls_pem_own(SSL_CTX *ctx, const struct ses_tls_options *options,
                                               enum ses_tls_text *ret_text, struct ses_fault *fault);
/* The authorities of clients, and what the handshake says of them. */
SES_MUST_CHECK enum ses_status ses_tls_pem_clients(SSL_CTX *ctx, const struct ses_tls_options *options,
                                                   struct ses_fault *fault);
/* Authorities of somebody whom we call; each was judged before (ses_tls_authorities_check). */
SES_MUST_CHECK enum ses_status ses_tls_pem_trusted(SSL_CTX *ctx, struct ses_slice pem,
                                                   struct ses_fault *fault);
/* Not yet valid or no longer, by the world's clock: -1, 1; else 0. */
int ses_tls_pem_time(const X509 *certificate);
/* The reason that OpenSSL gives, literal; forgets all of them. */
const char *ses_tls_reason(void);

/* ---- tls_memory.c */

/* While it is on, what OpenSSL frees on this thread is wiped. */
void ses_tls_memory_wipe(bool on);

/* ---- tls_ticket.c */

/* Tickets from now on, or none if there is no secret for them. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_tls_tickets_use(struct ses_tls_context *context);

/* ---- tls_peer.c */

/* SES_MALFORMED: a name with bytes that are not printable, too long, or too many names; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_tls_peer_read(X509 *certificate, struct ses_tls_peer **ret_peer);

/* ---- tls_record.c */

/* Where the stream stands: at the beginning of a record, or inside one (RFC 8446 section 5.1). */
struct ses_tls_record {
    uint8_t header[5];
    unsigned header_len; /* 0..5 */
    uint32_t left;       /* of the body, once the header is whole */
};

/* So many bytes have come. */
void ses_tls_record_pass(struct ses_tls_record *record, struct ses_slice bytes);
/* A record has begun and has not ended. */
bool ses_tls_record_inside(const struct ses_tls_record *record);

#endif
