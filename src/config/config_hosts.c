/* config_hosts.c - the names this server answers to. */
#include "config_loader.h"

#include <stdio.h>

#include <sessiond/base/authority.h>

enum ses_status ses_config_check_host(const struct loader *loader, const struct value *value,
                                      struct ses_slice host)
{
    struct ses_authority authority;

    if (host.len >= SES_CONFIG_TEXT_SIZE || ses_slice_find(host, '*') != host.len ||
        ses_authority_parse_peer(host, &authority) != SES_OK)
        return ses_config_refuse(loader, value, "each entry must be a plain host or host:port");
    return SES_OK;
}

static void add(struct ses_config *config, struct ses_slice host)
{
    char *place = config->known_hosts[config->known_hosts_count++];

    (void)snprintf(place, SES_CONFIG_TEXT_SIZE, "%.*s", SES_FMT(host));
}

/* public_url's host is always one of them: it is the address that shoppers are sent to. */
enum ses_status ses_config_read_known_hosts(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    struct ses_authority authority;
    struct ses_origin origin;

    for (unsigned i = 0; i < raw->hosts_count; i++) {
        struct value value = {.text = raw->hosts[i], .key = "hosts"};
        struct ses_slice host = ses_slice_str(value.text);

        SES_TRY(ses_config_check_host(loader, &value, host));
        add(config, host);
    }
    SES_REQUIRE(ses_origin_parse(ses_slice_str(config->public_url), &origin) == SES_OK &&
                ses_authority_parse(origin.authority, &authority) == SES_OK);
    add(config, origin.authority);
    /* Browsers leave the scheme's own port out. A proxy in front may name it. */
    add(config, authority.host);
    return SES_OK;
}
