/* What the simulator remembers: chains in a fixed array of buckets, and one list by age, from which the
 * oldest leave when the table is full. */
#include "sim.h"

#include <stdlib.h>

#define BUCKETS (1u << 19)

static uint64_t hash_of(enum sim_kind kind, struct ses_slice key)
{
    uint64_t hash = 14695981039346656037u ^ (uint64_t)kind; /* FNV-1a */

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 1099511628211u;
    return hash;
}

static struct sim_entry **bucket_of(const struct sim_table *table, uint64_t hash)
{
    return &table->buckets[(hash ^ (hash >> 32)) & (BUCKETS - 1)];
}

enum ses_status sim_table_init(struct sim_table *table)
{
    *table = (struct sim_table){.buckets = calloc(BUCKETS, sizeof(struct sim_entry *))};
    return table->buckets == NULL ? SES_NO_MEMORY : SES_OK;
}

struct sim_entry *sim_table_find(const struct sim_table *table, enum sim_kind kind, struct ses_slice key)
{
    uint64_t hash = hash_of(kind, key);
    struct sim_entry *entry = *bucket_of(table, hash);

    while (entry != NULL && (entry->hash != hash || entry->kind != kind ||
                             !ses_slice_eq(ses_slice(entry->key, entry->key_bytes), key)))
        entry = entry->next;
    return entry;
}

static void forget_oldest(struct sim_table *table)
{
    struct sim_entry *entry = table->oldest;
    struct sim_entry **at = bucket_of(table, entry->hash);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    table->oldest = entry->older_to_newer;
    if (table->oldest == NULL)
        table->newest = NULL;
    table->count--;
    free(entry);
}

/* One allocation for entry and key. The oldest leaves first, so the bound is never passed. */
struct sim_entry *sim_table_add(struct sim_table *table, enum sim_kind kind, struct ses_slice key)
{
    struct sim_entry *entry = calloc(1, sizeof(*entry) + key.len);
    struct sim_entry **bucket;

    if (entry == NULL)
        return NULL;
    if (table->count == SIM_TABLE_ENTRIES_MAX) {
        forget_oldest(table);
        table->forgotten++;
    }
    entry->hash = hash_of(kind, key);
    entry->kind = kind;
    entry->key_bytes = key.len;
    if (key.len > 0)
        memcpy(entry->key, key.data, key.len);
    bucket = bucket_of(table, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    if (table->newest == NULL)
        table->oldest = entry;
    else
        table->newest->older_to_newer = entry;
    table->newest = entry;
    table->count++;
    return entry;
}

void sim_table_clear(struct sim_table *table)
{
    while (table->count > 0)
        forget_oldest(table);
    table->forgotten = 0;
}

void sim_table_done(struct sim_table *table)
{
    sim_table_clear(table);
    free(table->buckets);
    table->buckets = NULL;
}
