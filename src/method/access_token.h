/* access_token.h - the core of CreateAccessToken and of its newer twin: one token of a connector's API for all who name the
 * same tenant, merchant, mode, connector and credentials.
 *
 *   start --> read --+--> a token that lives                      answered, nothing is written
 *                    +--> .. and it is time for the next one      as below; if that fails, the one that lives
 *                    +--> what a call brought that began before
 *                    |    this one and ended after it             shared: a refusal, a token without a life
 *                    +--> else: the lease of the key --> the connector --> put --> answered
 *                                  |
 *                                  +-- somebody has it: wait, read again
 *
 * So there is one call in flight, however many processes and machines are asked, and it is the store that sees to it. The call
 * leaves nothing behind at the connector, so there is no intent: who dies in it leaves the key as it was.
 */
#ifndef SESSIOND_SRC_METHOD_ACCESS_TOKEN_H
#define SESSIOND_SRC_METHOD_ACCESS_TOKEN_H

#include <sessiond/exchange/exchange.h>

/* Both RPCs as routes; arg is the service. The older one's messages are the newer one's but for a name that is not looked at. */
void ses_create_access_token_start(struct ses_exchange *x, void *service);
void ses_create_server_authentication_token_start(struct ses_exchange *x, void *service);

#endif
