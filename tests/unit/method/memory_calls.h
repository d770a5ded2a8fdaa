/* memory_calls.h - a call of every method, made and not yet started. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_MEMORY_CALLS_H
#define SESSIOND_TESTS_UNIT_METHOD_MEMORY_CALLS_H

#include "method/session_calls.h"

/* Each attempt is another merchant's, with a session of its own. */
struct stage {
    char merchant[16];
    char *token;  /* of the session, where the subject has one */
    char *handle; /* "/r/.." of its open step, where it has one */
};

typedef struct call *make_fn(struct core *core, const struct stage *stage);

/* A create, by each of its ways. */
make_fn make_create, make_continuation, make_replay, make_connector, make_json, make_newer;
/* advance: with the token, if there is one; else the event is kept for the session to come. webhook: of a
 * session that is there, but by somebody who has no token of it. */
make_fn make_get, make_advance, make_webhook, make_update, make_begin, make_begin_frame, make_revoke,
    make_watch;
/* The operator's. */
make_fn make_show, make_operator_revoke;
/* A return, by each of its forms. */
make_fn make_return_query, make_return_form, make_return_text, make_return_json, make_return_multipart;

#endif
