/* Two halves change roles: while one fills with rows, threads place the other one. A half is a list of chunks
 * for each part of the table: a row is appended where it belongs, and there is no sorting afterwards. A part
 * belongs to one thread at a time and the earlier half is in the table before the later one is begun, so the
 * rows of one key are placed in the order in which they were added, without a lock.
 */
#include "load_batch.h"
#include "load_room.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define PARTS_MAX   1024 /* open ends while sorting: their last lines fit the cache */
#define THREADS_MAX 8
#define CHUNK_ITEMS 102 /* 4 KiB */
#define PLACE_AHEAD 8   /* items whose tags are on their way into the cache */

/* A row as far as the table cares. */
struct load_item {
    uint64_t tag;
    uint64_t word;
    uint64_t meta;
    uint64_t place; /* region, then each candidate bucket within it */
    ses_store_owner owner;
};

_Static_assert(TABLE_SESSIONS_MAX >> 20 <= UINT64_C(1) << (64 - TABLE_CANDIDATES * LOAD_BUCKET_BITS),
               "any table's regions fit: each is made for more than 20,000 sessions");

struct load_chunk {
    struct load_chunk *next;
    uint64_t count;
    struct load_item items[CHUNK_ITEMS];
};

/* Neighbouring regions of the table, and the rows that belong there. */
struct load_part {
    struct load_chunk *first;
    struct load_chunk *last;
};

/* What one thread did. */
struct load_placing {
    struct load_half *half;
    pthread_t thread;
    uint64_t sessions;
    enum ses_status status;
    struct load_room room;
};

struct load_half {
    struct ses_table *table;
    uint64_t parts_count;
    uint64_t chunks_made;
    struct load_chunk *spare;
    struct load_part parts[PARTS_MAX];
    _Atomic uint64_t next_part; /* while placing: the first one that no thread has taken */
    struct load_placing placings[THREADS_MAX];
    unsigned threads; /* that place it */
};

struct load_batch {
    uint64_t regions;
    uint64_t chunks_max; /* of a half */
    uint64_t sessions;
    bool any;         /* a row was added */
    unsigned filling; /* which half */
    struct load_half half[2];
};

enum ses_status ses_load_batch_new(struct ses_table *table, uint64_t bytes_max, struct load_batch **ret_batch)
{
    struct load_batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL)
        return SES_NO_MEMORY;
    batch->regions = table_regions(table);
    batch->chunks_max = bytes_max / 2 / sizeof(struct load_chunk);
    for (unsigned i = 0; i < 2; i++) {
        batch->half[i].table = table;
        batch->half[i].parts_count = batch->regions < PARTS_MAX ? batch->regions : PARTS_MAX;
    }
    *ret_batch = batch;
    return SES_OK;
}

