/* A hash table with chains, and a list by age of use. Entries are one block each, so that one wipe gets all
 * of an entry. What is handed out is a copy: an entry may be dropped while a call still works with it.
 */
#include "credential_cache.h"

#include <stdlib.h>

#include <sessiond/base/list.h>
#include <sessiond/base/random.h>
#include <sessiond/base/secret.h>

struct entry {
    struct ses_list age; /* oldest first */
    struct entry *next;  /* in its bucket */
    uint8_t key[SES_HASH_BYTES];
    struct ses_credentials credentials; /* slices into block */
    size_t block_bytes;
    uint8_t block[];
};

struct ses_credential_cache {
    uint8_t hash_key[SES_HASH_BYTES];
    struct ses_list age;
    size_t count;
    size_t entries_max;
    size_t mask; /* buckets - 1 */
    struct entry **buckets;
};

size_t ses_credentials_bytes(const struct ses_credentials *credentials)
{
    size_t bytes = credentials->base_url.len;

    for (size_t i = 0; i < credentials->fields_count; i++)
        bytes += credentials->fields[i].value.len;
    return bytes;
}

static uint8_t *pack_slice(struct ses_slice *slice, uint8_t *block)
{
    uint8_t *end = block + slice->len;

    if (slice->len > 0)
        memcpy(block, slice->data, slice->len);
    slice->data = block;
    return end;
}

void ses_credentials_pack(struct ses_credentials *credentials, uint8_t *block)
{
    for (size_t i = 0; i < credentials->fields_count; i++)
        block = pack_slice(&credentials->fields[i].value, block);
    (void)pack_slice(&credentials->base_url, block);
}

enum ses_status ses_credential_cache_new(size_t entries_max, struct ses_credential_cache **ret_cache)
{
    struct ses_credential_cache *cache = calloc(1, sizeof(*cache));
    size_t buckets = 1;

    SES_REQUIRE(entries_max > 0);
    while (buckets < 2 * entries_max) /* a power of two, so that a mask chooses; half empty */
        buckets *= 2;
    if (cache == NULL)
        return SES_NO_MEMORY;
    cache->buckets = calloc(buckets, sizeof(struct entry *));
    if (cache->buckets == NULL) {
        free(cache);
        return SES_NO_MEMORY;
    }
    cache->mask = buckets - 1;
    cache->entries_max = entries_max;
    ses_list_init(&cache->age);
    ses_random_bytes(cache->hash_key, sizeof(cache->hash_key));
    *ret_cache = cache;
    return SES_OK;
}

void ses_credential_cache_key(const struct ses_credential_cache *cache,
                              const struct ses_connector_headers *headers, uint8_t ret_key[SES_HASH_BYTES])
{
    const uint8_t present[] = {headers->api_key_present, headers->key1_present, headers->key2_present,
                               headers->api_secret_present};
    const struct ses_slice parts[] = {
        headers->connector,      headers->connector_config,
        headers->connector_auth, headers->auth,
        headers->api_key,        headers->key1,
        headers->key2,           headers->api_secret,
        headers->auth_key_map,   ses_slice(present, sizeof(present)),
    };

    ses_hash_parts(ses_slice(cache->hash_key, sizeof(cache->hash_key)), parts,
                   sizeof(parts) / sizeof(parts[0]), ret_key);
}

/* The first bytes of a keyed hash are as good as any: nobody outside can fill one bucket. */
static struct entry **bucket_of(const struct ses_credential_cache *cache, const uint8_t key[SES_HASH_BYTES])
{
    size_t index;

    memcpy(&index, key, sizeof(index));
    return &cache->buckets[index & cache->mask];
}

static struct entry *find(const struct ses_credential_cache *cache, const uint8_t key[SES_HASH_BYTES])
{
    struct entry *entry = *bucket_of(cache, key);

    while (entry != NULL && memcmp(entry->key, key, SES_HASH_BYTES) != 0)
        entry = entry->next;
    return entry;
}

enum ses_status ses_credential_cache_get(struct ses_credential_cache *cache,
                                         const uint8_t key[SES_HASH_BYTES], struct ses_arena *arena,
                                         struct ses_credentials *ret_credentials)
{
    struct entry *entry = find(cache, key);
    uint8_t *block;

    if (entry == NULL)
        return SES_NOT_FOUND;
    block = ses_arena_alloc(arena, entry->block_bytes + 1); /* an entry may hold no bytes at all */
    if (block == NULL)
        return SES_NO_MEMORY;
    ses_list_remove(&entry->age);
    ses_list_push_back(&cache->age, &entry->age);
    *ret_credentials = entry->credentials;
    ses_credentials_pack(ret_credentials, block);
    return SES_OK;
}

static void entry_free(struct entry *entry)
{
    ses_wipe(entry, sizeof(*entry) + entry->block_bytes);
    free(entry);
}

static void drop_oldest(struct ses_credential_cache *cache)
{
    struct ses_list *node = ses_list_pop(&cache->age);
    struct entry *entry;
    struct entry **at;

    SES_REQUIRE(node != NULL);
    entry = SES_CONTAINER(node, struct entry, age);
    at = bucket_of(cache, entry->key);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    cache->count--;
    entry_free(entry);
}

/* Memory first: an entry is not dropped for one that cannot be kept. */
void ses_credential_cache_put(struct ses_credential_cache *cache, const uint8_t key[SES_HASH_BYTES],
                              const struct ses_credentials *credentials)
{
    size_t block_bytes = ses_credentials_bytes(credentials);
    struct entry **bucket = bucket_of(cache, key);
    struct entry *entry;

    SES_REQUIRE(find(cache, key) == NULL);
    entry = malloc(sizeof(*entry) + block_bytes);
    if (entry == NULL)
        return;
    if (cache->count == cache->entries_max)
        drop_oldest(cache);
    memcpy(entry->key, key, SES_HASH_BYTES);
    entry->credentials = *credentials;
    entry->block_bytes = block_bytes;
    ses_credentials_pack(&entry->credentials, entry->block);
    entry->next = *bucket;
    *bucket = entry;
    ses_list_push_back(&cache->age, &entry->age);
    cache->count++;
}

size_t ses_credential_cache_count(const struct ses_credential_cache *cache)
{
    return cache->count;
}

void ses_credential_cache_free(struct ses_credential_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i <= cache->mask; i++) {
        struct entry *next;

        for (struct entry *entry = cache->buckets[i]; entry != NULL; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    }
    free(cache->buckets);
    ses_wipe(cache, sizeof(*cache));
    free(cache);
}
