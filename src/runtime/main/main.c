/* main.c - sessiond: reads the command line and the configuration, then runs the supervisor. */
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/log.h>
#include <sessiond/base/random.h>
#include <sessiond/base/version.h>

#include <sessiond/config/config.h>
#include <sessiond/config/options.h>
#include <sessiond/net/tls.h>
#include "preflight.h"
#include "process.h"
#include "supervisor_takeover.h"
#include "title.h"

static int complain(const struct ses_fault *fault, int code)
{
    (void)fprintf(stderr, "sessiond: %s\n", fault->text);
    return code;
}

/* What a program that runs asks the one that is to follow it (SIGUSR2). */
static int check_takeover(const struct ses_options *options, int state)
{
    struct ses_fault fault = {.text = ""};

    if (ses_supervisor_try_takeover(options, state, &fault) != SES_OK)
        return complain(&fault, SES_EXIT_FAILED);
    (void)puts(SES_PROGRAM_CAN_TAKE_OVER);
    return SES_EXIT_OK;
}

static int check(const struct ses_config *config)
{
    struct ses_fault fault = {.text = ""};

    if (ses_preflight(config, &fault) != SES_OK)
        return complain(&fault, SES_EXIT_FAILED);
    if (config->store_unused[0] != '\0')
        (void)printf("with store.driver: pg these settings mean nothing: %s\n", config->store_unused);
    (void)puts("configuration ok");
    return SES_EXIT_OK;
}

/* An ordinary start, or --check. */
static int start(const struct ses_options *options)
{
    /* Static: a configuration is about 25 KiB. */
    static struct ses_config config;
    struct ses_fault fault = {.text = ""};
    enum ses_status status;
    struct ses_buf text;
    int code;

    ses_buf_init(&text, SES_CONFIG_FILE_MAX);
    status = ses_config_read(options, &text, &fault);
    if (status == SES_OK)
        status = ses_config_load_text(options, ses_buf_view(&text), &config, &fault);
    if (ses_config_has_pg(&config))
        ses_process_forget("PG");
    if (status != SES_OK)
        code = complain(&fault, status == SES_INVALID_ARGUMENT ? SES_EXIT_USAGE : SES_EXIT_FAILED);
    else if (options->action == SES_ACTION_CHECK)
        code = check(&config);
    else
        code = ses_supervisor_run(options, &config, ses_buf_view(&text));
    ses_buf_done(&text);
    return code;
}

int main(int argc, char **argv)
{
    struct ses_takeover takeover;
    struct ses_options options;
    struct ses_fault fault = {.text = ""};

    ses_tls_memory_init(); /* first: OpenSSL takes it before its first block only */
    ses_process_hold_signals();
    ses_log_fill_standard();
    ses_program_init(argv);
    if (ses_program_takeover(&takeover, &fault) != SES_OK)
        return complain(&fault, SES_EXIT_USAGE);
    if (ses_options_parse(argc, argv, &options, &fault) != SES_OK) {
        if (takeover.state >= 0)
            ses_supervisor_go_back(&takeover, fault.text);
        return complain(&fault, SES_EXIT_USAGE);
    }
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
    if (options.action != SES_ACTION_CHECK)
        ses_title_init(argc, argv);
    if (takeover.state < 0)
        return start(&options);
    return options.action == SES_ACTION_CHECK ? check_takeover(&options, takeover.state)
                                              : ses_supervisor_take_over(&options, &takeover);
}
