/* confine.h - what is left to a worker or the housekeeper once somebody else's code runs in it.
 *
 * Not to be mixed up with --sandbox (sandbox.h), which simulates connectors. Three layers, each for what the
 * others cannot see; a process puts them on itself after it has loaded its keys, and cannot take them off:
 *
 *   calls   seccomp (confine_calls.c): a list of system calls, the shorter one for the housekeeper. What no
 *           library of ours ever asks for and an intruder does first (execve, ptrace, mount, setuid, bpf ..)
 *           ends the process with SIGSYS; any other call that is not listed fails with ENOSYS, which every
 *           library takes for an older kernel, so that a library update cannot bring a server down. Builds with
 *           SES_TEST_HOOKS end on those too, with a line: there a call that is missing in the list is a fault
 *           that a test must meet.
 *   files   Landlock (confine_files.c; Linux 5.13): seccomp cannot read paths. Records, what name resolution and
 *           TLS read, libraries; the keys not, they are in memory by then.
 *   ports   Landlock (Linux 6.7): TCP connections go to the connectors' ports and DNS, and no port is bound.
 *           The kernel knows no names: that an address belongs to the connector's name is checked by the driver
 *           alone (connector/), before each connect.
 *
 * With Landlock come: no ptrace of, and (Linux 6.12) no signal to, a process that is not of the same domain.
 */
#ifndef SESSIOND_SRC_RUNTIME_CONFINE_H
#define SESSIOND_SRC_RUNTIME_CONFINE_H

#include "child.h"

enum ses_confine_role {
    SES_CONFINE_WORKER,
    SES_CONFINE_HOUSEKEEPER, /* the loader too */
    SES_CONFINE_GATE         /* keys_gate.h: as a worker, and the folder of the database's password */
};

/* Default ports, DNS, the collector of spans, two URLs a connector, each allowed host, each node of a database. */
#define SES_CONFINE_PORTS_MAX                                                                                \
    (5 + 2 * SES_CONFIG_URLS_MAX + SES_CONFIG_HOSTS_MAX + SES_CONFIG_PG_SHARDS_MAX * SES_PG_NODES_MAX)
/* Certificates and keys of connections to a database, which are read at each connect. */
#define SES_CONFINE_FILES_MAX (SES_CONFIG_PG_SHARDS_MAX * SES_PG_FILES_MAX + 1)

struct ses_confine_options {
    enum ses_config_confine mode;
    enum ses_confine_role role;
    const char *records_dir; /* read and written; NULL: records are elsewhere */
    const char *clock_dir;   /* the housekeeper's: files are made and renamed in it, no others; NULL */
    uint16_t ports[SES_CONFINE_PORTS_MAX]; /* a worker may connect to; the housekeeper to none */
    size_t ports_count;
    const char *files[SES_CONFINE_FILES_MAX]; /* a worker may read, beside what every one may */
    size_t files_count;
    char password_dir[SES_CONFIG_PATH_SIZE]; /* one of files; a password is replaced by rename */
};

/* What is in force. */
struct ses_confined {
    bool calls;
    bool files;
    bool ports;
    int landlock; /* ABI version of the kernel, 0: it has none, or it is switched off */
};

/* [child] The calling process, which must have one thread, is confined for good. SES_UNAVAILABLE with the line for
 * the operator when the kernel refuses the list of calls; a kernel without Landlock is no failure. */
SES_MUST_CHECK enum ses_status ses_confine(const struct ses_confine_options *options,
                                           struct ses_confined *ret_confined, struct ses_fault *ret_fault);
/* [child] The same from what the child was given; logs and counts what came of it. */
SES_MUST_CHECK enum ses_status ses_confine_child(const struct ses_child_env *env, enum ses_confine_role role,
                                                 struct ses_metrics *metrics, struct ses_log *log);
/* [any] confine_files.c: what a role writes of the data directory, into options. */
void ses_confine_list_data(const struct ses_config *config, const struct ses_layout *layout,
                           struct ses_confine_options *options);
/* [any] What of files a worker's store reads that is no record, into options. */
void ses_confine_list_files(const struct ses_config *config, struct ses_confine_options *options);
/* [supervisor] Says in the log what holds the children in, and what does not. */
void ses_confine_tell(const struct ses_config *config, struct ses_log *log);
/* [any] The ports that the configuration's URLs and hosts name, sorted into options. */
void ses_confine_list_ports(const struct ses_config *config, struct ses_confine_options *options);

/* What the rules of workers that run stand for: a rule is for a file, not for its name. Where /etc/resolv.conf is a link into
 * a directory of somebody who keeps the file there, its rule is for that directory. */
#define SES_CONFINE_WATCHED_MAX 16
struct ses_confine_watch {
    struct {
        uint64_t device;
        uint64_t inode; /* 0: there is none */
    } files[SES_CONFINE_WATCHED_MAX];
    uint64_t looked_ms; /* monotonic; 0: never */
};
/* [supervisor] Looks every few seconds. The path of a file that workers of before cannot open, since another one lies
 * there (a new resolv.conf, hosts ..), a constant; NULL: there is none. */
const char *ses_confine_watch_changed(struct ses_confine_watch *watch, uint64_t now_ms);

/* ---- the layers ---- */

/* confine_calls.c. SES_UNAVAILABLE; errno says why. */
SES_MUST_CHECK enum ses_status ses_confine_calls(const struct ses_confine_options *options);
/* confine_files.c: files and ports, as far as the kernel goes. SES_UNAVAILABLE when it has Landlock and refuses;
 * errno says why. */
SES_MUST_CHECK enum ses_status ses_confine_files(const struct ses_confine_options *options,
                                                 struct ses_confined *confined);
/* confine_files.c: the ABI version of the kernel's Landlock, 0 without. */
int ses_confine_landlock_abi(void);
/* confine_trap.c, builds with SES_TEST_HOOKS: a line on standard error names the call that was refused, then the
 * process ends as without it. Elsewhere it does nothing and returns false. */
bool ses_confine_trap(void);

#endif
