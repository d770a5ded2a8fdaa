/* A session as its callers see it. Pieces are made one by one; a piece that has no memory leaves a hole
 * and sets failed, and the whole is thrown away at the end. */
#include "session_view.h"

#include <sessiond/base/encode.h>
#include <sessiond/domain/client_token.h>
#include <sessiond/domain/effect.h>

#include "view.h"

/* SecretString keeps the value out of whatever prints messages field by field. */
static Sessiond__V1__SecretString *secret(struct ses_view *v, struct ses_slice slice)
{
    Sessiond__V1__SecretString *message = ses_view_make(v, sizeof(*message));

    if (message == NULL)
        return NULL;
    sessiond__v1__secret_string__init(message);
    message->value = ses_view_text(v, slice);
    return message;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static Sessiond__V1__Money *view_amount(struct ses_view *v, const struct ses_session *session)
{
    Sessiond__V1__Money *money = ses_view_make(v, sizeof(*money));

    if (money == NULL)
        return NULL;
    sessiond__v1__money__init(money);
    money->minor_amount = session->minor_amount;
    money->currency = (Sessiond__V1__Currency)session->currency;
    return money;
}

/* What was told as "expires in 3600 s" is told as what is left of it, counted from when it was stored. */
static int64_t seconds_left(const struct ses_session_state *state, uint64_t now_ms)
{
    uint64_t passed = now_ms > state->stored_ms ? (now_ms - state->stored_ms) / 1000 : 0;

    return passed >= (uint64_t)state->expires_in_seconds ? 0 : state->expires_in_seconds - (int64_t)passed;
}

static Sessiond__V1__AccessToken *view_access_token(struct ses_view *v, const struct ses_session_state *state,
                                                    uint64_t now_ms)
{
    Sessiond__V1__AccessToken *token = ses_view_make(v, sizeof(*token));

    if (token == NULL)
        return NULL;
    sessiond__v1__access_token__init(token);
    token->token = secret(v, state->access_token);
    if (state->access_token_type_present) {
        token->_token_type_case = SESSIOND__V1__ACCESS_TOKEN___TOKEN_TYPE_TOKEN_TYPE;
        token->token_type = ses_view_text(v, state->access_token_type);
    }
    if (state->expires_in_present) {
        token->_expires_in_seconds_case = SESSIOND__V1__ACCESS_TOKEN___EXPIRES_IN_SECONDS_EXPIRES_IN_SECONDS;
        token->expires_in_seconds = seconds_left(state, now_ms);
    }
    return token;
}

/* The connector's access token is shown to who proved to be the session's merchant (session_view.h): it
 * stored it. */
static void view_state(struct ses_view *v, const struct ses_session_state *state, uint64_t now_ms,
                       Sessiond__V1__Session *view)
{
    Sessiond__V1__ConnectorState *message;

    if (!state->access_token_present && !state->connector_customer_id_present)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__connector_state__init(message);
    if (state->access_token_present) {
        message->_access_token_case = SESSIOND__V1__CONNECTOR_STATE___ACCESS_TOKEN_ACCESS_TOKEN;
        message->access_token = view_access_token(v, state, now_ms);
    }
    if (state->connector_customer_id_present) {
        message->_connector_customer_id_case =
            SESSIOND__V1__CONNECTOR_STATE___CONNECTOR_CUSTOMER_ID_CONNECTOR_CUSTOMER_ID;
        message->connector_customer_id = ses_view_text(v, state->connector_customer_id);
    }
    view->state = message;
}

static void view_connector_session(struct ses_view *v, const struct ses_session *session,
                                   Sessiond__V1__Session *view)
{
    Sessiond__V1__ConnectorSession *message;

    if (!session->connector_session_present)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__connector_session__init(message);
    message->token = secret(v, session->connector_session.token);
    message->id = ses_view_text(v, session->connector_session.id);
    message->transaction_id = ses_view_text(v, session->connector_session.transaction_id);
    message->expires_ms = ses_view_time_or_none(v, session->connector_session.expires_ms);
    view->connector_session = message;
}

static void view_texts(struct ses_view *v, const struct ses_session *session, Sessiond__V1__Session *view)
{
    if (session->metadata_present) {
        view->_metadata_case = SESSIOND__V1__SESSION___METADATA_METADATA;
        view->metadata = secret(v, session->metadata);
    }
    if (session->feature_data_present) {
        view->_connector_feature_data_case =
            SESSIOND__V1__SESSION___CONNECTOR_FEATURE_DATA_CONNECTOR_FEATURE_DATA;
        view->connector_feature_data = secret(v, session->feature_data);
    }
}

/* return_mode only for a step that BeginStep opened: one opened by an event has no return. */
static void view_step(struct ses_view *v, const struct ses_session *session, Sessiond__V1__Session *view)
{
    Sessiond__V1__Step *message;

    if (!session->step_open)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__step__init(message);
    message->name = ses_view_text(v, session->step.name);
    message->return_url = ses_view_text(v, session->step.return_url);
    if (session->step.return_url.len > 0)
        message->return_mode = session->step.frame ? SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME
                                                   : SESSIOND__V1__RETURN_MODE__RETURN_MODE_REDIRECT;
    message->started_ms = ses_view_time(v, session->step.started_ms);
    message->expires_ms = ses_view_time(v, session->step.expires_ms);
    view->step = message;
}

/* ---- what the browser brought ------------------------------------------------------------------ */

typedef Sessiond__V1__RedirectResult__PayloadEntry payload_entry;

/* Square in the number of parameters, which is at most 64. */
static bool seen_before(const struct ses_redirect_result *redirect, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (ses_slice_eq(redirect->parameters[i].name, redirect->parameters[at].name))
            return true;
    }
    return false;
}

