/* options.h - the command line. Options override the configuration file. */
#ifndef SESSIOND_CONFIG_OPTIONS_H
#define SESSIOND_CONFIG_OPTIONS_H

#include <sessiond/base/fault.h>

enum ses_action { SES_ACTION_RUN, SES_ACTION_CHECK, SES_ACTION_VERSION, SES_ACTION_HELP };

/* Texts are borrowed from argv; NULL = not given. They are checked with the configuration, by the same
 * rules. */
struct ses_options {
    enum ses_action action;
    bool sandbox;
    const char *config;
    const char *listen;
    const char *admin;
    const char *simulator;
    const char *data;
    const char *user;
    const char *workers;
    const char *log_level;
};

/* [supervisor] "--name value" and "--name=value". SES_INVALID_ARGUMENT: unknown, repeated, without or with a
 * needless value, or a word that is no option; ret_fault says which. --help and --version win over everything
 * that is valid. */
SES_MUST_CHECK enum ses_status ses_options_parse(int argc, char *const *argv, struct ses_options *ret_options,
                                                 struct ses_fault *ret_fault);
/* Static text of --help. */
const char *ses_options_help(void);

#endif
