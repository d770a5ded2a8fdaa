/* client_token.h - the core of CreateSdkSessionToken and of its newer twin: what the shopper's browser pays with, made once for
 * (tenant, merchant, mode, connector, id of the call), or within a session where one is named (client_session.h).
 *
 *   start --> read --+--> a token, the same call                 answered, nothing is written
 *                    +--> a call of unknown outcome, the same    asked again under the same idempotency key; refused where
 *                    |                                           the connector honours none: it would be a second effect
 *                    +--> either of them, another call           refused, by the names of what differs
 *                    +--> none, or it is over: the lease of the key, with an intent where the call leaves something behind
 *                              --> the connector --> put --> answered
 *
 * Where it is for a session that is looked at before start, named before put, and looked at once more before it is answered
 * (client_kept.c).
 *
 * What is stored lives as long as a session would, or the token where the connector tells its life.
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_TOKEN_H
#define SESSIOND_SRC_METHOD_CLIENT_TOKEN_H

#include <sessiond/exchange/exchange.h>

/* Both RPCs as routes; arg is the service. */
void ses_create_sdk_session_token_start(struct ses_exchange *x, void *service);
void ses_create_client_authentication_token_start(struct ses_exchange *x, void *service);

#endif
