/* A sentence for the operator, put together before it is kept: in the arena if there is one. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

/* Only for callers that have no arena: the operator's tool and the first start, one thread each. */
static _Thread_local char thread_text[SES_KEY_FAULT_TEXT_SIZE];

enum ses_status ses_key_fault_set(const struct ses_key_fault *fault, enum ses_status status,
                                  const char *format, ...)
{
    char text[SES_KEY_FAULT_TEXT_SIZE];
    struct ses_slice message = SES_STR("out of memory while describing a fault");
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (fault->arena == NULL) {
        memcpy(thread_text, text, sizeof(text));
        message = ses_slice_str(thread_text);
    } else {
        (void)!ses_arena_copy(fault->arena, ses_slice_str(text), &message);
    }
    ses_error_set(fault->error, status, message);
    return status;
}
