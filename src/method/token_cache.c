/* A hash table with chains and a list by age, both as indexes into one array: fixed memory, no
 * allocation after the start, and half the size of pointers. */
#include "token_cache.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* The key is the token's whole hash: two tokens never share an entry, and no token lies in memory. */
struct entry {
    uint8_t key[SES_HASH_BYTES];
    struct ses_token_facts facts;
    uint32_t chain; /* next of its bucket */
    uint32_t newer;
    uint32_t older;
};

struct ses_token_cache {
    struct entry *entries;
    uint32_t *buckets;
    uint32_t mask;
    uint32_t room;
    uint32_t used;
    uint32_t newest;
    uint32_t oldest;
};

enum ses_status ses_token_cache_new(size_t entries_max, struct ses_token_cache **ret_cache)
{
    struct ses_token_cache *cache = calloc(1, sizeof(*cache));
    uint32_t buckets = 1;

    SES_REQUIRE(entries_max > 0 && entries_max < NONE / 4);
    /* As many buckets as entries, rounded up to a power of two: chains of one or two. */
    while (buckets < entries_max)
        buckets *= 2;
    if (cache == NULL)
        return SES_NO_MEMORY;
    cache->entries = malloc(entries_max * sizeof(*cache->entries));
    cache->buckets = malloc(buckets * sizeof(*cache->buckets));
    if (cache->entries == NULL || cache->buckets == NULL) {
        ses_token_cache_free(cache);
        return SES_NO_MEMORY;
    }
    for (uint32_t i = 0; i < buckets; i++)
        cache->buckets[i] = NONE;
    cache->mask = buckets - 1;
    cache->room = (uint32_t)entries_max;
    cache->newest = NONE;
    cache->oldest = NONE;
    *ret_cache = cache;
    return SES_OK;
}

void ses_token_cache_free(struct ses_token_cache *cache)
{
    if (cache == NULL)
        return;
    free(cache->entries);
    free(cache->buckets);
    free(cache);
}

/* The key is a hash: nobody can aim at a bucket without making tokens of ours. */
static uint32_t *bucket_of(const struct ses_token_cache *cache, const uint8_t *key)
{
    uint32_t word;

    memcpy(&word, key, sizeof(word));
    return &cache->buckets[word & cache->mask];
}

/* The whole hash is compared: 4 bytes chose the bucket. */
static uint32_t find(const struct ses_token_cache *cache, const uint8_t *key)
{
    uint32_t at = *bucket_of(cache, key);

    while (at != NONE && memcmp(cache->entries[at].key, key, SES_HASH_BYTES) != 0)
        at = cache->entries[at].chain;
    return at;
}

/* The two ends are in the cache's struct, so both neighbours may be missing. */
static void leave_order(struct ses_token_cache *cache, uint32_t at)
{
    struct entry *entry = &cache->entries[at];

    if (entry->newer != NONE)
        cache->entries[entry->newer].older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NONE)
        cache->entries[entry->older].newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void make_newest(struct ses_token_cache *cache, uint32_t at)
{
    struct entry *entry = &cache->entries[at];

    entry->newer = NONE;
    entry->older = cache->newest;
    if (cache->newest != NONE)
        cache->entries[cache->newest].newer = at;
    else
        cache->oldest = at;
    cache->newest = at;
}

static void leave_bucket(struct ses_token_cache *cache, uint32_t at)
{
    uint32_t *link = bucket_of(cache, cache->entries[at].key);

    while (*link != at)
        link = &cache->entries[*link].chain;
    *link = cache->entries[at].chain;
}

/* A hit makes it the newest: tokens in use stay, those of finished payments go. */
bool ses_token_cache_get(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         struct ses_token_facts *ret_facts)
{
    uint32_t at = find(cache, key);

    if (at == NONE)
        return false;
    if (at != cache->newest) {
        leave_order(cache, at);
        make_newest(cache, at);
    }
    *ret_facts = cache->entries[at].facts;
    return true;
}

/* The oldest entry leaves bucket and order before its place is filled again; the key in it is what
 * finds its bucket. */
void ses_token_cache_put(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         const struct ses_token_facts *facts)
{
    uint32_t *bucket = bucket_of(cache, key);
    uint32_t at = find(cache, key);

    if (at != NONE)
        return;
    if (cache->used < cache->room) {
        at = cache->used++;
    } else {
        at = cache->oldest;
        leave_order(cache, at);
        leave_bucket(cache, at);
    }
    memcpy(cache->entries[at].key, key, SES_HASH_BYTES);
    cache->entries[at].facts = *facts;
    cache->entries[at].chain = *bucket;
    *bucket = at;
    make_newest(cache, at);
}
