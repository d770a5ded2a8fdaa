/* A row of client_table.c as the bytes of a request. */
#include "client.h"

#include "request.h"
#include "url.h"

enum ses_client_leaves ses_client_call_leaves(const struct ses_client_call *call)
{
    return call->leaves;
}

static enum ses_status locate(const struct ses_client_call *call, const struct ses_client_request *asked,
                              struct ses_arena *arena, struct ses_outbound_request *request,
                              struct ses_error *ret_error)
{
    const char *url = NULL;

    if (call->locate != NULL)
        SES_TRY(call->locate(asked, arena, &url, ret_error));
    else
        url = ses_url_join(arena, asked->payment.base_url, call->path);
    if (url == NULL)
        return ses_request_no_memory(ret_error);
    request->url = ses_slice_str(url);
    return SES_OK;
}

static enum ses_status add_headers(const struct ses_client_call *call, const struct ses_client_request *asked,
                                   struct ses_arena *arena, struct ses_outbound_request *request,
                                   struct ses_error *ret_error)
{
    const struct ses_credentials *credentials = asked->payment.credentials;

    if (!call->get)
        ses_access_content_type(call->coding, request);
    SES_TRY(ses_access_headers(credentials, call->basic_user, call->basic_password, call->headers, arena,
                               request, ret_error));
    if (call->key_header != NULL)
        ses_request_header(request, ses_slice_str(call->key_header), asked->payment.idempotency_key);
    return SES_OK;
}

enum ses_status ses_client_build(const struct ses_client_call *call, const struct ses_client_request *asked,
                                 struct ses_arena *arena, struct ses_outbound_request *ret_request,
                                 struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = call->leaves != SES_CLIENT_LEAVES_EFFECT,
                                           .get = call->get};

    if (call->session != NULL)
        return call->session->build(&asked->payment, arena, ret_request, ret_error);
    SES_TRY(locate(call, asked, arena, &request, ret_error));
    if (call->build != NULL) {
        SES_TRY(call->build(asked, arena, &request, ret_error));
    } else {
        SES_TRY(add_headers(call, asked, arena, &request, ret_error));
        if (call->body != NULL)
            SES_TRY(ses_client_body(asked, call->coding, call->body, arena, &request.body, ret_error));
    }
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}
