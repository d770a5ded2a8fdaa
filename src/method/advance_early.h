/* advance_early.h - AdvanceSession for a session that does not exist yet (inbox.h says how the two meet). */
#ifndef SESSIOND_SRC_METHOD_ADVANCE_EARLY_H
#define SESSIOND_SRC_METHOD_ADVANCE_EARLY_H

#include "session_call.h"

/* One call of AdvanceSession. */
struct ses_advance {
    struct ses_call call;
    enum ses_event event;
    struct ses_slice event_id;
    struct ses_event_subject subject;
    uint64_t step_ms;
    struct ses_connector_session connector_session;
    enum ses_event_outcome outcome;
    bool late_success;             /* it made a failed payment a completed one */
    const struct ses_inbox *inbox; /* of an early event: what waits from now on, itself with it */
};

/* [worker] The method's decide when there is no session. */
enum ses_session_verdict ses_advance_keep(struct ses_advance *a, uint64_t now_ms,
                                          struct ses_error *ret_error);
/* [worker] The method's early: the record that keeps a->inbox. */
SES_MUST_CHECK enum ses_status ses_advance_early_record(struct ses_call *call, struct ses_record *ret_record);

#endif
