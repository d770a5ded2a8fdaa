/* config_cors.c - pages of which origins may call. */
#include "config_loader.h"

#include <stdio.h>
#include <string.h>

#include <sessiond/base/authority.h>

/* What a browser never sends would never be the same as what it sends. */
static bool is_origin(const char *text)
{
    struct ses_authority authority = {.port = 0};
    struct ses_origin origin = {.https = false};
    struct ses_slice whole = ses_slice_str(text);

    for (size_t i = 0; i < whole.len; i++) {
        if (whole.data[i] >= 'A' && whole.data[i] <= 'Z')
            return false;
    }
    return whole.len < SES_CONFIG_TEXT_SIZE && ses_origin_parse(whole, &origin) == SES_OK &&
           origin.text.len == whole.len && ses_slice_find(whole, '*') == whole.len &&
           ses_authority_parse_peer(origin.authority, &authority) == SES_OK &&
           authority.port != (origin.https ? 443 : 80);
}

enum ses_status ses_config_read_cors(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

    for (unsigned i = 0; i < raw->cors.origins_count; i++) {
        struct value value = {.text = raw->cors.origins[i], .key = "cors.origins"};

        if (strcmp(value.text, "*") == 0 && raw->cors.origins_count == 1) {
            config->cors_any = true;
            return SES_OK;
        }
        if (!is_origin(value.text))
            return ses_config_refuse(loader, &value,
                                     "each entry must be an origin as browsers send it: https://HOST or "
                                     "https://HOST:PORT in lower case, without a path and without the "
                                     "scheme's own port; or the one entry \"*\": every page");
        (void)snprintf(config->cors_origins[config->cors_origins_count++], SES_CONFIG_TEXT_SIZE, "%s",
                       value.text);
    }
    return SES_OK;
}

struct ses_cors ses_config_cors(const struct ses_config *config, const char *places[SES_CONFIG_ORIGINS_MAX])
{
    for (size_t i = 0; i < config->cors_origins_count; i++)
        places[i] = config->cors_origins[i];
    return (struct ses_cors){.origins = places,
                             .origins_count = config->cors_origins_count,
                             .any = config->cors_any,
                             .loopback = config->sandbox};
}
