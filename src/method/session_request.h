/* session_request.h - parts of protobuf messages into a struct ses_session_request: what the two RPCs share.
 *
 * Texts are views of the decoded message. A message that is there but empty counts as given (its rules say
 * what that means). */
#ifndef SESSIOND_SRC_METHOD_SESSION_REQUEST_H
#define SESSIOND_SRC_METHOD_SESSION_REQUEST_H

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/domain/request.h>

void ses_request_set_text(struct ses_session_request *request, enum ses_field field, const char *text);
void ses_request_set_secret(struct ses_session_request *request, enum ses_field field,
                            const Types__SecretString *text);
/* Each takes NULL for absent. */
void ses_request_set_amount(struct ses_session_request *request, const Types__Money *amount);
void ses_request_set_state(struct ses_session_request *request, const Types__ConnectorState *state);
void ses_request_set_browser(struct ses_session_request *request, const Types__BrowserInformation *browser);
/* A part that is only compared with itself, as its bytes. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_request_set_message(struct ses_session_request *request,
                                                       enum ses_field field, const ProtobufCMessage *message,
                                                       struct ses_arena *arena);

#endif
