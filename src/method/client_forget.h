/* client_forget.h - a session has ended for good: the records of the client tokens that it names are removed, before whatever ended it is
 * answered. Who is told of the end and says it again has them removed again, so that a crash in between leaves nothing.
 *
 * One that a call has leased is left to that call, which looks at the session before it answers (client_kept.c).
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_FORGET_H
#define SESSIOND_SRC_METHOD_CLIENT_FORGET_H

#include "change_loop.h"

/* In the exchange's arena. */
struct ses_client_forget {
    struct ses_service *service;
    struct ses_exchange *x;
    void (*done)(struct ses_client_forget *forget, const struct ses_error *error);
    void *arg;
    struct ses_store_key *keys;
    unsigned count;
    struct ses_change_loop loop;
};

/* [worker] What is to be removed with this session, of which nothing is needed later. NULL: it has not ended, or names nothing.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_forget_plan(struct ses_service *service, struct ses_exchange *x,
                                                      const struct ses_session *session,
                                                      struct ses_client_forget **ret_forget);
/* [worker] This one. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_forget_one(struct ses_service *service, struct ses_exchange *x,
                                                     const struct ses_store_key *key,
                                                     struct ses_client_forget **ret_forget);
/* [worker] done is called whatever becomes of the caller, perhaps inside; with an error if some of it may lie there still. */
void ses_client_forget_start(struct ses_client_forget *forget,
                             void (*done)(struct ses_client_forget *forget, const struct ses_error *error),
                             void *arg);

#endif
