/* sessiondctl's command line: a table of commands, options anywhere among the words, one function a
 * command. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <sessiond/base/log.h>
#include <sessiond/base/random.h>
#include <sessiond/base/version.h>

/* The table is the help, too: a command that is not in it does not exist. */
static const struct command {
    const char *group;
    const char *verb; /* one word or two; NULL: the group alone is the command */
    const char *args; /* for the help */
    int args_count;
    int (*run)(const struct ctl *ctl);
    const char *help;
} commands[] = {
    {"keys", "list", "", 0, ctl_keys_list, "the keys of all rings and their states"},
    {"keys", "generate", "--test|--live|--seal|--step", 0, ctl_keys_generate,
     "a new key in state next; prints its id"},
    {"keys", "activate", "KID", 1, ctl_keys_activate,
     "sign or seal with it from the next reload on; the key before it verifies or opens only"},
    {"keys", "revoke", "KID", 1, ctl_keys_revoke,
     "refuse what it made from the next reload on; not the active key, no seal key; drops its secret"},
    {"keys", "retire", "KID [-c FILE]", 1, ctl_keys_retire,
     "remove a revoked key, one that rests for 8 days, a seal key that seals no record; -c: for all machines"},
    {"callers", "add", "NAME OPTIONS", 1, ctl_callers_add,
     "a caller more; prints its key, this once, unless it has a certificate"},
    {"callers", "rotate", "NAME", 1, ctl_callers_rotate,
     "a key more for a caller, printed this once; the ones before it still open"},
    {"callers", "revoke", "NAME [--key ID]", 1, ctl_callers_revoke,
     "refuse the caller, or one of its keys, from the next SIGHUP on"},
    {"callers", "list", "", 0, ctl_callers_list, "the callers, what they may do, and the ids of their keys"},
    {"token", "inspect", "", 0, ctl_token_inspect,
     "read a token from stdin, print its claims (a v4.local one's need the server's keys) and whether the ring "
     "accepts it"},
    {"store", "verify", "[--keys DIR]", 0, ctl_store_verify,
     "open every record with the seal keys and count, of a backup every file too; fails on damage or duplicates"},
    {"store", "check", "-c FILE", 0, ctl_store_check,
     "what is wrong with the PostgreSQL databases, and what to do; without -c: verify, by its older name"},
    {"store", "list", "[--limit N]", 0, ctl_store_list, "one line a record, old to new, without opening it"},
    {"store", "backup", "TARGET [--with-keys]", 1, ctl_store_backup,
     "a consistent copy of the shards into a new or empty directory, while the server runs, and its manifest"},
    {"store", "restore", "SOURCE", 1, ctl_store_restore,
     "a backup into a data directory without sessions, while no server runs on it; whole or not at all"},
    {"store", "schema", "", 0, ctl_store_schema,
     "the SQL that makes the tables of a shard in PostgreSQL and sessiond's role; sessiond itself makes none"},
    {"store", "shards status", "-c FILE", 0, ctl_store_shards_status,
     "which database has which slots (parts of the sessions), what is wrong with that and what to run"},
    {"store", "shards add", "N -c FILE", 1, ctl_store_shards_add,
     "whether the N-th database of store.pg.shards is fit to take sessions; brings the keys' fingerprints there"},
    {"store", "shards move", "OPTIONS -c FILE", 0, ctl_store_shards_move,
     "slots to another database while they are served: --from A --to B --slots K, or --balance; again: goes on"},
    {"session", "show", "ID --test|--live", 1, ctl_session_show,
     "one payment's whole story, by its merchant_session_id (and --tenant, --merchant); no secrets"},
    {"session", "find", "ID", 1, ctl_session_find,
     "the same wherever it is: both modes, and --tenant A,B and --merchant C,D as lists"},
    {"session", "revoke", "ID --test|--live", 1, ctl_session_revoke,
     "end it for good; --reason TEXT is kept with it"},
    {"log-level", NULL, "LEVEL", 1, ctl_log_level,
     "debug, info, warn or error, from now on, without a reload; by DIR/operator.sock"},
    {"status", NULL, "[--once]", 0, ctl_status,
     "a running sessiond: rates, latencies, workers, connectors; drawn anew each second on a terminal"},
    {"dev-cert", NULL, "DIR", 1, ctl_dev_cert,
     "an authority and a server's certificate for development in DIR, and a client's"},
};

