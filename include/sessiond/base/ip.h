/* ip.h - IP addresses and networks as numbers.
 *
 * One form for both families: 16 bytes, an IPv4 address as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that an
 * address compares equal to itself however it came.
 */
#ifndef SESSIOND_BASE_IP_H
#define SESSIOND_BASE_IP_H

#include <sessiond/base/slice.h>

#define SES_IP_TEXT_SIZE 46u /* INET6_ADDRSTRLEN */

struct ses_ip {
    uint8_t bytes[16];
};

/* The addresses that begin with the same bits. */
struct ses_network {
    struct ses_ip ip;
    unsigned bits; /* of the 16 bytes: an IPv4 /8 is 104 */
};

/* [any] 4 or 16 bytes in network order. */
struct ses_ip ses_ip_v4(const uint8_t bytes[4]);
struct ses_ip ses_ip_v6(const uint8_t bytes[16]);
bool ses_ip_is_v4(const struct ses_ip *ip);
/* [any] Who is counted for it: an IPv6 address is its /64, since its owner has all addresses in that (RFC 6177). */
struct ses_ip ses_ip_source(const struct ses_ip *ip);
/* [any] "192.0.2.1" or "2001:db8::1", nothing around it. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_ip_parse(struct ses_slice text, struct ses_ip *ret_ip);
/* [any] IPv4 without its prefix, IPv6 in the form of RFC 5952. */
void ses_ip_text(const struct ses_ip *ip, char ret_text[SES_IP_TEXT_SIZE]);

/* [any] "10.0.0.0/8", "2001:db8::/32", or an address alone. SES_MALFORMED: also when bits behind the prefix are
 * set, which is nearly always a slip. */
SES_MUST_CHECK enum ses_status ses_network_parse(struct ses_slice text, struct ses_network *ret_network);
/* [any] */
bool ses_networks_contain(const struct ses_network *networks, size_t count, const struct ses_ip *ip);

#endif
