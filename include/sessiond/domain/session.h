/* session.h - a payment session: the context that is kept between the steps of one payment, and its status.
 *
 * Glossary
 *   status      where the payment stands; terminal ones never move back. One moves on: a success that is told
 *               after a failure counts, for money has moved.
 *   version     grows with every change; what a caller compares and sets.
 *   generation  grows when older tokens must stop working; the token's `gen`.
 *   state       the connector's state that the caller hands over and gets back (types.ConnectorState).
 */
#ifndef SESSIOND_DOMAIN_SESSION_H
#define SESSIOND_DOMAIN_SESSION_H

#include <sessiond/domain/binding.h>
#include <sessiond/domain/fingerprint.h>

#define SES_SESSION_ID_SIZE 16

/* The numbers are stored: never renumber. */
enum ses_session_status {
    SES_SESSION_OPEN = 1,
    SES_SESSION_AUTHENTICATING = 2,
    SES_SESSION_REDIRECTED = 3,
    SES_SESSION_RETURNED = 4,
    SES_SESSION_PROCESSING = 5,
    SES_SESSION_COMPLETED = 6,
    SES_SESSION_FAILED = 7,
    SES_SESSION_EXPIRED = 8,
    SES_SESSION_REVOKED = 9,
    SES_SESSION_STATUS_COUNT
};

/* session_status.c */
/* [any] Over for good: completed, failed or revoked. An unknown number counts as failed. An expired session
 * is not closed but forgotten: its natural key is free again. */
bool ses_session_closed(enum ses_session_status status);
/* [any] "OPEN"; static storage. */
const char *ses_session_status_name(enum ses_session_status status);

/* types.ConnectorState. A field that is not there says nothing about the stored one. */
struct ses_session_state {
    struct ses_slice access_token; /* secret */
    struct ses_slice access_token_type;
    struct ses_slice connector_customer_id;
    int64_t expires_in_seconds; /* as the caller gave it, counted from stored_ms */
    uint64_t stored_ms;         /* when access_token was last written */
    bool access_token_present;  /* the next two belong to it and change only with it */
    bool access_token_type_present;
    bool expires_in_present;
    bool connector_customer_id_present;
};

/* Ends of an access token that are not further apart are the same instant. */
#define SES_SAME_INSTANT_MS 10000

/* [any] Would merging given into stored change anything? The end of the access token counts as an instant. */
bool ses_session_state_differs(const struct ses_session_state *stored, const struct ses_session_state *given);
/* [any] Field by field: access_token as one (with type and life), connector_customer_id as the other. */
void ses_session_state_merge(struct ses_session_state *stored, const struct ses_session_state *given);

/* Which connector a payment goes through. Its name is what tells: two may share a number (razorpay and
 * razorpay_v2), and one that a version does not know has none yet. */
struct ses_connector_identity {
    uint32_t number; /* enum types.Connector; 0: not known when it was stored, or given */
    const char *
        name; /* as in x-connector; static storage, or of one without a row the arena it was read into. NULL: a number
                       * that is not known here, without a name */
    bool unlisted; /* was read, and this version has no row of it: name lies in that arena */
    /* Stored before names were: name is the first of the number, another one of it may have been meant. */
    bool assumed;
};

/* [any] May given be the one that is stored? given is never assumed. */
bool ses_connector_identity_agrees(const struct ses_connector_identity *stored,
                                   const struct ses_connector_identity *given);

/* What the connector's own session call gave; kept here, never in our token. */
struct ses_connector_session {
    struct ses_slice token; /* secret */
    struct ses_slice id;
    struct ses_slice transaction_id;
    uint64_t expires_ms; /* 0: it told none */
};

#define SES_CREDENTIALS_TAG_BYTES 16

/* Whose credentials a session was made with: a keyed hash that nothing leads back from. */
struct ses_credentials_tag {
    uint8_t bytes[SES_CREDENTIALS_TAG_BYTES];
    bool known; /* false: the session was stored before tags were */
};

