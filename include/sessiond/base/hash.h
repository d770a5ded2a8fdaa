/* hash.h - BLAKE2b (RFC 7693) by libsodium, for keys, fingerprints and log pseudonyms, and a short one for tables. */
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

#define SES_HASH_SHORT_KEY_BYTES 16

/* [any] SipHash-2-4 (Aumasson, Bernstein), 20 ns for a name: for tables in memory into which strangers put
 * names. Nobody without the key can make two that fall together; for nothing that is stored. */
uint64_t ses_hash_short(const uint8_t key[SES_HASH_SHORT_KEY_BYTES], struct ses_slice bytes);

#endif
