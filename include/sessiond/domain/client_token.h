/* client_token.h - what a session knows of the client tokens that were made for it: where each lies in the store, and nothing of what
 * the browser pays with. Pure: the clock is an argument.
 */
#ifndef SESSIOND_DOMAIN_CLIENT_TOKEN_H
#define SESSIOND_DOMAIN_CLIENT_TOKEN_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

#define SES_CLIENT_TOKENS_MAX      16u /* of a session; one that has not ended is never dropped */
#define SES_CLIENT_TOKEN_KEY_BYTES 32u

/* The numbers are stored and public: never renumber. They are those of types.ClientAuthenticationTokenData's fields. */
enum ses_client_token_kind {
    SES_CLIENT_TOKEN_GOOGLE_PAY = 1,
    SES_CLIENT_TOKEN_PAYPAL = 2,
    SES_CLIENT_TOKEN_APPLE_PAY = 3,
    SES_CLIENT_TOKEN_CONNECTOR = 4
};

/* Slices are borrowed. */
struct ses_client_token {
    uint8_t key[SES_CLIENT_TOKEN_KEY_BYTES]; /* the store's, of the token's record */
    struct ses_slice connector;              /* its name */
    uint32_t kind;                           /* one that is not known here stays as it is */
    uint64_t made_ms;
    uint64_t ends_ms; /* from then on nothing is kept of it */
};

/* [any] The one of that key; NULL: none. */
struct ses_client_token *ses_client_token_find(const struct ses_session *session,
                                               const uint8_t key[SES_CLIENT_TOKEN_KEY_BYTES]);
/* [any] Is there a place for that key: its own, a free one, or one whose token has ended? */
bool ses_client_token_room(const struct ses_session *session, const uint8_t key[SES_CLIENT_TOKEN_KEY_BYTES],
                           uint64_t now_ms);
/* [any] Does the session name exactly this? */
bool ses_client_token_named(const struct ses_session *session, const struct ses_client_token *token);
/* [any] From then on it does; the list lies in arena. SES_RESOURCE_EXHAUSTED: no room; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_token_name(struct ses_session *session,
                                                     const struct ses_client_token *token, uint64_t now_ms,
                                                     struct ses_arena *arena);

#endif
