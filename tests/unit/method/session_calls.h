/* session_calls.h - calls of SessionService on the worker of core_fixture.h, and their answers. One function
 * a method starts its call; what a test leaves out is the usual: the session "session_001", nothing
 * expected. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_SESSION_CALLS_H
#define SESSIOND_TESTS_UNIT_METHOD_SESSION_CALLS_H

#include <sessiond/v1/session.pb-c.h>

#include "method/core_fixture.h"

#define SERVICE  "/sessiond.v1.SessionService/"
#define BACK_URL "http://localhost:3000/back"

char *text(const char *literal);

/* The token of a fresh session; outlives its call. */
char *create(struct core *core, struct order order);

/* The same token with other claims, signed by the same key. */
char *token_changed(struct core *core, const char *token, void (*change)(struct ses_claims *claims));

/* ---- any method ------------------------------------------------------------------------------ */

/* What all requests begin with. */
struct caller {
    const char *token;
    const char *id; /* merchant_session_id; "": none */
    const char *tenant, *merchant;
    const Sessiond__V1__BrowserInformation *browser;
    bool live;
};

/* Not started. own: the method's message with the fields that only it has; NULL: none. */
struct call *session_call(struct core *core, const char *method, struct caller caller,
                          const ProtobufCMessage *own);
struct call *ask(struct core *core, const char *method, struct caller caller, const ProtobufCMessage *own);
/* Waits for it; it must be a success. Lives as long as the call. */
ProtobufCMessage *answer(struct call *call, const ProtobufCMessageDescriptor *descriptor);
/* The same, and the answer tells how durable it is. */
ProtobufCMessage *durable_answer(struct call *call, const ProtobufCMessageDescriptor *descriptor);
/* Waits, and frees it: refused so. */
void refused(struct call *call, enum ses_status status, const char *reason);
/* The same, with the one metadata. */
void refused_with(struct call *call, enum ses_status status, const char *reason, const char *key,
                  const char *value);
/* INVALID_ARGUMENT for that field. */
void violates(struct call *call, const char *field);

/* ---- each method ----------------------------------------------------------------------------- */

/* tenant NULL: the default one. */
struct call *get_as(struct core *core, const char *token, const char *tenant);
struct call *get(struct core *core, const char *token);
Sessiond__V1__Session *got(struct call *call);

struct advance {
    const char *token; /* NULL: none */
    int event;
    const char *id;
    uint64_t expected;
    const char *customer;    /* state.connector_customer_id */
    const char *transaction; /* connector_session.transaction_id */
    int64_t connector_end_ms;
    int64_t amount; /* what the event is about; 0: not said */
    const char *payment_id;
    uint32_t step_seconds;
    bool renew; /* asks for a token */
};
struct call *advance(struct core *core, struct advance what);
Sessiond__V1__AdvanceSessionResponse *advanced(struct call *call);

struct update {
    const char *token;
    const char *metadata;
    const char *feature_data;
    int64_t amount;                  /* 0: not said */
    Sessiond__V1__Currency currency; /* 0: USD, the session's */
    uint64_t expected;
    bool renew;
};
struct call *update(struct core *core, struct update what);
Sessiond__V1__UpdateSessionResponse *updated(struct call *call);

struct begin {
    const char *token;
    const char *name; /* default "challenge" */
    const char *url;  /* default BACK_URL */
    const char *id;
    uint64_t expected;
    uint32_t step_seconds;
    int mode;
    bool renew;
};
struct call *begin(struct core *core, struct begin what);
Sessiond__V1__BeginStepResponse *begun(struct call *call);
/* Of its answer, which is freed; "/r/.." and the handle behind it. */
char *begun_path(struct call *call);
char *begun_handle(struct call *call);

struct call *revoke_session(struct core *core, const char *token, uint64_t expected);
Sessiond__V1__Session *revoked(struct call *call);

/* Not started. */
struct call *watch(struct core *core, const char *token, uint64_t from_version);

/* ---- on the way ------------------------------------------------------------------------------ */

/* An event with the token, told and answered: it must have this outcome. */
void tell(struct core *core, const char *token, int event, int outcome);
/* What is stored, not what is told. */
struct ses_session stored_session(struct core *core);

#endif
