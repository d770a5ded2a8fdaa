/* callers_impl.h - the callers as callers.c and withdrawn.c know them. */
#ifndef SESSIOND_SRC_CALLER_CALLERS_IMPL_H
#define SESSIOND_SRC_CALLER_CALLERS_IMPL_H

#include <sessiond/caller/callers.h>

#include "callers_read.h"

struct caller_table {
    void **slots;
    size_t mask;
};

struct ses_withdrawn;

struct ses_callers {
    struct ses_arena arena;
    struct ses_callers_read read;
    struct caller_table keys;              /* struct ses_caller_key by id */
    struct caller_table certificates;      /* struct ses_caller_certificate by kind and value */
    struct caller_table names;             /* struct ses_caller by name */
    const struct ses_withdrawn *withdrawn; /* NULL: nothing to follow */
    uint64_t seen;                         /* of what was withdrawn */
};

/* NULL: there is none. */
struct ses_caller_key *callers_key(const struct ses_callers *callers, uint64_t id);
struct ses_caller_certificate *callers_certificate(const struct ses_callers *callers,
                                                   enum ses_caller_identity kind, struct ses_slice value);

#endif