/* pointers, not entries, because protobuf-c's repeated messages are arrays of pointers. The array has a
 * place more than needed so that it is never empty. */
static void view_payload(struct ses_view *v, const struct ses_redirect_result *redirect,
                         Sessiond__V1__RedirectResult *message)
{
    size_t count = redirect->parameters_count;
    payload_entry *entries = ses_view_make(v, (count + 1) * sizeof(*entries));
    payload_entry **pointers = ses_view_make(v, (count + 1) * sizeof(void *));

    if (entries == NULL || pointers == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        payload_entry *entry = &entries[message->n_payload];

        if (seen_before(redirect, i))
            continue; /* a map has a name once: the first one */
        sessiond__v1__redirect_result__payload_entry__init(entry);
        entry->key = ses_view_text(v, redirect->parameters[i].name);
        entry->value = ses_view_text(v, redirect->parameters[i].value);
        pointers[message->n_payload++] = entry;
    }
    message->payload = pointers;
}

/* Not while a newer step is under way: the caller must not take the last one's result for its own. */
static void view_redirect(struct ses_view *v, const struct ses_session *session, Sessiond__V1__Session *view)
{
    const struct ses_redirect_result *redirect = &session->redirect;
    Sessiond__V1__RedirectResult *message;

    if (!session->redirect_present || session->step_open)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__redirect_result__init(message);
    message->method = ses_view_text(v, redirect->http_method);
    message->params = secret(v, redirect->query);
    message->step_name = ses_view_text(v, redirect->step_name);
    message->received_ms = ses_view_time(v, redirect->received_ms);
    view_payload(v, redirect, message);
    view->redirect_result = message;
}

/* ---- lists --------------------------------------------------------------------------------------- */

/* What a client may send next, so that it needs no copy of the state machine. */
static void view_next_events(struct ses_view *v, const struct ses_session *session,
                             Sessiond__V1__Session *view)
{
    uint32_t events = ses_session_next_events(session->status);
    Sessiond__V1__SessionEvent *list = ses_view_make(v, SES_EVENT_COUNT * sizeof(*list));

    if (list == NULL)
        return;
    for (; events != 0; events &= events - 1)
        list[view->n_next_events++] = (Sessiond__V1__SessionEvent)__builtin_ctz(events);
    view->next_events = list;
}

