/* Answers as the model's words. */
#include "client.h"

#include <sessiond/v1/session.pb-c.h>

/* "e7" is 7, "" is 0. */
static uint16_t number(const char *text)
{
    while (*text != '\0' && (*text < '0' || *text > '9'))
        text++;
    return (uint16_t)strtoul(text, NULL, 10);
}

static uint64_t session_number(const uint8_t bytes[8])
{
    uint64_t id;

    memcpy(&id, bytes, sizeof(id));
    return id;
}

static uint64_t session_of_hex(const char *hex)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return session_number(bytes);
}

static void read_history(const Sessiond__V1__Session *session, struct model_view *view)
{
    assert_true(session->n_events <= MODEL_HISTORY);
    view->history_count = (uint8_t)session->n_events;
    for (size_t i = 0; i < session->n_events; i++) {
        const Sessiond__V1__EventRecord *event = session->events[i];

        view->history[i] = (struct model_row){.version = event->version,
                                              .id = number(event->event_id),
                                              .event = (uint8_t)event->event,
                                              .outcome = (uint8_t)event->outcome};
    }
}

static void read_rest(const Sessiond__V1__Session *session, struct model_view *view)
{
    if (session->_metadata_case != 0)
        view->text = number(session->metadata->value);
    if (session->state != NULL && session->state->_connector_customer_id_case != 0)
        view->customer = number(session->state->connector_customer_id);
    if (session->redirect_result != NULL) {
        view->back_step = number(session->redirect_result->step_name);
        view->back_payload = (uint8_t)number(session->redirect_result->params->value);
    }
    if (session->step != NULL) {
        view->step_open = 1;
        view->step = number(session->step->name);
    }
    for (size_t i = 0; i < session->n_next_events; i++)
        view->next_events |= 1u << session->next_events[i];
}

static void read_session(const Sessiond__V1__Session *session, struct model_view *ret_view)
{
    if (session == NULL)
        return;
    *ret_view = (struct model_view){
        .there = true,
        .session = session_of_hex(session->session_id),
        .version = session->version,
        .generation = session->generation,
        .amount = (uint32_t)session->amount->minor_amount,
        .attempts = session->attempts,
        .status = (uint8_t)session->status,
        .late_success = session->late_success != 0,
        .never_ends = session->expires_ms == 0,
    };
    read_history(session, ret_view);
    read_rest(session, ret_view);
}

/* The same claims make the same text: one place for both, or one request would be two. */
static unsigned place_of(const struct subject *subject, const char *text)
{
    unsigned at = 1;

    while (at < subject->tokens_count && strcmp(subject->tokens[at].text, text) != 0)
        at++;
    return at;
}

/* The client keeps it. */
static void read_token(struct flight *flight, const char *text, struct model_told *told)
{
    struct subject *subject = flight->subject;
    unsigned at = place_of(subject, text);
    struct ses_claims claims;

    if (text[0] == '\0')
        return;
    assert_ok(
        ses_token_verify(flight->core->ring, ses_slice_str(text), true, 0, &flight->world->arena, &claims));
    told->token_session = session_number(claims.session_id);
    told->token_generation = claims.generation;
    if (at == TOKENS_MAX)
        return;
    subject->newest = at;
    if (at < subject->tokens_count)
        return;
    subject->tokens[subject->tokens_count++] = (struct client_token){.text = strdup(text),
                                                                     .session = told->token_session,
                                                                     .ends_ms = claims.expires_ms,
                                                                     .generation = claims.generation};
}

static void keep_handle(struct flight *flight, const char *url, const struct model_told *told)
{
    struct subject *subject = flight->subject;

    if (subject->handles_count == HANDLES_MAX)
        return;
    subject->handles[subject->handles_count++] =
        (struct client_handle){.path = strdup(strstr(url, "/r/")),
                               .session = told->view.session,
                               .step = flight->call->request.event_id};
}

static const ProtobufCMessageDescriptor *descriptor_of(uint8_t method)
{
    switch (method) {
    case MODEL_CREATE:
        return &types__merchant_authentication_service_create_session_token_response__descriptor;
    case MODEL_ADVANCE:
        return &sessiond__v1__advance_session_response__descriptor;
    case MODEL_UPDATE:
        return &sessiond__v1__update_session_response__descriptor;
    case MODEL_BEGIN:
        return &sessiond__v1__begin_step_response__descriptor;
    case MODEL_REVOKE_CALL:
        return &sessiond__v1__revoke_session_response__descriptor;
    case MODEL_GET:
        return &sessiond__v1__get_session_response__descriptor;
    default:
        return &sessiond__v1__watch_session_response__descriptor;
    }
}

