/* effect.h - the calls of a payment that may move money, each made once: what is remembered of them with the session.
 *
 * An effect is committed before a byte of its call leaves, and stays with the session. Pure: the clock is an argument.
 *
 *   RUNS      a call is under way, or its process died a moment ago: who comes with the same id waits
 *   ANSWERED  who comes again gets the answer that is kept
 *   UNKNOWN   nobody can tell whether it was done; no second call is ever made
 *   SETTLED   it was unknown, and what became of the payment was told otherwise: by an event, or by asking the connector
 */
#ifndef SESSIOND_DOMAIN_EFFECT_H
#define SESSIOND_DOMAIN_EFFECT_H

#include <sessiond/base/units.h>
#include <sessiond/domain/session.h>

#define SES_EFFECTS_MAX            16u /* of a session; none is ever dropped */
#define SES_EFFECT_ID_BYTES_MAX    128u
#define SES_EFFECT_ANSWERS_MAX     (64 * SES_KIB) /* bytes of all answers that are kept with a session */
#define SES_EFFECT_ANSWER_MAX      (16 * SES_KIB) /* of one; a larger one is not kept, but that it came is */
#define SES_EFFECT_ERROR_BYTES_MAX 2048u          /* of an error's text, and of its details */
#define SES_EFFECT_ATTEMPT_SIZE    16u

/* The numbers are stored: never renumber. */
enum ses_effect_state {
    SES_EFFECT_RUNS = 1,
    SES_EFFECT_ANSWERED = 2,
    SES_EFFECT_UNKNOWN = 3,
    SES_EFFECT_SETTLED = 4
};

/* Slices are borrowed. */
struct ses_effect {
    struct ses_slice method;      /* "types.PaymentService/Authorize" */
    struct ses_slice merchant_id; /* the caller's id of the call; with method it names the effect */
    uint8_t attempt[SES_EFFECT_ATTEMPT_SIZE]; /* random: whose late answer it is */
    uint64_t started_ms;
    uint64_t until_ms; /* then a call that still runs counts as unknown */
    uint64_t ended_ms; /* 0: not yet */
    int64_t minor_amount;
    bool amount_present;
    bool pays;         /* it is the payment itself, not what is done with one */
    uint32_t attempts; /* failed ones of the session when it began */
    enum ses_effect_state state;
    /* Of an answer. */
    enum ses_event event; /* what it told of the payment; NONE: nothing, or not yet */
    uint32_t payment_status;
    int64_t authorized; /* what of a payment's amount was authorized, in minor units; 0: it is not said */
    int64_t captured;   /* .. and captured at once, beside the captures that followed it; likewise */
    uint32_t grpc_status;
    struct ses_slice grpc_message;
    struct ses_slice grpc_details;
    struct ses_slice answer;
    bool answer_left_out; /* it came, and was too large to be kept */
};

/* [any] The one of that name; NULL: none. */
struct ses_effect *ses_effect_find(const struct ses_session *session, struct ses_slice method,
                                   struct ses_slice merchant_id);
/* [any] The one whose call that was; NULL: none. */
struct ses_effect *ses_effect_of_attempt(const struct ses_session *session,
                                         const uint8_t attempt[SES_EFFECT_ATTEMPT_SIZE]);
/* [any] How it stands now: as stored, but for one whose time is over, and one whose outcome the session has learnt. */
enum ses_effect_state ses_effect_stands(const struct ses_session *session, const struct ses_effect *effect,
                                        uint64_t now_ms);
/* [any] "RUNS"; static storage. */
const char *ses_effect_state_name(enum ses_effect_state state);
/* [any] A payment whose end is not known, so that no other one may begin; NULL: none. */
const struct ses_effect *ses_effect_unfinished(const struct ses_session *session, uint64_t now_ms);
/* [any] Is there room for one more, and for its answer, in a record that has so many bytes and may have bytes_max? */
bool ses_effect_room(const struct ses_session *session, size_t record_bytes, size_t bytes_max);
/* [any] Those whose outcome the session has learnt are marked, once for all. Before the next payment begins. */
void ses_effect_settle_learnt(struct ses_session *session, uint64_t now_ms);

#endif
