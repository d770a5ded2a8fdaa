/* Builds that are tested end loudly on a call that the lists lack; see confine.h. */
#include "confine.h"

#if SES_TEST_HOOKS

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A handler: only what signal-safety(7) allows. Afterwards the signal again, with its usual meaning. */
static void on_refused(int number, siginfo_t *info, void *context)
{
    char line[] = "sessiond: confine: system call 0000 is not on the list\n";
    char *digit = strchr(line, '0') + 3;
    unsigned call = (unsigned)info->si_syscall;

    (void)context;
    for (int i = 0; i < 4; i++, call /= 10)
        *digit-- = (char)('0' + call % 10);
    (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

bool ses_confine_trap(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

    return sigaction(SIGSYS, &action, NULL) == 0;
}

#else

bool ses_confine_trap(void)
{
    return false;
}

#endif
