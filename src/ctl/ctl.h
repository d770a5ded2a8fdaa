/* ctl.h - sessiondctl: one command a file, each a function of the parsed command line that returns the exit
 * code.
 *
 * What a command touches:
 *
 *   keys         the files of the rings; a running server reads them on SIGHUP
 *   token        standard input, the rings
 *   callers      the callers file and its hash key; a running server reads them on SIGHUP
 *   store        the shards, read only; verify needs the seal keys, restore makes shards, keys and clock
 *   store schema, store check -c
 *                the first nothing at all, the second databases and the configuration, of which it reads only the store
 *   store shards the databases of a configuration; add and move write into them
 *   session      the running server's operator socket
 *   status       the admin port, nothing of the data directory
 *   dev-cert     the directory that it is given
 */
#ifndef SESSIOND_SRC_CTL_CTL_H
#define SESSIOND_SRC_CTL_CTL_H

#include <sessiond/base/fault.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/units.h>

#include <jansson.h>

/* Exit codes. */
#define CTL_DONE   0
#define CTL_FAILED 1 /* asked rightly, but it failed or the answer is bad */
#define CTL_USAGE  2 /* asked wrongly, nothing was tried */

#define CTL_PATH_SIZE     4096
#define CTL_DEFAULT_DATA  "./data"
#define CTL_DEFAULT_ADMIN "127.0.0.1:9090"
#define CTL_ARGS_MAX      4

/* Of the callers commands; lists are separated by commas, NULL: not given. */
struct ctl_caller {
    const char *file; /* relative to the data directory */
    const char *tenants;
    const char *merchants;
    const char *rights;
    const char *modes;
    const char *expires;
    const char *cert_san;
    const char *cert_subject;
    const char *cert_thumbprint;
    const char *key;
};

struct ctl {
    const char *data;   /* the data directory of sessiond */
    const char *admin;  /* ADDR:PORT */
    const char *tenant; /* NULL: not given, like the next two */
    const char *merchant;
    const char *reason;
    const char *limit; /* NULL: not given */
    bool json;
    bool once;
    bool test;
    bool live;
    bool seal;
    bool step;
    bool with_keys;
    const char *config; /* of sessiond; NULL: not given, like the next two */
    const char *shard;
    const char *role;
    const char *keys; /* a directory of keys; NULL: not given, like the next four */
    const char *from;
    const char *to;
    const char *slots;
    const char *pause_ms;
    bool balance;
    struct ctl_caller caller;
    const char *names;              /* dev-cert; NULL: not given */
    const char *client;             /* dev-cert; NULL: none */
    const char *args[CTL_ARGS_MAX]; /* what follows the command's words */
    int args_count;
};

/* Prints "sessiondctl: ..." to stderr and returns CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a fault that a rank described. */
int ctl_fail_fault(const struct ses_fault *fault);
/* "<data>/<tail>"; false when that is too long, after saying so. */
bool ctl_path(const struct ctl *ctl, const char *tail, char ret_path[CTL_PATH_SIZE]);
/* From here on ses_clock_now_ms is the time of the sessiond whose data directory it is. False after saying
 * why. */
bool ctl_take_clock(const struct ctl *ctl);
/* Whether a sessiond holds the data directory; ret_pid is then its supervisor's, 0 if it cannot be read. */
bool ctl_server_runs(const struct ctl *ctl, long *ret_pid);
/* Whether the data directory's server has its sessions in PostgreSQL, or some of them. */
bool ctl_uses_pg(const struct ctl *ctl);
/* Writes a JSON value and a newline to stdout and releases it. Characters outside ASCII are escaped: what is
 * printed may be a stranger's, and a terminal obeys control characters. */
int ctl_print_json(json_t *value, bool indent, int exit_code);

int ctl_keys_list(const struct ctl *ctl);
int ctl_keys_generate(const struct ctl *ctl);
int ctl_keys_activate(const struct ctl *ctl);
int ctl_keys_revoke(const struct ctl *ctl);
int ctl_keys_retire(const struct ctl *ctl);
int ctl_callers_add(const struct ctl *ctl);
int ctl_callers_rotate(const struct ctl *ctl);
int ctl_callers_revoke(const struct ctl *ctl);
int ctl_callers_list(const struct ctl *ctl);
int ctl_token_inspect(const struct ctl *ctl);
int ctl_store_list(const struct ctl *ctl);
int ctl_store_backup(const struct ctl *ctl);
int ctl_store_restore(const struct ctl *ctl);
int ctl_store_verify(const struct ctl *ctl);
int ctl_store_schema(const struct ctl *ctl);
int ctl_store_check(const struct ctl *ctl);
int ctl_store_shards_status(const struct ctl *ctl);
int ctl_store_shards_add(const struct ctl *ctl);
int ctl_store_shards_move(const struct ctl *ctl);
int ctl_session_show(const struct ctl *ctl);
int ctl_session_find(const struct ctl *ctl);
int ctl_session_revoke(const struct ctl *ctl);
int ctl_log_level(const struct ctl *ctl);
int ctl_status(const struct ctl *ctl);
int ctl_dev_cert(const struct ctl *ctl);

#endif
