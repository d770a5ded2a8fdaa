/* advance_inbox.h - AdvanceSession for a session that does not exist yet (inbox.h tells the order of
 * things). */
#ifndef SESSIOND_SRC_METHOD_ADVANCE_INBOX_H
#define SESSIOND_SRC_METHOD_ADVANCE_INBOX_H

#include "continuation.h"

/* [worker] From the method's decide when there is no session: puts the event into the inbox, looks again,
 * answers. */
enum ses_session_verdict ses_advance_keep(struct ses_continuation *call);

#endif
