/* Few sessions have any: all of it is made in the arena, and only then. */
#include "record_effects.h"

typedef Sessiond__Store__V1__SessionRecord session_record;
typedef Sessiond__Store__V1__GatewayCall stored_call;
typedef Sessiond__Store__V1__PaymentFacts stored_facts;

/* ---- writing --------------------------------------------------------------------------------- */

static void put_answer(const struct ses_effect *effect, stored_call *stored)
{
    stored->ended_ms = effect->ended_ms;
    stored->grpc_status = effect->grpc_status;
    stored->grpc_message = ses_record_bytes(effect->grpc_message);
    stored->grpc_details = ses_record_bytes(effect->grpc_details);
    stored->answer = ses_record_bytes(effect->answer);
    stored->answer_left_out = effect->answer_left_out;
    stored->event = (uint32_t)effect->event;
    stored->payment_status = effect->payment_status;
    stored->authorized_amount = effect->authorized;
    stored->captured_amount = effect->captured;
}

static void put_effect(const struct ses_effect *effect, stored_call *stored)
{
    sessiond__store__v1__gateway_call__init(stored);
    stored->method = ses_record_bytes(effect->method);
    stored->merchant_id = ses_record_bytes(effect->merchant_id);
    stored->attempt_id = ses_record_bytes(ses_slice(effect->attempt, sizeof(effect->attempt)));
    stored->started_ms = effect->started_ms;
    stored->until_ms = effect->until_ms;
    stored->state = (uint32_t)effect->state;
    if (effect->amount_present) {
        stored->_minor_amount_case = SESSIOND__STORE__V1__GATEWAY_CALL___MINOR_AMOUNT_MINOR_AMOUNT;
        stored->minor_amount = effect->minor_amount;
    }
    stored->pays = effect->pays;
    stored->attempts = effect->attempts;
    put_answer(effect, stored);
}

static enum ses_status put_list(const struct ses_session *session, struct ses_arena *arena,
                                session_record *record)
{
    stored_call *calls = ses_arena_alloc(arena, session->effects_count * sizeof(*calls));
    stored_call **pointers = ses_arena_alloc(arena, session->effects_count * sizeof(void *));

    if (calls == NULL || pointers == NULL)
        return SES_NO_MEMORY;
    for (unsigned i = 0; i < session->effects_count; i++) {
        put_effect(&session->effects[i], &calls[i]);
        pointers[i] = &calls[i];
    }
    record->n_gateway_calls = session->effects_count;
    record->gateway_calls = pointers;
    return SES_OK;
}

static enum ses_status put_facts(const struct ses_payment_facts *facts, struct ses_arena *arena,
                                 session_record *record)
{
    stored_facts *stored = ses_arena_alloc(arena, sizeof(*stored));

    if (stored == NULL)
        return SES_NO_MEMORY;
    sessiond__store__v1__payment_facts__init(stored);
    stored->connector_transaction_id = ses_record_bytes(facts->connector_transaction_id);
    stored->connector_feature_data = ses_record_bytes(facts->feature_data);
    stored->authentication_data = ses_record_bytes(facts->authentication_data);
    record->_payment_facts_case = SESSIOND__STORE__V1__SESSION_RECORD___PAYMENT_FACTS_PAYMENT_FACTS;
    record->payment_facts = stored;
    return SES_OK;
}

static bool has_facts(const struct ses_payment_facts *facts)
{
    return facts->connector_transaction_id.len > 0 || facts->feature_data.len > 0 ||
           facts->authentication_data.len > 0;
}

/* Both are set anew, also to none: origin may be another session's, in whose place this one comes. */
enum ses_status ses_record_put_effects(const struct ses_session *session, struct ses_arena *arena,
                                       session_record *record)
{
    record->n_gateway_calls = 0;
    record->_payment_facts_case = SESSIOND__STORE__V1__SESSION_RECORD___PAYMENT_FACTS__NOT_SET;
    if (session->effects_count > 0)
        SES_TRY(put_list(session, arena, record));
    return has_facts(&session->facts) ? put_facts(&session->facts, arena, record) : SES_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_answer(const stored_call *stored, struct ses_effect *effect)
{
    effect->ended_ms = stored->ended_ms;
    effect->grpc_status = stored->grpc_status;
    effect->grpc_message = ses_record_slice(stored->grpc_message);
    effect->grpc_details = ses_record_slice(stored->grpc_details);
    effect->answer = ses_record_slice(stored->answer);
    effect->answer_left_out = stored->answer_left_out;
    effect->event = stored->event < SES_EVENT_COUNT ? (enum ses_event)stored->event : SES_EVENT_NONE;
    effect->payment_status = stored->payment_status;
    effect->authorized = stored->authorized_amount;
    effect->captured = stored->captured_amount;
}

/* A state that is not known here is one that nobody may repeat. */
static bool take_effect(const stored_call *stored, struct ses_effect *ret_effect)
{
    struct ses_effect effect = {
        .method = ses_record_slice(stored->method),
        .merchant_id = ses_record_slice(stored->merchant_id),
        .started_ms = stored->started_ms,
        .until_ms = stored->until_ms,
        .minor_amount = stored->minor_amount,
        .amount_present =
            stored->_minor_amount_case != SESSIOND__STORE__V1__GATEWAY_CALL___MINOR_AMOUNT__NOT_SET,
        .pays = stored->pays,
        .attempts = stored->attempts,
        .state = stored->state >= SES_EFFECT_RUNS && stored->state <= SES_EFFECT_SETTLED
                     ? (enum ses_effect_state)stored->state
                     : SES_EFFECT_UNKNOWN,
    };

    if (stored->attempt_id.len != sizeof(effect.attempt))
        return false;
    memcpy(effect.attempt, stored->attempt_id.data, sizeof(effect.attempt));
    take_answer(stored, &effect);
    *ret_effect = effect;
    return true;
}

static void take_facts(const session_record *record, struct ses_payment_facts *ret_facts)
{
    const stored_facts *stored = record->payment_facts;

    if (record->_payment_facts_case == SESSIOND__STORE__V1__SESSION_RECORD___PAYMENT_FACTS__NOT_SET ||
        stored == NULL)
        return;
    ret_facts->connector_transaction_id = ses_record_slice(stored->connector_transaction_id);
    ret_facts->feature_data = ses_record_slice(stored->connector_feature_data);
    ret_facts->authentication_data = ses_record_slice(stored->authentication_data);
}

enum ses_status ses_record_take_effects(const session_record *record, struct ses_arena *arena,
                                        struct ses_session *session)
{
    size_t count = record->n_gateway_calls;

    take_facts(record, &session->facts);
    if (count == 0)
        return SES_OK;
    session->effects = ses_arena_alloc(arena, count * sizeof(*session->effects));
    if (session->effects == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!take_effect(record->gateway_calls[i], &session->effects[i]))
            return SES_DATA_LOSS;
    }
    session->effects_count = (unsigned)count;
    return SES_OK;
}
