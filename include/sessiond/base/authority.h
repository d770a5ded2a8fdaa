/* authority.h - "host" and "host:port" (RFC 3986 section 3.2), alone or as the origin that a URL begins with.
 *
 * One reading for all who take a host from outside, the strictest of theirs: what two programs in a row could
 * read differently is none.
 */
#ifndef SESSIOND_BASE_AUTHORITY_H
#define SESSIOND_BASE_AUTHORITY_H

#include <sessiond/base/slice.h>

#define SES_PORT_NONE (-1)

struct ses_authority {
    struct ses_slice host; /* an IPv6 address with its brackets; may be empty */
    int port;              /* SES_PORT_NONE without a colon; 0 for "0", and where nothing follows the colon */
};

/* [any] A reg-name or brackets around something, and a port to 65535. No user information, no space, nothing
 * beyond ASCII, no character that could end the authority elsewhere. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_authority_parse(struct ses_slice text,
                                                   struct ses_authority *ret_authority);
/* [any] The same for somebody that a connection can go to: a host, and no port or one above 0. */
SES_MUST_CHECK enum ses_status ses_authority_parse_peer(struct ses_slice text,
                                                        struct ses_authority *ret_authority);

struct ses_origin {
    bool https;
    struct ses_slice text;      /* scheme, "://" and authority */
    struct ses_slice authority; /* up to the first '/', '?', '#' or '\\', not looked at otherwise */
};

/* [any] What an http:// or https:// URL (in lower case) begins with. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_origin_parse(struct ses_slice url, struct ses_origin *ret_origin);

/* [any] localhost, 127.0.0.0/8, [::1], by the text alone: any other name is none, whatever it resolves to, as
 * it may resolve to something else tomorrow. */
bool ses_host_is_loopback(struct ses_slice host);

#endif
