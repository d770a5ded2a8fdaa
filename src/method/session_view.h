/* session_view.h - a session as sessiond.v1.Session.
 *
 *   shown without a token    ids, status, version, amount, connector, step, history, times, next events
 *   only with one            state, the connector's session, metadata, feature data, the redirect's result,
 *                            the verdict on the browser
 */
#ifndef SESSIOND_SRC_METHOD_SESSION_VIEW_H
#define SESSIOND_SRC_METHOD_SESSION_VIEW_H

#include <sessiond/v1/session.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/domain/session_machine.h>

/* [worker] Everything is copied into arena. session is settled; verdict NULL: a call without a token, which
 * is shown no secrets either (state's access token, connector session token, metadata, what the browser
 * brought). SES_NO_MEMORY. CPU: 1 us. */
SES_MUST_CHECK enum ses_status ses_session_view(const struct ses_session *session,
                                                const struct ses_binding_verdict *verdict, uint64_t now_ms,
                                                struct ses_arena *arena, Sessiond__V1__Session **ret_view);

#endif
