/* The section trace: where spans go, and as whose. The files are read by tls_files.c. */
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

static enum ses_status read_files(const struct loader *loader, const struct ses_raw_trace *raw)
{
    struct ses_config_trace *trace = &loader->config->trace;

    SES_TRY(ses_config_read_pem(loader, "trace.ca_file", raw->ca_file, &trace->ca));
    SES_TRY(ses_config_read_pem(loader, "trace.cert_file", raw->cert_file, &trace->certificate));
    return ses_config_read_pem(loader, "trace.key_file", raw->key_file, &trace->key);
}

/* Each is of use with TLS alone; and a certificate without its key, or a key without its certificate, with nothing. */
static enum ses_status check_files(const struct loader *loader)
{
    const struct ses_config *config = loader->config;
    const struct ses_config_trace *trace = &config->trace;
    const struct ses_config_tls_file *files[] = {&trace->ca, &trace->certificate, &trace->key};
    struct value values[] = {{.key = "trace.ca_file"}, {.key = "trace.cert_file"}, {.key = "trace.key_file"}};
    bool https = ses_slice_starts(ses_slice_str(config->trace_endpoint), SES_STR("https://"));

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i]->path[0] != '\0' && !https)
            return ses_config_refuse(loader, &values[i],
                                     "is for a collector that is called over TLS: let trace.endpoint begin "
                                     "with https://, or take this line out");
    }
    if (trace->certificate.path[0] != '\0' && trace->key.path[0] == '\0')
        return ses_config_refuse(loader, &values[1], "needs its private key: add trace.key_file");
    if (trace->key.path[0] != '\0' && trace->certificate.path[0] == '\0')
        return ses_config_refuse(loader, &values[2], "needs its certificate: add trace.cert_file");
    return SES_OK;
}

static enum ses_status read_endpoint(const struct loader *loader, const struct ses_raw_trace *raw)
{
    struct ses_config *config = loader->config;
    struct value value = {.text = raw->endpoint, .key = "trace.endpoint"};

    config->trace_endpoint[0] = '\0';
    if (value.text == NULL || value.text[0] == '\0')
        return SES_OK;
    SES_TRY(ses_config_read_text(loader, &value, "", sizeof(config->trace_endpoint), config->trace_endpoint));
    return check_endpoint(loader, &value, config->trace_endpoint);
}

enum ses_status ses_config_read_trace(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    struct value service = {.text = raw->trace.service_name, .key = "trace.service_name"};

    SES_TRY(ses_config_read_text(loader, &service, DEFAULT_SERVICE, sizeof(config->trace_service),
                                 config->trace_service));
    SES_TRY(read_endpoint(loader, &raw->trace));
    SES_TRY(read_files(loader, &raw->trace));
    return check_files(loader);
}
