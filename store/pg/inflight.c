#include "inflight.h"

#include <stdlib.h>

enum ses_status ses_pg_inflight_init(struct pg_inflight *inflight, size_t rows)
{
    size_t count = 64;

    while (count < rows)
        count *= 2;
    inflight->buckets = calloc(count, sizeof(struct pg_row *));
    inflight->buckets_count = count;
    return inflight->buckets == NULL ? SES_NO_MEMORY : SES_OK;
}

void ses_pg_inflight_done(struct pg_inflight *inflight)
{
    free(inflight->buckets);
    inflight->buckets = NULL;
}

/* A key is a keyed hash: nobody can choose where it falls. */
static struct pg_row **bucket_of(const struct pg_inflight *inflight, const struct ses_store_key *key)
{
    uint64_t word;

    memcpy(&word, key->bytes, sizeof(word));
    return &inflight->buckets[word & (inflight->buckets_count - 1)];
}

bool ses_pg_inflight_add(struct pg_inflight *inflight, struct pg_row *row)
{
    struct pg_row **bucket = bucket_of(inflight, &row->key);

    for (const struct pg_row *other = *bucket; other != NULL; other = other->same_bucket) {
        if (memcmp(&other->key, &row->key, sizeof(row->key)) == 0)
            return false;
    }
    row->same_bucket = *bucket;
    *bucket = row;
    row->in_flight = true;
    return true;
}

void ses_pg_inflight_remove(struct pg_inflight *inflight, struct pg_row *row)
{
    struct pg_row **at = bucket_of(inflight, &row->key);

    if (!row->in_flight)
        return;
    while (*at != row)
        at = &(*at)->same_bucket;
    *at = row->same_bucket;
    row->in_flight = false;
}
