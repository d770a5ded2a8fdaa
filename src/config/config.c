/* The values of the configuration: which source wins, what each may be, what must fit together. Syntax
 * and unknown keys are config_schema.c's, lines config_lines.c's. Everything ends in one struct without
 * pointers. */
#include <sessiond/config/config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sessiond/base/authority.h>
#include <sessiond/base/units.h>

#include "config_lines.h"
#include "config_loader.h"
#include "cpus.h"
#include "config_schema.h"

#define DEFAULT_LISTEN    "127.0.0.1:8080"
#define DEFAULT_ADMIN     "127.0.0.1:9090"
#define DEFAULT_SIMULATOR "127.0.0.1:0" /* sandboxes beside each other do not meet */
#define DEFAULT_DATA      "./data"
#define DEFAULT_ISSUER    "sessiond"
#define DRAIN_SECONDS     10
#define DRAIN_MAX         600

/* ---- numbers ------------------------------------------------------------------------------------------ */

/* The table of config_numbers.h as code: one call a row. */
static enum ses_status read_numbers(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

#define READ_NUMBER(section_, key_, low_, high_, usual_)                                                     \
    {                                                                                                        \
        struct value value = {.text = raw->section_.key_, .key = #section_ "." #key_};                       \
        SES_TRY(ses_config_read_number(loader, &value, low_, high_, usual_, &config->section_##_##key_));    \
    }
    SES_CONFIG_NUMBERS(READ_NUMBER)
#undef READ_NUMBER
    return SES_OK;
}

static unsigned default_workers(void)
{
    unsigned cpus = ses_cpus_usable("");

    return cpus > SES_CONFIG_WORKERS_MAX ? SES_CONFIG_WORKERS_MAX : cpus;
}

/* A process for each core that we may use, unless told otherwise. */
static enum ses_status read_process(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value workers = ses_config_choose(loader->options->workers, "--workers", raw->workers, "workers");
    struct value drain = {.text = raw->drain_seconds, .key = "drain_seconds"};
    uint64_t number = 0;

    SES_TRY(ses_config_read_number(loader, &workers, 1, SES_CONFIG_WORKERS_MAX, default_workers(), &number));
    loader->config->workers = (unsigned)number;
    return ses_config_read_number(loader, &drain, 1, DRAIN_MAX, DRAIN_SECONDS,
                                  &loader->config->drain_seconds);
}

/* ---- texts -------------------------------------------------------------------------------------------- */

static enum ses_status read_level(const struct loader *loader, const struct ses_raw_config *raw)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct value value =
        ses_config_choose(loader->options->log_level, "--log-level", raw->log.level, "log.level");
    unsigned choice = SES_LOG_INFO;

    if (value.text != NULL)
        SES_TRY(
            ses_config_read_choice(loader, &value, names, 4, "must be debug, info, warn or error", &choice));
    loader->config->log_level = (enum ses_log_level)choice;
    return SES_OK;
}

static enum ses_status read_token_purpose(const struct loader *loader, const struct ses_raw_config *raw)
{
    static const char *const names[] = {"public", "local"};
    static const char *const tags[] = {"on", "off"};
    struct value value = {.text = raw->token.purpose, .key = "token.purpose"};
    struct value tag = {.text = raw->token.tag, .key = "token.tag"};
    unsigned choice = SES_TOKEN_PUBLIC;
    unsigned untagged = 0;

    if (value.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, names, 2, "must be public or local", &choice));
    if (tag.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &tag, tags, 2, "must be on or off", &untagged));
    loader->config->token_purpose = (enum ses_token_purpose)choice;
    if (untagged == 1 && choice == SES_TOKEN_PUBLIC)
        loader->config->token_purpose = SES_TOKEN_PLAIN;
    return SES_OK;
}

static enum ses_status read_token(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value issuer = {.text = raw->token.issuer, .key = "token.issuer"};
    struct value audience = {.text = raw->token.audience, .key = "token.audience"};
    struct ses_config *config = loader->config;

    SES_TRY(read_token_purpose(loader, raw));
    SES_TRY(ses_config_read_text(loader, &issuer, DEFAULT_ISSUER, sizeof(config->issuer), config->issuer));
    return ses_config_read_text(loader, &audience, DEFAULT_ISSUER, sizeof(config->audience),
                                config->audience);
}

