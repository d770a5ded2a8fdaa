/* error.h - what a caller is told when a call fails: a status, a sentence, and google.rpc details as data.
 *
 * The texts name fields and limits, never values: no secret, token or card number can get into one.
 * Slices point to literals or into the exchange's arena. Rank method turns it into bytes.
 */
#ifndef SESSIOND_BASE_ERROR_H
#define SESSIOND_BASE_ERROR_H

#include <sessiond/base/reasons.h>
#include <sessiond/base/slice.h>

#define SES_ERROR_VIOLATIONS_MAX 16
#define SES_ERROR_METADATA_MAX   8
#define SES_ERROR_DETAILS_MAX    8

struct ses_error_pair {
    struct ses_slice key; /* for a violation: the field's path, proto names, dots between */
    struct ses_slice value;
};

/* A detail that this struct has no field for, encoded by whoever sets it. */
struct ses_error_detail {
    struct ses_slice type;  /* full name of the message: "google.rpc.Help" */
    struct ses_slice bytes; /* in the wire format of protobuf */
};

struct ses_error {
    enum ses_status status;
    struct ses_slice message;
    enum ses_reason reason;                                 /* google.rpc.ErrorInfo.reason */
    struct ses_error_pair metadata[SES_ERROR_METADATA_MAX]; /* ErrorInfo.metadata */
    size_t metadata_count;
    struct ses_error_pair violations[SES_ERROR_VIOLATIONS_MAX]; /* google.rpc.BadRequest.field_violations */
    size_t violations_count;
    uint32_t retry_delay_ms; /* google.rpc.RetryInfo when not 0 */
    /* Behind those above; borrowed. More than the maximum are left out. Not at the plain JSON routes. */
    const struct ses_error_detail *details;
    size_t details_count;
};

/* ErrorInfo.domain of every error of ours. */
#define SES_ERROR_DOMAIN "sessiond"

/* [any] No error: SES_OK, to which violations may be added. */
void ses_error_clear(struct ses_error *err);
/* [any] Overwrites err with a status and a message. */
void ses_error_set(struct ses_error *err, enum ses_status status, struct ses_slice message);
/* [any] The same with the status of a reason. */
void ses_error_refuse(struct ses_error *err, enum ses_reason reason, struct ses_slice message);
/* [any] Adds a field violation; the first one makes err SES_INVALID_ARGUMENT, with the reason INVALID_FIELDS until the
 * caller names another one. Silently full at the maximum. */
void ses_error_violation(struct ses_error *err, struct ses_slice field, struct ses_slice description);
/* [any] Adds ErrorInfo metadata. Silently full at the maximum. */
void ses_error_metadata(struct ses_error *err, struct ses_slice key, struct ses_slice value);

#endif
