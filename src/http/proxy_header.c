/* Version 1 is a line of text, version 2 a binary head. Both are read whole or not at all; what is not exactly
 * right is refused, since nobody can tell then whose connection it is. */
#include "proxy_header.h"

#define V1_PREFIX SES_STR("PROXY ")
#define V2_PREFIX SES_STR("\r\n\r\n\0\r\nQUIT\n")

#define V2_HEAD        16u
#define V2_VERSION     0x20u /* high half of the 13th byte */
#define V2_LOCAL       0x0u
#define V2_PROXY       0x1u
#define V2_INET        0x1u /* high half of the 14th byte */
#define V2_INET6       0x2u
#define V2_STREAM      0x1u /* its low half */
#define V2_INET_BYTES  12u
#define V2_INET6_BYTES 36u

static enum ses_proxy malformed(struct ses_proxy_header *header, const char *why)
{
    header->why = why;
    return SES_PROXY_MALFORMED;
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" */

static bool port_of(struct ses_slice text, uint16_t *ret_port)
{
    uint64_t port;

    if (text.len == 0 || (text.len > 1 && text.data[0] == '0') ||
        ses_parse_u64(text, UINT16_MAX, &port) != SES_OK)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* One blank between words and none behind the last: the line is a machine's. */
static bool v1_addresses(struct ses_slice line, bool v4, struct ses_peer *ret_source)
{
    struct ses_slice from = ses_slice_take_until(&line, ' ');
    struct ses_slice to = ses_slice_take_until(&line, ' ');
    struct ses_slice from_port = ses_slice_take_until(&line, ' ');
    struct ses_ip source, destination;
    uint16_t port, other;

    if (ses_ip_parse(from, &source) != SES_OK || ses_ip_parse(to, &destination) != SES_OK ||
        (ses_slice_find(from, ':') == from.len) != v4 || (ses_slice_find(to, ':') == to.len) != v4)
        return false;
    if (!port_of(from_port, &port) || !port_of(line, &other))
        return false;
    *ret_source = ses_peer_of_ip(&source, port);
    return true;
}

static enum ses_proxy parse_v1(struct ses_slice first, struct ses_proxy_header *header)
{
    struct ses_slice bounded = ses_slice_cut(first, 0, SES_PROXY_V1_MAX);
    size_t end = ses_slice_find(bounded, '\n');
    struct ses_slice line, family;

    if (end == bounded.len)
        return bounded.len < SES_PROXY_V1_MAX ? SES_PROXY_MORE
                                              : malformed(header, "a line of more than 107 bytes");
    if (first.data[end - 1] != '\r')
        return malformed(header, "a line that does not end in CR LF");
    header->len = end + 1;
    line = ses_slice_cut(first, V1_PREFIX.len, end - 1);
    family = ses_slice_take_until(&line, ' ');
    if (ses_slice_eq_str(family, "UNKNOWN"))
        return SES_PROXY_WHOLE; /* whatever follows is to be ignored */
    if (!ses_slice_eq_str(family, "TCP4") && !ses_slice_eq_str(family, "TCP6"))
        return malformed(header, "neither TCP4, TCP6 nor UNKNOWN");
    if (!v1_addresses(line, family.data[3] == '4', &header->source))
        return malformed(header, "addresses or ports that are none");
    header->named = true;
    return SES_PROXY_WHOLE;
}

/* ---- version 2 */

static uint16_t be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Of other families (a UNIX socket, datagrams) the connection keeps its own address, as the specification asks. */
static enum ses_proxy v2_addresses(struct ses_slice body, unsigned family, struct ses_proxy_header *header)
{
    struct ses_ip ip;

    if (family == (V2_INET << 4 | V2_STREAM) && body.len >= V2_INET_BYTES) {
        ip = ses_ip_v4(body.data);
        header->source = ses_peer_of_ip(&ip, be16(body.data + 8));
    } else if (family == (V2_INET6 << 4 | V2_STREAM) && body.len >= V2_INET6_BYTES) {
        ip = ses_ip_v6(body.data);
        header->source = ses_peer_of_ip(&ip, be16(body.data + 32));
    } else {
        return family >> 4 == V2_INET || family >> 4 == V2_INET6
                   ? malformed(header, "addresses that are cut short, or none of TCP")
                   : SES_PROXY_WHOLE;
    }
    header->named = true;
    return SES_PROXY_WHOLE;
}

static enum ses_proxy parse_v2(struct ses_slice first, struct ses_proxy_header *header)
{
    unsigned version, command;
    size_t body_len;

    if (first.len < V2_HEAD)
        return SES_PROXY_MORE;
    version = first.data[12] & 0xf0u;
    command = first.data[12] & 0x0fu;
    body_len = be16(first.data + 14);
    if (version != V2_VERSION || (command != V2_LOCAL && command != V2_PROXY))
        return malformed(header, "an unknown version or command");
    if (V2_HEAD + body_len > SES_PROXY_HEADER_MAX)
        return malformed(header, "more than 2048 bytes");
    if (first.len < V2_HEAD + body_len)
        return SES_PROXY_MORE;
    header->len = V2_HEAD + body_len;
    if (command == V2_LOCAL)
        return SES_PROXY_WHOLE;
    return v2_addresses(ses_slice_cut(first, V2_HEAD, header->len), first.data[13], header);
}

static bool may_begin(struct ses_slice first, struct ses_slice prefix)
{
    size_t common = first.len < prefix.len ? first.len : prefix.len;

    return memcmp(first.data, prefix.data, common) == 0;
}

/* The two beginnings differ in their first byte, and neither begins TLS, HTTP/2's preface or a method. */
enum ses_proxy ses_proxy_header_parse(struct ses_slice first, struct ses_proxy_header *ret_header)
{
    *ret_header = (struct ses_proxy_header){.why = NULL};
    if (first.len == 0)
        return SES_PROXY_MORE;
    if (may_begin(first, V1_PREFIX))
        return first.len < V1_PREFIX.len ? SES_PROXY_MORE : parse_v1(first, ret_header);
    if (may_begin(first, V2_PREFIX))
        return first.len < V2_PREFIX.len ? SES_PROXY_MORE : parse_v2(first, ret_header);
    return SES_PROXY_NONE;
}
