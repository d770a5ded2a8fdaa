/* credential_draft.h - credentials while they are being read: slices still point into headers and into the
 * parsed JSON. */
#ifndef SES_CONNECTOR_CREDENTIAL_DRAFT_H
#define SES_CONNECTOR_CREDENTIAL_DRAFT_H

#include <jansson.h>

#include <sessiond/connector/connector.h>

#include "credential_table.h"

/* One header value; a key in PEM form is the largest thing in it. */
#define SES_CONNECTOR_HEADER_BYTES_MAX (16u * 1024)

struct ses_credential_draft {
    json_t *json; /* wiped by ses_credentials_resolve */
    struct ses_credentials found;
    struct ses_arena *arena; /* for error texts */
    struct ses_error *error;
};

/* Both read one way of naming connector and credentials. SES_INVALID_ARGUMENT with draft->error told,
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_credentials_from_config(const struct ses_connector_headers *headers,
                                                           struct ses_credential_draft *draft);
SES_MUST_CHECK enum ses_status ses_credentials_from_legacy(const struct ses_connector_headers *headers,
                                                           struct ses_credential_draft *draft);

/* Tells SES_INVALID_ARGUMENT with reason, sentence and the header's name, and returns it. message is a
 * literal. */
enum ses_status ses_credential_refuse(struct ses_credential_draft *draft, const char *reason,
                                      const char *header, const char *message);
/* The same with the config key that is at fault, which message and metadata then name. */
enum ses_status ses_credential_refuse_key(struct ses_credential_draft *draft, const char *reason,
                                          const char *header, const char *message, const char *key);
void ses_credential_add(struct ses_credential_draft *draft, const char *name, struct ses_slice value);
/* Bounded, and only what HTTP calls visible ASCII plus blanks. */
bool ses_credential_header_ok(struct ses_slice value);

#endif
