/* proxy.h - what stands between a client and us: which of it is believed, and what it says. */
#ifndef SESSIOND_SRC_HTTP_PROXY_H
#define SESSIOND_SRC_HTTP_PROXY_H

#include "engine.h"

/* proxy_trust.c */
bool ses_proxy_is_trusted(const struct ses_proxies *proxies, const struct ses_peer *peer);
/* proxy.c: a connection from a trusted proxy, before its first byte: reads the PROXY protocol's header, if there is one, then
 * the sniffer has it. */
void ses_proxy_attach(struct ses_doors *doors, struct ses_conn *conn);

/* forwarded.c: pure. Whom the headers name, told by a trusted proxy. False: nobody. */
bool ses_forwarded_find(const struct ses_proxies *proxies, const struct ses_header *headers, size_t count,
                        struct ses_peer *ret_peer);
/* forwarded.c: x has its headers. Where a trusted proxy names the client behind it, x->peer becomes that client. Sets
 * x->source; conn NULL: neither. */
void ses_forwarded_settle(const struct ses_doors *doors, struct ses_exchange *x, const struct ses_conn *conn);

#endif
