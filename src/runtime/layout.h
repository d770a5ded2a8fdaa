/* layout.h - the data directory: what lies where, who may read it, and that one sessiond at a time uses it.
 *
 *   DIR/                 0700
 *   DIR/lock             flock'ed by the supervisor and, by inheritance, by every child until the last one is
 *                        gone; holds the pid
 *   DIR/keys/            0700, key rings test/, live/, seal/ and step/, with seal-1.key and step.key, the first
 *                        keys of the last two (token/token.h)
 *   DIR/keys/natural.key, log.key
 *                        0600, secrets (token/token.h)
 *   DIR/keys/callers.key
 *                        0600, under which the callers file keeps keys (caller/caller_key.h)
 *   DIR/time/            0700, where the housekeeper writes
 *   DIR/time/clock       sessiond's own time (base/clock_file.h)
 *   DIR/clock            the same for versions before, as of the last start or stop
 *   DIR/machine          0600, where PostgreSQL is used: this machine's number (machine_id.h)
 *   DIR/store            0600, which store has the sessions (store_mark.h)
 *   DIR/operator.sock    0600, for sessiondctl (operator_socket.h)
 *   DIR/dev/             --sandbox: an authority and a certificate for loopback (net/dev_cert.h)
 *   DIR/shards/          0700, one directory a worker slot (store/)
 */
#ifndef SESSIOND_SRC_RUNTIME_LAYOUT_H
#define SESSIOND_SRC_RUNTIME_LAYOUT_H

#include <sessiond/base/secret.h>

#include <sessiond/config/config.h>
#include <sessiond/token/token.h>

#define SES_LAYOUT_LOCK_WAIT_MS 15000 /* for leftover workers of a supervisor that was killed */

struct ses_layout {
    char dir[SES_CONFIG_PATH_SIZE];
    char keys[SES_CONFIG_PATH_SIZE];
    char shards[SES_CONFIG_PATH_SIZE];
    char natural_key[SES_CONFIG_PATH_SIZE];
    char log_key[SES_CONFIG_PATH_SIZE];
    char callers_key[SES_CONFIG_PATH_SIZE];
    char time[SES_CONFIG_PATH_SIZE];
    char clock[SES_CONFIG_PATH_SIZE];
    char former_clock[SES_CONFIG_PATH_SIZE];
    char dev[SES_CONFIG_PATH_SIZE];
    int lock_fd; /* -1: not locked */
};

/* Not to be moved: the rings point into themselves. */
struct ses_layout_secrets {
    struct ses_seal_ring seal;
    struct ses_seal_ring step;
    struct ses_secret natural;
    struct ses_secret log;
};

/* [any] The paths only; touches nothing. data_dir is at most half of SES_CONFIG_PATH_SIZE long. */
void ses_layout_init(struct ses_layout *layout, const char *data_dir);
/* [supervisor] Creates what is missing, checks owner and permissions, takes the lock. ret_fault is the clear
 * line: in use by another sessiond (SES_BUSY), not ours or too open (SES_PERMISSION_DENIED), damaged: a key
 * is missing although the shards hold records (SES_FAILED_PRECONDITION), SES_IO. On failure nothing stays
 * locked. */
SES_MUST_CHECK enum ses_status ses_layout_open(struct ses_layout *layout, struct ses_fault *ret_fault);
void ses_layout_close(struct ses_layout *layout);
/* [supervisor] What the directory of a version before lacks, whose program has handed it over: it was opened by that one.
 * SES_IO, SES_PERMISSION_DENIED. */
SES_MUST_CHECK enum ses_status ses_layout_complete(const struct ses_layout *layout,
                                                   struct ses_fault *ret_fault);
/* [any] For --check: reads everything, creates nothing; a directory that does not exist yet is fine if it
 * could be made. */
SES_MUST_CHECK enum ses_status ses_layout_check(const struct ses_layout *layout, struct ses_fault *ret_fault);
/* [supervisor] As that, of a directory that workers run on: there is no start any more that would make what is missing. */
SES_MUST_CHECK enum ses_status ses_layout_check_running(const struct ses_layout *layout,
                                                        struct ses_fault *ret_fault);
/* [any] For --check: SES_BUSY when a sessiond works on the directory, whose pid the fault names. */
SES_MUST_CHECK enum ses_status ses_layout_check_free(const struct ses_layout *layout,
                                                     struct ses_fault *ret_fault);
/* [worker] Loads all secrets but the signing keys into guarded memory. On failure there are none. */
SES_MUST_CHECK enum ses_status ses_layout_secrets_load(const struct ses_layout *layout,
                                                       struct ses_layout_secrets *ret_secrets,
                                                       struct ses_fault *ret_fault);
void ses_layout_secrets_free(struct ses_layout_secrets *secrets);

#endif
