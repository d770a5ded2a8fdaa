/* main.c - sessiond: reads the command line and the configuration, then runs the supervisor. */
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/log.h>
#include <sessiond/base/random.h>
#include <sessiond/base/version.h>

#include <sessiond/config/config.h>
#include <sessiond/config/options.h>
#include "preflight.h"
#include "process.h"
#include "supervisor.h"
#include "title.h"

static int complain(const struct ses_fault *fault, int code)
{
    (void)fprintf(stderr, "sessiond: %s\n", fault->text);
    return code;
}

static int check(const struct ses_config *config)
{
    struct ses_fault fault = {.text = ""};

    if (ses_preflight(config, &fault) != SES_OK)
        return complain(&fault, SES_EXIT_FAILED);
    (void)puts("configuration ok");
    return SES_EXIT_OK;
}

int main(int argc, char **argv)
{
    /* Static: a configuration is about 25 KiB. */
    static struct ses_config config;
    struct ses_options options;
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    ses_process_hold_signals();
    ses_log_fill_standard();
    if (ses_options_parse(argc, argv, &options, &fault) != SES_OK)
        return complain(&fault, SES_EXIT_USAGE);
    if (options.action == SES_ACTION_HELP || options.action == SES_ACTION_VERSION) {
        if (options.action == SES_ACTION_HELP)
            (void)fputs(ses_options_help(), stdout);
        else
            (void)printf("sessiond %s (commit %s)%s\n", ses_version(), ses_version_commit(),
                         ses_clock_is_movable() ? " (with test hooks)" : "");
        return SES_EXIT_OK;
    }
    ses_process_setup();
    ses_random_init();
    status = ses_config_load(&options, &config, &fault);
    if (status != SES_OK)
        return complain(&fault, status == SES_INVALID_ARGUMENT ? SES_EXIT_USAGE : SES_EXIT_FAILED);
    if (options.action == SES_ACTION_CHECK)
        return check(&config);
    ses_title_init(argc, argv);
    return ses_supervisor_run(&options, &config);
}