/* In the order of the history, oldest first; late ones are among them, told by their outcome. */
static void view_events(struct ses_view *v, const struct ses_session *session, Sessiond__V1__Session *view)
{
    Sessiond__V1__EventRecord *rows = ses_view_make(v, (session->events_count + 1) * sizeof(*rows));
    Sessiond__V1__EventRecord **pointers = ses_view_make(v, (session->events_count + 1) * sizeof(void *));

    if (rows == NULL || pointers == NULL)
        return;
    for (unsigned i = 0; i < session->events_count; i++) {
        const struct ses_session_event *event = &session->events[i];

        sessiond__v1__event_record__init(&rows[i]);
        rows[i].event = (Sessiond__V1__SessionEvent)event->event;
        rows[i].event_id = ses_view_text(v, event->id);
        rows[i].at_ms = ses_view_time(v, event->at_ms);
        rows[i].outcome = (Sessiond__V1__EventOutcome)event->outcome;
        rows[i].version = event->version;
        pointers[i] = &rows[i];
    }
    view->n_events = session->events_count;
    view->events = pointers;
}

/* As they stand now: one whose time is over, or whose outcome the session has learnt, is told as that. */
static void view_call(struct ses_view *v, const struct ses_session *session, const struct ses_effect *effect,
                      uint64_t now_ms, Sessiond__V1__GatewayCall *row)
{
    sessiond__v1__gateway_call__init(row);
    row->method = ses_view_text(v, effect->method);
    row->merchant_id = ses_view_text(v, effect->merchant_id);
    row->state = (Sessiond__V1__GatewayCallState)ses_effect_stands(session, effect, now_ms);
    row->started_ms = ses_view_time(v, effect->started_ms);
    row->ended_ms = ses_view_time_or_none(v, effect->ended_ms);
    row->grpc_status = effect->grpc_status;
    row->status = effect->payment_status;
    if (effect->amount_present) {
        row->_minor_amount_case = SESSIOND__V1__GATEWAY_CALL___MINOR_AMOUNT_MINOR_AMOUNT;
        row->minor_amount = effect->minor_amount;
    }
}

static void view_calls(struct ses_view *v, const struct ses_session *session, uint64_t now_ms,
                       Sessiond__V1__Session *view)
{
    Sessiond__V1__GatewayCall *rows;
    Sessiond__V1__GatewayCall **pointers;

    if (session->effects_count == 0)
        return;
    rows = ses_view_make(v, session->effects_count * sizeof(*rows));
    pointers = ses_view_make(v, session->effects_count * sizeof(void *));
    if (rows == NULL || pointers == NULL)
        return;
    for (unsigned i = 0; i < session->effects_count; i++) {
        view_call(v, session, &session->effects[i], now_ms, &rows[i]);
        pointers[i] = &rows[i];
    }
    view->n_gateway_calls = session->effects_count;
    view->gateway_calls = pointers;
}

/* Of a session that is over there are none any more: they go with it. */
static void view_client_tokens(struct ses_view *v, const struct ses_session *session, uint64_t now_ms,
                               Sessiond__V1__Session *view)
{
    Sessiond__V1__ClientToken *rows;
    Sessiond__V1__ClientToken **pointers;

    if (session->client_tokens_count == 0 || ses_session_closed(session->status))
        return;
    rows = ses_view_make(v, session->client_tokens_count * sizeof(*rows));
    pointers = ses_view_make(v, session->client_tokens_count * sizeof(void *));
    if (rows == NULL || pointers == NULL)
        return;
    for (unsigned i = 0; i < session->client_tokens_count; i++) {
        const struct ses_client_token *token = &session->client_tokens[i];
        Sessiond__V1__ClientToken *row = &rows[view->n_client_tokens];

        if (token->ends_ms <= now_ms)
            continue;
        sessiond__v1__client_token__init(row);
        row->connector_name = ses_view_text(v, token->connector);
        row->kind = (Sessiond__V1__ClientTokenKind)token->kind;
        row->made_ms = ses_view_time(v, token->made_ms);
        row->expires_ms = ses_view_time(v, token->ends_ms);
        pointers[view->n_client_tokens++] = row;
    }
    view->client_tokens = pointers;
}

