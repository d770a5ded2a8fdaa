/* Certificates, keys and authorities from their files, each fault with the line that named the file. */
#include <sessiond/config/tls_files.h>

#include <stdlib.h>

#include <sessiond/base/authority.h>

#include "file_text.h"

/* ---- reading ------------------------------------------------------------------------------------------ */

static enum ses_status take_text(const struct ses_config *config, const char *key,
                                 const struct ses_config_tls_file *file, struct ses_buf *buf,
                                 struct ses_fault *fault)
{
    struct ses_file_text what = {.key = key, .content = "PEM text", .bytes_max = SES_TLS_PEM_MAX};

    return ses_file_text_read(config, &what, file, buf, fault);
}

static enum ses_status take_secret(const struct ses_config *config, const char *key,
                                   const struct ses_config_tls_file *file, struct ses_secret *secret,
                                   struct ses_fault *fault)
{
    struct ses_file_text what = {
        .key = key, .content = "PEM text", .secret = "private key", .bytes_max = SES_TLS_PEM_MAX};

    return ses_file_text_read_secret(config, &what, file, secret, fault);
}

static enum ses_status read_files(const struct ses_config *config, struct ses_tls_files *files,
                                  struct ses_fault *fault)
{
    const struct ses_config_tls *tls = &config->tls;
    const struct ses_config_trace *trace = &config->trace;
    const struct ses_config_upstream *upstream = &config->upstream;

    SES_TRY(take_text(config, "tls.certificate", &tls->certificate, &files->certificate, fault));
    SES_TRY(take_secret(config, "tls.key", &tls->key, &files->key, fault));
    SES_TRY(take_text(config, "tls.client_ca", &tls->client_ca, &files->client_ca, fault));
    SES_TRY(take_text(config, "trace.ca_file", &trace->ca, &files->trace_ca, fault));
    SES_TRY(take_text(config, "trace.cert_file", &trace->certificate, &files->trace_certificate, fault));
    SES_TRY(take_secret(config, "trace.key_file", &trace->key, &files->trace_key, fault));
    SES_TRY(take_text(config, "upstream.tls.ca_file", &upstream->ca, &files->upstream_ca, fault));
    SES_TRY(take_text(config, "upstream.tls.cert_file", &upstream->certificate, &files->upstream_certificate,
                      fault));
    return take_secret(config, "upstream.tls.key_file", &upstream->key, &files->upstream_key, fault);
}

/* ---- judging ------------------------------------------------------------------------------------------ */

static struct ses_slice host_of(const char *authority)
{
    struct ses_authority parsed;
    struct ses_slice host;

    if (ses_authority_parse(ses_slice_str(authority), &parsed) != SES_OK)
        return SES_SLICE_EMPTY;
    host = parsed.host;
    if (host.len > 2 && host.data[0] == '[')
        host = ses_slice_cut(host, 1, host.len - 1);
    return host;
}

/* Requests for other hosts than these are answered 421, so a certificate for none of them serves nobody. One name
 * is enough: behind a proxy only the proxy's name for us has to be in it. */
