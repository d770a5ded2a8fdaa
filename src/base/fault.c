/* The sentence is made where the fault is found, since only there it is known which key, file or address is
 * meant. */
#include <sessiond/base/fault.h>

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