/* ---- addresses ---------------------------------------------------------------------------------------- */

static enum ses_status read_address(const struct loader *loader, const struct value *value, const char *usual,
                                    struct ses_address *ret_address)
{
    if (ses_address_parse(value->text == NULL ? usual : value->text, ret_address) != SES_OK)
        return ses_config_refuse(
            loader, value, "must be ADDR:PORT with a numeric address, e.g. 127.0.0.1:8080 or [::1]:8080");
    return SES_OK;
}

/* The admin port speaks plain text to whoever reaches it; what of the clients' port is check_exposed. Port 0 lets the
 * kernel choose, then the texts may be equal. */
static enum ses_status read_addresses(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value listen = ses_config_choose(loader->options->listen, "--listen", raw->listen, "listen");
    struct value admin =
        ses_config_choose(loader->options->admin, "--admin", raw->admin_listen, "admin_listen");
    struct ses_config *config = loader->config;

    SES_TRY(read_address(loader, &listen, DEFAULT_LISTEN, &config->listen));
    SES_TRY(read_address(loader, &admin, DEFAULT_ADMIN, &config->admin));
    if (!ses_address_loopback_check(&config->admin))
        return ses_config_refuse(loader, &admin,
                                 "the admin port has no authentication and must be on a loopback address");
    if (ses_address_port(&config->listen) != 0 && strcmp(config->listen.text, config->admin.text) == 0)
        return ses_config_refuse(loader, admin.text != NULL || listen.text == NULL ? &admin : &listen,
                                 "clients and admin cannot share one address");
    return SES_OK;
}

/* A sandbox calls loopback only, and whoever reaches the simulator may change how it behaves. The key may stand in a
 * file that is used without --sandbox too; the option says that a simulator is expected. */
static enum ses_status read_simulator(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value value = ses_config_choose(loader->options->simulator, "--simulator", raw->simulator_listen,
                                           "simulator_listen");
    struct ses_config *config = loader->config;
    const char *text = config->simulator.text;

    if (value.option != NULL && !config->sandbox)
        return ses_config_refuse(loader, &value, "there is no simulator without --sandbox: add that");
    SES_TRY(read_address(loader, &value, DEFAULT_SIMULATOR, &config->simulator));
    if (!ses_address_loopback_check(&config->simulator))
        return ses_config_refuse(loader, &value,
                                 "the simulator is for this machine and must be on a loopback address");
    if (ses_address_port(&config->simulator) != 0 &&
        (strcmp(text, config->listen.text) == 0 || strcmp(text, config->admin.text) == 0))
        return ses_config_refuse(loader, &value, "the simulator needs an address of its own");
    return SES_OK;
}

/* ---- callers ------------------------------------------------------------------------------------------ */

/* Beside what it belongs to, unless said otherwise. */
static enum ses_status read_callers(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    struct value value = {.text = raw->callers, .key = "callers"};
    char file[SES_CONFIG_PATH_SIZE / 2] = "";

    if (value.text == NULL)
        return SES_OK;
    SES_TRY(ses_config_read_text(loader, &value, "", sizeof(file), file));
    if (file[0] == '/')
        memcpy(config->callers, file, sizeof(file));
    else
        (void)snprintf(config->callers, sizeof(config->callers), "%.*s/%s", SES_CONFIG_PATH_SIZE / 2 - 1,
                       config->data_dir, file);
    return SES_OK;
}

/* ---- connectors --------------------------------------------------------------------------------------- */

/* An IPv6 address as libcurl spells it: it is compared with the text when it is called. */
static bool is_this_machine(struct ses_slice host)
{
    return ses_host_is_loopback(host) && (host.data[0] != '[' || ses_slice_eq_str(host, "[::1]"));
}

/* simulated: it is called with test_mode alone, so that it may be a simulator on this machine.
 * Whether a base URL ends in '/' is a convention of each connector's documents, and paths are appended
 * as they are: the wrong one would make "//" or none. */
