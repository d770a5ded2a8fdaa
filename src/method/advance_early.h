/* advance_early.h - AdvanceSession for a session that does not exist yet (inbox.h tells the order of
 * things). */
#ifndef SESSIOND_SRC_METHOD_ADVANCE_EARLY_H
#define SESSIOND_SRC_METHOD_ADVANCE_EARLY_H

#include "inbox.h"
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
    bool late_success; /* it made a failed payment a completed one */
    /* of an early event */
    bool kept;               /* it lies in the inbox */
    bool kept_before;        /* by another call with the same id */
    bool arrived;            /* and the session is there now */
    struct ses_inbox *inbox; /* as read in the present attempt */
};

/* [worker] From the method's decide when there is no session: puts the event into the inbox, looks again,
 * answers. */
enum ses_session_verdict ses_advance_keep(struct ses_advance *a);

#endif
