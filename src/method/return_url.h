/* return_url.h - where a merchant may have its shoppers sent: URLs whose origin the operator has allowed. An
 * open redirect on a payment host would be a gift to phishers. */
#ifndef SESSIOND_SRC_METHOD_RETURN_URL_H
#define SESSIOND_SRC_METHOD_RETURN_URL_H

#include "service_core.h"

#define SES_RETURN_URL_BYTES_MAX 1024u

/* [any] Printable ASCII without spaces, '"', '<', '>', '\\', '^', '`', '{', '|', '}'; https, or http for a
 * loopback host in sandbox mode; a host; no user, no fragment. */
bool ses_return_url_check(struct ses_slice url, bool sandbox);
/* [any] Scheme, host and port as they stand: "https://shop.example:8443". url has passed the check. */
struct ses_slice ses_return_url_origin(struct ses_slice url);
/* [any] Can its origin be named in a content security policy (CSP level 3, 2.3.1: no IPv6 literals)? url has
 * passed the check. */
bool ses_return_url_framable(struct ses_slice url);
/* [worker] Is the origin on the merchant's list? Entries of merchant "*" hold for all; in sandbox mode
 * loopback hosts are allowed to everybody. Host names are compared without regard to case. */
bool ses_return_url_allowed(const struct ses_service_options *options, struct ses_slice merchant,
                            struct ses_slice url);

#endif
