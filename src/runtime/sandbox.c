/* The simulator as a child: its program is beside ours, its socket is the supervisor's. */
#include "sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sessiond/net/dev_cert.h>

#include "process.h"
#include "sockets.h"

#define PROGRAM "sessiond-sim"

/* By /proc/self/exe and not by PATH: the simulator of the same build, whatever else is installed. */
static enum ses_status program_path(char ret_path[SES_CONFIG_PATH_SIZE])
{
    char self[SES_CONFIG_PATH_SIZE - sizeof(PROGRAM)];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (len <= 0)
        return SES_IO;
    self[len] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL)
        return SES_IO;
    slash[1] = '\0';
    (void)snprintf(ret_path, SES_CONFIG_PATH_SIZE, "%s" PROGRAM, self);
    return SES_OK;
}

static enum ses_status check_program(struct ses_fault *fault)
{
    char path[SES_CONFIG_PATH_SIZE];

    if (program_path(path) != SES_OK || access(path, X_OK) != 0)
        return ses_fault(fault, SES_NOT_FOUND, "--sandbox: the program " PROGRAM " is not beside sessiond");
    return SES_OK;
}

/* Of which setting the fault is, and what to do about a port that is taken. */
static enum ses_status explain(const struct ses_config *config, enum ses_status status,
                               struct ses_fault *fault)
{
    if (status == SES_ALREADY_EXISTS)
        status =
            ses_fault(fault, status,
                      "%s is in use by another process: end that one, or name another port (0: a free one)",
                      config->simulator.text);
    return ses_config_place(config, SES_CONFIG_AT_SIMULATOR, status, fault);
}

enum ses_status ses_sandbox_check(const struct ses_config *config, struct ses_fault *ret_fault)
{
    if (!config->sandbox)
        return SES_OK;
    SES_TRY(check_program(ret_fault));
    return explain(config, ses_socket_check(&config->simulator, ret_fault), ret_fault);
}

enum ses_status ses_sandbox_open(struct ses_config *config, int *ret_fd, struct ses_fault *ret_fault)
{
    SES_TRY(check_program(ret_fault));
    return explain(config, ses_socket_open(&config->simulator, ret_fd, ret_fault), ret_fault);
}

/* A simulator elsewhere: http is refused for whatever is not on this machine (config.c). */
static bool is_simulator(const char *url)
{
    return ses_slice_starts(ses_slice_str(url), SES_STR("http://"));
}

void ses_sandbox_apply(struct ses_config *config)
{
    size_t i = 0;

    /* The row order of SES_CONFIG_CONNECTORS is that of config->urls; its second column says how the base URL
     * ends. */
#define POINT_URL(name, slash)                                                                               \
    if (!is_simulator(config->urls[i].sandbox))                                                              \
        (void)snprintf(config->urls[i].sandbox, SES_CONFIG_TEXT_SIZE, "http://%s/" #name "%s",               \
                       config->simulator.text, (slash) ? "/" : "");                                          \
    i++;
    SES_CONFIG_CONNECTORS(POINT_URL)
#undef POINT_URL
}

enum ses_status ses_sandbox_certify(const struct ses_layout *layout, struct ses_config *config,
                                    struct ses_fault *ret_fault)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    struct ses_config_tls *tls = &config->tls;
    bool made;

    if (!config->sandbox || tls->certificate.path[0] != '\0')
        return SES_OK;
    SES_TRY(ses_dev_cert_server(layout->dev, names, sizeof(names) / sizeof(names[0]), &made, ret_fault));
    (void)snprintf(tls->certificate.path, sizeof(tls->certificate.path), "%.*s/server.pem",
                   (int)sizeof(tls->certificate.path) / 2, layout->dev);
    (void)snprintf(tls->key.path, sizeof(tls->key.path), "%.*s/server.key", (int)sizeof(tls->key.path) / 2,
                   layout->dev);
    return SES_OK;
}

/* CONFIG if it cannot be executed: starting it again would not help. */
int ses_sandbox_run(const struct ses_child_env *env)
{
    char path[SES_CONFIG_PATH_SIZE];
    char program[] = PROGRAM;
    char option[] = "--fd";
    char number[16];
    char *argv[] = {program, option, number, NULL};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)snprintf(number, sizeof(number), "%d", env->listen_fd);
    /* It announces itself on standard output, which may be where our log goes. */
    if (null >= 0)
        (void)dup2(null, STDOUT_FILENO);
    if (program_path(path) == SES_OK && fcntl(env->listen_fd, F_SETFD, 0) == 0)
        (void)execv(path, argv);
    return SES_EXIT_CONFIG;
}