static void free_chunks(struct load_chunk *chunk)
{
    while (chunk != NULL) {
        struct load_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

static struct load_chunk *take_chunk(struct load_half *half, uint64_t chunks_max)
{
    struct load_chunk *chunk = half->spare;

    if (chunk != NULL) {
        half->spare = chunk->next;
    } else {
        if (half->chunks_made >= chunks_max)
            return NULL;
        chunk = malloc(sizeof(*chunk));
        if (chunk == NULL)
            return NULL;
        half->chunks_made++;
    }
    chunk->next = NULL;
    chunk->count = 0;
    return chunk;
}

/* The chunk that takes part's next item; NULL: no memory, or as much of it as is allowed. */
static struct load_chunk *open_chunk(struct load_half *half, struct load_part *part, uint64_t chunks_max)
{
    struct load_chunk *chunk = part->last;

    if (chunk != NULL && chunk->count < CHUNK_ITEMS)
        return chunk;
    chunk = take_chunk(half, chunks_max);
    if (chunk == NULL)
        return NULL;
    if (part->last != NULL)
        part->last->next = chunk;
    else
        part->first = chunk;
    part->last = chunk;
    return chunk;
}

static void empty(struct load_half *half)
{
    for (uint64_t i = 0; i < half->parts_count; i++) {
        struct load_part *part = &half->parts[i];

        if (part->last != NULL) {
            part->last->next = half->spare;
            half->spare = part->first;
        }
        part->first = NULL;
        part->last = NULL;
    }
}

static void probe_of_item(const struct load_item *item, struct table_probe *ret_probe)
{
    ses_load_place_probe(item->tag, item->place, ret_probe);
}

/* The row behind a published word, as far as ses_record_row_beats needs it. */
static struct record_row row_of(uint64_t word, uint64_t meta)
{
    return (struct record_row){.revision = meta_revision(meta),
                               .kind = word_state(word) == WORD_LIVE_INTENT ? SES_RECORD_INTENT
                                                                            : SES_RECORD_SESSION};
}

static bool beats(const struct load_item *item, uint64_t word, uint64_t meta)
{
    struct record_row row = row_of(item->word, item->meta);
    struct record_row standing = row_of(word, meta);

    return ses_record_row_beats(&row, word_low(item->word), &standing, word_low(word));
}

static enum ses_status place_item(struct load_placing *placing, const struct load_item *item)
{
    struct ses_table *table = placing->half->table;
    struct table_probe probe;
    bool found;
    uint64_t slot;

    probe_of_item(item, &probe);
    found = ses_table_place_of(table, &probe, &slot);
    if (slot == TABLE_SLOT_NONE)
        slot = ses_load_room_make(table, &probe, &placing->room);
    if (slot == TABLE_SLOT_NONE)
        return SES_FULL;
    if (found && !beats(item, atomic_load_explicit(table_word(table, slot), memory_order_relaxed),
                        atomic_load_explicit(table_meta(table, slot), memory_order_relaxed)))
        return SES_OK;
    placing->sessions += !found;
    ses_table_fill(table, slot, item->tag, item->word, item->place, item->meta, item->owner);
    return SES_OK;
}

static enum ses_status place_chunk(struct load_placing *placing, const struct load_chunk *chunk)
{
    struct table_probe ahead;

    for (uint64_t i = 0; i < chunk->count; i++) {
        if (i + PLACE_AHEAD < chunk->count) {
            probe_of_item(&chunk->items[i + PLACE_AHEAD], &ahead);
            ses_table_prefetch(placing->half->table, &ahead);
        }
        SES_TRY(place_item(placing, &chunk->items[i]));
    }
    return SES_OK;
}

static void *place_parts(void *arg)
{
    struct load_placing *placing = arg;
    struct load_half *half = placing->half;
    uint64_t i;

    /* After a failure the rest is counted off, not placed: the load is given up. */
    while ((i = atomic_fetch_add(&half->next_part, 1)) < half->parts_count)
        for (const struct load_chunk *chunk = half->parts[i].first; chunk != NULL; chunk = chunk->next)
            if (placing->status == SES_OK)
                placing->status = place_chunk(placing, chunk);
    return NULL;
}

/* A thread more than there are processors besides this one would only wait. */
static unsigned threads_wanted(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors <= 1 ? 0 : processors > THREADS_MAX ? THREADS_MAX - 1 : (unsigned)processors - 1;
}

/* A thread that cannot be had is done without: whoever ends the placing does what is left. */
static void begin_placing(struct load_half *half)
{
    unsigned wanted = threads_wanted();

    for (unsigned i = 0; i < THREADS_MAX; i++)
        half->placings[i] = (struct load_placing){.half = half};
    atomic_store(&half->next_part, 0);
    half->threads = 0;
    while (half->threads < wanted && pthread_create(&half->placings[half->threads].thread, NULL, place_parts,
                                                    &half->placings[half->threads]) == 0)
        half->threads++;
}

/* This thread helps with what is left, then waits for the others. Afterwards the half is as before its first
 * row: placings without a half mean that nothing was begun. */
static enum ses_status end_placing(struct load_batch *batch, struct load_half *half)
{
    struct load_placing *own = &half->placings[half->threads];
    enum ses_status status = SES_OK;

    if (own->half == NULL)
        return SES_OK; /* never begun */
    (void)place_parts(own);
    for (unsigned i = 0; i <= half->threads; i++) {
        const struct load_placing *placing = &half->placings[i];

        if (i < half->threads)
            (void)pthread_join(placing->thread, NULL);
        ses_table_count_filled(half->table, placing->sessions);
        batch->sessions += placing->sessions;
        if (status == SES_OK)
            status = placing->status;
    }
    memset(half->placings, 0, sizeof(half->placings));
    half->threads = 0;
    empty(half);
    return status;
}

static enum ses_status swap(struct load_batch *batch)
{
    struct load_half *full = &batch->half[batch->filling];

    batch->filling ^= 1;
    /* Rows of one key stay in order: the earlier half is in the table before the later one begins. */
    SES_TRY(end_placing(batch, &batch->half[batch->filling]));
    begin_placing(full);
    return SES_OK;
}

static void write_item(struct load_item *item, const struct table_probe *probe, unsigned shard,
                       uint64_t locator, const struct record_row *row)
{
    item->tag = probe->tag;
    item->word = word_make(word_state_of(row->kind), shard, locator);
    item->meta = meta_make(row->retain, row->revision);
    item->place = ses_load_place(probe);
    item->owner = row->owner;
}

enum ses_status ses_load_batch_add(struct load_batch *batch, unsigned shard, uint64_t locator,
                                   const struct record_row *row)
{
    struct load_half *half = &batch->half[batch->filling];
    struct load_chunk *chunk;
    struct table_probe probe;
    uint64_t part;

    ses_table_probe(half->table, &row->key, &probe);
    part = probe.bucket[0] / TABLE_REGION_BUCKETS * half->parts_count / batch->regions;
    chunk = open_chunk(half, &half->parts[part], batch->chunks_max);
    if (chunk == NULL) {
        SES_TRY(swap(batch));
        half = &batch->half[batch->filling];
        chunk = open_chunk(half, &half->parts[part], batch->chunks_max);
    }
    if (chunk == NULL)
        return SES_NO_MEMORY;
    write_item(&chunk->items[chunk->count++], &probe, shard, locator, row);
    batch->any = true;
    return SES_OK;
}

uint64_t ses_load_batch_sessions(const struct load_batch *batch)
{
    return batch->sessions;
}

enum ses_status ses_load_batch_finish(struct load_batch *batch)
{
    if (!batch->any) /* the table of a server without sessions is not even touched */
        return SES_OK;
    SES_TRY(swap(batch));
    SES_TRY(end_placing(batch, &batch->half[batch->filling ^ 1]));
    ses_load_room_finish(batch->half[0].table);
    ses_table_count_owners(batch->half[0].table);
    return SES_OK;
}

void ses_load_batch_free(struct load_batch *batch)
{
    if (batch == NULL)
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct load_half *half = &batch->half[i];

        (void)end_placing(batch, half); /* after an error threads may still be at work */
        empty(half);
        free_chunks(half->spare);
    }
    free(batch);
}