/* An answer of the connector's own is no session: what it did or did not is the intent's matter. */
static void read_create(struct flight *flight, const old_response *response, struct model_told *told)
{
    if (response->_error_case != 0 || response->status_code != 200) {
        told->how = TOLD_NOT_DONE;
        (void)snprintf(told->reason, sizeof(told->reason), "connector %u", response->status_code);
        return;
    }
    read_token(flight, response->session_token, told);
    for (size_t i = 0; i < flight->x->reply_headers_count; i++) {
        if (ses_slice_eq_str(flight->x->reply_headers[i].name, "x-session-replayed"))
            told->replayed = ses_slice_eq_str(flight->x->reply_headers[i].value, "true");
    }
}

static void read_advance(struct flight *flight, const Sessiond__V1__AdvanceSessionResponse *response,
                         struct model_told *told)
{
    told->outcome = (int)response->outcome;
    read_session(response->session, &told->view);
    read_token(flight, response->session_token, told);
}

static void read_begin(struct flight *flight, const Sessiond__V1__BeginStepResponse *response,
                       struct model_told *told)
{
    read_session(response->session, &told->view);
    read_token(flight, response->session_token, told);
    keep_handle(flight, response->return_url, told);
}

static void read_message(struct flight *flight, uint8_t method, const void *response, struct model_told *told)
{
    switch (method) {
    case MODEL_CREATE:
        read_create(flight, response, told);
        break;
    case MODEL_ADVANCE:
        read_advance(flight, response, told);
        break;
    case MODEL_UPDATE:
        read_session(((const Sessiond__V1__UpdateSessionResponse *)response)->session, &told->view);
        read_token(flight, ((const Sessiond__V1__UpdateSessionResponse *)response)->session_token, told);
        break;
    case MODEL_BEGIN:
        read_begin(flight, response, told);
        break;
    case MODEL_REVOKE_CALL:
        read_session(((const Sessiond__V1__RevokeSessionResponse *)response)->session, &told->view);
        break;
    case MODEL_GET:
        read_session(((const Sessiond__V1__GetSessionResponse *)response)->session, &told->view);
        break;
    default:
        read_session(((const Sessiond__V1__WatchSessionResponse *)response)->session, &told->view);
    }
}

void client_read(struct flight *flight, struct ses_slice message, struct model_told *ret_told)
{
    uint8_t method = flight->call != NULL ? flight->call->request.method : MODEL_WATCH;
    ProtobufCMessage *decoded = NULL;

    *ret_told = (struct model_told){.how = TOLD_OK};
    ses_arena_reset(&flight->world->arena);
    assert_ok(ses_proto_unpack(descriptor_of(method), message, &flight->world->arena, &decoded));
    read_message(flight, method, decoded, ret_told);
    if (ret_told->view.there) {
        flight->subject->version = ret_told->view.version;
        flight->subject->amount = ret_told->view.amount;
        flight->subject->text = ret_told->view.text;
    }
}

/* Reasons that speak of the session; all others say that nothing was done, but for one. */
static enum model_how how_of(const struct ses_error *error)
{
    static const enum ses_reason not_done[] = {
        SES_REASON_STORE_UNAVAILABLE,    SES_REASON_SESSION_BUSY,
        SES_REASON_CONNECTOR_BUSY,       SES_REASON_CONNECTOR_CALLS_EXHAUSTED,
        SES_REASON_CONNECTOR_SHARE_FULL, SES_REASON_OUT_OF_MEMORY,
        SES_REASON_TOKEN_EXPIRED};

    if (error->reason == SES_REASON_OUTCOME_UNKNOWN)
        return TOLD_NOTHING;
    for (size_t i = 0; i < sizeof(not_done) / sizeof(not_done[0]); i++) {
        if (error->reason == not_done[i])
            return TOLD_NOT_DONE;
    }
    return error->status == SES_DEADLINE_EXCEEDED ? TOLD_NOT_DONE : TOLD_REFUSED;
}

void client_read_error(const struct ses_error *error, struct model_told *ret_told)
{
    *ret_told = (struct model_told){.how = how_of(error)};
    if (error->reason != SES_REASON_NONE)
        (void)snprintf(ret_told->reason, sizeof(ret_told->reason), "%s", ses_reason_name(error->reason));
    else
        (void)snprintf(ret_told->reason, sizeof(ret_told->reason), "%s", ses_status_name(error->status));
    for (size_t i = 0; i < error->metadata_count; i++) {
        struct ses_slice key = error->metadata[i].key;
        char digits[24] = "";

        (void)snprintf(digits, sizeof(digits), "%.*s", SES_FMT(error->metadata[i].value));
        if (ses_slice_eq_str(key, "current_version") || ses_slice_eq_str(key, "generation"))
            ret_told->number = strtoull(digits, NULL, 10);
        if (ses_slice_eq_str(key, "outcome"))
            ret_told->unsettled = true;
    }
}
