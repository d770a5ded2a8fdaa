/* dev-cert: an authority and certificates for a machine where nobody issues any. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include <sessiond/net/dev_cert.h>

#define NAMES_SIZE 2048

/* names are separated by commas; cuts text. */
static size_t split(char *text, const char *ret_names[SES_DEV_CERT_NAMES_MAX + 1])
{
    size_t count = 0;
    char *rest = text;
    char *name;

    while (count <= SES_DEV_CERT_NAMES_MAX && (name = strsep(&rest, ",")) != NULL)
        ret_names[count++] = name;
    return count;
}

static int report(const struct ctl *ctl, const char *dir, bool made)
{
    if (ctl->json)
        return ctl_print_json(json_pack("{s:s,s:b,s:s?}", "dir", dir, "made", made, "client", ctl->client),
                              false, CTL_DONE);
    printf("%s/ca.pem      clients trust this one (SSL_CERT_FILE, curl --cacert)\n", dir);
    printf("%s/server.pem  tls.certificate, and its key server.key tls.key%s\n", dir,
           made ? "" : " (as they were)");
    if (ctl->client != NULL)
        printf("%s/%s.pem  a client's, with %s.key; tls.client_ca: %s/ca.pem\n", dir, ctl->client,
               ctl->client, dir);
    return CTL_DONE;
}

int ctl_dev_cert(const struct ctl *ctl)
{
    const char *names[SES_DEV_CERT_NAMES_MAX + 1];
    struct ses_fault fault = {.text = ""};
    const char *dir = ctl->args[0];
    char text[NAMES_SIZE];
    enum ses_status status;
    bool made = false;

    if (snprintf(text, sizeof(text), "%s", ctl->names == NULL ? "localhost,127.0.0.1,::1" : ctl->names) >=
        (int)sizeof(text))
        return ctl_fail("--names: too long");
    status = ses_dev_cert_server(dir, names, split(text, names), &made, &fault);
    if (status == SES_OK && ctl->client != NULL)
        status = ses_dev_cert_client(dir, ctl->client, &fault);
    if (status != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, dir, made);
}
