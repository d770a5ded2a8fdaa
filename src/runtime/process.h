/* process.h - what every process of ours sets for itself: limits, signals, privileges. */
#ifndef SESSIOND_SRC_RUNTIME_PROCESS_H
#define SESSIOND_SRC_RUNTIME_PROCESS_H

#include <sys/types.h>

#include <sessiond/base/fault.h>

/* sysexits(3), plus their meaning to our supervisor. */
#define SES_EXIT_OK       0
#define SES_EXIT_FAILED   1
#define SES_EXIT_USAGE    2
#define SES_EXIT_SOFTWARE 70 /* start me again */
#define SES_EXIT_FULL     73 /* the loader: the table is too small for what is on disk */
#define SES_EXIT_IO       74 /* the disk failed me: start me again, however often */
#define SES_EXIT_CONFIG   78 /* do not start me again: it would end the same way */

/* LeakSanitizer attaches to its own process: it must be dumpable, and ptrace pass. */
#if defined(__SANITIZE_ADDRESS__)
#define SES_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SES_UNDER_ASAN 1
#endif
#endif
#ifndef SES_UNDER_ASAN
#define SES_UNDER_ASAN 0
#endif

/* [supervisor] Core dumps off, no new privileges, descriptors up to the hard limit, umask 077, SIGPIPE and SIGXFSZ ignored
 * (their system calls then fail with EPIPE and EFBIG, which are handled). Inherited by all children. */
void ses_process_setup(void);
/* [supervisor] Takes every variable whose name begins with prefix out of the environment. libpq would read its own (PGOPTIONS,
 * PGSERVICE, PGPASSWORD ..) over what the configuration says. */
void ses_process_forget(const char *prefix);
/* [supervisor] First thing in main: whatever signal comes while the server is being made waits, and
 * children's exits are told, whatever was inherited. */
void ses_process_hold_signals(void);
/* [supervisor] Collects the signals held in a signalfd: TERM, INT, QUIT, HUP, CHLD, and those that would end
 * us without a line (USR1, USR2, ALRM, VTALRM, PROF, IO, PWR, real-time ones). SES_IO. */
SES_MUST_CHECK enum ses_status ses_process_signalfd(int *ret_fd, struct ses_fault *ret_fault);
/* [child] First thing after fork: terminal signals are the supervisor's to interpret, the child is told by
 * TERM only; if the supervisor is gone already or dies later, TERM comes by itself. */
void ses_process_child(pid_t supervisor);
/* [any] proc(5)'s state of a process, 'R' for one that runs or would like to; 0: not known. */
char ses_process_state(pid_t pid);

#endif