/* Facet names, never their values: the caller has its own browser's, and must not learn the stored
 * one's. */
static void view_verdict(struct ses_view *v, const struct ses_binding_verdict *verdict,
                         Sessiond__V1__Session *view)
{
    Sessiond__V1__BrowserVerdict *message = ses_view_make(v, sizeof(*message));

    if (message == NULL)
        return;
    sessiond__v1__browser_verdict__init(message);
    message->mode = (Sessiond__V1__BindingMode)verdict->mode;
    message->result = (Sessiond__V1__BindingResult)verdict->result;
    message->differing_hard = ses_view_facets(v, verdict->hard, &message->n_differing_hard);
    message->differing_soft = ses_view_facets(v, verdict->soft, &message->n_differing_soft);
    message->drift_score = verdict->drift_score;
    message->missing = (Sessiond__V1__BindingMissing)verdict->missing_policy;
    message->missing_hard = ses_view_facets(v, verdict->missing, &message->n_missing_hard);
    view->browser_verdict = message;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

/* A session without an end has neither expires_ms nor expires_in_seconds: 0 in both. */
static void view_times(const struct ses_view *v, const struct ses_session *session, uint64_t now_ms,
                       Sessiond__V1__Session *view)
{
    view->created_ms = ses_view_time(v, session->created_ms);
    view->updated_ms = ses_view_time(v, session->updated_ms);
    view->server_time_ms = ses_view_time(v, now_ms);
    if (session->expires_ms == SES_NEVER_MS)
        return;
    view->expires_ms = ses_view_time(v, session->expires_ms);
    if (session->expires_ms > now_ms)
        view->expires_in_seconds = (int64_t)((session->expires_ms - now_ms) / 1000);
}

enum ses_status ses_session_view(const struct ses_session *session, const struct ses_binding_verdict *verdict,
                                 uint64_t now_ms, struct ses_arena *arena, Sessiond__V1__Session **ret_view)
{
    struct ses_view v;
    Sessiond__V1__Session *view;
    char id[SES_HEX_SIZE(SES_SESSION_ID_SIZE)];

    ses_view_init(&v, arena);
    view = ses_view_make(&v, sizeof(*view));
    if (view == NULL)
        return SES_NO_MEMORY;
    sessiond__v1__session__init(view);
    view->session_id =
        ses_view_text(&v, ses_slice(id, ses_hex_encode(ses_slice(session->id, sizeof(session->id)), id)));
    view->merchant_session_id = ses_view_text(&v, session->merchant_session_id);
    view->status = (Sessiond__V1__SessionStatus)session->status;
    view->version = session->version;
    view->generation = session->generation;
    view->amount = view_amount(&v, session);
    /* The number for clients that know only numbers, the name where two connectors share one. */
    view->connector = (Sessiond__V1__Connector)session->connector.number;
    if (session->connector.name != NULL)
        view->connector_name = ses_view_text(&v, ses_slice_str(session->connector.name));
    view->test_mode = session->test_mode;
    view->attempts = session->attempts;
    view->late_success = session->late_success;
    view_next_events(&v, session, view);
    view_step(&v, session, view);
    view_events(&v, session, view);
    view_calls(&v, session, now_ms, view);
    view_client_tokens(&v, session, now_ms, view);
    view_times(&v, session, now_ms, view);
    /* Only for a caller with a token (session_view.h): everything above is what anybody who knows the
     * names learns. */
    if (verdict != NULL) {
        view_state(&v, &session->state, now_ms, view);
        view_connector_session(&v, session, view);
        view_texts(&v, session, view);
        view_redirect(&v, session, view);
        view_verdict(&v, verdict, view);
    }
    if (v.failed)
        return SES_NO_MEMORY;
    *ret_view = view;
    return SES_OK;
}
