/* source.h - how many connections there are from one address. A source is there as long as one of its connections, so
 * there are never more than these. An IPv6 source is a /64: its owner has all addresses in it (RFC 6177). */
#ifndef SESSIOND_SRC_NET_SOURCE_H
#define SESSIOND_SRC_NET_SOURCE_H

#include <sessiond/base/ip.h>

struct ses_source;
struct ses_sources;

/* SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_sources_new(unsigned connections_max, struct ses_sources **ret_sources);
/* No connection may be left. Takes NULL. */
void ses_sources_free(struct ses_sources *sources);
/* One connection more, for which *ret_source is given back. false: it has as many as it may have. Out of memory it is
 * not counted: *ret_source is NULL. */
bool ses_source_enter(struct ses_sources *sources, const struct ses_ip *ip, struct ses_source **ret_source);
/* One fewer. Takes NULL. */
void ses_source_leave(struct ses_source *source);

#endif
