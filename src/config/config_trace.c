/* The section trace: where spans go, and as whose. */
#include <stdio.h>

#include <sessiond/base/authority.h>

#include "config_loader.h"

#define DEFAULT_SERVICE "sessiond"

/* Plain text never leaves the machine. */
static enum ses_status check_endpoint(const struct loader *loader, const struct value *value,
                                      const char *text)
{
    struct ses_slice url = ses_slice_str(text);
    struct ses_authority authority = {.host = SES_SLICE_EMPTY};
    struct ses_origin origin = {.https = false};

    if (ses_origin_parse(url, &origin) != SES_OK ||
        ses_authority_parse_peer(origin.authority, &authority) != SES_OK ||
        (!origin.https && !ses_host_is_loopback(authority.host)))
        return ses_config_refuse(loader, value,
                                 "must be the base URL of an OTLP/HTTP collector: https://, or http:// of a "
                                 "loopback host, e.g. http://127.0.0.1:4318");
    if (ses_slice_find(url, '@') != url.len || ses_slice_find(url, ' ') != url.len ||
        ses_slice_find(url, '?') != url.len || ses_slice_find(url, '#') != url.len ||
        url.data[url.len - 1] == '/')
        return ses_config_refuse(loader, value,
                                 "must have no user, query, fragment, and no '/' at its end: /v1/traces is "
                                 "appended");
    return SES_OK;
}

enum ses_status ses_config_read_trace(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    struct value endpoint = {.text = raw->trace.endpoint, .key = "trace.endpoint"};
    struct value service = {.text = raw->trace.service_name, .key = "trace.service_name"};

    config->trace_endpoint[0] = '\0';
    SES_TRY(ses_config_read_text(loader, &service, DEFAULT_SERVICE, sizeof(config->trace_service),
                                 config->trace_service));
    if (endpoint.text == NULL || endpoint.text[0] == '\0')
        return SES_OK;
    SES_TRY(
        ses_config_read_text(loader, &endpoint, "", sizeof(config->trace_endpoint), config->trace_endpoint));
    return check_endpoint(loader, &endpoint, config->trace_endpoint);
}
