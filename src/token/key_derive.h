/* key_derive.h - the keys that a signing key's seed stands for besides its own: each is BLAKE2b-256, keyed with the
 * seed, over a text of its own.
 *
 * Who has the seed can sign anything anyway, so a key derived of it gives nobody more; and none of them leads back
 * to the seed, or to another of them. They come and go with the signing key: no file, no backup, no rotation and no
 * revocation of their own.
 */
#ifndef SESSIOND_SRC_TOKEN_KEY_DERIVE_H
#define SESSIOND_SRC_TOKEN_KEY_DERIVE_H

#include <sessiond/base/secret.h>

#include "paseto.h"

#define SES_DERIVED_KEY_BYTES 32

enum ses_derived_use {
    SES_DERIVED_TAG,   /* "sessiond token tag 1": authenticates the tokens that the key has signed */
    SES_DERIVED_LOCAL, /* "sessiond token local 1": the v4.local tokens under the key's name */
    SES_DERIVED_COUNT
};

/* [any] All of them into guarded memory. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_keys_derive(const uint8_t secret_key[SES_PASETO_SECRET_BYTES],
                                               struct ses_secret *ret_keys);
/* [any] One of them, SES_DERIVED_KEY_BYTES, borrowed. */
const uint8_t *ses_derived_key(const struct ses_secret *keys, enum ses_derived_use use);

#endif
