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

static enum ses_status fault_permission(struct ses_fault *fault, const char *path, const char *colon,
                                        const char *reason)
{
    return ses_fault(
        fault, SES_IO,
        "%s%scannot be opened: %s: user id %u, as which this runs, must be able to read it and to "
        "enter each directory above it (chown, chmod)",
        path, colon, reason, (unsigned)geteuid());
}

/* By the number alone: what the file is for says whoever names it. */
enum ses_status ses_fault_open(struct ses_fault *fault, const char *path, int error)
{
    const char *colon = path == NULL ? "" : ": ";
    const char *reason = strerror(error);
    const char *remedy = "";

    if (path == NULL)
        path = "";
    if (error == EACCES || error == EPERM)
        return fault_permission(fault, path, colon, reason);
    if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG)
        remedy = ": correct the path, or put the file there";
    else if (error == EMFILE || error == ENFILE)
        remedy = ": raise the limit of open files (ulimit -n, LimitNOFILE)";
    return ses_fault(fault, SES_IO, "%s%scannot be opened: %s%s", path, colon, reason, remedy);
}