#define WORD_SHOWN_MAX 16
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
    printf("usage: sessiondctl [options] <command>\n\ncommands:\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        char words[64];

        (void)snprintf(words, sizeof(words), "%s%s%s %s", commands[i].group,
                       commands[i].verb == NULL ? "" : " ", commands[i].verb == NULL ? "" : commands[i].verb,
                       commands[i].args);
        printf("  %-29s %s\n", words, commands[i].help);
    }
    printf(
        "\noptions:\n"
        "  --data DIR          data directory of sessiond, default " CTL_DEFAULT_DATA "\n"
        "  --admin ADDR:PORT   admin port of sessiond, default " CTL_DEFAULT_ADMIN "\n"
        "  --limit N           store list: stop after N records\n"
        "  --with-keys         store backup: the keys too, beside what they seal\n"
        "  --keys DIR          store verify: the keys are there\n"
        "  --config FILE, -c   store check, store shards, keys retire: sessiond's configuration\n"
        "  --shard CONNINFO    instead of -c, one database; its password by PGPASSWORD or ~/.pgpass\n"
        "  --shard N           store schema: the shard's number, default 0\n"
        "  --role NAME         store schema: the role that sessiond logs in as, default sessiond\n"
        "  --from A            store shards move: the shard that gives, by its place in store.pg.shards, from 0\n"
        "  --to B              store shards move: the shard that takes\n"
        "  --slots K           store shards move: how many, or which: FIRST-LAST, of 0 to 4095\n"
        "  --balance           store shards move: until all shards have as many\n"
        "  --pause-ms N        store shards move: between two groups of slots, default 20\n"
        "  --tenant NAME       session: whose it is (x-tenant-id), default DefaultTenantId\n"
        "  --merchant NAME     session: the merchant (x-merchant-id), default DefaultMerchantId\n"
        "  --reason TEXT       session revoke: why, 1 to 200 bytes\n"
        "  --callers FILE      the callers file, default callers.yaml in the data directory\n"
        "  --merchants LIST    callers add: separated by commas, or '*' for any; required\n"
        "  --tenants LIST      callers add: likewise, default DefaultTenantId\n"
        "  --rights LIST       callers add: of create, continue, webhook, operate; default the first 2\n"
        "  --modes LIST        callers add: of test, live; required\n"
        "  --expires TIME      callers add (the caller), rotate (the key): 2027-01-02T03:04:05Z\n"
        "  --cert-san LIST     callers add: known by its certificate, each dns:NAME or uri:URI\n"
        "  --cert-subject CN, --cert-thumbprint SHA256   callers add: likewise\n"
        "  --key ID            callers revoke: this key only\n"
        "  --names LIST        dev-cert: names of the server, default localhost,127.0.0.1,::1\n"
        "  --client NAME       dev-cert: a client's certificate too, with this common name\n"
        "  --once              status: once, also on a terminal\n"
        "  --json              machine-readable output\n"
        "  --version           print the version\n"
        "  --help, -h          print this\n"
        "\nsessiond reads its keys at start and on SIGHUP (pid: first line of DIR/lock). "
        "A rotation that refuses no\n"
        "token and loses no record: keys generate, SIGHUP, keys activate, SIGHUP; "
        "later keys retire, SIGHUP.\n"
        "\nA session is looked up as its merchant names it: there is no list of all, no index by a part\n"
        "of the name. session goes through DIR/operator.sock; the log has each call (operator_call).\n"
        "\nexit codes: 0 done, 1 failed or the answer is bad, 2 wrong usage\n");
    return CTL_DONE;
}

/* Code 2, and nothing on stdout, so that scripts do not take it for an answer. word is ours or cut short:
 * what was typed may be a token, and the terminal remembers it. */
static int usage(const char *what, const char *word)
{
    (void)fprintf(stderr, "sessiondctl: %s%s%.*s (see --help)\n", what, word == NULL ? "" : ": ",
                  WORD_SHOWN_MAX, word == NULL ? "" : word);
    return CTL_USAGE;
}

/* A group without its verb, or with one that it does not have. */
static int usage_group(const char *group)
{
    char verbs[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].group, group) == 0 && commands[i].verb != NULL && len < sizeof(verbs))
            len += (size_t)snprintf(verbs + len, sizeof(verbs) - len, "%s%s", len == 0 ? "" : ", ",
                                    commands[i].verb);
    }
    if (len == 0)
        return usage("no such command", group);
    (void)fprintf(stderr, "sessiondctl: %s needs one of: %s (see --help)\n", group, verbs);
    return CTL_USAGE;
}

static bool is_word(const char *word, const char *text, size_t len)
{
    return strlen(word) == len && memcmp(word, text, len) == 0;
}

/* How many of the words the command is; 0: it is another one. */
static int match(const struct command *command, const char *const *words, int count)
{
    const char *rest = command->verb;
    int taken = 1;

    if (strcmp(words[0], command->group) != 0)
        return 0;
    while (rest != NULL && *rest != '\0') {
        size_t len = strcspn(rest, " ");

        if (taken == count || !is_word(words[taken], rest, len))
            return 0;
        taken++;
        rest += len + (rest[len] == ' ');
    }
    return taken;
}

/* Words in order, options anywhere between them. */
static const struct command *find_command(const char *const *words, int count, int *ret_taken)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        *ret_taken = match(&commands[i], words, count);
        if (*ret_taken > 0)
            return &commands[i];
    }
    return NULL;
}

