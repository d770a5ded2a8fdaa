#include "call_headers.h"

enum ses_status ses_call_headers_read(struct ses_service *service, struct ses_exchange *x,
                                      struct ses_call_headers *ret_headers, struct ses_error *ret_error)
{
    struct ses_request_metadata *metadata = &ret_headers->metadata;

    SES_TRY(ses_request_metadata_read(x, metadata, ret_error));
    x->tenant = metadata->tenant;
    x->merchant = metadata->merchant;
    SES_TRY(ses_credentials_resolve(service->credentials,
                                    ses_slice(service->keys->credentials, sizeof(service->keys->credentials)),
                                    &metadata->connector, &x->arena, &ret_headers->credentials, ret_error));
    x->connector = ret_headers->credentials.connector->name;
    return SES_OK;
}

bool ses_call_headers_by_status(const struct ses_service *service, const struct ses_call_headers *headers)
{
    if (headers->metadata.errors != SES_ERROR_RULE_UNSAID)
        return headers->metadata.errors == SES_ERROR_RULE_STATUS;
    return service->options.connector_errors_status;
}
