/* program.h - the program that this process runs, and the one that takes its place.
 *
 * A new program is executed by this very process: pid, children, sockets and the service manager's idea of
 * the main process stay. It is told by an environment variable, which it takes out of its environment, so
 * that no child of it has it:
 *
 *   SESSIOND_TAKEOVER=STATE         with --check: could it take over what that descriptor hands over?
 *   SESSIOND_TAKEOVER=STATE,BACK    takes over; if it cannot, it executes the program of descriptor BACK again
 *   SESSIOND_TAKEOVER=STATE         that program, when it is back: there is no way back for it
 *
 * Descriptors and not paths: what was checked is what is executed, whatever is installed meanwhile.
 */
#ifndef SESSIOND_SRC_RUNTIME_PROGRAM_H
#define SESSIOND_SRC_RUNTIME_PROGRAM_H

#include <sys/types.h>

#include <sessiond/base/fault.h>

/* What a new program says on standard output when it could take over: an exit code is said by others too. */
#define SES_PROGRAM_CAN_TAKE_OVER "sessiond: can take over"

#define SES_PROGRAM_VERSION_SIZE 96

struct ses_takeover {
    int state; /* -1: this is an ordinary start */
    int back;  /* -1: none */
};

/* [supervisor] Once: remembers how we were started. A relative path is one of the present directory. */
void ses_program_init(char **argv);
/* [supervisor] Where the program lies that SIGUSR2 starts: what was executed, links and all. */
const char *ses_program_path(void);
/* Version and commit, as --version says them: two builds of one version are two programs. */
const char *ses_program_version(void);
/* [supervisor] Once: what the environment says, and no longer does then. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_program_takeover(struct ses_takeover *ret_takeover,
                                                    struct ses_fault *ret_fault);
/* [supervisor] What lies at the path now. SES_IO. */
SES_MUST_CHECK enum ses_status ses_program_open(int *ret_fd, struct ses_fault *ret_fault);
/* [supervisor] What runs now, even if its file is gone. SES_IO. */
SES_MUST_CHECK enum ses_status ses_program_open_own(int *ret_fd);
/* [child] Executes program with our arguments and --check, output instead of its standard streams. It dies
 * with us. Does not return. */
_Noreturn void ses_program_check(int program, int state, int output);
/* [supervisor] Executes program in this process. Returns only on failure, with errno; descriptors are closed
 * by an exec again then. back -1: none. */
void ses_program_replace(int program, int state, int back);

#endif
