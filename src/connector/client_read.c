/* A row of client_table.c as the reader of an answer. */
#include "client.h"

#include "json.h"

/* ClientAuthenticationTokenData's branch for what is no wallet's. */
#define CONNECTOR_SPECIFIC 4u

struct context {
    const struct ses_client_call *call;
    const struct ses_client_request *request;
};

enum ses_status ses_client_read_text(const struct ses_answer *answer, const char *path,
                                     struct ses_slice *ret_text)
{
    return ses_result_value(answer, ses_json_at(answer->json, path), ret_text);
}

/* ---- success --------------------------------------------------------------------------------- */

static enum ses_status take_field(const struct ses_answer *answer, const struct client_field *field,
                                  struct client_value *ret_value)
{
    const json_t *value = ses_json_at(answer->json, field->path);

    *ret_value = (struct client_value){.number = field->number, .kind = field->kind};
    if (field->optional && (value == NULL || json_is_null(value)))
        ret_value->number = 0;
    else if (field->kind == CLIENT_NUMBER && json_is_integer(value))
        ret_value->count = json_integer_value(value);
    else if (field->kind != CLIENT_NUMBER && json_is_string(value) && json_string_length(value) > 0 &&
             json_string_length(value) <= CLIENT_VALUE_BYTES_MAX)
        ret_value->text = ses_slice(json_string_value(value), json_string_length(value));
    else
        return SES_MALFORMED;
    return SES_OK;
}

static bool has_needs(const struct ses_answer *answer, const char *needs)
{
    char path[64];

    for (const char *at = needs; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, " ");

        SES_REQUIRE(len < sizeof(path));
        memcpy(path, at, len);
        path[len] = '\0';
        if (ses_json_at(answer->json, path) == NULL)
            return false;
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    return true;
}

static enum ses_status wrap_branch(uint32_t branch, const struct client_value *values,
                                   struct ses_arena *arena, struct ses_slice *ret_data)
{
    struct ses_slice inner;

    SES_TRY(ses_client_fields(values, arena, &inner));
    SES_TRY(ses_client_wrap(branch, inner, arena, &inner));
    return ses_client_wrap(CONNECTOR_SPECIFIC, inner, arena, ret_data);
}

static enum ses_status wrap(const struct ses_client_call *call, const struct client_value *values,
                            struct ses_arena *arena, struct ses_slice *ret_data)
{
    return wrap_branch(call->branch, values, arena, ret_data);
}

enum ses_status ses_client_take_secret(uint32_t branch, struct ses_slice secret, struct ses_arena *arena,
                                       struct ses_connector_result *ret_result)
{
    const struct client_value values[] = {{.number = 1, .kind = CLIENT_SECRET, .text = secret},
                                          {.number = 0}};

    if (secret.len == 0 || secret.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    return wrap_branch(branch, values, arena, &ret_result->session_token);
}

static void read_life(const struct ses_client_call *call, const struct ses_answer *answer,
                      struct ses_connector_result *ret_result)
{
    const json_t *life = call->life == NULL ? NULL : ses_json_at(answer->json, call->life);

    if (json_is_integer(life))
        ret_result->life_ms = ses_result_life_ms(json_integer_value(life));
}

static enum ses_status read_fields(const struct ses_client_call *call, const struct ses_answer *answer,
                                   struct ses_connector_result *ret_result)
{
    struct client_value values[CLIENT_FIELDS_MAX + 1] = {{.number = 0}};
    size_t count = 0;

    if (!json_is_object(answer->json) || !has_needs(answer, call->needs))
        return SES_MALFORMED;
    if (call->holds != NULL && ses_json_at(answer->json, call->holds) == NULL)
        return ses_result_session_token(answer, SES_SLICE_EMPTY, ret_result);
    for (const struct client_field *field = call->fields; field->number != 0; field++) {
        SES_TRY(take_field(answer, field, &values[count]));
        count += values[count].number != 0;
    }
    values[count].number = 0;
    read_life(call, answer, ret_result);
    return wrap(call, values, answer->arena, &ret_result->session_token);
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const struct context *context = answer->context;
    const struct ses_client_call *call = context->call;

    if (call->read_success != NULL)
        return call->read_success(context->request, answer, ret_result);
    return read_fields(call, answer, ret_result);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const struct context *context = answer->context;
    const struct ses_client_call *call = context->call;
    struct ses_slice code = SES_SLICE_EMPTY;
    struct ses_slice message;
    struct ses_slice reason = SES_SLICE_EMPTY;

    if (!json_is_object(answer->json))
        return SES_MALFORMED;
    if (call->read_error != NULL)
        return call->read_error(answer, ret_result);
    if (call->code != NULL)
        SES_TRY(ses_client_read_text(answer, call->code, &code));
    if (code.len == 0 && call->code_else != NULL)
        SES_TRY(ses_client_read_text(answer, call->code_else, &code));
    SES_TRY(ses_client_read_text(answer, call->message, &message));
    if (message.len == 0 && call->message_else != NULL)
        SES_TRY(ses_client_read_text(answer, call->message_else, &message));
    if (call->reason != NULL)
        SES_TRY(ses_client_read_text(answer, call->reason, &reason));
    return ses_result_error(answer, code, message, reason, ret_result);
}

/* ---- both ------------------------------------------------------------------------------------ */

/* The session's token is the one secret of the connector's message. */
enum ses_status ses_client_of_session(const struct ses_client_call *call, struct ses_slice token,
                                      struct ses_arena *arena, struct ses_slice *ret_data)
{
    const struct client_value values[] = {{.number = 1, .kind = CLIENT_SECRET, .text = token}, {.number = 0}};

    return call->session == NULL ? SES_NOT_FOUND : wrap(call, values, arena, ret_data);
}

static enum ses_status parse_session(const struct ses_client_call *call, uint32_t http_status,
                                     struct ses_slice body, struct ses_arena *arena,
                                     struct ses_connector_result *ret_result)
{
    SES_TRY(call->session->parse(http_status, body, arena, ret_result));
    if (ret_result->outcome != SES_OUTCOME_SUCCESS)
        return SES_OK;
    return ses_client_of_session(call, ret_result->session_token, arena, &ret_result->session_token);
}

enum ses_status ses_client_parse(const struct ses_client_call *call, const struct ses_client_request *request,
                                 uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                                 struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {
        .success = read_success, .error = read_error, .success_reads_text = true};
    const struct context context = {call, request};

    if (call->session != NULL)
        SES_TRY(parse_session(call, http_status, body, arena, ret_result));
    else
        SES_TRY(ses_result_read_for(&readers, &context, http_status, body, arena, ret_result));
    if (ret_result->outcome == SES_OUTCOME_SUCCESS)
        ret_result->status_code = http_status;
    return SES_OK;
}