/* What moves a session (session_machine.h). The numbers are stored and public: never renumber. */
enum ses_event {
    SES_EVENT_NONE = 0,
    SES_EVENT_AUTHENTICATION_STARTED = 1,
    SES_EVENT_REDIRECT_STARTED = 2,
    SES_EVENT_BROWSER_RETURNED = 3,
    SES_EVENT_CHALLENGE_PASSED = 4,
    SES_EVENT_PROCESSING_STARTED = 5,
    SES_EVENT_COMPLETED = 6,
    SES_EVENT_FAILED = 7,
    SES_EVENT_STEP_CANCELLED = 8,
    SES_EVENT_STEP_TIMED_OUT = 9,
    SES_EVENT_REVOKED = 10,
    SES_EVENT_EXPIRED = 11,
    SES_EVENT_ATTEMPT_FAILED = 12,
    SES_EVENT_ACTION_REQUIRED = 13,
    SES_EVENT_NOT_ATTEMPTED = 14,
    SES_EVENT_COUNT
};

/* What an event says that it is about. What it does not say agrees with anything. */
struct ses_event_subject {
    bool amount_present;
    uint32_t currency; /* enum types.Currency */
    int64_t minor_amount;
    struct ses_slice payment_id; /* the connector's, of its session or of the payment; empty: not said */
};

/* The numbers are public. */
enum ses_event_outcome {
    SES_EVENT_NO_OUTCOME = 0,
    SES_EVENT_APPLIED = 1,
    SES_EVENT_LATE = 2,
    SES_EVENT_DUPLICATE = 3,
    SES_EVENT_KEPT = 4
};

#define SES_SESSION_EVENTS_MAX 16 /* of the history */
/* Applied events that have left it are known again by {8 bytes of the id's hash, event}, so many of them: twice as many
 * as a payment may have failed attempts. At most SES_FORGOTTEN_NOW_MAX leave while a session is changed once. */
#define SES_FORGOTTEN_BYTES   9u
#define SES_FORGOTTEN_MAX     1024u
#define SES_FORGOTTEN_NOW_MAX 4u
/* Late ones among them, in all and of one kind. Further ones are told, counted and not written: what changes
 * nothing must neither push the ids of applied events out nor have the whole record rewritten each time. */
#define SES_SESSION_LATE_MAX         8
#define SES_SESSION_LATE_OF_KIND_MAX 2
#define SES_EVENT_ID_BYTES_MAX       128u

struct ses_session_event {
    struct ses_slice id; /* the caller's; empty: none, or an event of the server */
    enum ses_event event;
    enum ses_event_outcome outcome; /* APPLIED or LATE */
    uint64_t at_ms;
    uint64_t version; /* of the session right after it */
};

#define SES_STEP_ID_SIZE 16

/* A step that is under way. */
struct ses_session_step {
    uint8_t id[SES_STEP_ID_SIZE]; /* random; zero for a step without a handle */
    struct ses_slice name;
    struct ses_slice return_url; /* empty: without a handle */
    bool frame;                  /* the return answers a frame of the merchant's page */
    uint64_t started_ms;
    uint64_t expires_ms;
};

#define SES_PAST_STEPS_MAX 4 /* remembered of a session; a payment takes one to three */

/* A step of BeginStep that is over: its handle may still come back. */
struct ses_past_step {
    uint8_t id[SES_STEP_ID_SIZE];
    struct ses_slice name;
    struct ses_slice return_url;
    bool frame;
    uint8_t payload_hash[SES_HASH_BYTES]; /* of the return that came first */
    bool returned;                        /* one has come */
    bool timed_out;                       /* its time was over */
    /* Of one that a payment has interrupted, which goes on if the payment wants something of the shopper; expires_ms
     * 0: none, or the payment is over. */
    uint64_t started_ms;
    uint64_t expires_ms;
};

struct ses_return_parameter {
    struct ses_slice name;
    struct ses_slice value;
};

