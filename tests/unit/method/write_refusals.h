/* write_refusals.h - what every writing method refuses in the same words, and writes nothing. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_WRITE_REFUSALS_H
#define SESSIOND_TESTS_UNIT_METHOD_WRITE_REFUSALS_H

#include "method/session_calls.h"

typedef struct call *(*start_fn)(struct core *core, const char *token);

/* A session that is PROCESSING, then FAILED, then COMPLETED. */
void what_is_under_way_or_over_is_refused(struct core *core, start_fn start);
/* A fresh session; start expects version 2. */
void another_version_is_told(struct core *core, start_fn start);

#endif
