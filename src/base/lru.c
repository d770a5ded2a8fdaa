/* A hash table with chains and a list by age, both as indexes into one array. */
#include <sessiond/base/lru.h>

#include <stdlib.h>

#include <sessiond/base/secret.h>

#define NONE UINT32_MAX

struct place {
    uint8_t key[SES_HASH_BYTES];
    uint32_t chain; /* next of its bucket */
    uint32_t newer;
    uint32_t older;
};

struct ses_lru {
    struct place *places;
    uint32_t *buckets;
    uint32_t mask;
    uint32_t room;
    uint32_t used;
    uint32_t newest;
    uint32_t oldest;
};

enum ses_status ses_lru_new(size_t places, struct ses_lru **ret_lru)
{
    struct ses_lru *lru = calloc(1, sizeof(*lru));
    uint32_t buckets = 1;

    SES_REQUIRE(places > 0 && places < NONE / 4);
    /* As many buckets as places, rounded up to a power of two: chains of one or two. */
    while (buckets < places)
        buckets *= 2;
    if (lru == NULL)
        return SES_NO_MEMORY;
    lru->places = malloc(places * sizeof(*lru->places));
    lru->buckets = malloc(buckets * sizeof(*lru->buckets));
    if (lru->places == NULL || lru->buckets == NULL) {
        ses_lru_free(lru);
        return SES_NO_MEMORY;
    }
    for (uint32_t i = 0; i < buckets; i++)
        lru->buckets[i] = NONE;
    lru->mask = buckets - 1;
    lru->room = (uint32_t)places;
    lru->newest = NONE;
    lru->oldest = NONE;
    *ret_lru = lru;
    return SES_OK;
}

void ses_lru_free(struct ses_lru *lru)
{
    if (lru == NULL)
        return;
    if (lru->used > 0)
        ses_wipe(lru->places, lru->used * sizeof(*lru->places));
    free(lru->places);
    free(lru->buckets);
    free(lru);
}

static uint32_t *bucket_of(const struct ses_lru *lru, const uint8_t *key)
{
    uint32_t word;

    memcpy(&word, key, sizeof(word));
    return &lru->buckets[word & lru->mask];
}

/* The whole hash is compared: 4 bytes chose the bucket. */
static uint32_t find(const struct ses_lru *lru, const uint8_t *key)
{
    uint32_t at = *bucket_of(lru, key);

    while (at != NONE && memcmp(lru->places[at].key, key, SES_HASH_BYTES) != 0)
        at = lru->places[at].chain;
    return at;
}

/* The two ends are in the table's struct, so both neighbours may be missing. */
static void leave_order(struct ses_lru *lru, uint32_t at)
{
    struct place *place = &lru->places[at];

    if (place->newer != NONE)
        lru->places[place->newer].older = place->older;
    else
        lru->newest = place->older;
    if (place->older != NONE)
        lru->places[place->older].newer = place->newer;
    else
        lru->oldest = place->newer;
}

static void make_newest(struct ses_lru *lru, uint32_t at)
{
    struct place *place = &lru->places[at];

    place->newer = NONE;
    place->older = lru->newest;
    if (lru->newest != NONE)
        lru->places[lru->newest].newer = at;
    else
        lru->oldest = at;
    lru->newest = at;
}

static void leave_bucket(struct ses_lru *lru, uint32_t at)
{
    uint32_t *link = bucket_of(lru, lru->places[at].key);

    while (*link != at)
        link = &lru->places[*link].chain;
    *link = lru->places[at].chain;
}

bool ses_lru_find(struct ses_lru *lru, const uint8_t key[SES_HASH_BYTES], size_t *ret_place)
{
    uint32_t at = find(lru, key);

    if (at == NONE)
        return false;
    if (at != lru->newest) {
        leave_order(lru, at);
        make_newest(lru, at);
    }
    *ret_place = at;
    return true;
}

/* The oldest key leaves bucket and order before its place is filled again; the key in it is what finds its
 * bucket. */
size_t ses_lru_add(struct ses_lru *lru, const uint8_t key[SES_HASH_BYTES])
{
    uint32_t *bucket = bucket_of(lru, key);
    uint32_t at = lru->oldest;

    SES_REQUIRE(find(lru, key) == NONE);
    if (lru->used < lru->room) {
        at = lru->used++;
    } else {
        leave_order(lru, at);
        leave_bucket(lru, at);
    }
    memcpy(lru->places[at].key, key, SES_HASH_BYTES);
    lru->places[at].chain = *bucket;
    *bucket = at;
    make_newest(lru, at);
    return at;
}

size_t ses_lru_count(const struct ses_lru *lru)
{
    return lru->used;
}
