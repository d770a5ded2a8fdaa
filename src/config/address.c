/* Only numeric addresses: a name could resolve to something else at the next start, and listening must
 * not depend on a resolver. */
#include <sessiond/config/address.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define PORT_MAX     65535u
#define LOOPBACK_NET 127u /* 127.0.0.0/8, RFC 1122 section 3.2.1.3 */

/* The canonical form (::1 however it was written), so that two spellings of one address compare as
 * equal. */
static void write_text(struct ses_address *address)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->sockaddr.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&address->sockaddr;

        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        (void)snprintf(address->text, sizeof(address->text), "%s:%u", host, ses_address_port(address));
    } else {
        const struct sockaddr_in6 *in6 = (const void *)&address->sockaddr;

        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        (void)snprintf(address->text, sizeof(address->text), "[%s]:%u", host, ses_address_port(address));
    }
}

uint16_t ses_address_port(const struct ses_address *address)
{
    const struct sockaddr_in *in = (const void *)&address->sockaddr;
    const struct sockaddr_in6 *in6 = (const void *)&address->sockaddr;

    return ntohs(address->sockaddr.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
}

void ses_address_set_port(struct ses_address *address, uint16_t port)
{
    struct sockaddr_in *in = (void *)&address->sockaddr;
    struct sockaddr_in6 *in6 = (void *)&address->sockaddr;

    if (address->sockaddr.ss_family == AF_INET)
        in->sin_port = htons(port);
    else
        in6->sin6_port = htons(port);
    write_text(address);
}

/* Splits at the last colon; an IPv6 host must stand in brackets (RFC 3986 section 3.2.2), else "::1:80" would
 * be two addresses. */
static enum ses_status split(struct ses_slice text, bool *ret_v6, struct ses_slice *ret_host,
                             struct ses_slice *ret_port)
{
    size_t colon = text.len;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ':')
            colon = i;
    }
    if (colon == text.len || colon == 0)
        return SES_MALFORMED;
    *ret_port = ses_slice_cut(text, colon + 1, text.len);
    *ret_host = ses_slice_cut(text, 0, colon);
    *ret_v6 = text.data[0] == '[';
    if (*ret_v6) {
        if (text.data[colon - 1] != ']')
            return SES_MALFORMED;
        *ret_host = ses_slice_cut(text, 1, colon - 1);
    }
    return SES_OK;
}

/* inet_pton takes exactly the numeric forms, and no shortened IPv4 ("127.1"). */
enum ses_status ses_address_parse(const char *text, struct ses_address *ret_address)
{
    struct ses_address address = {.len = 0};
    struct ses_slice host_slice;
    struct ses_slice port_slice;
    char host[INET6_ADDRSTRLEN];
    uint64_t port;
    bool v6;
    int parsed;

    SES_TRY(split(ses_slice_str(text), &v6, &host_slice, &port_slice));
    SES_TRY(ses_parse_u64(port_slice, PORT_MAX, &port));
    if (host_slice.len == 0 || host_slice.len >= sizeof(host))
        return SES_MALFORMED;
    (void)snprintf(host, sizeof(host), "%.*s", SES_FMT(host_slice));
    if (v6) {
        struct sockaddr_in6 *in6 = (void *)&address.sockaddr;

        address.len = sizeof(*in6);
        address.sockaddr.ss_family = AF_INET6;
        parsed = inet_pton(AF_INET6, host, &in6->sin6_addr);
    } else {
        struct sockaddr_in *in = (void *)&address.sockaddr;

        address.len = sizeof(*in);
        address.sockaddr.ss_family = AF_INET;
        parsed = inet_pton(AF_INET, host, &in->sin_addr);
    }
    if (parsed != 1)
        return SES_MALFORMED;
    ses_address_set_port(&address, (uint16_t)port);
    *ret_address = address;
    return SES_OK;
}

bool ses_address_loopback_check(const struct ses_address *address)
{
    if (address->sockaddr.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&address->sockaddr;

        return ntohl(in->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)&address->sockaddr)->sin6_addr);
}
