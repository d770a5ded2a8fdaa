/* session_read.h - a call that reads one session, writes nothing and waits for nobody but the store: what such calls
 * have in common. While another call writes the session, what was there before is told. */
#ifndef SESSIOND_SRC_METHOD_SESSION_READ_H
#define SESSIOND_SRC_METHOD_SESSION_READ_H

#include "session_access.h"

struct ses_session_read_kind {
    /* Decodes the request and says of whose session it speaks. Not SES_OK: ret_error is the answer. */
    enum ses_status (*read_request)(struct ses_access *a, struct ses_service *service, struct ses_exchange *x,
                                    struct ses_error *ret_error);
    /* What is told of that which was found. Not SES_OK: ret_error is the answer, or, left alone, what the store's
     * status says. */
    enum ses_status (*reply)(struct ses_access *a, const struct ses_access_found *found, uint64_t now_ms,
                             struct ses_slice *ret_reply, struct ses_error *ret_error);
};

/* [worker] The whole of a method's start. */
void ses_session_read_start(struct ses_exchange *x, struct ses_service *service,
                            const struct ses_session_read_kind *kind);

#endif
