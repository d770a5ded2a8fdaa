/* A row of access_table.c as the bytes of a request. */
#include "access.h"

#include "request.h"
#include "text.h"
#include "url.h"

static enum ses_status value_of(const struct ses_credentials *credentials, const struct access_pair *pair,
                                struct ses_slice *ret_value, struct ses_error *ret_error)
{
    if (pair->credential != NULL)
        return ses_request_credential(credentials, pair->credential, ret_value, ret_error);
    *ret_value = ses_slice_str(pair->text);
    return SES_OK;
}

/* ---- the body -------------------------------------------------------------------------------- */

static void add_pair(struct ses_text *text, enum access_coding coding, const char *name,
                     struct ses_slice value)
{
    if (coding == ACCESS_JSON) {
        ses_text_json(text, ses_slice_str(name));
        ses_text_str(text, ":");
        ses_text_json(text, value);
    } else {
        ses_text_form(text, ses_slice_str(name));
        ses_text_str(text, "=");
        ses_text_form(text, value);
    }
}

enum ses_status ses_access_body(const struct ses_credentials *credentials, enum access_coding coding,
                                const struct access_pair *pairs, struct ses_arena *arena,
                                struct ses_slice *ret_body, struct ses_error *ret_error)
{
    struct ses_slice values[ACCESS_BODY_MAX];
    struct ses_text text;
    size_t room = sizeof("{}");
    size_t count = 0;

    for (; pairs[count].name != NULL; count++) {
        SES_TRY(value_of(credentials, &pairs[count], &values[count], ret_error));
        room += SES_TEXT_JSON_ROOM(strlen(pairs[count].name)) + SES_TEXT_JSON_ROOM(values[count].len) + 2;
    }
    if (ses_text_init(&text, arena, room) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_str(&text, coding == ACCESS_JSON ? "{" : "");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            ses_text_str(&text, coding == ACCESS_JSON ? "," : "&");
        add_pair(&text, coding, pairs[i].name, values[i]);
    }
    ses_text_str(&text, coding == ACCESS_JSON ? "}" : "");
    *ret_body = ses_text_view(&text);
    return SES_OK;
}

/* ---- headers --------------------------------------------------------------------------------- */

enum ses_status ses_access_header(const struct ses_credentials *credentials, const struct access_pair *pair,
                                  struct ses_arena *arena, struct ses_outbound_request *request,
                                  struct ses_error *ret_error)
{
    struct ses_slice before = pair->text == NULL ? SES_SLICE_EMPTY : ses_slice_str(pair->text);
    struct ses_slice value = SES_SLICE_EMPTY;
    struct ses_text text;

    if (pair->credential != NULL)
        SES_TRY(ses_request_header_credential(credentials, pair->credential, &value, ret_error));
    if (ses_text_init(&text, arena, before.len + value.len) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_add(&text, before);
    ses_text_add(&text, value);
    ses_request_header(request, ses_slice_str(pair->name), ses_text_view(&text));
    return SES_OK;
}

void ses_access_content_type(enum access_coding coding, struct ses_outbound_request *request)
{
    ses_request_header(request, SES_STR("content-type"),
                       coding == ACCESS_JSON ? SES_STR("application/json")
                                             : SES_STR("application/x-www-form-urlencoded"));
}

enum ses_status ses_access_headers(const struct ses_credentials *credentials, const char *basic_user,
                                   const char *basic_password, const struct access_pair *pairs,
                                   struct ses_arena *arena, struct ses_outbound_request *request,
                                   struct ses_error *ret_error)
{
    if (basic_user != NULL)
        SES_TRY(ses_request_basic(credentials, basic_user, basic_password, arena, request, ret_error));
    for (const struct access_pair *pair = pairs; pair->name != NULL; pair++)
        SES_TRY(ses_access_header(credentials, pair, arena, request, ret_error));
    return SES_OK;
}

/* ---- the request ----------------------------------------------------------------------------- */

static enum ses_status locate(const struct ses_access_call *call, const struct ses_access_request *asked,
                              struct ses_arena *arena, struct ses_outbound_request *request,
                              struct ses_error *ret_error)
{
    const char *url = NULL;

    if (call->locate != NULL)
        SES_TRY(call->locate(asked, arena, &url, ret_error));
    else
        url = ses_url_join(arena, asked->base_url, call->path);
    if (url == NULL)
        return ses_request_no_memory(ret_error);
    request->url = ses_slice_str(url);
    return SES_OK;
}

enum ses_status ses_access_build(const struct ses_access_call *call, const struct ses_access_request *asked,
                                 struct ses_arena *arena, struct ses_outbound_request *ret_request,
                                 struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = true}; /* a second token does not touch the first */

    SES_TRY(locate(call, asked, arena, &request, ret_error));
    if (call->build != NULL) {
        SES_TRY(call->build(asked, arena, &request, ret_error));
    } else {
        ses_access_content_type(call->coding, &request);
        SES_TRY(ses_access_headers(asked->credentials, call->basic_user, call->basic_password, call->headers,
                                   arena, &request, ret_error));
        SES_TRY(
            ses_access_body(asked->credentials, call->coding, call->body, arena, &request.body, ret_error));
    }
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}
