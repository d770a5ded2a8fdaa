/* create_name.h - the name of a session whose caller gives none. The platform's own clients never send
 * merchant_server_session_id: there it is optional, and nothing is found again by it. */
#ifndef SESSIOND_SRC_METHOD_CREATE_NAME_H
#define SESSIOND_SRC_METHOD_CREATE_NAME_H

#include <sessiond/domain/request.h>
#include <sessiond/exchange/exchange.h>

/* [worker] merchant_session_id of a request without one, told in the answer's metadata x-merchant-session-id, a refusal's
 * too: x-connector-request-reference-id (reference; empty: none), else x-request-id if the caller has set it, else the
 * id that this call was given. With the first two the same call again finds its session; with the last it makes
 * another one. SES_INVALID_ARGUMENT: a reference that cannot be a name, reason INVALID_METADATA, or with card data,
 * CARD_DATA_REFUSED. */
SES_MUST_CHECK enum ses_status ses_create_settle_name(struct ses_exchange *x, struct ses_slice reference,
                                                      struct ses_session_request *request,
                                                      struct ses_error *ret_error);

#endif
