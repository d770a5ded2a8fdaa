/* claims.h - the JSON inside a session token: our exact claims, written by hand, read strictly. */
#ifndef SESSIOND_SRC_TOKEN_CLAIMS_H
#define SESSIOND_SRC_TOKEN_CLAIMS_H

#include <sessiond/token/token.h>

/* [any] Writes the JSON object, no NUL. SES_TOO_LARGE above room; SES_INVALID_ARGUMENT as ses_token_mint
 * says. */
SES_MUST_CHECK enum ses_status ses_claims_encode(const struct ses_claims *claims, uint8_t *ret_json,
                                                 size_t room, size_t *ret_len);
/* [any] Reads it back, in the form in which it is written, to the byte: our keys sign no other. Every claim
 * must be there with its type and within its bounds, none twice, none else: a claim that we do not know could
 * change the meaning of those we do. (A release that adds one is preceded by a release that accepts it.)
 * Slices point into the arena. Times are not compared with a clock. SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_claims_decode(struct ses_slice json, struct ses_arena *arena,
                                                 struct ses_claims *ret_claims);

#endif
