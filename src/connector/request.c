/* What the builders share: a credential that must be there, a header, the one fault that is not the
 * caller's. */
#include "request.h"

#include <sessiond/base/encode.h>

#include "text.h"

enum ses_status ses_request_credential(const struct ses_credentials *credentials, const char *name,
                                       struct ses_slice *ret_value, struct ses_error *ret_error)
{
    struct ses_slice value = ses_credential_get(credentials, name);

    if (value.len == 0) {
        ses_error_refuse(ret_error, SES_REASON_AUTH_CONVERSION_FAILED,
                         SES_STR("The connector's credentials lack a key it needs"));
        ses_error_metadata(ret_error, SES_STR("connector"), ses_slice_str(credentials->connector->name));
        ses_error_metadata(ret_error, SES_STR("key"), ses_slice_str(name));
        return ret_error->status;
    }
    *ret_value = value;
    return SES_OK;
}

enum ses_status ses_request_header_credential(const struct ses_credentials *credentials, const char *name,
                                              struct ses_slice *ret_value, struct ses_error *ret_error)
{
    struct ses_slice value = SES_SLICE_EMPTY;

    SES_TRY(ses_request_credential(credentials, name, &value, ret_error));
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] >= 0x20 && value.data[i] <= 0x7e)
            continue;
        ses_error_refuse(ret_error, SES_REASON_AUTH_CONVERSION_FAILED,
                         SES_STR("A key of the connector's credentials is not visible ASCII"));
        ses_error_metadata(ret_error, SES_STR("connector"), ses_slice_str(credentials->connector->name));
        ses_error_metadata(ret_error, SES_STR("key"), ses_slice_str(name));
        return ret_error->status;
    }
    *ret_value = value;
    return SES_OK;
}

void ses_request_header(struct ses_outbound_request *request, struct ses_slice name, struct ses_slice value)
{
    SES_REQUIRE(request->headers_count < SES_OUTBOUND_HEADERS_MAX);
    request->headers[request->headers_count++] = (struct ses_http_pair){name, value};
}

enum ses_status ses_request_basic(const struct ses_credentials *credentials, const char *user,
                                  const char *password, struct ses_arena *arena,
                                  struct ses_outbound_request *request, struct ses_error *ret_error)
{
    static const char basic[] = "Basic ";
    struct ses_slice name = SES_SLICE_EMPTY;
    struct ses_slice secret = SES_SLICE_EMPTY;
    struct ses_text pair;
    char *value;

    SES_TRY(ses_request_credential(credentials, user, &name, ret_error));
    if (password != NULL)
        SES_TRY(ses_request_credential(credentials, password, &secret, ret_error));
    if (ses_text_init(&pair, arena, name.len + 1 + secret.len) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_add(&pair, name);
    ses_text_str(&pair, ":");
    ses_text_add(&pair, secret);
    value = ses_arena_alloc(arena, sizeof(basic) + SES_BASE64_SIZE(pair.len));
    if (value == NULL)
        return ses_request_no_memory(ret_error);
    memcpy(value, basic, sizeof(basic));
    (void)ses_base64_encode(ses_text_view(&pair), value + sizeof(basic) - 1);
    ses_request_header(request, SES_STR("authorization"), ses_slice_str(value));
    return SES_OK;
}

enum ses_status ses_request_no_memory(struct ses_error *ret_error)
{
    ses_error_set(ret_error, SES_NO_MEMORY, SES_STR("out of memory while building the connector's request"));
    return SES_NO_MEMORY;
}
