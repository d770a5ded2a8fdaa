/* tls_client.h - TLS 1.2 and 1.3 to somebody whom we call, by OpenSSL: bytes in, bytes out, no I/O. Only HTTP/2 is spoken
 * inside (ALPN h2, RFC 9113 section 3.2); a peer that does not agree to it is refused.
 *
 *   ses_tls_client   whom to trust and as whom we come: of one process, made of PEM text that somebody else has read
 *   ses_tls_call     one connection
 *
 * The peer's certificate must be for the name that is called, by an authority that is trusted, and valid by the world's
 * clock. Plain text is wiped where OpenSSL had it.
 */
#ifndef SESSIOND_NET_TLS_CLIENT_H
#define SESSIOND_NET_TLS_CLIENT_H

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>

struct ses_tls_client;
struct ses_tls_call;

struct ses_tls_client_options {
    struct ses_slice ca;          /* PEM: who alone may vouch for the peer; empty: whom the machine trusts */
    struct ses_slice certificate; /* PEM, with its key: who we are to a peer that asks; empty: nobody */
    struct ses_slice key;
};

/* [any] The texts were found right before (ses_tls_authorities_check and ses_tls_context_new say what is wrong with one); here
 * SES_MALFORMED, SES_FAILED_PRECONDITION and SES_NO_MEMORY come with a short reason. */
SES_MUST_CHECK enum ses_status ses_tls_client_new(const struct ses_tls_client_options *options,
                                                  struct ses_tls_client **ret_client,
                                                  struct ses_fault *ret_fault);
/* NULL is fine. No connection may be left. */
void ses_tls_client_free(struct ses_tls_client *client);

/* name: a DNS name or a numeric address. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_tls_call_new(const struct ses_tls_client *client, const char *name,
                                                struct ses_tls_call **ret_call);
/* NULL is fine. */
void ses_tls_call_free(struct ses_tls_call *call);

/* Begins the handshake, or goes on with it, by what the peer has sent; appends what it is to be sent to ret_out, and plain
 * text to ret_plain. SES_UNAVAILABLE: refused by us or by the peer (ses_tls_call_why), what ret_out holds may still be
 * sent; SES_EXPIRED: the peer has ended the connection properly; SES_NO_MEMORY, SES_TOO_LARGE: a buffer. */
SES_MUST_CHECK enum ses_status ses_tls_call_receive(struct ses_tls_call *call, struct ses_slice bytes,
                                                    struct ses_buf *ret_plain, struct ses_buf *ret_out);
/* The handshake is over and HTTP/2 agreed on: plain text may be sent. */
bool ses_tls_call_is_open(const struct ses_tls_call *call);
/* Encrypts all of plain behind ret_out. As above. */
SES_MUST_CHECK enum ses_status ses_tls_call_send(struct ses_tls_call *call, struct ses_slice plain,
                                                 struct ses_buf *ret_out);
/* Why it was refused: OpenSSL's words, or ours; nothing that was sent. */
const char *ses_tls_call_why(const struct ses_tls_call *call);

#endif
