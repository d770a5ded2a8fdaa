/* proxy_header.h - the PROXY protocol's header, versions 1 and 2, before anything else on a connection.
 *
 * Source: "The PROXY protocol, Versions 1 & 2", HAProxy, 2020-03-05 (doc/proxy-protocol.txt), sections 2.1 and 2.2.
 */
#ifndef SESSIOND_SRC_HTTP_PROXY_HEADER_H
#define SESSIOND_SRC_HTTP_PROXY_HEADER_H

#include <sessiond/net/peer.h>

/* Version 1 has 107 bytes at most; version 2 a length of its own, of which addresses are 36 and the rest is for
 * extensions that nobody here reads. */
#define SES_PROXY_V1_MAX     107u
#define SES_PROXY_HEADER_MAX 2048u

enum ses_proxy {
    SES_PROXY_MORE,     /* it may be one: more bytes are needed */
    SES_PROXY_NONE,     /* something else */
    SES_PROXY_WHOLE,    /* len bytes of it */
    SES_PROXY_MALFORMED /* begun like one, and wrong: why */
};

struct ses_proxy_header {
    size_t len;
    bool named; /* false: the proxy's own call (LOCAL, UNKNOWN, no IP), the socket's address stays */
    struct ses_peer source;
    const char *why; /* literal */
};

/* Pure. first are all bytes that came so far; ret_header is set for WHOLE and MALFORMED. */
enum ses_proxy ses_proxy_header_parse(struct ses_slice first, struct ses_proxy_header *ret_header);

#endif
