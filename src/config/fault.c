/* The operator's one line. It is made where the fault is found, since only there it is known which key,
 * file or address is meant. */
#include <sessiond/config/fault.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum ses_status ses_fault(struct ses_fault *fault, enum ses_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
    return status;
}

/* To the kernel the table is a file in memory. */
enum ses_status ses_fault_table(struct ses_fault *fault, uint64_t sessions, int error)
{
    if (error == EFBIG)
        return ses_fault(fault, SES_NO_MEMORY,
                         "a table of %llu sessions (store.sessions_max) is above the limit of file sizes, "
                         "which counts for shared memory too (ulimit -f, LimitFSIZE)",
                         (unsigned long long)sessions);
    return ses_fault(fault, SES_NO_MEMORY, "no memory for a table of %llu sessions (store.sessions_max)",
                     (unsigned long long)sessions);
}