static enum ses_status check_url(const struct loader *loader, const struct value *value, const char *text,
                                 bool slash, bool simulated)
{
    struct ses_slice url = ses_slice_str(text);
    struct ses_authority authority = {.host = SES_SLICE_EMPTY};
    struct ses_origin origin = {.https = false};
    bool plain = ses_origin_parse(url, &origin) == SES_OK &&
                 ses_authority_parse_peer(origin.authority, &authority) == SES_OK;

    if (!origin.https &&
        !(plain && (simulated || loader->config->sandbox) && is_this_machine(authority.host)))
        return ses_config_refuse(
            loader, value,
            simulated ? "must begin with https:// (http:// only for a simulator on this machine: localhost, "
                        "127.0.0.1 or [::1])"
                      : "must begin with https:// (http:// only for loopback hosts with --sandbox)");
    if (!plain || ses_slice_find(url, '@') != url.len || ses_slice_find(url, ' ') != url.len ||
        ses_slice_find(url, '?') != url.len || ses_slice_find(url, '#') != url.len)
        return ses_config_refuse(loader, value,
                                 "must be a base URL: host and path, without user, query and fragment");
    if (slash != (url.data[url.len - 1] == '/'))
        return ses_config_refuse(loader, value,
                                 slash ? "must end in '/': paths are appended as they are"
                                       : "must not end in '/': paths are appended as they are");
    return SES_OK;
}

/* Empty for "the built-in one": a connector knows its own addresses. */
static enum ses_status read_url(const struct loader *loader, const char *text, const char *key, bool slash,
                                bool simulated, char *ret_text)
{
    struct value value = {.text = text, .key = key};

    ret_text[0] = '\0';
    if (text == NULL)
        return SES_OK;
    SES_TRY(ses_config_read_text(loader, &value, "", SES_CONFIG_TEXT_SIZE, ret_text));
    return check_url(loader, &value, ret_text, slash, simulated);
}

static enum ses_status read_urls(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

#define READ_URLS(name, slash)                                                                               \
    {                                                                                                        \
        struct ses_config_url *url = &config->urls[config->urls_count];                                      \
        url->connector = #name;                                                                              \
        SES_TRY(read_url(loader, raw->connectors.name.sandbox_url, "connectors." #name ".sandbox_url",       \
                         slash, true, url->sandbox));                                                        \
        SES_TRY(read_url(loader, raw->connectors.name.production_url, "connectors." #name ".production_url", \
                         slash, false, url->production));                                                    \
        config->urls_count++;                                                                                \
    }
    SES_CONFIG_CONNECTORS(READ_URLS)
#undef READ_URLS
    return SES_OK;
}

/* Names that x-connector-config may point to beside the built-in ones: no wildcards, each is a
 * decision. */
static enum ses_status read_hosts(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

    for (unsigned i = 0; i < raw->connector.base_url_hosts_count; i++) {
        struct value value = {.text = raw->connector.base_url_hosts[i], .key = "connector.base_url_hosts"};

        SES_TRY(ses_config_read_text(loader, &value, "", SES_CONFIG_TEXT_SIZE, config->hosts[i]));
        SES_TRY(ses_config_check_host(loader, &value, ses_slice_str(config->hosts[i])));
    }
    config->hosts_count = raw->connector.base_url_hosts_count;
    return SES_OK;
}

static enum ses_status read_errors(const struct loader *loader, const struct ses_raw_config *raw)
{
    static const char *const names[] = {"answer", "status"};
    struct value value = {.text = raw->connector.errors, .key = "connector.errors"};
    unsigned choice = 0;

    if (value.text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, names, 2, "must be answer or status", &choice));
    loader->config->connector_errors_status = choice == 1;
    return SES_OK;
}

/* ---- merchants ---------------------------------------------------------------------------------------- */

