/* session_calls.h - calls of SessionService on the worker of core_fixture.h, for the session "session_001".
 */
#ifndef SESSIOND_TESTS_UNIT_METHOD_SESSION_CALLS_H
#define SESSIOND_TESTS_UNIT_METHOD_SESSION_CALLS_H

#include <sessiond/v1/session.pb-c.h>

#include "method/core_fixture.h"

#define SERVICE "/sessiond.v1.SessionService/"

char *text(const char *literal);

/* The token of a fresh session; outlives its call. */
char *create(struct core *core, struct order order);
struct call *ask(struct core *core, const char *method, const ProtobufCMessage *message);
ProtobufCMessage *answer(struct call *call, const ProtobufCMessageDescriptor *descriptor);

/* tenant NULL: the default one. */
struct call *get_as(struct core *core, const char *token, const char *tenant);
struct call *get(struct core *core, const char *token);
Sessiond__V1__Session *got(struct call *call);

struct advance {
    const char *token;
    int event;
    const char *id;
    uint64_t expected;
    const char *customer;
    const char *transaction;
};
struct call *advance(struct core *core, struct advance what);
Sessiond__V1__AdvanceSessionResponse *advanced(struct call *call);
struct call *begin(struct core *core, const char *token, const char *url);
struct call *update(struct core *core, const char *token, const char *metadata);

#endif
