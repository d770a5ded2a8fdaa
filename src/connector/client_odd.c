/* Connectors of which a row cannot say everything: where they are asked, or how they tell a refusal. */
#include "client_odd.h"

#include <sessiond/base/ascii.h>

#include "request.h"
#include "text.h"
#include "url.h"

/* ---- where ----------------------------------------------------------------------------------- */

/* base with one text in the place of another, once; NULL without memory. */
static char *replaced(struct ses_arena *arena, struct ses_slice base, const char *text, struct ses_slice by)
{
    size_t len = strlen(text);
    size_t at = 0;

    while (at + len <= base.len && memcmp(base.data + at, text, len) != 0)
        at++;
    if (at + len > base.len)
        return ses_arena_printf(arena, "%.*s", SES_FMT(base));
    return ses_arena_printf(arena, "%.*s%.*s%.*s", SES_FMT(ses_slice_cut(base, 0, at)), SES_FMT(by),
                            SES_FMT(ses_slice_cut(base, at + len, base.len)));
}

/* An API that is one address. */
enum ses_status ses_client_locate_base(const struct ses_client_request *request, struct ses_arena *arena,
                                       const char **ret_url, struct ses_error *ret_error)
{
    (void)ret_error;
    *ret_url = ses_arena_printf(arena, "%.*s", SES_FMT(request->payment.base_url));
    return SES_OK;
}

static bool is_label(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ses_ascii_is_digit(text.data[i]) && !ses_ascii_is_letter(text.data[i]) && text.data[i] != '-')
            return false;
    }
    return text.len > 0 && text.len <= 63;
}

/* Each live account has a host of its own: what it is called by is a credential, and must not lead elsewhere. */
enum ses_status ses_client_locate_adyen(const struct ses_client_request *request, struct ses_arena *arena,
                                        const char **ret_url, struct ses_error *ret_error)
{
    static const char place[] = "{{merchant_endpoint_prefix}}";
    const struct ses_session_call *payment = &request->payment;
    struct ses_slice base = payment->base_url;
    struct ses_slice prefix = SES_SLICE_EMPTY;
    const char *url;

    *ret_url = NULL;
    if (base.len >= sizeof(place) - 1 && memmem(base.data, base.len, place, sizeof(place) - 1) != NULL) {
        SES_TRY(ses_request_credential(payment->credentials, "endpoint_prefix", &prefix, ret_error));
        if (!is_label(prefix)) {
            ses_error_refuse(ret_error, SES_REASON_AUTH_CONVERSION_FAILED,
                             SES_STR("endpoint_prefix is not a part of a host's name"));
            ses_error_metadata(ret_error, SES_STR("key"), SES_STR("endpoint_prefix"));
            return ret_error->status;
        }
    }
    url = replaced(arena, base, place, prefix);
    if (url != NULL)
        *ret_url = ses_url_join(arena, ses_slice_str(url), "v68/sessions");
    return SES_OK;
}

/* The checkout has a host beside the API's. */
enum ses_status ses_client_locate_billwerk(const struct ses_client_request *request, struct ses_arena *arena,
                                           const char **ret_url, struct ses_error *ret_error)
{
    const char *url = replaced(arena, request->payment.base_url, "://api.", SES_STR("://checkout-api."));

    (void)ret_error;
    *ret_url = url == NULL ? NULL : ses_url_join(arena, ses_slice_str(url), "v1/session/charge");
    return SES_OK;
}

/* The key is a parameter. */
enum ses_status ses_client_locate_multisafepay(const struct ses_client_request *request,
                                               struct ses_arena *arena, const char **ret_url,
                                               struct ses_error *ret_error)
{
    static const char path[] = "auth/api_token?api_key=";
    struct ses_slice key;
    struct ses_text text;

    SES_TRY(ses_request_credential(request->payment.credentials, "api_key", &key, ret_error));
    if (ses_text_init(&text, arena, sizeof(path) + SES_TEXT_PERCENT_ROOM(key.len)) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_str(&text, path);
    ses_text_percent(&text, key);
    ses_text_add(&text, ses_slice("", 1));
    *ret_url = ses_url_join(arena, request->payment.base_url, (const char *)text.data);
    return SES_OK;
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* A text of each entry of a list, joined. */
static enum ses_status join(const struct ses_answer *answer, const json_t *list, const char *name,
                            const char *between, struct ses_slice *ret_text)
{
    const char *joined = "";
    const json_t *entry;
    size_t index;

    json_array_foreach(list, index, entry) {
        struct ses_slice text;

        SES_TRY(ses_result_value(answer, json_object_get(entry, name), &text));
        if (text.len == 0 || strlen(joined) > SES_RESULT_REASON_CHARS)
            continue;
        joined = ses_arena_printf(answer->arena, "%s%s%.*s", joined, *joined == '\0' ? "" : between,
                                  SES_FMT(text));
        if (joined == NULL)
            return SES_NO_MEMORY;
    }
    *ret_text = ses_slice_str(joined);
    return SES_OK;
}

/* The first entry, and as reason what all of them say. */
enum ses_status ses_client_fail_nexixpay(const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice message;
    struct ses_slice reason;

    SES_TRY(ses_client_read_text(answer, "errors.0.code", &code));
    SES_TRY(ses_client_read_text(answer, "errors.0.description", &message));
    SES_TRY(join(answer, json_object_get(answer->json, "errors"), "description", ", ", &reason));
    return ses_result_error(answer, code, message, reason, ret_result);
}

/* The first entry's field and message, and as reason what all of them say; its status is the body's. */
enum ses_status ses_client_fail_nexinets(const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result)
{
    const json_t *status = json_object_get(answer->json, "status");
    struct ses_slice code;
    struct ses_slice field;
    struct ses_slice message;
    struct ses_slice reason;
    const char *text;

    SES_TRY(ses_client_read_text(answer, "code", &code));
    SES_TRY(ses_client_read_text(answer, "errors.0.field", &field));
    SES_TRY(ses_client_read_text(answer, "errors.0.message", &message));
    SES_TRY(join(answer, json_object_get(answer->json, "errors"), "message", ", ", &reason));
    if (message.len == 0)
        SES_TRY(ses_client_read_text(answer, "message", &message));
    text = ses_arena_printf(answer->arena, "%.*s%s%.*s", SES_FMT(field), field.len > 0 ? " : " : "",
                            SES_FMT(message));
    if (text == NULL)
        return SES_NO_MEMORY;
    if (json_is_integer(status) && json_integer_value(status) >= 400 && json_integer_value(status) < 600)
        ret_result->status_code = (uint32_t)json_integer_value(status);
    return ses_result_error(answer, code, ses_slice_str(text), reason, ret_result);
}

/* Either a code with a message, or an id with a number. */
enum ses_status ses_client_fail_revolut(const struct ses_answer *answer,
                                        struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice message;

    SES_TRY(ses_client_read_text(answer, "code", &code));
    SES_TRY(ses_client_read_text(answer, "message", &message));
    if (message.len == 0)
        SES_TRY(ses_client_read_text(answer, "errorId", &message));
    return ses_result_error(answer, code, message, message, ret_result);
}
