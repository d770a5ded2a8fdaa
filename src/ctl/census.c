/* Counting while the records of a scan pass by in any order: of each key the newest one seen so far is
 * kept, and a newer one turns it into a superseded one. */
#include "census.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_AT_START 4096u

struct census_entry {
    uint8_t key[16];
    uint8_t session_id[SES_SESSION_ID_BYTES];
    uint32_t revision;
    uint16_t shard;
    uint8_t kind; /* 0: the place is free */
    bool duplicate;
};

_Static_assert(sizeof(struct census_entry) <= 48, "see census.h");

enum ses_status census_init(struct census *census, uint64_t now_ms)
{
    *census = (struct census){.room = ROOM_AT_START, .now_ms = now_ms};
    census->entries = calloc(census->room, sizeof(*census->entries));
    return census->entries == NULL ? SES_NO_MEMORY : SES_OK;
}

void census_done(struct census *census)
{
    free(census->entries);
    census->entries = NULL;
}

/* The place of a key, or the free one where it belongs; there is always one, see grow. */
static struct census_entry *find(struct census_entry *entries, size_t room, const uint8_t *key)
{
    uint64_t start;

    memcpy(&start, key, sizeof(start)); /* a hash already */
    for (size_t i = (size_t)start & (room - 1);; i = (i + 1) & (room - 1)) {
        if (entries[i].kind == 0 || memcmp(entries[i].key, key, sizeof(entries[i].key)) == 0)
            return &entries[i];
    }
}

/* At most three quarters full, so that probing stays short and ends. Entries are moved by their keys,
 * places are not kept: nobody holds one over an add. */
static enum ses_status grow(struct census *census)
{
    struct census_entry *larger;

    if (census->used < census->room / 4 * 3)
        return SES_OK;
    larger = calloc(census->room * 2, sizeof(*larger));
    if (larger == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < census->room; i++) {
        if (census->entries[i].kind != 0)
            *find(larger, census->room * 2, census->entries[i].key) = census->entries[i];
    }
    free(census->entries);
    census->entries = larger;
    census->room *= 2;
    return SES_OK;
}

/* The counts follow the entry: whoever is current in the end has been counted as current once and not
 * taken back. */
static void make_current(struct census *census, struct census_entry *entry, const struct ses_scan_row *row)
{
    memcpy(entry->key, row->record->key.bytes, sizeof(entry->key));
    memcpy(entry->session_id, row->record->session_id, sizeof(entry->session_id));
    entry->revision = row->record->revision;
    entry->shard = (uint16_t)row->shard;
    entry->kind = (uint8_t)row->record->kind;
    entry->duplicate = false;
    census->shard[row->shard].current++;
    if (row->record->kind == SES_RECORD_INTENT)
        census->shard[row->shard].intents++;
}

static void make_superseded(struct census *census, const struct census_entry *entry)
{
    struct census_counts *counts = &census->shard[entry->shard];

    counts->current--;
    counts->superseded++;
    if (entry->kind == SES_RECORD_INTENT)
        counts->intents--;
}

/* An intent that was given up and the record written after it may share a revision: the record counts. */
static bool is_newer(const struct ses_record *record, const struct census_entry *entry)
{
    if (record->revision != entry->revision)
        return record->revision > entry->revision;
    return record->kind != SES_RECORD_INTENT && entry->kind == SES_RECORD_INTENT;
}

/* The same session twice at one revision is a copy (see census.h); two sessions are what must never be. */
static bool is_duplicate(const struct ses_record *record, const struct census_entry *entry)
{
    return record->revision == entry->revision && record->kind != SES_RECORD_INTENT &&
           entry->kind != SES_RECORD_INTENT &&
           memcmp(record->session_id, entry->session_id, sizeof(entry->session_id)) != 0;
}

/* A record whose newer revision has expired before it counts as current again: the server knows better (it
 * keeps the newer one's place until both are over), but that is no fault of the store and no reason to fail a
 * check. */
static void add_live(struct census *census, const struct ses_scan_row *row, bool *ret_duplicate)
{
    struct census_entry *entry = find(census->entries, census->room, row->record->key.bytes);

    *ret_duplicate = false;
    if (entry->kind == 0) {
        census->used++;
        make_current(census, entry, row);
        return;
    }
    if (is_newer(row->record, entry)) {
        if (entry->duplicate)
            census->duplicates--; /* both are superseded now */
        make_superseded(census, entry);
        make_current(census, entry, row);
        return;
    }
    census->shard[row->shard].superseded++;
    if (is_duplicate(row->record, entry)) {
        *ret_duplicate = true;
        census->duplicates += entry->duplicate ? 0 : 1;
        entry->duplicate = true;
    }
}

enum ses_status census_add(struct census *census, const struct ses_scan_row *row, bool *ret_duplicate)
{
    *ret_duplicate = false;
    if (row->shard >= SES_STORE_SHARDS_MAX)
        return SES_OUT_OF_RANGE;
    SES_TRY(grow(census));
    if (row->shard >= census->shards)
        census->shards = row->shard + 1;
    struct census_counts *counts = &census->shard[row->shard];

    counts->sealed_bytes += row->sealed_bytes;
    if (row->opened != SES_OK) {
        counts->damaged++; /* its header is not to be trusted either */
        return SES_OK;
    }
    if (row->record->expires_ms <= census->now_ms) {
        counts->expired++;
        return SES_OK;
    }
    add_live(census, row, ret_duplicate);
    return SES_OK;
}

struct census_counts census_total(const struct census *census)
{
    struct census_counts total = {0};

    for (unsigned i = 0; i < census->shards; i++) {
        const struct census_counts *shard = &census->shard[i];

        total.current += shard->current;
        total.superseded += shard->superseded;
        total.expired += shard->expired;
        total.damaged += shard->damaged;
        total.intents += shard->intents;
        total.sealed_bytes += shard->sealed_bytes;
    }
    return total;
}
