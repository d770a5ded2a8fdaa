/* Facts by the place of their token's hash (lru.h): no token lies in memory. */
#include "token_cache.h"

#include <stdlib.h>

#include <sessiond/base/lru.h>

struct ses_token_cache {
    struct ses_lru *lru;
    struct ses_token_facts *facts; /* by place */
};

enum ses_status ses_token_cache_new(size_t entries_max, struct ses_token_cache **ret_cache)
{
    struct ses_token_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return SES_NO_MEMORY;
    cache->facts = malloc(entries_max * sizeof(*cache->facts));
    if (cache->facts == NULL || ses_lru_new(entries_max, &cache->lru) != SES_OK) {
        ses_token_cache_free(cache);
        return SES_NO_MEMORY;
    }
    *ret_cache = cache;
    return SES_OK;
}

void ses_token_cache_free(struct ses_token_cache *cache)
{
    if (cache == NULL)
        return;
    ses_lru_free(cache->lru);
    free(cache->facts);
    free(cache);
}

/* A hit makes it the newest: tokens in use stay, those of finished payments go. */
bool ses_token_cache_get(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         struct ses_token_facts *ret_facts)
{
    size_t place;

    if (!ses_lru_find(cache->lru, key, &place))
        return false;
    *ret_facts = cache->facts[place];
    return true;
}

void ses_token_cache_put(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         const struct ses_token_facts *facts)
{
    size_t place;

    if (!ses_lru_find(cache->lru, key, &place))
        cache->facts[ses_lru_add(cache->lru, key)] = *facts;
}
