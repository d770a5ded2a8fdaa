/* request.h - a CreateSessionToken request in the domain's words, whichever message it came in, and its
 * rules.
 *
 * All texts stand in one array and all numbers in another, indexed by enum ses_field, so that limits,
 * fingerprints and the naming of fields are loops over tables and a new field needs a row, not code.
 */
#ifndef SESSIOND_DOMAIN_REQUEST_H
#define SESSIOND_DOMAIN_REQUEST_H

#include <sessiond/base/error.h>
#include <sessiond/base/units.h>
#include <sessiond/domain/session.h>

#define SES_METADATA_BYTES_MAX     (16 * SES_KIB) /* metadata, connector_feature_data: each */
#define SES_SESSION_NAME_BYTES_MAX 255u           /* merchant_session_id */
#define SES_CALLER_ID_BYTES_MAX    128u           /* tenant, merchant */
#define SES_OS_TYPE_BYTES_MAX      64u

struct ses_session_request {
    uint64_t present; /* bit enum ses_field */
    struct ses_slice text[SES_FIELD_TEXTS];
    int64_t number[SES_FIELD_NUMBERS]; /* at enum ses_field - SES_FIELD_TEXTS */
    bool test_mode;                    /* absent counts as false: production */
};

/* [any] The limits of the table in request.c, every violation at once (proto paths in the words of naming).
 * ret_error is written on failure only: SES_INVALID_ARGUMENT. Texts never hold values. Card data was
 * refused before, where the message was decoded. */
SES_MUST_CHECK enum ses_status ses_request_check(const struct ses_session_request *request,
                                                 enum ses_naming naming, struct ses_error *ret_error);
/* [any] The same for a later step's call: only merchant_session_id is required, and of what is present
 * (amount, state, texts, browser) every rule holds. */
SES_MUST_CHECK enum ses_status ses_request_check_step(const struct ses_session_request *request,
                                                      struct ses_error *ret_error);
/* The limit of one field: bytes of a text, or the number itself. */
struct ses_field_limit {
    const char *form; /* of a text: "name", "printable", "any", "json", "ip", "bytes"; NULL: a number */
    int64_t min;
    int64_t max;
    struct ses_slice rule; /* as callers are told it */
};

/* [any] Of a text or number field, for who describes the API. */
struct ses_field_limit ses_request_limit(enum ses_field field);
/* [any] Does a text of a message that is no session's keep the rule of that field? */
bool ses_request_text_check(enum ses_field field, struct ses_slice text);
/* [any] The state part. */
void ses_request_state(const struct ses_session_request *request, uint64_t now_ms,
                       struct ses_session_state *ret_state);
/* [any] Tags of the payload's parts. */
void ses_request_fingerprint(const struct ses_session_request *request, const struct ses_tag_key *key,
                             struct ses_fingerprint *ret_fingerprint);

/* [any] A tenant or merchant name: 1 .. SES_CALLER_ID_BYTES_MAX bytes, printable UTF-8. */
bool ses_caller_id_check(struct ses_slice id);

#endif
