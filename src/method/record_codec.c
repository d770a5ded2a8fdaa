/* struct ses_session to and from sessiond.store.v1.SessionRecord. Writing starts from the record that
 * was read (origin), so that whatever this version does not know passes through; every known field is
 * then set anew, also to "absent". Both directions of one part stand in the same order: a new field is
 * a put_ and a take_ line. */
#include "record_codec.h"

#include <sessiond/codec/codec_proto.h>

#include "inbox.h"
#include "record_clients.h"
#include "record_effects.h"
#include "record_identity.h"
#include "record_past.h"

typedef Sessiond__Store__V1__SessionRecord session_record;
typedef Sessiond__Store__V1__StoredState stored_state;
typedef Sessiond__Store__V1__ConnectorSession stored_connector_session;
typedef Sessiond__Store__V1__RedirectResult stored_redirect;
typedef Sessiond__Store__V1__RedirectResult__Parameter stored_parameter;

/* The whole decoded record, opaque to everybody else: a caller can only hand it back. It is not copied,
 * it is the message that decode made in its arena. */
struct ses_record_origin {
    session_record record;
};

/* A tag for each field that a payload can have: 8 bytes of SipHash, enough to say which field differs
 * without keeping the field. */
#define PAYLOAD_TAGS_MAX (SES_FIELD_TEXTS + SES_FIELD_NUMBERS)

/* ---- writing --------------------------------------------------------------------------------- */

/* What a record points to while it is packed. */
struct parts {
    stored_state state;
    stored_connector_session connector_session;
    Sessiond__Store__V1__ConnectorIntent intent;
    struct ses_inbox_parts inbox;
    uint64_t payload_tags[PAYLOAD_TAGS_MAX];
    uint64_t binding_tags[SES_FACET_COUNT];
    struct ses_record_steps steps;
    stored_redirect redirect;
    struct ses_record_past past;
};

/* A state without any of its members is left out, so that a record of an ordinary session is as short
 * as before there was one. stored_ms is kept with the token because "expires in" counts from there. */
static void put_state(const struct ses_session_state *state, struct parts *parts, session_record *record)
{
    stored_state *stored = &parts->state;

    if (!state->access_token_present && !state->connector_customer_id_present)
        return;
    sessiond__store__v1__stored_state__init(stored);
    if (state->access_token_present) {
        stored->_access_token_case = SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN_ACCESS_TOKEN;
        stored->access_token = ses_record_bytes(state->access_token);
        stored->access_token_stored_ms = state->stored_ms;
    }
    if (state->access_token_type_present) {
        stored->_access_token_type_case =
            SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN_TYPE_ACCESS_TOKEN_TYPE;
        stored->access_token_type = ses_record_bytes(state->access_token_type);
    }
    if (state->expires_in_present) {
        stored->_access_token_expires_in_seconds_case =
            SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN_EXPIRES_IN_SECONDS_ACCESS_TOKEN_EXPIRES_IN_SECONDS;
        stored->access_token_expires_in_seconds = state->expires_in_seconds;
    }
    if (state->connector_customer_id_present) {
        stored->_connector_customer_id_case =
            SESSIOND__STORE__V1__STORED_STATE___CONNECTOR_CUSTOMER_ID_CONNECTOR_CUSTOMER_ID;
        stored->connector_customer_id = ses_record_bytes(state->connector_customer_id);
    }
    record->_state_case = SESSIOND__STORE__V1__SESSION_RECORD___STATE_STATE;
    record->state = stored;
}

/* Only a hash of the caller's credentials (32 bytes): it tells whether another call has the same ones,
 * and nothing about them. */
static void put_credentials(const struct ses_credentials_tag *tag, session_record *record)
{
    if (tag->known)
        record->credentials = ses_record_bytes(ses_slice(tag->bytes, sizeof(tag->bytes)));
}

/* Present but empty is not absent: the payload was compared with it. */
static void put_texts(const struct ses_session *session, session_record *record)
{
    if (session->metadata_present) {
        record->_metadata_case = SESSIOND__STORE__V1__SESSION_RECORD___METADATA_METADATA;
        record->metadata = ses_record_bytes(session->metadata);
    }
    if (session->feature_data_present) {
        record->_connector_feature_data_case =
            SESSIOND__STORE__V1__SESSION_RECORD___CONNECTOR_FEATURE_DATA_CONNECTOR_FEATURE_DATA;
        record->connector_feature_data = ses_record_bytes(session->feature_data);
    }
}

