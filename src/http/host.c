/* Names are compared without regard to case and, unless one was configured with a port, without the
 * port: which port a proxy listens on is none of our business. */
#include "host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define LOOPBACK_NET 127u /* 127.0.0.0/8, RFC 1122 section 3.2.1.3 */

static bool is_port(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (i == 0 ? text.data[i] != ':' : text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}

/* Without the port, and without the dot that ends a name in full. Empty: another thing than a host and a
 * port, whose beginning says nothing ("[::1].evil.example", "localhost:x@evil.example"). */
static struct ses_slice host_of(struct ses_slice authority)
{
    bool bracket = authority.len > 0 && authority.data[0] == '[';
    size_t end = ses_slice_find(authority, bracket ? ']' : ':');
    struct ses_slice host;

    if (bracket && end < authority.len)
        end++;
    if (!is_port(ses_slice_cut(authority, end, authority.len)))
        return SES_SLICE_EMPTY;
    host = ses_slice_cut(authority, 0, end);
    return host.len > 1 && host.data[host.len - 1] == '.' ? ses_slice_cut(host, 0, host.len - 1) : host;
}

static bool is_loopback(struct ses_slice host)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool v6 = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    struct ses_slice address = v6 ? ses_slice_cut(host, 1, host.len - 1) : host;
    struct in6_addr in6;
    struct in_addr in;

    if (ses_slice_ieq(host, SES_STR("localhost")))
        return true;
    if (address.len == 0 || address.len >= sizeof(text))
        return false;
    memcpy(text, address.data, address.len);
    if (v6)
        return inet_pton(AF_INET6, text, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
    return inet_pton(AF_INET, text, &in) == 1 && ntohl(in.s_addr) >> 24 == LOOPBACK_NET;
}

/* Loopback names are always ours: a page from elsewhere cannot have one of them as its own origin. */
bool ses_host_is_known(const char *const *names, size_t names_count, struct ses_slice authority)
{
    struct ses_slice host = host_of(authority);

    if (authority.len == 0 || is_loopback(host))
        return true;
    for (size_t i = 0; i < names_count; i++) {
        struct ses_slice name = ses_slice_str(names[i]);

        if (ses_slice_ieq(name, host) || ses_slice_ieq(name, authority))
            return true;
    }
    return false;
}

/* A client names the same host again and again: the last one that was known is compared first. */
bool ses_host_check(struct ses_doors *doors, const struct ses_exchange *x)
{
    const struct ses_door_options *options = &doors->options;

    if (options->hosts == NULL || (x->route != NULL && x->route->any_host))
        return true;
    struct ses_slice authority = ses_exchange_header(x, "host", NULL);

    if (ses_slice_eq(authority, ses_slice(doors->host, doors->host_len)))
        return true;
    if (!ses_host_is_known(options->hosts, options->hosts_count, authority)) {
        ses_count(options->metrics, SES_C_MISDIRECTED, 1);
        return false;
    }
    if (authority.len > 0 && authority.len <= sizeof(doors->host)) {
        memcpy(doors->host, authority.data, authority.len);
        doors->host_len = authority.len;
    }
    return true;
}
