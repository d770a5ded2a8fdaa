/* Filling a struct ses_error. What is too much is dropped: the status and the first violations stand
 * anyway. */
#include <sessiond/base/error.h>

/* The 768 bytes of pairs are nobody's before they are counted: nearly every call clears an error, and has none. */
void ses_error_clear(struct ses_error *err)
{
    err->status = SES_OK;
    err->message = SES_SLICE_EMPTY;
    err->reason = SES_REASON_NONE;
    err->metadata_count = 0;
    err->violations_count = 0;
    err->retry_delay_ms = 0;
    err->details = NULL;
    err->details_count = 0;
}

void ses_error_set(struct ses_error *err, enum ses_status status, struct ses_slice message)
{
    ses_error_clear(err);
    err->status = status;
    err->message = message;
}

void ses_error_refuse(struct ses_error *err, enum ses_reason reason, struct ses_slice message)
{
    ses_error_set(err, ses_reason_status(reason), message);
    err->reason = reason;
}

void ses_error_violation(struct ses_error *err, struct ses_slice field, struct ses_slice description)
{
    if (err->violations_count == 0 && err->status == SES_OK) {
        err->status = SES_INVALID_ARGUMENT;
        err->message = description;
        err->reason = SES_REASON_INVALID_FIELDS;
    }
    if (err->violations_count < SES_ERROR_VIOLATIONS_MAX)
        err->violations[err->violations_count++] = (struct ses_error_pair){field, description};
}

void ses_error_metadata(struct ses_error *err, struct ses_slice key, struct ses_slice value)
{
    if (err->metadata_count < SES_ERROR_METADATA_MAX)
        err->metadata[err->metadata_count++] = (struct ses_error_pair){key, value};
}
