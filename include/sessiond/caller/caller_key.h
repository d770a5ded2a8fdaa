/* caller_key.h - an API key of a caller, as text: "sesskey_" + id + "_" + secret.
 *
 *   sesskey_5f0c2a91d3e84b76_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTE
 *           16 hex digits    43 characters of base64url: 32 random bytes
 *
 * The id is no secret: it stands in the callers file, in logs and lists. The file keeps the keyed hash of the whole
 * text (BLAKE2b-256, RFC 7693, under DATA/keys/callers.key), from which nobody gets the key back. The secret has 256
 * random bits, so a slow hash would add nothing. The prefix is ours alone: a text that begins with it is a caller's key
 * in whatever header it stands, and scanners for leaked secrets find it by
 * sesskey_[0-9a-f]{16}_[A-Za-z0-9_-]{43}.
 */
#ifndef SESSIOND_CALLER_CALLER_KEY_H
#define SESSIOND_CALLER_CALLER_KEY_H

#include <sessiond/base/hash.h>
#include <sessiond/base/secret.h>

#define SES_CALLER_KEY_PREFIX    "sesskey_"
#define SES_CALLER_KEY_ID_LEN    16
#define SES_CALLER_KEY_LEN       68
#define SES_CALLER_KEY_SIZE      (SES_CALLER_KEY_LEN + 1)
#define SES_CALLER_KEYED_BY_LEN  16
#define SES_CALLER_KEYED_BY_SIZE (SES_CALLER_KEYED_BY_LEN + 1)

/* [any] Is it meant as a caller's key, whatever it is worth? */
bool ses_caller_key_is_one(struct ses_slice text);
/* [any] The id's digits as a number. SES_MALFORMED: not 16 lower-case hex digits. */
SES_MUST_CHECK enum ses_status ses_caller_key_id_parse(struct ses_slice digits, uint64_t *ret_id);
/* [any] And back, with a NUL. */
void ses_caller_key_id_text(uint64_t id, char ret_digits[SES_CALLER_KEY_ID_LEN + 1]);
/* [any] The id of a key. SES_MALFORMED: not a key's length and form. */
SES_MUST_CHECK enum ses_status ses_caller_key_parse(struct ses_slice text, uint64_t *ret_id);
/* [any] What the callers file keeps. CPU: two blocks of BLAKE2b. */
void ses_caller_key_hash(const struct ses_secret *hash_key, struct ses_slice text,
                         uint8_t ret_hash[SES_HASH_BYTES]);
/* [tool] A new key; the caller wipes it. */
void ses_caller_key_make(char ret_text[SES_CALLER_KEY_SIZE]);
/* [any] The name of a hash key, 16 hex digits: tells which callers.key a file's hashes were made with, and nothing
 * about it. */
void ses_caller_keyed_by(const struct ses_secret *hash_key, char ret_name[SES_CALLER_KEYED_BY_SIZE]);

#endif
