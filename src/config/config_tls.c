/* config_tls.c - the section tls: which files, and what is asked of clients. The files themselves are read by
 * tls_files.c. */
#include "config_loader.h"

#include <stdio.h>
#include <stdlib.h>

#define CREDENTIAL "credential:"

static const char *const auth_names[] = {"none", "optional", "require"};
static const char *const plaintext_names[] = {"allow", "refuse"};
static const char *const version_names[] = {"1.2", "1.3"};

/* credential:NAME is a file that the service manager has put where this service alone can read it (LoadCredential=,
 * systemd.exec(5)). */
static enum ses_status read_credential(const struct loader *loader, const struct value *value,
                                       struct ses_config_tls_file *file)
{
    const char *name = value->text + strlen(CREDENTIAL);
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
        return ses_config_refuse(loader, value, "must name a credential behind credential:, without '/'");
    if (dir == NULL)
        return ses_config_refuse(
            loader, value,
            "no credentials were given: LoadCredential=NAME:PATH in the service manager's unit");
    if (snprintf(file->path, sizeof(file->path), "%s/%s", dir, name) >= (int)sizeof(file->path))
        return ses_config_refuse(loader, value, "is too long");
    return SES_OK;
}

enum ses_status ses_config_read_pem(const struct loader *loader, const char *key, const char *text,
                                    struct ses_config_tls_file *file)
{
    struct value value = {.text = text, .key = key};

    if (text == NULL)
        return SES_OK;
    file->line = (unsigned)ses_config_lines_find(loader->lines, key);
    if (strncmp(text, CREDENTIAL, strlen(CREDENTIAL)) == 0)
        return read_credential(loader, &value, file);
    return ses_config_read_text(loader, &value, "", sizeof(file->path), file->path);
}

static enum ses_status read_choice(const struct loader *loader, const char *key, const char *text,
                                   const char *const *names, unsigned count, const char *what,
                                   unsigned *ret_choice)
{
    struct value value = {.text = text, .key = key};

    return text == NULL ? SES_OK : ses_config_read_choice(loader, &value, names, count, what, ret_choice);
}

static enum ses_status refuse(const struct loader *loader, const char *key, const char *what)
{
    struct value value = {.key = key};

    return ses_config_refuse(loader, &value, what);
}

/* Each is half of something. */
static enum ses_status check_halves(const struct loader *loader)
{
    const struct ses_config_tls *tls = &loader->config->tls;
    bool certificate = tls->certificate.path[0] != '\0';
    bool key = tls->key.path[0] != '\0';
    bool client_ca = tls->client_ca.path[0] != '\0';

    if (certificate && !key)
        return refuse(loader, "tls.certificate", "needs its private key: add tls.key");
    if (key && !certificate)
        return refuse(loader, "tls.key", "needs its certificate: add tls.certificate");
    if (client_ca && !certificate && !loader->config->sandbox)
        return refuse(loader, "tls.client_ca",
                      "needs a certificate of the server: add tls.certificate and tls.key");
    if (client_ca && tls->client_auth == SES_TLS_CLIENT_NONE)
        return refuse(loader, "tls.client_ca",
                      "is not used while tls.client_auth is none: set that to optional or require");
    if (!client_ca && tls->client_auth != SES_TLS_CLIENT_NONE)
        return refuse(loader, "tls.client_auth",
                      "needs the authorities that may have issued clients' certificates: add tls.client_ca");
    return SES_OK;
}

/* The sandbox makes itself a certificate, and is called in either way. */
enum ses_status ses_config_read_tls(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    unsigned auth = SES_TLS_CLIENT_NONE;
    unsigned version = 0;
    unsigned refuse_plain;

    SES_TRY(ses_config_read_pem(loader, "tls.certificate", raw->tls.certificate, &config->tls.certificate));
    SES_TRY(ses_config_read_pem(loader, "tls.key", raw->tls.key, &config->tls.key));
    SES_TRY(ses_config_read_pem(loader, "tls.client_ca", raw->tls.client_ca, &config->tls.client_ca));
    SES_TRY(read_choice(loader, "tls.client_auth", raw->tls.client_auth, auth_names, 3,
                        "must be none, optional or require", &auth));
    SES_TRY(read_choice(loader, "tls.min_version", raw->tls.min_version, version_names, 2,
                        "must be \"1.2\" or \"1.3\"", &version));
    refuse_plain = config->tls.certificate.path[0] != '\0' && !config->sandbox ? 1 : 0;
    SES_TRY(read_choice(loader, "tls.plaintext", raw->tls.plaintext, plaintext_names, 2,
                        "must be allow or refuse", &refuse_plain));
    if (refuse_plain == 1 && config->tls.certificate.path[0] == '\0' && !config->sandbox)
        return refuse(loader, "tls.plaintext",
                      "without a certificate nothing would be served: add tls.certificate and tls.key");
    config->tls.client_auth = (enum ses_tls_client_auth)auth;
    config->tls.tls13_only = version == 1;
    config->tls.tls_only = refuse_plain == 1;
    return check_halves(loader);
}