/* The number of arguments is checked here for all: no command looks at one that is not there. */
static int run(struct ctl *ctl, const char *const *words, int count)
{
    int taken = 0;

    if (count == 0)
        return usage("a command is missing", NULL);
    const struct command *command = find_command(words, count, &taken);

    if (command == NULL)
        return usage_group(words[0]);
    if (count - taken != command->args_count)
        return usage(command->args_count == 0
                         ? "this command takes no argument; a token is read from standard input"
                         : "this command takes one argument",
                     command->args_count == 0 ? NULL : command->args);
    for (int i = taken; i < count; i++)
        ctl->args[ctl->args_count++] = words[i];
    return command->run(ctl);
}

static const char **caller_value_of(struct ctl_caller *caller, const char *word)
{
    const struct {
        const char *option;
        const char **place;
    } rows[] = {
        {"--callers", &caller->file},
        {"--tenants", &caller->tenants},
        {"--merchants", &caller->merchants},
        {"--rights", &caller->rights},
        {"--modes", &caller->modes},
        {"--expires", &caller->expires},
        {"--cert-san", &caller->cert_san},
        {"--cert-subject", &caller->cert_subject},
        {"--cert-thumbprint", &caller->cert_thumbprint},
        {"--key", &caller->key},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(word, rows[i].option) == 0)
            return rows[i].place;
    }
    return NULL;
}

/* Where the value of an option goes; NULL when word is no option with a value. */
static const char **value_of(struct ctl *ctl, const char *word)
{
    if (strcmp(word, "--data") == 0)
        return &ctl->data;
    if (strcmp(word, "--admin") == 0)
        return &ctl->admin;
    if (strcmp(word, "--tenant") == 0)
        return &ctl->tenant;
    if (strcmp(word, "--merchant") == 0)
        return &ctl->merchant;
    if (strcmp(word, "--reason") == 0)
        return &ctl->reason;
    if (strcmp(word, "--limit") == 0)
        return &ctl->limit;
    if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0)
        return &ctl->config;
    if (strcmp(word, "--shard") == 0)
        return &ctl->shard;
    if (strcmp(word, "--role") == 0)
        return &ctl->role;
    if (strcmp(word, "--keys") == 0)
        return &ctl->keys;
    if (strcmp(word, "--from") == 0)
        return &ctl->from;
    if (strcmp(word, "--to") == 0)
        return &ctl->to;
    if (strcmp(word, "--slots") == 0)
        return &ctl->slots;
    if (strcmp(word, "--pause-ms") == 0)
        return &ctl->pause_ms;
    if (strcmp(word, "--names") == 0)
        return &ctl->names;
    if (strcmp(word, "--client") == 0)
        return &ctl->client;
    return caller_value_of(&ctl->caller, word);
}

static bool set_flag(struct ctl *ctl, const char *word)
{
    bool *flag = strcmp(word, "--json") == 0        ? &ctl->json
                 : strcmp(word, "--once") == 0      ? &ctl->once
                 : strcmp(word, "--test") == 0      ? &ctl->test
                 : strcmp(word, "--live") == 0      ? &ctl->live
                 : strcmp(word, "--seal") == 0      ? &ctl->seal
                 : strcmp(word, "--step") == 0      ? &ctl->step
                 : strcmp(word, "--with-keys") == 0 ? &ctl->with_keys
                 : strcmp(word, "--balance") == 0   ? &ctl->balance
                                                    : NULL;

    if (flag != NULL)
        *flag = true;
    return flag != NULL;
}

int main(int argc, char **argv)
{
    static const struct rlimit no_core = {0, 0};
    struct ctl ctl = {.data = CTL_DEFAULT_DATA, .admin = CTL_DEFAULT_ADMIN};
    const char *words[2 + CTL_ARGS_MAX];
    int count = 0;

    ses_log_fill_standard();
    for (int i = 1; i < argc; i++) {
        const char **value = value_of(&ctl, argv[i]);

        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return print_help();
        if (strcmp(argv[i], "--version") == 0)
            return printf("sessiondctl %s (commit %s)\n", ses_version(), ses_version_commit()) < 0
                       ? CTL_FAILED
                       : CTL_DONE;
        if (value != NULL && (i + 1 == argc || argv[i + 1][0] == '\0'))
            return usage("a value is missing behind", argv[i]);
        if (value != NULL)
            *value = argv[++i];
        else if (argv[i][0] == '-' && !set_flag(&ctl, argv[i]))
            return usage("no such option", argv[i]);
        else if (argv[i][0] != '-' && count == (int)(sizeof(words) / sizeof(words[0])))
            return usage("too many words", argv[i]);
        else if (argv[i][0] != '-')
            words[count++] = argv[i];
    }
    (void)setrlimit(RLIMIT_CORE, &no_core); /* keys pass through here */
    ses_random_init();
    int code = run(&ctl, words, count);
    return fflush(stdout) == 0 ? code : CTL_FAILED;
}
