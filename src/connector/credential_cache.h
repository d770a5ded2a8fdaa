/* credential_cache.h - what ses_credentials_resolve keeps of headers it has read before. */
#ifndef SESSIOND_SRC_CONNECTOR_CREDENTIAL_CACHE_H
#define SESSIOND_SRC_CONNECTOR_CREDENTIAL_CACHE_H

#include <sessiond/base/hash.h>
#include <sessiond/base/lru.h>
#include <sessiond/connector/connector.h>

struct ses_credential_entry;

struct ses_credential_cache {
    uint8_t hash_key[SES_HASH_BYTES];
    struct ses_lru *lru;
    struct ses_credential_entry **entries; /* by place; NULL from ses_lru_count() on */
};

/* BLAKE2b over a key and all values: 256 bits under a key of this process stand for the headers themselves, which
 * are not kept. */
void ses_credential_cache_key(const struct ses_credential_cache *cache,
                              const struct ses_connector_headers *headers, uint8_t ret_key[SES_HASH_BYTES]);
/* A copy in the arena. SES_NOT_FOUND, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_credential_cache_get(struct ses_credential_cache *cache,
                                                        const uint8_t key[SES_HASH_BYTES],
                                                        struct ses_arena *arena,
                                                        struct ses_credentials *ret_credentials);
/* Best effort: without memory nothing is kept. */
void ses_credential_cache_put(struct ses_credential_cache *cache, const uint8_t key[SES_HASH_BYTES],
                              const struct ses_credentials *credentials);

/* Bytes of all values (and of an unlisted connector's row), and their copy one behind the other into block with the slices of credentials pointed
 * at it. */
size_t ses_credentials_bytes(const struct ses_credentials *credentials);
void ses_credentials_pack(struct ses_credentials *credentials, uint8_t *block);

#endif
