/* callers_read.h - from a file's tree to struct ses_caller, without what needs a look at all of them. */
#ifndef SESSIOND_SRC_CALLER_CALLERS_READ_H
#define SESSIOND_SRC_CALLER_CALLERS_READ_H

#include <sessiond/base/arena.h>

#include <sessiond/caller/callers.h>

struct ses_callers_read {
    struct ses_caller *callers;
    size_t count;
    struct ses_slice keyed_by; /* empty: not said */
    uint32_t keyed_by_line;
    size_t keys_count; /* of all */
    size_t certificates_count;
};

/* [any] All in arena. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_callers_read(const char *file, struct ses_slice text,
                                                struct ses_arena *arena, struct ses_callers_read *ret_read,
                                                struct ses_fault *ret_fault);

#endif
