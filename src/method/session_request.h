/* session_request.h - parts of protobuf messages into a struct ses_session_request: what the RPCs share.
 *
 * Texts are views of the decoded message. A message that is there but empty counts as given (its rules say
 * what that means). */
#ifndef SESSIOND_SRC_METHOD_SESSION_REQUEST_H
#define SESSIOND_SRC_METHOD_SESSION_REQUEST_H

#include <payment_types/merchant_authentication.pb-c.h>
#include <sessiond/v1/session.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/domain/request.h>

/* The text is the decoder's own copy in the exchange's arena: a view is enough. */
static inline void ses_request_set_text(struct ses_session_request *request, enum ses_field field,
                                        const char *text)
{
    request->present |= SES_FIELD_BIT(field);
    request->text[field] = ses_slice_str(text);
}

/* A field behind the texts. */
static inline void ses_request_set_number(struct ses_session_request *request, enum ses_field field,
                                          int64_t number)
{
    request->present |= SES_FIELD_BIT(field);
    request->number[field - SES_FIELD_TEXTS] = number;
}

/* ---- of package types; each takes NULL, which is absent (of a secret: empty) ------------------- */

void ses_request_set_secret(struct ses_session_request *request, enum ses_field field,
                            const Types__SecretString *text);
void ses_request_set_amount(struct ses_session_request *request, const Types__Money *amount);
void ses_request_set_state(struct ses_session_request *request, const Types__ConnectorState *state);
void ses_request_set_browser(struct ses_session_request *request, const Types__BrowserInformation *browser);

/* ---- the same of package sessiond.v1 ----------------------------------------------------------- */

void ses_request_set_v1_secret(struct ses_session_request *request, enum ses_field field,
                               const Sessiond__V1__SecretString *text);
void ses_request_set_v1_amount(struct ses_session_request *request, const Sessiond__V1__Money *amount);
void ses_request_set_v1_state(struct ses_session_request *request, const Sessiond__V1__ConnectorState *state);
void ses_request_set_v1_browser(struct ses_session_request *request,
                                const Sessiond__V1__BrowserInformation *browser);

/* A part that is only compared with itself, as its bytes. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_request_set_message(struct ses_session_request *request,
                                                       enum ses_field field, const ProtobufCMessage *message,
                                                       struct ses_arena *arena);

#endif