/* Only the tags of present fields, in the order of their bits: a payload of five fields costs 40 bytes
 * and not PAYLOAD_TAGS_MAX times 8. */
static void put_tags(const struct ses_session *session, struct parts *parts, session_record *record)
{
    record->payload_fields = session->fingerprint.fields;
    record->payload_optional = session->fingerprint.optional;
    record->n_payload_tags = 0;
    record->payload_tags = parts->payload_tags;
    for (uint64_t rest = session->fingerprint.fields; rest != 0; rest &= rest - 1)
        parts->payload_tags[record->n_payload_tags++] = session->fingerprint.tag[__builtin_ctzll(rest)];
    record->binding_facets = session->binding.facets;
    record->n_binding_tags = 0;
    record->binding_tags = parts->binding_tags;
    for (uint32_t rest = session->binding.facets; rest != 0; rest &= rest - 1)
        parts->binding_tags[record->n_binding_tags++] = session->binding.tag[__builtin_ctz(rest)];
    record->binding_hash =
        ses_record_bytes(ses_slice(session->binding.hash, session->binding.facets == 0 ? 0 : SES_HASH_BYTES));
}

/* The intent is a part of the record and not another kind of body: the session that follows it must be
 * comparable with what was intended, field by field. */
static void put_connector(const struct ses_session *session, const struct ses_record_intent *intent,
                          struct parts *parts, session_record *record)
{
    stored_connector_session *stored = &parts->connector_session;

    if (session->connector_session_present) {
        sessiond__store__v1__connector_session__init(stored);
        stored->token = ses_record_bytes(session->connector_session.token);
        stored->id = ses_record_bytes(session->connector_session.id);
        stored->transaction_id = ses_record_bytes(session->connector_session.transaction_id);
        stored->expires_ms = session->connector_session.expires_ms;
        record->_connector_session_case =
            SESSIOND__STORE__V1__SESSION_RECORD___CONNECTOR_SESSION_CONNECTOR_SESSION;
        record->connector_session = stored;
    }
    /* Set even when there is none: origin may be an intent, and the session that follows it is none. */
    record->_intent_case = SESSIOND__STORE__V1__SESSION_RECORD___INTENT__NOT_SET;
    if (intent != NULL) {
        sessiond__store__v1__connector_intent__init(&parts->intent);
        parts->intent.idempotency_key = ses_record_bytes(intent->idempotency_key);
        parts->intent.started_ms = intent->started_ms;
        if (intent->inbox != NULL)
            ses_inbox_put(intent->inbox, &parts->inbox, &parts->intent);
        record->_intent_case = SESSIOND__STORE__V1__SESSION_RECORD___INTENT_INTENT;
        record->intent = &parts->intent;
    }
}

/* The one list without a fixed maximum in struct parts (64 parameters of any length): it is made in the
 * arena. */
static enum ses_status put_parameters(const struct ses_redirect_result *redirect, struct ses_arena *arena,
                                      stored_redirect *stored)
{
    size_t count = redirect->parameters_count;
    stored_parameter *parameters = ses_arena_alloc(arena, (count + 1) * sizeof(*parameters));
    stored_parameter **pointers = ses_arena_alloc(arena, (count + 1) * sizeof(void *));

    if (parameters == NULL || pointers == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        sessiond__store__v1__redirect_result__parameter__init(&parameters[i]);
        parameters[i].name = ses_record_bytes(redirect->parameters[i].name);
        parameters[i].value = ses_record_bytes(redirect->parameters[i].value);
        pointers[i] = &parameters[i];
    }
    stored->n_parameters = count;
    stored->parameters = pointers;
    return SES_OK;
}

static enum ses_status put_redirect(const struct ses_session *session, struct ses_arena *arena,
                                    struct parts *parts, session_record *record)
{
    const struct ses_redirect_result *redirect = &session->redirect;
    stored_redirect *stored = &parts->redirect;

    record->_redirect_result_case = SESSIOND__STORE__V1__SESSION_RECORD___REDIRECT_RESULT__NOT_SET;
    if (!session->redirect_present)
        return SES_OK;
    sessiond__store__v1__redirect_result__init(stored);
    stored->step_id = ses_record_bytes(ses_slice(redirect->step_id, sizeof(redirect->step_id)));
    stored->step_name = ses_record_bytes(redirect->step_name);
    stored->http_method = ses_record_bytes(redirect->http_method);
    stored->query = ses_record_bytes(redirect->query);
    stored->payload_hash =
        ses_record_bytes(ses_slice(redirect->payload_hash, sizeof(redirect->payload_hash)));
    stored->received_ms = redirect->received_ms;
    stored->return_url = ses_record_bytes(redirect->return_url);
    SES_TRY(put_parameters(redirect, arena, stored));
    record->_redirect_result_case = SESSIOND__STORE__V1__SESSION_RECORD___REDIRECT_RESULT_REDIRECT_RESULT;
    record->redirect_result = stored;
    return SES_OK;
}