/* An origin and not a URL: which of its pages is the merchant's business (BeginStep). */
static enum ses_status read_return_urls(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;

    for (unsigned i = 0; i < raw->redirect.return_urls_count; i++) {
        struct value value = {.text = raw->redirect.return_urls[i], .key = "redirect.return_urls"};
        struct ses_config_merchant *row = &config->return_urls[i];
        struct ses_origin origin;

        SES_TRY(ses_config_split_merchant(loader, &value, row));
        SES_TRY(check_url(loader, &value, row->origin, false, false));
        if (ses_origin_parse(ses_slice_str(row->origin), &origin) != SES_OK ||
            origin.text.len != strlen(row->origin))
            return ses_config_refuse(loader, &value,
                                     "must be a merchant and an origin: scheme, host and port, no path");
    }
    config->return_urls_count = raw->redirect.return_urls_count;
    return SES_OK;
}

static enum ses_status read_public_url(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct ses_config *config = loader->config;
    struct value value = {.text = raw->redirect.public_url, .key = "redirect.public_url"};

    if (value.text == NULL || value.text[0] == '\0') { /* until the operator knows better */
        (void)snprintf(config->public_url, sizeof(config->public_url), "http%s://%.200s",
                       config->tls.tls_only ? "s" : "", config->listen.text);
        return SES_OK;
    }
    SES_TRY(ses_config_read_text(loader, &value, "", sizeof(config->public_url), config->public_url));
    return check_url(loader, &value, config->public_url, false, false);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

/* Whoever reaches an address that others reach too must neither be heard by them nor be anybody. What is missing is
 * told together. */
static enum ses_status check_exposed(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value listen = ses_config_choose(loader->options->listen, "--listen", raw->listen, "listen");
    const struct ses_config *config = loader->config;
    bool tls = config->tls.certificate.path[0] != '\0' && config->tls.tls_only;
    bool callers = config->callers[0] != '\0';
    char what[512];

    if (ses_address_loopback_check(&config->listen) || (tls && callers))
        return SES_OK;
    (void)snprintf(what, sizeof(what), "is no loopback address, for which sessiond needs %s%s%s",
                   tls ? "" : "TLS and no plain text (tls.certificate, tls.key, tls.plaintext: refuse)",
                   tls || callers ? "" : ", and ",
                   callers ? "" : "to know who calls (sessiondctl callers add; callers: callers.yaml)");
    return ses_config_refuse(loader, &listen, what);
}

/* Rules between two keys, one of which is named. */
static enum ses_status check_together(const struct loader *loader)
{
    const struct ses_config *config = loader->config;
    struct value delay = {.key = "restart.delay_max_ms"};
    struct value body = {.key = "limits.exchange_memory_kib"};
    struct value timeout = {.key = "connector.total_timeout_ms"};

    if (config->restart_delay_max_ms < config->restart_delay_min_ms)
        return ses_config_refuse(loader, &delay, "must not be below restart.delay_min_ms");
    if (config->limits_exchange_memory_kib < 2 * config->limits_body_kib)
        return ses_config_refuse(loader, &body, "must be at least twice limits.body_kib");
    if (config->connector_total_timeout_ms < config->connector_connect_timeout_ms)
        return ses_config_refuse(loader, &timeout, "must not be below connector.connect_timeout_ms");
    return SES_OK;
}

/* public_url needs the listening address for its default, known_hosts needs public_url: the order
 * matters for these. */
static enum ses_status settle(const struct loader *loader, const struct ses_raw_config *raw)
{
    struct value data = ses_config_choose(loader->options->data, "--data", raw->data_dir, "data_dir");
    struct ses_config *config = loader->config;

    config->sandbox = loader->options->sandbox;
    config->file = loader->options->config;
    ses_config_find_places(loader);
    SES_TRY(read_addresses(loader, raw));
    SES_TRY(read_simulator(loader, raw));
    SES_TRY(
        ses_config_read_text(loader, &data, DEFAULT_DATA, sizeof(config->data_dir) / 2, config->data_dir));
    SES_TRY(read_callers(loader, raw));
    SES_TRY(read_process(loader, raw));
    SES_TRY(ses_config_read_confine(loader, raw));
    SES_TRY(read_level(loader, raw));
    SES_TRY(read_token(loader, raw));
    SES_TRY(read_numbers(loader, raw));
    SES_TRY(ses_config_read_store(loader, raw));
    SES_TRY(read_urls(loader, raw));
    SES_TRY(read_hosts(loader, raw));
    SES_TRY(read_errors(loader, raw));
    SES_TRY(ses_config_read_tls(loader, raw));
    SES_TRY(ses_config_read_trace(loader, raw));
    SES_TRY(ses_config_read_upstream(loader, raw));
    SES_TRY(ses_config_read_gateway(loader, &raw->upstream));
    SES_TRY(read_public_url(loader, raw));
    SES_TRY(ses_config_read_known_hosts(loader, raw));
    SES_TRY(ses_config_read_proxies(loader, raw));
    SES_TRY(ses_config_read_cors(loader, raw));
    SES_TRY(read_return_urls(loader, raw));
    SES_TRY(ses_config_read_binding(loader, raw));
    SES_TRY(check_exposed(loader, raw));
    return check_together(loader);
}

/* In pieces of 4 KiB with a ceiling, not by the size that stat tells: a pipe or a file in /proc has
 * none. */
static enum ses_status read_file(const char *path, struct ses_buf *buf, struct ses_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum ses_status status = SES_OK;
    ssize_t got = 1;

    if (fd < 0)
        return ses_fault_open(fault, path, errno);
    while (got > 0 && (status = ses_buf_reserve(buf, 4 * SES_KIB)) == SES_OK) {
        got = read(fd, buf->data + buf->len, 4 * SES_KIB);
        if (got > 0)
            buf->len += (size_t)got;
    }
    if (got < 0)
        status = ses_fault(fault, SES_IO, "%s: cannot be read: %s", path, strerror(errno));
    else if (status == SES_TOO_LARGE)
        status =
            ses_fault(fault, SES_TOO_LARGE, "%s: is larger than %u KiB", path, SES_CONFIG_FILE_MAX / SES_KIB);
    else if (status != SES_OK)
        status = ses_fault(fault, status, "%s: no memory to read it", path);
    (void)close(fd);
    return status;
}

enum ses_status ses_config_read(const struct ses_options *options, struct ses_buf *text,
                                struct ses_fault *ret_fault)
{
    ses_buf_clear(text);
    return options->config == NULL ? SES_OK : read_file(options->config, text, ret_fault);
}

static enum ses_status parse_text(const struct loader *loader, struct ses_slice text,
                                  struct ses_raw_config **ret_raw)
{
    SES_TRY(ses_config_lines_read(loader->options->config, text, loader->lines, loader->fault));
    if (text.len == 0)
        return SES_OK;
    return ses_raw_config_parse(text, loader->lines, ret_raw, loader->fault);
}

/* Into a local struct first: a reload whose file is wrong must leave the running one as it is. */
enum ses_status ses_config_load_text(const struct ses_options *options, struct ses_slice text,
                                     struct ses_config *ret_config, struct ses_fault *ret_fault)
{
    static const struct ses_raw_config nothing; /* every member NULL: all defaults */
    struct ses_config config = {.workers = 0};
    struct ses_config_lines lines = {.file = NULL};
    struct loader loader = {.options = options, .lines = &lines, .config = &config, .fault = ret_fault};
    struct ses_raw_config *raw = NULL;
    enum ses_status status = SES_OK;

    if (options->config != NULL)
        status = parse_text(&loader, text, &raw);
    if (status == SES_OK)
        status = settle(&loader, raw == NULL ? &nothing : raw);
    ses_raw_config_free(raw);
    if (status == SES_OK)
        *ret_config = config;
    return status;
}

enum ses_status ses_config_load(const struct ses_options *options, struct ses_config *ret_config,
                                struct ses_fault *ret_fault)
{
    enum ses_status status;
    struct ses_buf text;

    ses_buf_init(&text, SES_CONFIG_FILE_MAX);
    status = ses_config_read(options, &text, ret_fault);
    if (status == SES_OK)
        status = ses_config_load_text(options, ses_buf_view(&text), ret_config, ret_fault);
    ses_buf_done(&text);
    return status;
}
