/* each_method.h - a walk over all methods of SessionService, as the service's own table has them. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_EACH_METHOD_H
#define SESSIOND_TESTS_UNIT_METHOD_EACH_METHOD_H

#include "method/session_calls.h"

/* The walk's i-th method ("GetSession"); NULL: there are no more. */
const char *method_name(const struct core *core, size_t i);
/* A call of it that would be taken, by this caller. A method that the walk does not know
 * yet fails the test. */
struct call *method_call(struct core *core, const char *method, struct caller caller);
/* It is taken: answered, or a stream that has begun. Frees it. */
void accepted(struct call *call);

/* Each of them is refused so, and writes nothing. key NULL: without metadata. */
void all_refuse(struct core *core, struct caller caller, enum ses_status status, const char *reason,
                const char *key, const char *value);

#endif
