/* tls.h - TLS 1.2 and 1.3 on accepted connections, by OpenSSL: between the socket (conn.h) and the engine, which
 * sees plain text only.
 *
 *   ses_tls_context   certificate, key and rules of one process; made of PEM text that somebody else has read
 *   ses_tls_memory_.. where its key lies
 *   ses_tls_tickets   the one secret behind every worker's session tickets
 *   ses_tls_start     this connection speaks TLS; ends with the connection
 *   ses_tls_peer      who the client has proved to be
 *
 * Nothing here does I/O. Records are read from what conn.c has read and written behind what else the connection
 * has to write, so that there is still one write a connection and turn. A handshake takes at most
 * ses_conns_options.handshakes_per_turn of the loop's turns' steps; the others wait in the order in which they came.
 *
 * Suites, of TLS 1.2: ECDHE with AES-GCM or ChaCha20-Poly1305, in our order; no renegotiation, no compression, no
 * early data. A client that sends FIN without close_notify is taken for one that has sent all: every message of
 * HTTP says where it ends (RFC 9112 section 9.8).
 */
#ifndef SESSIOND_NET_TLS_H
#define SESSIOND_NET_TLS_H

#include <sessiond/base/fault.h>
#include <sessiond/base/slice.h>
#include <sessiond/net/conn.h>

struct ses_tls_context;
struct ses_tls_tickets;

/* ---- memory ------------------------------------------------------------------------------------------- */

/* [any] First of all in a program, before OpenSSL has allocated anything: what is freed while a private key is read is
 * wiped. Without it everything works, and copies of a key stay in freed memory. */
void ses_tls_memory_init(void);
/* [worker] Once in a process, before its context: private keys of contexts, and those of a handshake each for as many as
 * wait at a time, then lie in memory between guard pages, in no core dump, locked where RLIMIT_MEMLOCK allows it
 * (ret_locked). Locks do not survive a fork. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_tls_memory_guard(size_t handshakes_max, bool *ret_locked);

/* ---- tickets ------------------------------------------------------------------------------------------ */

/* [supervisor] A random master in memory that children share over fork (a sealed memfd, never on disk). From it
 * and the number of the present epoch each process derives the same keys by itself (RFC 5077). SES_IO. */
SES_MUST_CHECK enum ses_status ses_tls_tickets_new(struct ses_tls_tickets **ret_tickets);
/* [supervisor] The same from a descriptor that another program has handed on by exec; owns it from then on.
 * SES_MALFORMED: no such memory. */
SES_MUST_CHECK enum ses_status ses_tls_tickets_adopt(int fd, struct ses_tls_tickets **ret_tickets);
/* Close-on-exec; who hands it on clears that. */
int ses_tls_tickets_fd(const struct ses_tls_tickets *tickets);
/* NULL is fine. */
void ses_tls_tickets_free(struct ses_tls_tickets *tickets);

/* ---- context ------------------------------------------------------------------------------------------ */

#define SES_TLS_PEM_MAX (256 * SES_KIB) /* bytes of one file */

enum ses_tls_client_auth {
    SES_TLS_CLIENT_NONE,     /* no certificate is asked for */
    SES_TLS_CLIENT_OPTIONAL, /* one that is sent must be right */
    SES_TLS_CLIENT_REQUIRE   /* without one there is no connection */
};

struct ses_tls_options {
    struct ses_slice certificate; /* PEM: the server's first, then those that lead to its authority */
    struct ses_slice key;         /* PEM, not encrypted */
    struct ses_slice client_ca;   /* PEM, authorities of clients; empty with SES_TLS_CLIENT_NONE */
    enum ses_tls_client_auth client_auth;
    bool tls13_only;
    bool
        judged; /* certificates were found valid before: if one has ended since, that is no reason not to serve */
    const struct ses_tls_tickets *tickets; /* borrowed, may be NULL: no resumption */
    uint32_t ticket_seconds;               /* for so long a session may be resumed; 0: not at all */
};

