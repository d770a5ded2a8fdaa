/* A session's parts by themselves: what is the same, and what merging changes. How it moves:
 * session_machine.c. */
#include <sessiond/domain/session.h>

#include <sessiond/domain/session_machine.h>

#define CONNECTOR_END_JITTER_MS 1000

bool ses_connector_identity_agrees(const struct ses_connector_identity *stored,
                                   const struct ses_connector_identity *given)
{
    bool numbered = stored->number != 0 && given->number != 0;

    if (numbered && stored->number != given->number)
        return false;
    if (stored->assumed)
        return numbered;
    return stored->name != NULL && given->name != NULL && strcmp(stored->name, given->name) == 0;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static uint64_t access_token_end(const struct ses_session_state *state)
{
    uint64_t seconds = state->expires_in_seconds > 0 ? (uint64_t)state->expires_in_seconds : 0;

    return seconds > (UINT64_MAX - state->stored_ms) / 1000 ? UINT64_MAX : state->stored_ms + seconds * 1000;
}

/* By the instant that is meant: a caller works the seconds out anew for each try, and what GetSession told is
 * handed back a moment later. The same number is a call repeated word for word. */
static bool same_end(const struct ses_session_state *stored, const struct ses_session_state *given)
{
    uint64_t stored_end = access_token_end(stored);
    uint64_t given_end = access_token_end(given);

    if (!stored->expires_in_present || !given->expires_in_present)
        return stored->expires_in_present == given->expires_in_present;
    return stored->expires_in_seconds == given->expires_in_seconds ||
           apart(stored_end, given_end) <= SES_SAME_INSTANT_MS ||
           (stored_end <= given->stored_ms && given_end <= given->stored_ms); /* both are over */
}

/* a is the stored one. The type is "Bearer" or "bearer": RFC 6749 section 5.1. */
static bool same_access_token(const struct ses_session_state *a, const struct ses_session_state *b)
{
    return a->access_token_present && ses_slice_eq(a->access_token, b->access_token) &&
           a->access_token_type_present == b->access_token_type_present &&
           ses_slice_ieq(a->access_token_type, b->access_token_type) && same_end(a, b);
}

static bool same_customer(const struct ses_session_state *a, const struct ses_session_state *b)
{
    return a->connector_customer_id_present &&
           ses_slice_eq(a->connector_customer_id, b->connector_customer_id);
}

bool ses_session_state_differs(const struct ses_session_state *stored, const struct ses_session_state *given)
{
    return (given->access_token_present && !same_access_token(stored, given)) ||
           (given->connector_customer_id_present && !same_customer(stored, given));
}

void ses_session_state_merge(struct ses_session_state *stored, const struct ses_session_state *given)
{
    /* An equal token is left alone with the time it was stored at: its remaining life is counted from
     * there. */
    if (given->access_token_present && !same_access_token(stored, given)) {
        stored->access_token_present = true;
        stored->access_token = given->access_token;
        stored->access_token_type = given->access_token_type;
        stored->access_token_type_present = given->access_token_type_present;
        stored->expires_in_seconds = given->expires_in_seconds;
        stored->expires_in_present = given->expires_in_present;
        stored->stored_ms = given->stored_ms;
    }
    if (given->connector_customer_id_present) {
        stored->connector_customer_id_present = true;
        stored->connector_customer_id = given->connector_customer_id;
    }
}

static bool merge_text(struct ses_slice *stored, struct ses_slice given)
{
    if (given.len == 0 || ses_slice_eq(*stored, given))
        return false;
    *stored = given;
    return true;
}

/* Told in the world's time and given back in it: a clock that was set in between shifts it by some ms. */
bool ses_connector_session_ends_at(const struct ses_connector_session *stored, uint64_t expires_ms)
{
    return stored->expires_ms != 0 && apart(stored->expires_ms, expires_ms) <= CONNECTOR_END_JITTER_MS;
}

bool ses_connector_session_merge(struct ses_session *session, const struct ses_connector_session *given)
{
    struct ses_connector_session *stored = &session->connector_session;
    bool changed;

    if (!session->connector_session_present)
        *stored = (struct ses_connector_session){.expires_ms = 0};
    changed = merge_text(&stored->token, given->token);
    changed = merge_text(&stored->id, given->id) || changed;
    changed = merge_text(&stored->transaction_id, given->transaction_id) || changed;
    if (given->expires_ms != 0 && !ses_connector_session_ends_at(stored, given->expires_ms)) {
        stored->expires_ms = given->expires_ms;
        changed = true;
    }
    session->connector_session_present = session->connector_session_present || changed;
    ses_session_refit(session);
    return changed;
}

/* A connector that told no id of its own can be contradicted by none. */
static bool is_payment_of(const struct ses_connector_session *connector, struct ses_slice id)
{
    return (connector->id.len == 0 && connector->transaction_id.len == 0) ||
           ses_slice_eq(connector->id, id) || ses_slice_eq(connector->transaction_id, id);
}

const char *ses_event_subject_differing(const struct ses_session *session,
                                        const struct ses_event_subject *subject)
{
    if (subject->amount_present &&
        (subject->minor_amount != session->minor_amount || subject->currency != session->currency))
        return "amount";
    if (subject->payment_id.len > 0 && session->connector_session_present &&
        !is_payment_of(&session->connector_session, subject->payment_id))
        return "connector_payment_id";
    return NULL;
}
