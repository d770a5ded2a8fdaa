/* header_once.h - headers that a request has once. Of two values the one that counts would be a matter of who
 * looks: a proxy the last one, a server the first one; whoever adds a second one could choose for somebody.
 */
#ifndef SESSIOND_SRC_HTTP_HEADER_ONCE_H
#define SESSIOND_SRC_HTTP_HEADER_ONCE_H

#include <sessiond/exchange/exchange.h>

/* [worker] The sentence of a refusal (400), or NULL: none of the headers that a door reads by itself is given
 * twice, and a host header of HTTP/2 says what :authority says (RFC 9113 section 8.3.1). Those that a method
 * reads are its own (request_metadata.h). Of a plain resource only host counts: a shopper who comes back
 * through other people's proxies is not turned away for what these add. */
const char *ses_header_fault(const struct ses_exchange *x);

#endif