/* Of which of the texts a fault speaks. */
enum ses_tls_text { SES_TLS_CERTIFICATE, SES_TLS_KEY, SES_TLS_CLIENT_CA };

/* [any] Checks everything that can be known without a client: the chain is whole, the key belongs to the
 * certificate, both are strong enough, the certificate is valid now by the world's clock. SES_MALFORMED,
 * SES_FAILED_PRECONDITION, SES_EXPIRED, SES_NO_MEMORY; ret_fault says what and the remedy, without a file's name,
 * *ret_text of which text. */
SES_MUST_CHECK enum ses_status ses_tls_context_new(const struct ses_tls_options *options,
                                                   struct ses_tls_context **ret_context,
                                                   enum ses_tls_text *ret_text, struct ses_fault *ret_fault);
/* NULL is fine. No connection may be left. */
void ses_tls_context_free(struct ses_tls_context *context);
/* Whether the certificate is for this host: a DNS name or a numeric address without port or brackets. */
bool ses_tls_context_names(const struct ses_tls_context *context, struct ses_slice host);
/* End of the certificate, milliseconds of the world's clock. */
uint64_t ses_tls_context_ends_ms(const struct ses_tls_context *context);
/* [any] A PEM text of the authorities of somebody whom we call: each is one, and valid now. As ses_tls_context_new says
 * what is wrong. */
SES_MUST_CHECK enum ses_status ses_tls_authorities_check(struct ses_slice pem, struct ses_fault *ret_fault);

/* ---- connections -------------------------------------------------------------------------------------- */

struct ses_tls_start {
    struct ses_tls_context *context;
    struct ses_slice first; /* what the client has sent already */
    uint32_t handshake_ms;  /* the rest of its time, from now */
    uint32_t record_ms;     /* afterwards, from the first byte of a record to its last */
    /* Attaches the engine that is to have the plain text, at once. */
    void (*on_attach)(void *arg, struct ses_conn *conn);
    void *arg;
};

/* From inside the present engine's on_bytes, which is forgotten without its on_close and returns what this
 * returns. A connection that no memory is left for is cut. */
SES_MUST_CHECK enum ses_status ses_tls_start(struct ses_conn *conn, const struct ses_tls_start *start);

bool ses_conn_is_tls(const struct ses_conn *conn);

enum ses_tls_alpn {
    SES_TLS_ALPN_NONE, /* the client named no protocol */
    SES_TLS_ALPN_HTTP2,
    SES_TLS_ALPN_HTTP1
};

/* What was agreed on (RFC 7301); known when the engine gets its first bytes. */
enum ses_tls_alpn ses_conn_tls_alpn(const struct ses_conn *conn);

/* ---- peer --------------------------------------------------------------------------------------------- */

#define SES_TLS_THUMBPRINT_BYTES 32
#define SES_TLS_COMMON_NAME_SIZE 65 /* ub-common-name (RFC 5280 appendix A.1) and NUL */
#define SES_TLS_SAN_SIZE         256
#define SES_TLS_SANS_MAX         16

enum ses_tls_san_kind { SES_TLS_SAN_DNS, SES_TLS_SAN_URI, SES_TLS_SAN_EMAIL };

struct ses_tls_san {
    enum ses_tls_san_kind kind;
    char text[SES_TLS_SAN_SIZE];
};

/* A verified client certificate. Texts are printable and end in NUL: a certificate with other bytes in one of
 * these names, with longer names or more of them is refused in the handshake. */
struct ses_tls_peer {
    uint8_t
        thumbprint[SES_TLS_THUMBPRINT_BYTES];   /* SHA-256 of its DER form (RFC 8705 section 3.1, x5t#S256) */
    char common_name[SES_TLS_COMMON_NAME_SIZE]; /* of the subject; empty: none */
    unsigned sans_count;
    struct ses_tls_san sans[]; /* subjectAltName of these kinds, in its order */
};

/* NULL: no TLS, or no client certificate was verified. Lives as long as the connection's engine. */
const struct ses_tls_peer *ses_conn_tls_peer(const struct ses_conn *conn);

#endif