enum ses_status ses_session_record_encode(const struct ses_session *session,
                                          const struct ses_record_intent *intent,
                                          const struct ses_record_origin *origin, struct ses_arena *arena,
                                          struct ses_slice *ret_body)
{
    /* Everything that record points to lives in parts or in the arena until it is packed; parts is not
     * zeroed, each put_ initialises what it uses. */
    struct parts parts;
    session_record record = SESSIOND__STORE__V1__SESSION_RECORD__INIT;

    /* A shallow copy: whatever is not set anew below (unknown fields, fields of a newer version) is
     * written as it was read. Its pointers go into origin's arena, which must live until the record is
     * packed. */
    if (origin != NULL)
        record = origin->record;
    record.format = SES_RECORD_FORMAT;
    record.tenant = ses_record_bytes(session->tenant);
    record.merchant = ses_record_bytes(session->merchant);
    record.test_mode = session->test_mode;
    record.merchant_session_id = ses_record_bytes(session->merchant_session_id);
    ses_record_put_identity(&session->connector, &record);
    put_credentials(&session->credentials, &record);
    record.minor_amount = session->minor_amount;
    record.currency = session->currency;
    record.status = (Sessiond__Store__V1__SessionStatus)session->status;
    record.generation = session->generation;
    record.version = session->version;
    record.created_ms = session->created_ms;
    record.updated_ms = session->updated_ms;
    record.expires_ms = session->expires_ms;
    record.token_issued_ms = session->token_issued_ms;
    put_state(&session->state, &parts, &record);
    put_texts(session, &record);
    put_tags(session, &parts, &record);
    put_connector(session, intent, &parts, &record);
    record.own_expires_ms = session->own_expires_ms;
    record.previous_generation = session->previous_generation;
    record.previous_until_ms = session->previous_until_ms;
    record.written_by = session->written_by;
    record.revoke_reason = ses_record_bytes(session->revoke_reason);
    SES_TRY(ses_record_put_steps(session, arena, &parts.steps, &record));
    ses_record_put_past(session, &parts.past, &record);
    SES_TRY(put_redirect(session, arena, &parts, &record));
    SES_TRY(ses_record_put_effects(session, arena, &record));
    SES_TRY(ses_record_put_clients(session, arena, &record));
    return ses_proto_pack(&record.base, arena, ret_body);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Each optional member is looked at by its own case: a record of an older version has fewer of them. */
static void take_state(const session_record *record, struct ses_session_state *ret_state)
{
    const stored_state *stored = record->state;

    *ret_state = (struct ses_session_state){.access_token_present = false};
    if (record->_state_case == SESSIOND__STORE__V1__SESSION_RECORD___STATE__NOT_SET || stored == NULL)
        return;
    if (stored->_access_token_case != SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN__NOT_SET) {
        ret_state->access_token_present = true;
        ret_state->access_token = ses_record_slice(stored->access_token);
        ret_state->stored_ms = stored->access_token_stored_ms;
    }
    if (stored->_access_token_type_case != SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN_TYPE__NOT_SET) {
        ret_state->access_token_type_present = true;
        ret_state->access_token_type = ses_record_slice(stored->access_token_type);
    }
    if (stored->_access_token_expires_in_seconds_case !=
        SESSIOND__STORE__V1__STORED_STATE___ACCESS_TOKEN_EXPIRES_IN_SECONDS__NOT_SET) {
        ret_state->expires_in_present = true;
        ret_state->expires_in_seconds = stored->access_token_expires_in_seconds;
    }
    if (stored->_connector_customer_id_case !=
        SESSIOND__STORE__V1__STORED_STATE___CONNECTOR_CUSTOMER_ID__NOT_SET) {
        ret_state->connector_customer_id_present = true;
        ret_state->connector_customer_id = ses_record_slice(stored->connector_customer_id);
    }
}

/* Tags in the order of their bits. A tag of a bit that this version does not know is left out of both:
 * a payload cannot have that field here, so the comparison stays right for what it has. Fewer or more
 * tags than bits is no record of any version: refused as damaged. */
static bool take_tags(uint64_t bits, const uint64_t *tags, size_t tags_count, unsigned known,
                      uint64_t *ret_tags)
{
    size_t at = 0;

    for (; bits != 0; bits &= bits - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(bits);

        if (at == tags_count)
            return false;
        if (bit < known)
            ret_tags[bit] = tags[at];
        at++;
    }
    return at == tags_count;
}

/* Nothing is guessed: a hash of another length is another version's, and must agree with no caller here. */
static bool take_credentials(const session_record *record, struct ses_credentials_tag *tag)
{
    tag->known = record->credentials.len > 0;
    if (record->credentials.len == sizeof(tag->bytes))
        memcpy(tag->bytes, record->credentials.data, sizeof(tag->bytes));
    return !tag->known || record->credentials.len == sizeof(tag->bytes);
}

static bool take_fingerprints(const session_record *record, struct ses_session *session)
{
    bool bound = record->binding_facets != 0;

    if (!take_tags(record->payload_fields, record->payload_tags, record->n_payload_tags, PAYLOAD_TAGS_MAX,
                   session->fingerprint.tag) ||
        !take_tags(record->binding_facets, record->binding_tags, record->n_binding_tags, SES_FACET_COUNT,
                   session->binding.tag) ||
        record->binding_hash.len != (bound ? SES_HASH_BYTES : 0))
        return false;
    session->fingerprint.fields = record->payload_fields & (SES_FIELD_BIT(PAYLOAD_TAGS_MAX) - 1);
    session->fingerprint.optional = record->payload_optional;
    session->binding.facets = record->binding_facets & ((1u << SES_FACET_COUNT) - 1);
    if (bound)
        memcpy(session->binding.hash, record->binding_hash.data, SES_HASH_BYTES);
    return true;
}

static void take_connector(const session_record *record, struct ses_session *session)
{
    const stored_connector_session *stored = record->connector_session;

    session->connector_session_present =
        record->_connector_session_case != SESSIOND__STORE__V1__SESSION_RECORD___CONNECTOR_SESSION__NOT_SET &&
        stored != NULL;
    if (!session->connector_session_present)
        return;
    session->connector_session = (struct ses_connector_session){
        .token = ses_record_slice(stored->token),
        .id = ses_record_slice(stored->id),
        .transaction_id = ses_record_slice(stored->transaction_id),
        .expires_ms = stored->expires_ms,
    };
}

/* Ids and hashes have fixed lengths; another length is damage, since no version ever wrote one. */
static enum ses_status take_redirect(const session_record *record, struct ses_arena *arena,
                                     struct ses_session *session)
{
    const stored_redirect *stored = record->redirect_result;
    struct ses_redirect_result *redirect = &session->redirect;
    struct ses_return_parameter *parameters;

