/* The command line by a table of names: what is not in it does not exist. Values are only collected
 * here and checked with those of the file. */
#include <sessiond/config/options.h>

#include <stddef.h>
#include <string.h>

enum option {
    OPTION_CONFIG,
    OPTION_CHECK,
    OPTION_SANDBOX,
    OPTION_SIMULATOR,
    OPTION_LISTEN,
    OPTION_ADMIN,
    OPTION_DATA,
    OPTION_USER,
    OPTION_WORKERS,
    OPTION_LOG_LEVEL,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_COUNT
};

static const struct {
    const char *name;
    bool value;
} option_table[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"--config", true},    [OPTION_CHECK] = {"--check", false},
    [OPTION_SANDBOX] = {"--sandbox", false}, [OPTION_SIMULATOR] = {"--simulator", true},
    [OPTION_LISTEN] = {"--listen", true},    [OPTION_ADMIN] = {"--admin", true},
    [OPTION_DATA] = {"--data", true},        [OPTION_USER] = {"--user", true},
    [OPTION_WORKERS] = {"--workers", true},  [OPTION_LOG_LEVEL] = {"--log-level", true},
    [OPTION_VERSION] = {"--version", false}, [OPTION_HELP] = {"--help", false},
};

const char *ses_options_help(void)
{
    return "usage: sessiond [options]\n"
           "  --config FILE        YAML configuration "
           "(deploy/sessiond.example.yaml has every key and its default)\n"
           "  --check              would it start? configuration, keys, data directory, sessions,\n"
           "                       memory, ports; starts nothing\n"
           "  --sandbox            also start sessiond-sim and send connectors' test_mode calls to it\n"
           "  --simulator ADDR:PORT\n"
           "                       where sessiond-sim listens (connectors, the bank's page), default a free\n"
           "                       port of 127.0.0.1, which the line \"ready\" tells; loopback only\n"
           "  --listen ADDR:PORT   clients, default 127.0.0.1:8080; IPv6 as [::1]:8080; others than\n"
           "                       loopback need TLS and callers in the configuration\n"
           "  --admin ADDR:PORT    metrics, health, status page, default 127.0.0.1:9090; loopback only\n"
           "  --data DIR           sessions and keys, default ./data\n"
           "  --workers N          worker processes, 1 to 64, default: the cores that affinity and CPU quota leave\n"
           "  --user NAME          started as root: the user to become once the ports are bound\n"
           "  --log-level LEVEL    debug, info, warn or error, default info\n"
           "  --version            print the version\n"
           "  --help, -h           print this\n"
           "signals: TERM, INT and QUIT drain and stop, HUP reloads by replacing the workers one at a time,\n"
           "         USR2 does so with the program that lies where this one was started from\n"
           "exit codes: 0 stopped as asked, 1 could not start or gave up, 2 wrong usage\n";
}

/* The option that word names; *ret_value points behind its '=', or is NULL. "--name" and
 * "--name=value"; an abbreviation is an unknown option, a later version could have two of them. */
static enum option find(const char *word, const char **ret_value)
{
    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

    *ret_value = equals == NULL ? NULL : equals + 1;
    if (strcmp(word, "-h") == 0)
        return OPTION_HELP;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (strlen(option_table[i].name) == len && memcmp(option_table[i].name, word, len) == 0)
            return (enum option)i;
    }
    return OPTION_COUNT;
}

/* help wins over version, version over check: the most harmless of what was asked. */
static void settle(struct ses_options *options, const char *const values[OPTION_COUNT])
{
    options->config = values[OPTION_CONFIG];
    options->listen = values[OPTION_LISTEN];
    options->admin = values[OPTION_ADMIN];
    options->simulator = values[OPTION_SIMULATOR];
    options->data = values[OPTION_DATA];
    options->user = values[OPTION_USER];
    options->workers = values[OPTION_WORKERS];
    options->log_level = values[OPTION_LOG_LEVEL];
    options->sandbox = values[OPTION_SANDBOX] != NULL;
    if (values[OPTION_HELP] != NULL)
        options->action = SES_ACTION_HELP;
    else if (values[OPTION_VERSION] != NULL)
        options->action = SES_ACTION_VERSION;
    else if (values[OPTION_CHECK] != NULL)
        options->action = SES_ACTION_CHECK;
}

enum ses_status ses_options_parse(int argc, char *const *argv, struct ses_options *ret_options,
                                  struct ses_fault *ret_fault)
{
    /* A flag that is given is the empty text, so that "given" is one test for both kinds. */
    struct ses_options options = {.action = SES_ACTION_RUN};
    const char *values[OPTION_COUNT] = {NULL};
    int i;

    for (i = 1; i < argc; i++) {
        const char *value;
        enum option option = find(argv[i], &value);

        if (option == OPTION_COUNT)
            return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "unknown option '%s' (see --help)", argv[i]);
        if (values[option] != NULL)
            return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "%s is given twice", option_table[option].name);
        if (!option_table[option].value && value != NULL)
            return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "%s takes no value", option_table[option].name);
        /* The next word is the value even if it begins with a dash: a path may. */
        if (option_table[option].value && value == NULL && i + 1 < argc)
            value = argv[++i];
        if (option_table[option].value && (value == NULL || value[0] == '\0'))
            return ses_fault(ret_fault, SES_INVALID_ARGUMENT, "%s needs a value", option_table[option].name);
        values[option] = option_table[option].value ? value : "";
    }
    settle(&options, values);
    *ret_options = options;
    return SES_OK;
}