static bool is_for_us(const struct ses_config *config, const struct ses_tls_context *context)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};

    for (size_t i = 0; i < config->known_hosts_count; i++) {
        if (ses_tls_context_names(context, host_of(config->known_hosts[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        if (ses_tls_context_names(context, ses_slice_str(loopback[i])))
            return true;
    }
    return ses_tls_context_names(context, host_of(config->listen.text));
}

static struct ses_tls_options options_of(const struct ses_config *config, const struct ses_tls_files *files)
{
    return (struct ses_tls_options){
        .certificate = ses_buf_view(&files->certificate),
        .key = ses_slice(files->key.bytes, files->key.len),
        .client_ca = ses_buf_view(&files->client_ca),
        .client_auth = config->tls.client_auth,
        .tls13_only = config->tls.tls13_only,
        .ticket_seconds = (uint32_t)config->tls_ticket_seconds,
    };
}

static enum ses_status judge_own(const struct ses_config *config, const struct ses_tls_files *files,
                                 struct ses_fault *fault)
{
    const struct ses_config_tls *tls = &config->tls;
    static const char *const keys[] = {"tls.certificate", "tls.key", "tls.client_ca"};
    const struct ses_config_tls_file *const places[] = {&tls->certificate, &tls->key, &tls->client_ca};
    const struct ses_tls_options options = options_of(config, files);
    struct ses_tls_context *context = NULL;
    struct ses_fault what = {.text = ""};
    enum ses_tls_text text = SES_TLS_CERTIFICATE;
    enum ses_status status = ses_tls_context_new(&options, &context, &text, &what);

    if (status == SES_OK && !is_for_us(config, context)) {
        text = SES_TLS_CERTIFICATE;
        status =
            ses_fault(&what, SES_FAILED_PRECONDITION,
                      "is for none of the names that this server answers to: add its name to hosts, or to "
                      "redirect.public_url, or take another certificate");
    }
    ses_tls_context_free(context);
    return status == SES_OK
               ? SES_OK
               : ses_file_text_refuse(config, keys[text], places[text], status, what.text, fault);
}

/* As whom we come to somebody, and who may vouch for them: the names of the settings, where they stand, what was read. */
struct peer_files {
    const char *const *pair_keys; /* certificate, key */
    const char *ca_key;
    const struct ses_config_tls_file *const pair_places[2];
    const struct ses_config_tls_file *ca_place;
    const struct ses_buf *certificate;
    const struct ses_secret *key;
    const struct ses_buf *ca;
};

/* What is asked of a server's pair is asked of this one, but for its names. */
static enum ses_status judge_peer_pair(const struct ses_config *config, const struct peer_files *peer,
                                       struct ses_fault *fault)
{
    const struct ses_tls_options options = {
        .certificate = ses_buf_view(peer->certificate),
        .key = ses_slice(peer->key->bytes, peer->key->len),
    };
    struct ses_tls_context *context = NULL;
    struct ses_fault what = {.text = ""};
    enum ses_tls_text text = SES_TLS_CERTIFICATE;
    enum ses_status status = ses_tls_context_new(&options, &context, &text, &what);

    ses_tls_context_free(context);
    return status == SES_OK ? SES_OK
                            : ses_file_text_refuse(config, peer->pair_keys[text], peer->pair_places[text],
                                                   status, what.text, fault);
}

static enum ses_status judge_peer(const struct ses_config *config, const struct peer_files *peer,
                                  struct ses_fault *fault)
{
    struct ses_fault what = {.text = ""};
    enum ses_status status;

    if (peer->pair_places[0]->path[0] != '\0')
        SES_TRY(judge_peer_pair(config, peer, fault));
    if (peer->ca_place->path[0] == '\0')
        return SES_OK;
    status = ses_tls_authorities_check(ses_buf_view(peer->ca), &what);
    return status == SES_OK
               ? SES_OK
               : ses_file_text_refuse(config, peer->ca_key, peer->ca_place, status, what.text, fault);
}

static enum ses_status judge(const struct ses_config *config, const struct ses_tls_files *files,
                             struct ses_fault *fault)
{
    static const char *const trace_pair[] = {"trace.cert_file", "trace.key_file"};
    static const char *const upstream_pair[] = {"upstream.tls.cert_file", "upstream.tls.key_file"};
    const struct peer_files collector = {
        .pair_keys = trace_pair,
        .ca_key = "trace.ca_file",
        .pair_places = {&config->trace.certificate, &config->trace.key},
        .ca_place = &config->trace.ca,
        .certificate = &files->trace_certificate,
        .key = &files->trace_key,
        .ca = &files->trace_ca,
    };
    const struct peer_files upstream = {
        .pair_keys = upstream_pair,
        .ca_key = "upstream.tls.ca_file",
        .pair_places = {&config->upstream.certificate, &config->upstream.key},
        .ca_place = &config->upstream.ca,
        .certificate = &files->upstream_certificate,
        .key = &files->upstream_key,
        .ca = &files->upstream_ca,
    };

    if (config->tls.certificate.path[0] != '\0')
        SES_TRY(judge_own(config, files, fault));
    SES_TRY(judge_peer(config, &collector, fault));
    return judge_peer(config, &upstream, fault);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static bool any_is_named(const struct ses_config *config)
{
    const struct ses_config_trace *trace = &config->trace;
    const struct ses_config_upstream *upstream = &config->upstream;

    return config->tls.certificate.path[0] != '\0' || trace->ca.path[0] != '\0' ||
           trace->certificate.path[0] != '\0' || upstream->ca.path[0] != '\0' ||
           upstream->certificate.path[0] != '\0';
}

enum ses_status ses_tls_files_load(const struct ses_config *config, struct ses_tls_files **ret_files,
                                   struct ses_fault *ret_fault)
{
    struct ses_tls_files *files;
    enum ses_status status;

    *ret_files = NULL;
    if (!any_is_named(config))
        return SES_OK;
    files = calloc(1, sizeof(*files));
    if (files == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "no memory to read certificates");
    ses_buf_init(&files->certificate, SES_TLS_PEM_MAX);
    ses_buf_init(&files->client_ca, SES_TLS_PEM_MAX);
    ses_buf_init(&files->trace_ca, SES_TLS_PEM_MAX);
    ses_buf_init(&files->trace_certificate, SES_TLS_PEM_MAX);
    ses_buf_init(&files->upstream_ca, SES_TLS_PEM_MAX);
    ses_buf_init(&files->upstream_certificate, SES_TLS_PEM_MAX);
    status = read_files(config, files, ret_fault);
    if (status == SES_OK)
        status = judge(config, files, ret_fault);
    if (status == SES_OK)
        *ret_files = files;
    else
        ses_tls_files_free(files);
    return status;
}

void ses_tls_files_free(struct ses_tls_files *files)
{
    if (files == NULL)
        return;
    ses_buf_done(&files->certificate);
    ses_secret_free(&files->key);
    ses_buf_done(&files->client_ca);
    ses_buf_done(&files->trace_ca);
    ses_buf_done(&files->trace_certificate);
    ses_secret_free(&files->trace_key);
    ses_buf_done(&files->upstream_ca);
    ses_buf_done(&files->upstream_certificate);
    ses_secret_free(&files->upstream_key);
    free(files);
}

enum ses_status ses_tls_files_context(const struct ses_tls_files *files, const struct ses_config *config,
                                      const struct ses_tls_tickets *tickets,
                                      struct ses_tls_context **ret_context, struct ses_fault *ret_fault)
{
    struct ses_tls_options options;
    enum ses_tls_text text;

    *ret_context = NULL;
    if (files == NULL || files->certificate.len == 0)
        return SES_OK;
    options = options_of(config, files);
    options.judged = true;
    options.tickets = tickets;
    return ses_tls_context_new(&options, ret_context, &text, ret_fault);
}
