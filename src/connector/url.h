/* url.h - the few absolute URLs that may leave this process, parsed by the library that will follow them. */
#ifndef SESSIOND_SRC_CONNECTOR_URL_H
#define SESSIOND_SRC_CONNECTOR_URL_H

#include <sessiond/base/arena.h>
#include <sessiond/base/slice.h>

/* A base URL of at most 2 KiB, a path, and ids of 255 bytes with every byte percent-encoded. */
#define SES_URL_BYTES_MAX      8192
#define SES_BASE_URL_BYTES_MAX 2048
#define SES_URL_HOST_SIZE      256 /* RFC 1035: 253 characters */

struct ses_url {
    bool https;
    char host[SES_URL_HOST_SIZE]; /* lower case, an IPv6 address in brackets */
    unsigned port;                /* the scheme's when none is given */
    size_t origin_bytes;          /* length of "scheme://authority" at the start of the text */
};

/* Demands http:// or https://, an authority that libcurl reads exactly as it is written (so no user info, no
 * percent signs, no numeric forms of an IPv4 address, no empty or padded port), visible ASCII, no backslash,
 * no fragment. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_url_parse(struct ses_slice text, struct ses_url *ret_url);
/* localhost, 127.0.0.0/8, [::1]. */
bool ses_url_loopback(const struct ses_url *url);
/* "host" for the scheme's own port, "host:port" for any. */
bool ses_url_host_matches(const struct ses_url *url, const char *entry);
/* Base and path with one slash between, so that a path can never extend the host. NULL without memory. */
char *ses_url_join(struct ses_arena *arena, struct ses_slice base, const char *path);

#endif
