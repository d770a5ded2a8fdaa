/* Filling a struct ses_error. What is too much is dropped: the status and the first violations stand
 * anyway. */
#include <sessiond/base/error.h>

void ses_error_set(struct ses_error *err, enum ses_status status, struct ses_slice message)
{
    *err = (struct ses_error){.status = status, .message = message};
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
