/* The section upstream: the server that calls are passed on to, and whether TLS is spoken to it. The files are read by
 * tls_files.c. */
#include <stdio.h>

#include <sessiond/base/authority.h>

#include "config_loader.h"

static void take_host(struct ses_config_upstream *upstream, struct ses_slice host)
{
    if (host.len > 2 && host.data[0] == '[')
        host = ses_slice_cut(host, 1, host.len - 1);
    (void)snprintf(upstream->host, sizeof(upstream->host), "%.*s", SES_FMT(host));
}

static enum ses_status read_grpc(const struct loader *loader, const struct ses_raw_upstream *raw,
                                 struct ses_authority *ret_authority)
{
    struct ses_config_upstream *upstream = &loader->config->upstream;
    struct value value = {.text = raw->grpc, .key = "upstream.grpc"};

    upstream->grpc[0] = '\0';
    if (value.text == NULL || value.text[0] == '\0')
        return SES_OK;
    SES_TRY(ses_config_read_text(loader, &value, "", sizeof(upstream->grpc), upstream->grpc));
    if (ses_authority_parse_peer(ses_slice_str(upstream->grpc), ret_authority) != SES_OK ||
        ret_authority->port == SES_PORT_NONE)
        return ses_config_refuse(loader, &value,
                                 "must be the host and port of a gRPC server, without a scheme, e.g. "
                                 "payments.internal:8000 or [::1]:8000");
    take_host(upstream, ret_authority->host);
    upstream->port = (uint16_t)ret_authority->port;
    return SES_OK;
}

/* Plain text never leaves the machine unless somebody has said so. To this machine it is the usual thing, but for somebody who
 * has named what only TLS needs. */
static enum ses_status choose_tls(const struct loader *loader, const struct ses_raw_upstream *raw,
                                  struct ses_slice host)
{
    static const char *const names[] = {"refuse", "allow"};
    const struct ses_raw_upstream_tls *tls = &raw->tls;
    struct value plaintext = {.text = raw->plaintext, .key = "upstream.plaintext"};
    bool named =
        tls->ca_file != NULL || tls->cert_file != NULL || tls->key_file != NULL || tls->server_name != NULL;
    unsigned choice = 0;

    if (plaintext.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &plaintext, names, 2, "must be refuse or allow", &choice));
    if (choice == 1 && named)
        return ses_config_refuse(
            loader, &plaintext,
            "takes plain text, and upstream.tls says how TLS is spoken: take one of them out");
    loader->config->upstream.tls =
        named || (choice == 0 && (plaintext.text != NULL || !ses_host_is_loopback(host)));
    return SES_OK;
}

static enum ses_status read_tls(const struct loader *loader, const struct ses_raw_upstream_tls *raw)
{
    struct ses_config_upstream *upstream = &loader->config->upstream;
    struct value name = {.text = raw->server_name, .key = "upstream.tls.server_name"};
    struct value certificate = {.key = "upstream.tls.cert_file"};
    struct value key = {.key = "upstream.tls.key_file"};

    if (name.text != NULL || upstream->host[0] != '\0')
        SES_TRY(ses_config_read_text(loader, &name, upstream->host, sizeof(upstream->server_name),
                                     upstream->server_name));
    SES_TRY(ses_config_read_pem(loader, "upstream.tls.ca_file", raw->ca_file, &upstream->ca));
    SES_TRY(ses_config_read_pem(loader, certificate.key, raw->cert_file, &upstream->certificate));
    SES_TRY(ses_config_read_pem(loader, key.key, raw->key_file, &upstream->key));
    if (upstream->certificate.path[0] != '\0' && upstream->key.path[0] == '\0')
        return ses_config_refuse(loader, &certificate, "needs its private key: add upstream.tls.key_file");
    if (upstream->key.path[0] != '\0' && upstream->certificate.path[0] == '\0')
        return ses_config_refuse(loader, &key, "needs its certificate: add upstream.tls.cert_file");
    return SES_OK;
}

static enum ses_status check_times(const struct loader *loader)
{
    struct value deadline = {.key = "upstream.deadline_ms"};

    if (loader->config->upstream_deadline_ms < loader->config->upstream_connect_timeout_ms)
        return ses_config_refuse(loader, &deadline, "must not be below upstream.connect_timeout_ms");
    return SES_OK;
}

/* Checked where there is no upstream too: who takes grpc out for a while wants to find the rest as it was. */
enum ses_status ses_config_read_upstream(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_authority authority = {.host = SES_SLICE_EMPTY};

    SES_TRY(read_grpc(loader, &raw->upstream, &authority));
    SES_TRY(choose_tls(loader, &raw->upstream, authority.host));
    SES_TRY(read_tls(loader, &raw->upstream.tls));
    return check_times(loader);
}
