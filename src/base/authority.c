/* Hosts and ports by their text; nothing is resolved. */
#include <sessiond/base/authority.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <sessiond/base/ascii.h>

#define PORT_MAX     65535
#define LOOPBACK_NET 127u /* 127.0.0.0/8, RFC 1122 section 3.2.1.3 */

/* unreserved, pct-encoded, sub-delims: RFC 3986 section 2; a colon only in brackets. */
static bool host_byte(uint8_t c, bool bracket)
{
    if (ses_ascii_is_digit(c) || ses_ascii_is_letter(c) || (bracket && c == ':'))
        return true;
    return c != '\0' && strchr("-._~%!$&'()*+,;=", c) != NULL;
}

/* Length of the host that text begins with; its closing bracket is part of it. SES_MALFORMED. */
static enum ses_status host_length(struct ses_slice text, size_t *ret_len)
{
    bool bracket = text.len > 0 && text.data[0] == '[';
    size_t begin = bracket ? 1 : 0;
    size_t len = begin;

    while (len < text.len && host_byte(text.data[len], bracket))
        len++;
    if (bracket && (len == begin || len == text.len || text.data[len] != ']'))
        return SES_MALFORMED;
    *ret_len = bracket ? len + 1 : len;
    return SES_OK;
}

enum ses_status ses_authority_parse(struct ses_slice text, struct ses_authority *ret_authority)
{
    uint64_t port = 0;
    size_t len;

    SES_TRY(host_length(text, &len));
    if (len < text.len && text.data[len] != ':')
        return SES_MALFORMED;
    if (len + 1 < text.len)
        SES_TRY(ses_parse_u64(ses_slice_cut(text, len + 1, text.len), PORT_MAX, &port));
    *ret_authority = (struct ses_authority){.host = ses_slice_cut(text, 0, len),
                                            .port = len == text.len ? SES_PORT_NONE : (int)port};
    return SES_OK;
}

enum ses_status ses_authority_parse_peer(struct ses_slice text, struct ses_authority *ret_authority)
{
    struct ses_authority authority;

    SES_TRY(ses_authority_parse(text, &authority));
    if (authority.host.len == 0 || authority.port == 0)
        return SES_MALFORMED;
    *ret_authority = authority;
    return SES_OK;
}

/* A browser takes a backslash for a slash, and a fragment's begin ends the authority, too. */
enum ses_status ses_origin_parse(struct ses_slice url, struct ses_origin *ret_origin)
{
    bool https = ses_slice_starts(url, SES_STR("https://"));
    size_t from = https ? sizeof("https://") - 1 : sizeof("http://") - 1;
    size_t to = from;

    if (!https && !ses_slice_starts(url, SES_STR("http://")))
        return SES_MALFORMED;
    while (to < url.len && url.data[to] != '/' && url.data[to] != '?' && url.data[to] != '#' &&
           url.data[to] != '\\')
        to++;
    *ret_origin = (struct ses_origin){
        .https = https, .text = ses_slice_cut(url, 0, to), .authority = ses_slice_cut(url, from, to)};
    return SES_OK;
}

bool ses_host_is_loopback(struct ses_slice host)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool v6 = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    struct ses_slice address = v6 ? ses_slice_cut(host, 1, host.len - 1) : host;
    struct in6_addr in6;
    struct in_addr in;

    if (ses_slice_ieq(host, SES_STR("localhost")))
        return true;
    if (address.len == 0 || address.len >= sizeof(text) || ses_slice_find(address, '\0') < address.len)
        return false;
    memcpy(text, address.data, address.len);
    if (v6)
        return inet_pton(AF_INET6, text, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
    return inet_pton(AF_INET, text, &in) == 1 && ntohl(in.s_addr) >> 24 == LOOPBACK_NET;
}
