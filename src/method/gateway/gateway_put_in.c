/* What the session knows, and the request does not say, is appended: a field at the end of a message is as good as one in
 * its middle. */
#include <sessiond/codec/wire.h>

#include "gateway_request.h"

bool ses_gateway_is_our_token(struct ses_slice token)
{
    return ses_slice_starts(token, SES_STR("sess_"));
}

/* Bytes being written; place NULL: they are counted only. */
struct out {
    uint8_t *place;
    size_t len;
};

static void put_bytes(struct out *out, struct ses_slice bytes)
{
    if (out->place != NULL && bytes.len > 0)
        memcpy(out->place + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
}

static void put_varint(struct out *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;

    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    put_bytes(out, ses_slice(bytes, len));
}

static void put_tag(struct out *out, uint32_t number, enum ses_wire_type type)
{
    put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

static void put_text(struct out *out, uint32_t number, struct ses_slice text)
{
    put_tag(out, number, SES_WIRE_BYTES);
    put_varint(out, text.len);
    put_bytes(out, text);
}

/* A message is its own length: it is written twice, first only to be counted. */
typedef void (*body_fn)(struct out *out, const struct ses_session *session, uint64_t now_ms);

static void put_message(struct out *out, uint32_t number, body_fn body, const struct ses_session *session,
                        uint64_t now_ms)
{
    struct out counted = {.place = NULL};

    body(&counted, session, now_ms);
    put_tag(out, number, SES_WIRE_BYTES);
    put_varint(out, counted.len);
    body(out, session, now_ms);
}

/* ---- types.ConnectorState -------------------------------------------------------------------- */

static uint64_t seconds_left(const struct ses_session_state *state, uint64_t now_ms)
{
    uint64_t passed = now_ms > state->stored_ms ? (now_ms - state->stored_ms) / 1000 : 0;
    uint64_t life = state->expires_in_seconds > 0 ? (uint64_t)state->expires_in_seconds : 0;

    return passed >= life ? 0 : life - passed;
}

/* One that is over is not put in: the payment server would send the connector what it refuses, where a call without one is
 * refused before it. */
static bool access_token_lives(const struct ses_session_state *state, uint64_t now_ms)
{
    return state->access_token_present && (!state->expires_in_present || seconds_left(state, now_ms) > 0);
}

static void secret_token(struct out *out, const struct ses_session *session, uint64_t now_ms)
{
    (void)now_ms;
    put_text(out, 1, session->state.access_token);
}

static void access_token(struct out *out, const struct ses_session *session, uint64_t now_ms)
{
    const struct ses_session_state *state = &session->state;

    put_message(out, 1, secret_token, session, now_ms);
    if (state->expires_in_present) {
        put_tag(out, 2, SES_WIRE_VARINT);
        put_varint(out, seconds_left(state, now_ms));
    }
    if (state->access_token_type_present)
        put_text(out, 3, state->access_token_type);
}

static void connector_state(struct out *out, const struct ses_session *session, uint64_t now_ms)
{
    if (access_token_lives(&session->state, now_ms))
        put_message(out, 1, access_token, session, now_ms);
    if (session->state.connector_customer_id_present)
        put_text(out, 2, session->state.connector_customer_id);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void feature_data(struct out *out, const struct ses_session *session, uint64_t now_ms)
{
    (void)now_ms;
    put_text(out, 1, session->facts.feature_data);
}

static bool seen_before(const struct ses_redirect_result *redirect, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (ses_slice_eq(redirect->parameters[i].name, redirect->parameters[at].name))
            return true;
    }
    return false;
}

static void put_entry(struct out *out, const struct ses_return_parameter *parameter)
{
    struct out counted = {.place = NULL};

    put_text(&counted, 1, parameter->name);
    put_text(&counted, 2, parameter->value);
    put_tag(out, 2, SES_WIRE_BYTES);
    put_varint(out, counted.len);
    put_text(out, 1, parameter->name);
    put_text(out, 2, parameter->value);
}

/* types.RedirectionResponse, both halves: some connectors read the raw query, others the form's fields. Of a repeated name
 * the first value, as GetSession shows it. */
static void redirection(struct out *out, const struct ses_session *session, uint64_t now_ms)
{
    const struct ses_redirect_result *redirect = &session->redirect;

    (void)now_ms;
    put_text(out, 1, redirect->query);
    for (size_t i = 0; i < redirect->parameters_count; i++) {
        if (!seen_before(redirect, i))
            put_entry(out, &redirect->parameters[i]);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool lacks(const struct ses_gateway_request *request, enum ses_gateway_part part)
{
    return request->method->request[part] != 0 && !ses_gateway_has(request, part);
}

static void put_text_in(struct out *out, const struct ses_gateway_request *request,
                        enum ses_gateway_part part, struct ses_slice text)
{
    if (lacks(request, part) && text.len > 0)
        put_text(out, request->method->request[part], text);
}

static void put_state_in(struct out *out, const struct ses_gateway_request *request,
                         const struct ses_session *session, uint64_t now_ms)
{
    if (lacks(request, SES_GATEWAY_STATE) &&
        (access_token_lives(&session->state, now_ms) || session->state.connector_customer_id_present))
        put_message(out, request->method->request[SES_GATEWAY_STATE], connector_state, session, now_ms);
}

/* Of the session that the message names, or of the one that a header does where the message names none. A token that is the
 * connector's own stays. */
static void put_token_in(struct out *out, const struct ses_gateway_request *request,
                         const struct ses_session *session, bool ours)
{
    struct ses_slice token = session->connector_session.token;

    if ((ours || lacks(request, SES_GATEWAY_TOKEN)) && session->connector_session_present && token.len > 0)
        put_text(out, request->method->request[SES_GATEWAY_TOKEN], token);
}

/* Not of a step that is under way: the last one's result is none of its own. */
static void put_redirection_in(struct out *out, const struct ses_gateway_request *request,
                               const struct ses_session *session, uint64_t now_ms)
{
    if (lacks(request, SES_GATEWAY_REDIRECTION) && session->redirect_present && !session->step_open)
        put_message(out, request->method->request[SES_GATEWAY_REDIRECTION], redirection, session, now_ms);
}

static void write_all(struct out *out, const struct ses_gateway_request *request,
                      const struct ses_session *session, uint64_t now_ms)
{
    struct ses_slice token = request->token_field;
    bool ours = ses_gateway_has(request, SES_GATEWAY_TOKEN) &&
                ses_gateway_is_our_token(request->part[SES_GATEWAY_TOKEN]);
    size_t at = ours ? (size_t)(token.data - request->bytes.data) : request->bytes.len;

    put_bytes(out, ses_slice_cut(request->bytes, 0, at));
    if (ours)
        put_bytes(out, ses_slice_cut(request->bytes, at + token.len, request->bytes.len));
    if (request->method->request[SES_GATEWAY_TOKEN] != 0)
        put_token_in(out, request, session, ours);
    put_state_in(out, request, session, now_ms);
    put_text_in(out, request, SES_GATEWAY_TRANSACTION, session->facts.connector_transaction_id);
    put_text_in(out, request, SES_GATEWAY_AUTHENTICATION, session->facts.authentication_data);
    if (lacks(request, SES_GATEWAY_FEATURE_DATA) && session->facts.feature_data.len > 0)
        put_message(out, request->method->request[SES_GATEWAY_FEATURE_DATA], feature_data, session, now_ms);
    put_redirection_in(out, request, session, now_ms);
}

enum ses_status ses_gateway_request_write(const struct ses_gateway_request *request,
                                          const struct ses_session *session, uint64_t now_ms,
                                          struct ses_arena *arena, struct ses_slice *ret_bytes)
{
    struct out out = {.place = NULL};

    write_all(&out, request, session, now_ms);
    out.place = ses_arena_alloc(arena, out.len + 1);
    if (out.place == NULL)
        return SES_NO_MEMORY;
    out.len = 0;
    write_all(&out, request, session, now_ms);
    *ret_bytes = ses_slice(out.place, out.len);
    return SES_OK;
}
