/* Entries by the place of their headers' hash (lru.h), one block each, so that one wipe gets all of an entry.
 * What is handed out is a copy: an entry may be dropped while a call still works with it.
 */
#include "credential_cache.h"

#include <stdlib.h>

#include <sessiond/base/random.h>
#include <sessiond/base/secret.h>

struct ses_credential_entry {
    struct ses_credentials credentials; /* slices into block */
    size_t block_bytes;
    _Alignas(struct ses_connector) uint8_t block[];
};

/* A row that is not the table's lives where the rest does. */
static size_t row_bytes(const struct ses_connector *connector)
{
    return connector->number != 0 ? 0 : sizeof(*connector) + strlen(connector->name) + 1;
}

size_t ses_credentials_bytes(const struct ses_credentials *credentials)
{
    size_t bytes =
        credentials->base_url.len + credentials->access_url.len + row_bytes(credentials->connector);

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

/* First in the block, which is aligned for it. */
static uint8_t *pack_row(struct ses_credentials *credentials, uint8_t *block)
{
    size_t bytes = row_bytes(credentials->connector);
    struct ses_connector *row = (struct ses_connector *)(void *)block;
    char *name = (char *)(row + 1);

    if (bytes == 0)
        return block;
    *row = *credentials->connector;
    memcpy(name, row->name, bytes - sizeof(*row));
    row->name = name;
    credentials->connector = row;
    return block + bytes;
}

void ses_credentials_pack(struct ses_credentials *credentials, uint8_t *block)
{
    block = pack_row(credentials, block);
    for (size_t i = 0; i < credentials->fields_count; i++)
        block = pack_slice(&credentials->fields[i].value, block);
    block = pack_slice(&credentials->base_url, block);
    (void)pack_slice(&credentials->access_url, block);
}

enum ses_status ses_credential_cache_new(size_t entries_max, struct ses_credential_cache **ret_cache)
{
    struct ses_credential_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return SES_NO_MEMORY;
    cache->entries = calloc(entries_max, sizeof(struct ses_credential_entry *));
    if (cache->entries == NULL || ses_lru_new(entries_max, &cache->lru) != SES_OK) {
        ses_credential_cache_free(cache);
        return SES_NO_MEMORY;
    }
    ses_random_bytes(cache->hash_key, sizeof(cache->hash_key));
    *ret_cache = cache;
    return SES_OK;
}

#define VALUES 9u

/* Of the nine values a call has one or two: only those are hashed, and which they are. The key stands before them, as a
 * part (BLAKE2's finalisation makes that as good as its keyed form, which spends a block of 128 bytes on the key). */
void ses_credential_cache_key(const struct ses_credential_cache *cache,
                              const struct ses_connector_headers *headers, uint8_t ret_key[SES_HASH_BYTES])
{
    const struct ses_slice values[VALUES] = {
        headers->connector, headers->connector_config, headers->connector_auth,
        headers->auth,      headers->api_key,          headers->key1,
        headers->key2,      headers->api_secret,       headers->auth_key_map,
    };
    uint8_t which[VALUES + 4] = {
        [VALUES] = headers->api_key_present,
        headers->key1_present,
        headers->key2_present,
        headers->api_secret_present,
    };
    struct ses_slice parts[VALUES + 2];
    size_t count = 0;

    parts[count++] = ses_slice(cache->hash_key, sizeof(cache->hash_key));
    parts[count++] = ses_slice(which, sizeof(which));
    for (size_t i = 0; i < VALUES; i++) {
        which[i] = values[i].len > 0;
        if (values[i].len > 0)
            parts[count++] = values[i];
    }
    ses_hash_parts(SES_SLICE_EMPTY, parts, count, ret_key);
}

enum ses_status ses_credential_cache_get(struct ses_credential_cache *cache,
                                         const uint8_t key[SES_HASH_BYTES], struct ses_arena *arena,
                                         struct ses_credentials *ret_credentials)
{
    const struct ses_credential_entry *entry;
    uint8_t *block;
    size_t place;

    if (!ses_lru_find(cache->lru, key, &place))
        return SES_NOT_FOUND;
    entry = cache->entries[place];
    block = ses_arena_alloc(arena, entry->block_bytes + 1); /* an entry may hold no bytes at all */
    if (block == NULL)
        return SES_NO_MEMORY;
    *ret_credentials = entry->credentials;
    ses_credentials_pack(ret_credentials, block);
    return SES_OK;
}

static void entry_free(struct ses_credential_entry *entry)
{
    if (entry == NULL)
        return;
    ses_wipe(entry, sizeof(*entry) + entry->block_bytes);
    free(entry);
}

/* Memory first: an entry is not dropped for one that cannot be kept. */
void ses_credential_cache_put(struct ses_credential_cache *cache, const uint8_t key[SES_HASH_BYTES],
                              const struct ses_credentials *credentials)
{
    size_t block_bytes = ses_credentials_bytes(credentials);
    struct ses_credential_entry *entry = malloc(sizeof(*entry) + block_bytes);
    struct ses_credential_entry **place;

    if (entry == NULL)
        return;
    entry->credentials = *credentials;
    entry->block_bytes = block_bytes;
    ses_credentials_pack(&entry->credentials, entry->block);
    place = &cache->entries[ses_lru_add(cache->lru, key)];
    entry_free(*place);
    *place = entry;
}

void ses_credential_cache_free(struct ses_credential_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; cache->lru != NULL && i < ses_lru_count(cache->lru); i++)
        entry_free(cache->entries[i]);
    ses_lru_free(cache->lru);
    free(cache->entries);
    ses_wipe(cache, sizeof(*cache));
    free(cache);
}
