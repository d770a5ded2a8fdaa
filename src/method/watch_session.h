/* watch_session.h - SessionService.WatchSession: a stream that tells the session now and after every change,
 * whichever process made it.
 *
 *   news      the store's watch board wakes this worker; nothing is polled, an idle stream costs nothing but
 *             its memory
 *   time      a step or a session that ends writes no record: a timer at that instant looks again
 *   slowness  while a state waits unread nothing is looked at: once it has left, the newest goes, those
 *             between are left out
 *   silence   after watch_alive_ms the same state again, or proxies cut the stream
 *   ends      OK once a terminal status was told; the judgement of each look as in GetSession (a token whose
 *             generation was superseded ends with TOKEN_SUPERSEDED at the next change); UNAVAILABLE when the
 *             worker drains: call again with the version seen last
 */
#ifndef SESSIOND_SRC_METHOD_WATCH_SESSION_H
#define SESSIOND_SRC_METHOD_WATCH_SESSION_H

#include <sessiond/exchange/exchange.h>

#include "service_core.h"

#define SES_WATCH_STREAMS_MAX 16384u /* of one worker; above: RESOURCE_EXHAUSTED */

/* Route start; arg is the service. */
void ses_watch_session_start(struct ses_exchange *x, void *service);
/* [worker] Ends every stream with UNAVAILABLE. */
void ses_watch_session_drain(struct ses_service *service);

#endif
