/* request.h - what the build functions of all connectors share. */
#ifndef SESSIOND_SRC_CONNECTOR_REQUEST_H
#define SESSIOND_SRC_CONNECTOR_REQUEST_H

#include <sessiond/connector/connector.h>

/* A credential that the call cannot do without. Empty counts as missing: no processor issues an empty one.
 * SES_INVALID_ARGUMENT, reason AUTH_CONVERSION_FAILED. */
SES_MUST_CHECK enum ses_status ses_request_credential(const struct ses_credentials *credentials,
                                                      const char *name, struct ses_slice *ret_value,
                                                      struct ses_error *ret_error);
/* One that goes into a header line: a line break in it would let a caller add headers of his own. The same error. */
SES_MUST_CHECK enum ses_status ses_request_header_credential(const struct ses_credentials *credentials,
                                                             const char *name, struct ses_slice *ret_value,
                                                             struct ses_error *ret_error);
/* Basic authentication (RFC 7617) by two credentials, which may hold any byte: they are base64 on their way. password NULL:
 * an empty one. The error of a credential, and SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_request_basic(const struct ses_credentials *credentials, const char *user,
                                                 const char *password, struct ses_arena *arena,
                                                 struct ses_outbound_request *request,
                                                 struct ses_error *ret_error);
/* Tells SES_NO_MEMORY and returns it. */
enum ses_status ses_request_no_memory(struct ses_error *ret_error);

#endif
