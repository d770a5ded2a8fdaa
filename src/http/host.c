/* Names are compared without regard to case and, unless one was configured with a port, without the
 * port: which port a proxy listens on is none of our business. */
#include "host.h"

#include <sessiond/base/authority.h>

/* Without the port, and without the dot that ends a name in full. Empty: another thing than a host and a
 * port, whose beginning says nothing ("[::1].evil.example", "localhost:x@evil.example"). */
static struct ses_slice host_of(struct ses_slice text)
{
    struct ses_authority authority = {.host = SES_SLICE_EMPTY};
    struct ses_slice host;

    if (ses_authority_parse(text, &authority) != SES_OK)
        return SES_SLICE_EMPTY;
    host = authority.host;
    return host.len > 1 && host.data[host.len - 1] == '.' ? ses_slice_cut(host, 0, host.len - 1) : host;
}

/* Loopback names are always ours: a page from elsewhere cannot have one of them as its own origin. */
bool ses_host_is_known(const char *const *names, size_t names_count, struct ses_slice authority)
{
    struct ses_slice host = host_of(authority);

    if (authority.len == 0 || ses_host_is_loopback(host))
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
