/* config_hosts.c - the names this server answers to. */
#include "config_loader.h"

#include <stdio.h>

static enum ses_status check(const struct loader *loader, const struct value *value, struct ses_slice host)
{
    if (host.len == 0 || host.len >= SES_CONFIG_TEXT_SIZE || ses_slice_find(host, '/') != host.len ||
        ses_slice_find(host, '@') != host.len || ses_slice_find(host, '*') != host.len ||
        ses_slice_find(host, ' ') != host.len)
        return ses_config_refuse(loader, value, "each entry must be a plain host or host:port");
    return SES_OK;
}

static void add(struct ses_config *config, struct ses_slice host)
{
    char *place = config->known_hosts[config->known_hosts_count++];

    (void)snprintf(place, SES_CONFIG_TEXT_SIZE, "%.*s", SES_FMT(host));
}

/* "https://pay.example/x" is called pay.example. */
static struct ses_slice host_of_url(const char *url)
{
    struct ses_slice rest = ses_slice_str(url);

    rest = ses_slice_cut(rest, ses_slice_find(rest, '/') + 2, rest.len);
    return ses_slice_cut(rest, 0, ses_slice_find(rest, '/'));
}

/* public_url's host is always one of them: it is the address that shoppers are sent to. */
enum ses_status ses_config_read_known_hosts(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

    for (unsigned i = 0; i < raw->hosts_count; i++) {
        struct value value = {.text = raw->hosts[i], .key = "hosts"};
        struct ses_slice host = ses_slice_str(value.text);

        SES_TRY(check(loader, &value, host));
        add(config, host);
    }
    struct ses_slice authority = host_of_url(config->public_url);

    add(config, authority);
    /* Browsers leave the scheme's own port out. A proxy in front may name it. */
    if (!ses_slice_starts(authority, SES_STR("[")))
        add(config, ses_slice_cut(authority, 0, ses_slice_find(authority, ':')));
    return SES_OK;
}
