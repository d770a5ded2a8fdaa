/* A row of access_table.c as the reader of an answer. */
#include "access.h"

#include <sessiond/base/rfc3339.h>

/* What a longer type would be, no API says. */
#define TYPE_CHARS 64

/* ---- times ----------------------------------------------------------------------------------- */

static bool read_two(struct ses_slice text, size_t at, int64_t *ret_number)
{
    if (at + 2 > text.len || text.data[at] < '0' || text.data[at] > '9' || text.data[at + 1] < '0' ||
        text.data[at + 1] > '9')
        return false;
    *ret_number = (text.data[at] - '0') * 10 + (text.data[at + 1] - '0');
    return true;
}

/* "Z", "+01:00" or "+0100". */
static bool read_offset(struct ses_slice text, int64_t *ret_seconds)
{
    int64_t hours;
    int64_t minutes;
    size_t colon;

    *ret_seconds = 0;
    if (ses_slice_eq_str(text, "Z") || ses_slice_eq_str(text, "z"))
        return true;
    if (text.len < 5 || (text.data[0] != '+' && text.data[0] != '-'))
        return false;
    colon = text.data[3] == ':' ? 1 : 0;
    if (text.len != 5 + colon || !read_two(text, 1, &hours) || !read_two(text, 3 + colon, &minutes))
        return false;
    *ret_seconds = (hours * 60 + minutes) * 60 * (text.data[0] == '-' ? -1 : 1);
    return true;
}

/* ISO 8601 as these APIs write it: a date, a time, perhaps a fraction, an offset. */
static bool read_instant(struct ses_slice text, int64_t *ret_seconds)
{
    char plain[SES_RFC3339_SIZE];
    uint64_t seconds;
    int64_t offset;
    size_t at = SES_RFC3339_LEN - 1;

    if (text.len < SES_RFC3339_LEN)
        return false;
    memcpy(plain, text.data, at);
    plain[at] = 'Z';
    plain[at + 1] = '\0';
    if (ses_rfc3339_decode(ses_slice_str(plain), &seconds) != SES_OK)
        return false;
    if (text.data[at] == '.')
        do
            at++;
        while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9');
    if (!read_offset(ses_slice_cut(text, at, text.len), &offset))
        return false;
    *ret_seconds = (int64_t)seconds - offset;
    return true;
}

/* ---- success --------------------------------------------------------------------------------- */

/* A number, or a number as a text. */
static bool read_seconds(const json_t *value, int64_t *ret_seconds)
{
    uint64_t number;

    if (json_is_integer(value)) {
        *ret_seconds = json_integer_value(value);
        return true;
    }
    if (!json_is_string(value) ||
        ses_parse_u64(ses_slice(json_string_value(value), json_string_length(value)), INT32_MAX, &number) !=
            SES_OK)
        return false;
    *ret_seconds = (int64_t)number;
    return true;
}

struct context {
    const struct ses_access_call *call;
    uint64_t now_ms;
};

/* Absent or null: none is told. */
static enum ses_status read_life(const struct ses_access_call *call, const struct ses_answer *answer,
                                 struct ses_connector_result *result)
{
    const struct context *context = answer->context;
    const json_t *value = call->ends == NULL ? NULL : json_object_get(answer->json, call->ends);
    int64_t number;

    if (call->life == ACCESS_LIFE_FIXED)
        result->life_ms = ses_result_life_ms(call->fixed_seconds);
    if (value == NULL || json_is_null(value))
        return SES_OK;
    if (call->life == ACCESS_LIFE_SECONDS) {
        if (!read_seconds(value, &number))
            return SES_MALFORMED;
        result->life_ms = ses_result_life_ms(number);
        return SES_OK;
    }
    if (!json_is_string(value) ||
        !read_instant(ses_slice(json_string_value(value), json_string_length(value)), &number))
        return SES_MALFORMED;
    number -= (int64_t)(context->now_ms / 1000) + call->early_seconds;
    result->life_ms = ses_result_life_ms(number);
    return SES_OK;
}

enum ses_status ses_access_read_token(const struct ses_access_call *call, const struct ses_answer *answer,
                                      struct ses_connector_result *ret_result)
{
    struct ses_slice token = SES_SLICE_EMPTY;
    struct ses_slice type = call->fixed_type == NULL ? SES_SLICE_EMPTY : ses_slice_str(call->fixed_type);

    if (ses_json_text(answer->json, call->token, &token) == SES_JSON_WRONG ||
        (call->type != NULL && ses_json_text(answer->json, call->type, &type) == SES_JSON_WRONG))
        return SES_MALFORMED;
    SES_TRY(read_life(call, answer, ret_result));
    SES_TRY(ses_result_text(answer, type, TYPE_CHARS, &ret_result->token_type));
    return ses_result_access_token(answer, token, ret_result);
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const struct context *context = answer->context;
    const struct ses_access_call *call = context->call;

    if (call->read_success != NULL)
        return call->read_success(call, answer, ret_result);
    return ses_access_read_token(call, answer, ret_result);
}

/* ---- errors ---------------------------------------------------------------------------------- */

enum ses_status ses_access_read_text(const struct ses_answer *answer, const char *name,
                                     struct ses_slice *ret_text)
{
    return ses_result_value(answer, json_object_get(answer->json, name), ret_text);
}

/* Without a name for its code an API's errors are not read at all. */
static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const struct context *context = answer->context;
    const struct ses_access_call *call = context->call;
    struct ses_slice code;
    struct ses_slice message;
    struct ses_slice reason = SES_SLICE_EMPTY;

    if (call->code == NULL && call->read_error == NULL)
        return SES_OK;
    if (!json_is_object(answer->json))
        return SES_MALFORMED;
    if (call->read_error != NULL)
        return call->read_error(call, answer, ret_result);
    SES_TRY(ses_access_read_text(answer, call->code, &code));
    SES_TRY(ses_access_read_text(answer, call->message, &message));
    if (call->reason != NULL)
        SES_TRY(ses_access_read_text(answer, call->reason, &reason));
    if (message.len == 0 && call->message_else != NULL)
        message = ses_slice_str(call->message_else);
    return ses_result_error(answer, code, message, reason, ret_result);
}

enum ses_status ses_access_parse(const struct ses_access_call *call, uint32_t http_status,
                                 struct ses_slice body, uint64_t now_ms, struct ses_arena *arena,
                                 struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {.success = read_success, .error = read_error};
    const struct context context = {call, now_ms};

    return ses_result_read_for(&readers, &context, http_status, body, arena, ret_result);
}
