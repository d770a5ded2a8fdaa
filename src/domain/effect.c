/* What is derived and not written: a process that dies leaves an effect that runs, and nobody has to be alive to call it
 * unknown; an event that ends a payment settles its effect without knowing of it. */
#include <sessiond/domain/effect.h>

#include <sessiond/domain/session_machine.h>

struct ses_effect *ses_effect_find(const struct ses_session *session, struct ses_slice method,
                                   struct ses_slice merchant_id)
{
    for (unsigned i = 0; i < session->effects_count; i++) {
        struct ses_effect *effect = &session->effects[i];

        if (ses_slice_eq(effect->method, method) && ses_slice_eq(effect->merchant_id, merchant_id))
            return effect;
    }
    return NULL;
}

struct ses_effect *ses_effect_of_attempt(const struct ses_session *session,
                                         const uint8_t attempt[SES_EFFECT_ATTEMPT_SIZE])
{
    for (unsigned i = 0; i < session->effects_count; i++) {
        if (memcmp(session->effects[i].attempt, attempt, SES_EFFECT_ATTEMPT_SIZE) == 0)
            return &session->effects[i];
    }
    return NULL;
}

/* A session is PROCESSING from the commit of a payment's effect on, and only its end leads away from there: a session
 * that is closed, or has one failed attempt more than when it began, knows what became of it. */
static bool is_learnt(const struct ses_session *session, const struct ses_effect *effect)
{
    return effect->pays && (ses_session_closed(session->status) || session->attempts > effect->attempts);
}

/* A state of a newer version is one that nobody here can judge. */
enum ses_effect_state ses_effect_stands(const struct ses_session *session, const struct ses_effect *effect,
                                        uint64_t now_ms)
{
    if (effect->state == SES_EFFECT_ANSWERED || effect->state == SES_EFFECT_SETTLED)
        return effect->state;
    if (effect->state == SES_EFFECT_RUNS && now_ms < effect->until_ms)
        return SES_EFFECT_RUNS;
    return is_learnt(session, effect) ? SES_EFFECT_SETTLED : SES_EFFECT_UNKNOWN;
}

const char *ses_effect_state_name(enum ses_effect_state state)
{
    static const char *const names[] = {
        [SES_EFFECT_RUNS] = "RUNS",
        [SES_EFFECT_ANSWERED] = "ANSWERED",
        [SES_EFFECT_UNKNOWN] = "UNKNOWN",
        [SES_EFFECT_SETTLED] = "SETTLED",
    };

    return state >= SES_EFFECT_RUNS && state <= SES_EFFECT_SETTLED ? names[state] : "UNKNOWN";
}

/* One that was answered "not yet" counts while the session still waits for it. */
static bool is_unfinished(const struct ses_session *session, const struct ses_effect *effect, uint64_t now_ms)
{
    enum ses_effect_state stands = ses_effect_stands(session, effect, now_ms);

    if (!effect->pays)
        return false;
    if (stands == SES_EFFECT_RUNS || stands == SES_EFFECT_UNKNOWN)
        return true;
    return stands == SES_EFFECT_ANSWERED && effect->event == SES_EVENT_NONE &&
           session->status == SES_SESSION_PROCESSING && !is_learnt(session, effect);
}

const struct ses_effect *ses_effect_unfinished(const struct ses_session *session, uint64_t now_ms)
{
    for (unsigned i = 0; i < session->effects_count; i++) {
        if (is_unfinished(session, &session->effects[i], now_ms))
            return &session->effects[i];
    }
    return NULL;
}

/* The answer's room is asked for before the call: afterwards it would be too late to refuse. */
bool ses_effect_room(const struct ses_session *session, size_t record_bytes, size_t bytes_max)
{
    size_t kept = 0;
    size_t wanted = SES_EFFECT_ANSWER_MAX + 2 * SES_EFFECT_ERROR_BYTES_MAX;

    for (unsigned i = 0; i < session->effects_count; i++) {
        enum ses_effect_state state = session->effects[i].state;

        kept += session->effects[i].answer.len;
        if (state == SES_EFFECT_RUNS)
            kept += SES_EFFECT_ANSWER_MAX;
    }
    return session->effects_count < SES_EFFECTS_MAX &&
           kept + SES_EFFECT_ANSWER_MAX <= SES_EFFECT_ANSWERS_MAX && record_bytes + wanted <= bytes_max;
}

void ses_effect_settle_learnt(struct ses_session *session, uint64_t now_ms)
{
    for (unsigned i = 0; i < session->effects_count; i++)
        session->effects[i].state = ses_effect_stands(session, &session->effects[i], now_ms);
}