/* What the browser brought back through a step handle. */
struct ses_redirect_result {
    uint8_t step_id[SES_STEP_ID_SIZE];
    struct ses_slice step_name;
    struct ses_slice http_method;
    struct ses_slice query; /* raw */
    const struct ses_return_parameter *parameters;
    size_t parameters_count;
    uint8_t payload_hash[SES_HASH_BYTES];
    uint64_t received_ms;
    struct ses_slice return_url; /* where the browser was sent then */
};

/* What the connector told of the payment in answers that went through here, for the calls that follow. */
struct ses_payment_facts {
    struct ses_slice connector_transaction_id;
    struct ses_slice feature_data;        /* a text */
    struct ses_slice authentication_data; /* an encoded types.AuthenticationData */
};

struct ses_effect;       /* effect.h */
struct ses_client_token; /* client_token.h */

/* One session. Slices are borrowed. */
struct ses_session {
    uint8_t id[SES_SESSION_ID_SIZE];
    enum ses_session_status status;
    uint32_t generation;
    uint64_t version;
    uint64_t created_ms;
    uint64_t updated_ms;
    uint64_t expires_ms; /* of the record; UINT64_MAX: never */
    /* Without regard to a step, to PROCESSING or to the connector's session; 0: as expires_ms. */
    uint64_t own_expires_ms;
    uint64_t token_issued_ms;     /* iat of the newest token: a repeated call signs the same claims */
    uint32_t previous_generation; /* accepted beside the current one until then; 0: none */
    uint64_t previous_until_ms;
    /* Tag of the call that made this version, where the same call again would be refused for what it did itself:
     * its token is of the generation before, or it expected the version before. 0: none, or another version. */
    uint64_t written_by;
    /* the natural key */
    struct ses_slice tenant;
    struct ses_slice merchant;
    struct ses_slice merchant_session_id;
    bool test_mode;
    /* the payment */
    struct ses_connector_identity connector;
    struct ses_credentials_tag credentials;
    uint32_t currency; /* enum types.Currency */
    int64_t minor_amount;
    struct ses_slice metadata;
    struct ses_slice feature_data;
    bool metadata_present;
    bool feature_data_present;
    struct ses_session_state state;
    struct ses_fingerprint fingerprint; /* of the newest accepted call */
    struct ses_binding binding;
    struct ses_connector_session connector_session;
    bool connector_session_present;
    /* steps and events */
    struct ses_session_step step;
    bool step_open;
    struct ses_past_step past_steps[SES_PAST_STEPS_MAX]; /* oldest first */
    unsigned past_steps_count;
    struct ses_redirect_result redirect;
    bool redirect_present;
    struct ses_session_event events[SES_SESSION_EVENTS_MAX]; /* oldest first */
    unsigned events_count;
    struct ses_slice forgotten;                                        /* as it was read, oldest first */
    uint8_t forgotten_now[SES_FORGOTTEN_NOW_MAX][SES_FORGOTTEN_BYTES]; /* since then */
    unsigned forgotten_now_count;
    uint32_t attempts;              /* that failed */
    bool late_success;              /* COMPLETED after it was FAILED */
    struct ses_slice revoke_reason; /* of the operator who revoked it; for operators only */
    /* calls to the payment server */
    struct ses_effect *effects; /* in the order in which they began */
    unsigned effects_count;
    struct ses_payment_facts facts;
    struct ses_client_token *client_tokens; /* made for it, in the order in which they were */
    unsigned client_tokens_count;
};

/* [any] The first field in which the subject contradicts the session: "amount" or "connector_payment_id",
 * static; NULL: none. An id is compared only where the session has one of its connector. */
const char *ses_event_subject_differing(const struct ses_session *session,
                                        const struct ses_event_subject *subject);
/* [any] Is that the end it has already? */
bool ses_connector_session_ends_at(const struct ses_connector_session *stored, uint64_t expires_ms);
/* [any] Field by field; a text that is empty and a time that is 0 say nothing. True: something changed. The
 * session ends with the connector's from then on. */
bool ses_connector_session_merge(struct ses_session *session, const struct ses_connector_session *given);

#endif
