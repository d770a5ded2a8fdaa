/* The sentence is made where the fault is found, since only there it is known which key, file or address is
 * meant. */
#include <sessiond/base/fault.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum ses_status ses_fault(struct ses_fault *fault, enum ses_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
    return status;
}

/* By the number alone: whose file it is, and what it is for, says whoever names it. */
enum ses_status ses_fault_open(struct ses_fault *fault, int error)
{
    const char *reason = strerror(error);

    switch (error) {
    case EACCES:
    case EPERM:
        return ses_fault(
            fault, SES_IO,
            "cannot be opened: %s: user id %u, as which this runs, must be able to read it and to "
            "enter each directory above it (chown, chmod)",
            reason, (unsigned)geteuid());
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return ses_fault(fault, SES_IO, "cannot be opened: %s: correct the path, or put the file there",
                         reason);
    case EMFILE:
    case ENFILE:
        return ses_fault(fault, SES_IO,
                         "cannot be opened: %s: raise the limit of open files (ulimit -n, LimitNOFILE)",
                         reason);
    default:
        return ses_fault(fault, SES_IO, "cannot be opened: %s", reason);
    }
}
