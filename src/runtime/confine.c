/* The layers in their order: Landlock first, whose own calls are on no list. */
#include "confine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/authority.h>

#define PORT_HTTPS 443
#define PORT_HTTP  80
#define PORT_DNS   53 /* answers that are too long for a datagram */

/* ---- ports -------------------------------------------------------------------------------------------- */

static void add_port(struct ses_confine_options *options, int port)
{
    for (size_t i = 0; i < options->ports_count; i++) {
        if (options->ports[i] == port)
            return;
    }
    SES_REQUIRE(options->ports_count < SES_CONFINE_PORTS_MAX);
    options->ports[options->ports_count++] = (uint16_t)port;
}

/* The texts were checked when the configuration was read; an empty one is the built-in URL, whose port is 443. */
static void add_url(struct ses_confine_options *options, const char *url)
{
    struct ses_authority authority;
    struct ses_origin origin;

    if (ses_origin_parse(ses_slice_str(url), &origin) != SES_OK ||
        ses_authority_parse_peer(origin.authority, &authority) != SES_OK)
        return;
    add_port(options, authority.port != SES_PORT_NONE ? authority.port
                      : origin.https                  ? PORT_HTTPS
                                                      : PORT_HTTP);
}

/* A node whose host is a directory is a socket in the file system, for which there is no rule. */
static void add_target(struct ses_confine_options *options, const struct ses_pg_target *target)
{
    for (unsigned i = 0; i < target->nodes; i++) {
        if (target->host[i][0] != '/')
            add_port(options, target->port[i]);
    }
}

void ses_confine_list_ports(const struct ses_config *config, struct ses_confine_options *options)
{
    options->ports_count = 0;
    add_port(options, PORT_DNS);
    add_port(options, PORT_HTTPS);
    for (size_t i = 0; i < config->urls_count; i++) {
        add_url(options, config->urls[i].sandbox);
        add_url(options, config->urls[i].production);
    }
    add_url(options, config->trace_endpoint);
    if (config->upstream.port != 0)
        add_port(options, config->upstream.port);
    for (size_t i = 0; i < config->hosts_count; i++) {
        struct ses_authority authority;

        if (ses_authority_parse_peer(ses_slice_str(config->hosts[i]), &authority) != SES_OK)
            continue;
        if (authority.port != SES_PORT_NONE)
            add_port(options, authority.port);
        else if (config->sandbox) /* which may be called without TLS too */
            add_port(options, PORT_HTTP);
    }
    for (unsigned i = 0; i < config->pg.shards_count; i++)
        add_target(options, &config->pg.targets[i]);
}

static void add_password_dir(const struct ses_config *config, struct ses_confine_options *options)
{
    char *slash;

    (void)snprintf(options->password_dir, sizeof(options->password_dir), "%s", config->pg.password.path);
    slash = strrchr(options->password_dir, '/');
    if (slash == NULL)
        (void)snprintf(options->password_dir, sizeof(options->password_dir), ".");
    else
        slash[slash == options->password_dir ? 1 : 0] = '\0';
    options->files[options->files_count++] = options->password_dir;
}

/* Another file of that name is not read by workers that run (certificates are renewed by rename): a reload makes new ones. */
void ses_confine_list_files(const struct ses_config *config, struct ses_confine_options *options)
{
    options->files_count = 0;
    for (unsigned i = 0; i < config->pg.shards_count; i++) {
        const struct ses_pg_target *target = &config->pg.targets[i];

        for (unsigned k = 0; k < target->files; k++)
            options->files[options->files_count++] = target->file[k];
    }
    if (options->role == SES_CONFINE_GATE && config->pg.password.path[0] != '\0')
        add_password_dir(config, options);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static enum ses_status refuse(struct ses_fault *fault, const char *layer)
{
    return ses_fault(
        fault, SES_UNAVAILABLE,
        "%s cannot be set up: %s (a container's own profile may forbid it; confine: off runs without)", layer,
        strerror(errno));
}

/* In log mode Landlock stays away: it can only refuse. */
enum ses_status ses_confine(const struct ses_confine_options *options, struct ses_confined *ret_confined,
                            struct ses_fault *ret_fault)
{
    struct ses_confined confined = {.landlock = 0};

    if (options->mode == SES_CONFINE_OFF) {
        *ret_confined = confined;
        return SES_OK;
    }
    if (options->mode == SES_CONFINE_ON && ses_confine_files(options, &confined) != SES_OK)
        return refuse(ret_fault, "Landlock");
    if (ses_confine_calls(options) != SES_OK)
        return refuse(ret_fault, "the list of system calls (seccomp)");
    confined.calls = options->mode == SES_CONFINE_ON;
    *ret_confined = confined;
    return SES_OK;
}

enum ses_status ses_confine_child(const struct ses_child_env *env, enum ses_confine_role role,
                                  struct ses_metrics *metrics, struct ses_log *log)
{
    struct ses_confine_options options = {
        .mode = env->config->confine,
        .role = role,
    };
    struct ses_confined confined = {.landlock = 0};
    struct ses_fault fault = {.text = ""};

    ses_confine_list_data(env->config, env->layout, &options);
    if (role != SES_CONFINE_HOUSEKEEPER) {
        ses_confine_list_ports(env->config, &options);
        ses_confine_list_files(env->config, &options);
    }
    if (ses_confine(&options, &confined, &fault) != SES_OK) {
        ses_log_msg(log, SES_LOG_ERROR, "confine_failed", "%s", fault.text);
        return SES_FAILED_PRECONDITION;
    }
    ses_gauge_set(metrics, SES_C_CONFINED_CALLS, confined.calls);
    ses_gauge_set(metrics, SES_C_CONFINED_FILES, confined.files);
    ses_gauge_set(metrics, SES_C_CONFINED_PORTS, confined.ports);
    return SES_OK;
}

/* Once, by the supervisor: the same for all of them. */
void ses_confine_tell(const struct ses_config *config, struct ses_log *log)
{
    int abi = ses_confine_landlock_abi();
    struct ses_log_line line;

    if (config->confine != SES_CONFINE_ON)
        ses_log_msg(log, SES_LOG_WARN, "not_confined",
                    "confine: %s: workers may make every system call and open every file that their user may",
                    ses_config_confine_name(config->confine));
    else if (abi == 0)
        ses_log_msg(
            log, SES_LOG_WARN, "landlock_missing",
            "this kernel has no Landlock (or it is switched off): system calls are confined, files and ports "
            "are not");
    ses_log_begin(log, SES_LOG_INFO, "confinement", &line);
    ses_log_str(&line, "mode", ses_config_confine_name(config->confine));
    ses_log_i64(&line, "landlock_abi", abi);
    ses_log_end(&line);
}
