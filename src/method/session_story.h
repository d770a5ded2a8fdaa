/* session_story.h - what is stored under a payment's name, as an operator is told it: sessiond.v1.SessionStory.
 *
 * An allow-list: each member is set by name below, and what a caller without a token sees of a session is the rest. A
 * field that a later version stores is not told before somebody adds it here.
 */
#ifndef SESSIOND_SRC_METHOD_SESSION_STORY_H
#define SESSIOND_SRC_METHOD_SESSION_STORY_H

#include <sessiond/v1/operator.pb-c.h>

#include "session_access.h"

/* [worker] Is there anything to tell? A session, the intent of one, or events that wait for it. */
bool ses_story_there(const struct ses_access_found *found);
/* [worker] Everything is copied into the exchange's arena; the exchange is named after the session, for its log
 * line. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_session_story(const struct ses_access *access,
                                                 const struct ses_access_found *found, uint64_t now_ms,
                                                 Sessiond__V1__SessionStory **ret_story);

#endif
