/* upgrade_guard.h - who looks on while this process becomes another program.
 *
 * The trial has shown that the new program could take over; nothing but a fault of it can end or hang it while it does.
 * Then nobody would be left to say so, and one that hangs would hold the pid, the signals and the service manager for
 * ever (workers leave two seconds after their supervisor: worker_turn.c). So a child stands by until the program, the new one or the one before, says that it looks after the server:
 *
 *   a byte              the server is looked after: the guard leaves without a word
 *   the process ended   upgrade_died, in the log
 *   silence for long    upgrade_hung, and KILL: a dead supervisor is started again, one that hangs is not
 *   the end, no byte    a program that knows no guard closes what it does not know when it takes over
 *
 * It holds nothing of the server: no socket, no lock, and not the pipe by which workers know that we live.
 */
#ifndef SESSIOND_SRC_RUNTIME_UPGRADE_GUARD_H
#define SESSIOND_SRC_RUNTIME_UPGRADE_GUARD_H

#include <stdint.h>

#include <sessiond/base/status.h>

/* [supervisor] The pipe whose write end is handed over (*ret_told), before what is handed over is written. SES_IO. */
SES_MUST_CHECK enum ses_status ses_upgrade_guard_pipe(int *ret_heard, int *ret_told);
/* [supervisor] The guard, for patience_ms. heard is closed here; SES_IO: there is none. */
SES_MUST_CHECK enum ses_status ses_upgrade_guard_start(int heard, uint64_t patience_ms);
/* [supervisor] The server is looked after. *told may be -1: nobody stands by. */
void ses_upgrade_guard_dismiss(int *told);

#endif
