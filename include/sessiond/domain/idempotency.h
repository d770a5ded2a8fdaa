/* idempotency.h - the natural idempotency of CreateSessionToken: what a call means, given what is stored
 * under its natural key (tenant, merchant, test_mode, merchant_session_id). Pure; the claim that keeps others
 * out is the store's.
 *
 *   stored            request                                         decision
 *   none, or expired  any                                             CREATE    new session id
 *   live, closed      any                                             CLOSED
 *   live              other connector or other credentials             CONFLICT  nothing else is told
 *   live              state that would change the stored one:
 *                       amount, currency, binding agree                 CONTINUE  state merged, version and
 *                                                                                 generation + 1
 *                       else                                            CONFLICT
 *   live              no such state:
 *                       every part of the payload agrees                REPLAY    the same session
 *                       else                                            CONFLICT
 *
 * A continuation may bring other metadata, feature data, headers and unbound browser fields: pages differ.
 * Its binding agrees when no hard facet that both sides know differs; a session that was not bound yet
 * becomes bound by it. From then on what it says is what a repeated call must equal, with or without what one
 * of them left out.
 *
 * Values are compared by what they mean. Texts that differ by letter are the same if they are the same JSON
 * (metadata: an object or an array); a user agent is its family, an os_type has no case; soft browser fields
 * do not count (fingerprint.h).
 *
 * Who may have a session again is who has its credentials: amount and merchant_session_id are no secrets. A
 * session that an earlier version stored has no hash of them yet; the first call that agrees in the rest
 * leaves its own there (stored->credentials.known tells).
 */
#ifndef SESSIOND_DOMAIN_IDEMPOTENCY_H
#define SESSIOND_DOMAIN_IDEMPOTENCY_H

#include <sessiond/domain/request.h>

enum ses_decision {
    SES_DECISION_CREATE,
    SES_DECISION_REPLAY,
    SES_DECISION_CONTINUE,
    SES_DECISION_CONFLICT,
    SES_DECISION_CLOSED,
    SES_DECISION_COUNT
};

/* A checked request, reduced to what is compared and stored. Slices are the request's. */
struct ses_payload {
    struct ses_connector_identity connector;
    struct ses_credentials_tag credentials; /* the caller's to fill */
    uint32_t currency;
    int64_t minor_amount;
    struct ses_slice metadata;
    struct ses_slice feature_data;
    bool metadata_present;
    bool feature_data_present;
    struct ses_session_state state;
    struct ses_fingerprint fingerprint;
    struct ses_binding binding;
    /* The caller's to set: a hard facet that the session is bound to must be there (binding.missing). */
    bool missing_refused;
    /* For comparisons by meaning, where texts differ by letter. arena is the caller's to set; NULL: none. */
    const struct ses_tag_key *key;
    struct ses_arena *arena;
};

/* [any] Do two texts of that field say the same? metadata and connector_feature_data as JSON; others by
 * letter. */
bool ses_field_text_same(enum ses_field field, struct ses_slice a, struct ses_slice b,
                         const struct ses_tag_key *key, struct ses_arena *arena);
/* [any] The same for one text: a tag that another one has that says the same. */
uint64_t ses_field_text_tag(enum ses_field field, struct ses_slice text, const struct ses_tag_key *key,
                            struct ses_arena *arena);
/* [any] CPU: about 0.5 us for an ordinary request. */
void ses_payload_take(const struct ses_session_request *request,
                      const struct ses_connector_identity *connector, const struct ses_tag_key *key,
                      uint64_t now_ms, struct ses_payload *ret_payload);

/* [any] stored NULL: nothing is. ret_differing: bits of the fields for CONFLICT, else 0. */
enum ses_decision ses_idempotency_decide(const struct ses_session *stored, const struct ses_payload *given,
                                         uint64_t now_ms, uint64_t *ret_differing);
/* [any] Bits of the fields in which a call differs from the one that left an intent: a connector may have
 * acted for it, and nobody knows. 0: it is the same call again, which settles the outcome under the same
 * idempotency key. state does not count: it is no part of what the connector was asked. */
uint64_t ses_idempotency_unsettled(const struct ses_session *intent, const struct ses_payload *given);
/* [any] The payload's parts of a fresh session; the caller fills id, natural key and times. */
void ses_session_begin(struct ses_session *session, const struct ses_payload *given);
/* [any] CONTINUE: merges, counts version and generation. Lives ttl_ms from now, no longer than the
 * connector's session. */
void ses_session_continue(struct ses_session *session, const struct ses_payload *given, uint64_t now_ms,
                          uint64_t ttl_ms);
/* [any] The earlier of now + ttl_ms and the connector's own expiry (0: none). */
uint64_t ses_session_expiry(uint64_t now_ms, uint64_t ttl_ms, uint64_t connector_expires_ms);

#define SES_IDEMPOTENCY_KEY_SIZE 65
/* [any] For connectors that honour one: the same for the same natural key and payload, after a crash too. Hex
 * of a keyed BLAKE2b-256 into ret_text[SES_IDEMPOTENCY_KEY_SIZE]. */
void ses_idempotency_key(struct ses_slice secret, struct ses_slice natural_key,
                         const struct ses_payload *payload, char *ret_text);

#endif