    session->redirect_present =
        record->_redirect_result_case != SESSIOND__STORE__V1__SESSION_RECORD___REDIRECT_RESULT__NOT_SET &&
        stored != NULL;
    if (!session->redirect_present)
        return SES_OK;
    if (stored->step_id.len != sizeof(redirect->step_id) ||
        stored->payload_hash.len != sizeof(redirect->payload_hash))
        return SES_DATA_LOSS;
    memcpy(redirect->step_id, stored->step_id.data, sizeof(redirect->step_id));
    memcpy(redirect->payload_hash, stored->payload_hash.data, sizeof(redirect->payload_hash));
    redirect->step_name = ses_record_slice(stored->step_name);
    redirect->http_method = ses_record_slice(stored->http_method);
    redirect->query = ses_record_slice(stored->query);
    redirect->received_ms = stored->received_ms;
    redirect->return_url = ses_record_slice(stored->return_url);
    parameters = ses_arena_alloc(arena, (stored->n_parameters + 1) * sizeof(*parameters));
    if (parameters == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < stored->n_parameters; i++)
        parameters[i] = (struct ses_return_parameter){ses_record_slice(stored->parameters[i]->name),
                                                      ses_record_slice(stored->parameters[i]->value)};
    redirect->parameters = parameters;
    redirect->parameters_count = stored->n_parameters;
    return SES_OK;
}

static enum ses_status take_payment(const session_record *record, struct ses_arena *arena,
                                    struct ses_session *session)
{
    session->tenant = ses_record_slice(record->tenant);
    session->merchant = ses_record_slice(record->merchant);
    session->test_mode = record->test_mode;
    session->merchant_session_id = ses_record_slice(record->merchant_session_id);
    SES_TRY(ses_record_take_identity(record, arena, &session->connector));
    session->minor_amount = record->minor_amount;
    session->currency = record->currency;
    session->metadata_present =
        record->_metadata_case != SESSIOND__STORE__V1__SESSION_RECORD___METADATA__NOT_SET;
    if (session->metadata_present)
        session->metadata = ses_record_slice(record->metadata);
    session->feature_data_present = record->_connector_feature_data_case !=
                                    SESSIOND__STORE__V1__SESSION_RECORD___CONNECTOR_FEATURE_DATA__NOT_SET;
    if (session->feature_data_present)
        session->feature_data = ses_record_slice(record->connector_feature_data);
    return SES_OK;
}

enum ses_status ses_session_record_decode(struct ses_slice body, struct ses_arena *arena,
                                          struct ses_session *ret_session,
                                          const struct ses_record_origin **ret_origin)
{
    ProtobufCMessage *message = NULL;
    struct ses_session session = {.status = SES_SESSION_OPEN};
    const session_record *record;

    enum ses_status status =
        ses_proto_unpack(&sessiond__store__v1__session_record__descriptor, body, arena, &message);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? SES_NO_MEMORY : SES_DATA_LOSS;
    record = (const session_record *)message;
    /* Another format may mean other things by the same fields: refused before any of it is used. */
    if (record->format != SES_RECORD_FORMAT || !take_fingerprints(record, &session) ||
        !take_credentials(record, &session.credentials))
        return SES_DATA_LOSS;
    SES_TRY(take_payment(record, arena, &session));
    take_state(record, &session.state);
    take_connector(record, &session);
    if (!ses_record_take_steps(record, &session) || !ses_record_take_past(record, &session))
        return SES_DATA_LOSS;
    SES_TRY(take_redirect(record, arena, &session));
    SES_TRY(ses_record_take_effects(record, arena, &session));
    SES_TRY(ses_record_take_clients(record, arena, &session));
    session.own_expires_ms = record->own_expires_ms;
    session.previous_generation = record->previous_generation;
    session.previous_until_ms = record->previous_until_ms;
    session.written_by = record->written_by;
    session.revoke_reason = ses_record_slice(record->revoke_reason);
    session.status = (enum ses_session_status)record->status;
    session.generation = record->generation;
    session.version = record->version;
    session.created_ms = record->created_ms;
    session.updated_ms = record->updated_ms;
    session.expires_ms = record->expires_ms;
    session.token_issued_ms = record->token_issued_ms;
    /* Written at the end only; the message that the slices point into lies in arena and stays. */
    *ret_session = session;
    *ret_origin = (const struct ses_record_origin *)record;
    return SES_OK;
}

static const Sessiond__Store__V1__ConnectorIntent *intent_of(const struct ses_record_origin *origin)
{
    const session_record *record = &origin->record;

    return record->_intent_case == SESSIOND__STORE__V1__SESSION_RECORD___INTENT__NOT_SET ? NULL
                                                                                         : record->intent;
}

/* Asked by the call that settles an intent: it must use this key and not make one of its own. */
struct ses_slice ses_record_origin_key(const struct ses_record_origin *origin)
{
    const Sessiond__Store__V1__ConnectorIntent *intent = intent_of(origin);

    return intent == NULL ? SES_SLICE_EMPTY : ses_record_slice(intent->idempotency_key);
}

void ses_record_origin_inbox(const struct ses_record_origin *origin, uint64_t since_ms,
                             struct ses_inbox *ret_inbox)
{
    const Sessiond__Store__V1__ConnectorIntent *intent = intent_of(origin);

    ret_inbox->count = 0;
    if (intent != NULL)
        ses_inbox_take(intent, since_ms, ret_inbox);
}

enum ses_status ses_record_origin_with_inbox(const struct ses_record_origin *origin,
                                             const struct ses_inbox *inbox, struct ses_arena *arena,
                                             struct ses_slice *ret_body)
{
    session_record record = origin->record;
    Sessiond__Store__V1__ConnectorIntent intent;
    struct ses_inbox_parts parts;

    if (intent_of(origin) == NULL)
        return SES_DATA_LOSS; /* of kind intent, without one */
    intent = *intent_of(origin);
    ses_inbox_put(inbox, &parts, &intent);
    record.intent = &intent;
    return ses_proto_pack(&record.base, arena, ret_body);
}
