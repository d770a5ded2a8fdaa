/* config_proxies.c - who stands in front of this server, and how it says for whom. */
#include "config_loader.h"

/* In the order of their enums. */
static const char *const protocol_names[] = {"off", "accept", "require"};
static const char *const header_names[] = {"none", "x-forwarded-for", "forwarded"};

static enum ses_status read_trusted(const struct loader *loader, const struct ses_raw_proxies *raw)
{
    struct ses_config *config = loader->config;

    for (unsigned i = 0; i < raw->trusted_count; i++) {
        struct value value = {.text = raw->trusted[i], .key = "proxies.trusted"};

        if (ses_network_parse(ses_slice_str(value.text), &config->trusted_proxies[i]) != SES_OK)
            return ses_config_refuse(loader, &value,
                                     "each entry must be an address or a network such as 10.1.0.0/16 or "
                                     "2001:db8::/32, without bits behind its prefix");
    }
    config->trusted_proxies_count = raw->trusted_count;
    return SES_OK;
}

static enum ses_status read_choice(const struct loader *loader, const char *key, const char *text,
                                   const char *const *names, const char *what, unsigned *choice)
{
    struct value value = {.text = text, .key = key};

    return text == NULL ? SES_OK : ses_config_read_choice(loader, &value, names, 3, what, choice);
}

enum ses_status ses_config_read_proxies(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    unsigned protocol = SES_PROXY_PROTOCOL_ACCEPT;
    unsigned header = SES_FORWARDED_X_FOR;

    SES_TRY(read_trusted(loader, &raw->proxies));
    SES_TRY(read_choice(loader, "proxies.protocol", raw->proxies.protocol, protocol_names,
                        "must be off, accept or require", &protocol));
    SES_TRY(read_choice(loader, "proxies.header", raw->proxies.header, header_names,
                        "must be x-forwarded-for, forwarded or none", &header));
    config->proxy_protocol = (enum ses_proxy_protocol)protocol;
    config->proxy_header = (enum ses_forwarded)header;
    return SES_OK;
}
