/* hash.h - BLAKE2b (RFC 7693) by libsodium, for keys, fingerprints and log pseudonyms. */
#ifndef SESSIOND_BASE_HASH_H
#define SESSIOND_BASE_HASH_H

#include <sessiond/base/slice.h>

#define SES_HASH_BYTES 32

/* [any] BLAKE2b-256 of bytes; keyed when key is not empty (16..64 bytes). */
void ses_hash(struct ses_slice key, struct ses_slice bytes, uint8_t ret_hash[SES_HASH_BYTES]);

/* [any] Several parts, each preceded by its length as 64-bit little endian, so that no two lists of
 * parts collide. */
void ses_hash_parts(struct ses_slice key, const struct ses_slice *parts, size_t count,
                    uint8_t ret_hash[SES_HASH_BYTES]);

#endif
