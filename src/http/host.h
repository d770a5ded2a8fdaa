/* host.h - the names this server answers to.
 *
 * A browser on this machine may be made to call us by a page from anywhere whose name was rebound to our
 * address: the page then reads the answers as its own. What gives it away is that name, in Host or
 * :authority.
 */
#ifndef SESSIOND_SRC_HTTP_HOST_H
#define SESSIOND_SRC_HTTP_HOST_H

#include "engine.h"

#define SES_HOST_UNKNOWN "this server is not known by that host (configuration: hosts, redirect.public_url)"

/* Pure: a loopback address or localhost with any port, or one of the names: "host" with any port, "host:port"
 * with that one. No authority is no browser's. */
bool ses_host_is_known(const char *const *names, size_t names_count, struct ses_slice authority);
/* false: the request is for somebody else, 421; counted. Routes for any host, and doors without a list, take
 * all. */
bool ses_host_check(struct ses_doors *doors, const struct ses_exchange *x);

#endif
