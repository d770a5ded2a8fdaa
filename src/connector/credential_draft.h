/* credential_draft.h - credentials while they are being read: slices still point into headers and into the
 * parsed JSON. */
#ifndef SESSIOND_SRC_CONNECTOR_CREDENTIAL_DRAFT_H
#define SESSIOND_SRC_CONNECTOR_CREDENTIAL_DRAFT_H

#include <jansson.h>

#include <sessiond/base/units.h>
#include <sessiond/connector/connector.h>

#include "credential_table.h"

/* One header value; a key in PEM form is the largest thing in it. */
#define SES_CONNECTOR_HEADER_BYTES_MAX (16 * SES_KIB)

struct ses_credential_draft {
    json_t *json;    /* wiped by ses_credentials_resolve */
    json_t *meaning; /* what the digest is made of; wiped likewise */
    bool no_memory;  /* meaning is not complete */
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
enum ses_status ses_credential_refuse(struct ses_credential_draft *draft, enum ses_reason reason,
                                      const char *header, const char *message);
/* The same with the config key that is at fault, which message and metadata then name. */
enum ses_status ses_credential_refuse_key(struct ses_credential_draft *draft, enum ses_reason reason,
                                          const char *header, const char *message, const char *key);
/* The same for a name that no connector has: the message ends in those that there are, as far as it may be long, and
 * metadata "connectors" has all of them. variants: x-connector-config's. */
enum ses_status ses_credential_refuse_name(struct ses_credential_draft *draft, enum ses_reason reason,
                                           const char *header, const char *message, bool variants);
/* Of a map of currencies what the calls need of it: the first one's api_key. The digest is made of the whole. */
void ses_credential_keep_first(struct ses_credential_draft *draft, const json_t *map);
/* What calls need and the digest is not made of. */
void ses_credential_keep(struct ses_credential_draft *draft, const char *name, struct ses_slice value);
void ses_credential_add(struct ses_credential_draft *draft, const char *name, struct ses_slice value);

/* ---- the digest (credential_digest.c)
 *
 * One object of names and values: the table's names, whether they came in x-connector-config or in the older
 * headers, so that both ways of one pair of keys say the same. Of a connector without a row every member of
 * its config counts, or the older headers under the names api_key, key1, api_secret, key2. Absent, null and
 * empty are one; so are "x" and {"value": "x"}; the order of keys and blanks say nothing. */
void ses_credential_mean_text(struct ses_credential_draft *draft, const char *name, struct ses_slice value);
void ses_credential_mean_json(struct ses_credential_draft *draft, const char *name, const json_t *value);
/* SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_credential_digest(const struct ses_credential_draft *draft,
                                                     struct ses_slice key,
                                                     uint8_t ret_digest[SES_CREDENTIALS_DIGEST_BYTES]);
/* Bounded, and only what HTTP calls visible ASCII plus blanks. */
bool ses_credential_header_ok(struct ses_slice value);

#endif
