/* The table's memory, its layout, and where a key may lie. A memfd: shared over fork, gone with the last
 * process; after a full stop the table is made anew from the disk (load.c).
 */
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_OWNERS_AT  (sizeof(struct table_head) + SES_STORE_SHARDS_MAX * sizeof(struct table_shard))
#define TABLE_BUCKETS_AT (TABLE_OWNERS_AT + sizeof(struct table_owners))
/* A bucket, and the owners of its slots elsewhere. */
#define BUCKET_BYTES (sizeof(struct table_bucket) + TABLE_BUCKET_SLOTS * sizeof(uint16_t))

static uint64_t buckets_for(uint64_t sessions_max)
{
    uint64_t per_bucket_percent = TABLE_BUCKET_SLOTS * TABLE_LOAD_PERCENT;
    uint64_t buckets = (sessions_max * 100 + per_bucket_percent - 1) / per_bucket_percent;

    if (buckets > TABLE_REGION_BUCKETS)
        return (buckets + TABLE_REGION_BUCKETS - 1) / TABLE_REGION_BUCKETS * TABLE_REGION_BUCKETS;
    return buckets < TABLE_BUCKETS_MIN ? TABLE_BUCKETS_MIN : buckets;
}

static enum ses_status map_table(int fd, size_t bytes, struct ses_table **ret_table)
{
    struct ses_table *table = calloc(1, sizeof(*table));
    char *base;

    if (table == NULL)
        return SES_NO_MEMORY;
    base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        free(table);
        return SES_NO_MEMORY;
    }
    /* Fewer TLB misses on tables of hundreds of megabytes; refused by most kernels' defaults, no harm. */
    (void)madvise(base, bytes, MADV_HUGEPAGE);
    table->head = (struct table_head *)(void *)base;
    table->shards = (struct table_shard *)(void *)(base + sizeof(struct table_head));
    table->owners = (struct table_owners *)(void *)(base + TABLE_OWNERS_AT);
    table->buckets = (struct table_bucket *)(void *)(base + TABLE_BUCKETS_AT);
    table->buckets_count = (bytes - TABLE_BUCKETS_AT) / BUCKET_BYTES;
    table->slot_owner = (_Atomic uint16_t *)(void *)(table->buckets + table->buckets_count);
    table->bytes = bytes;
    table->fd = fd;
    *ret_table = table;
    return SES_OK;
}

static enum ses_status make_memory(size_t bytes, int *ret_fd)
{
    int fd = memfd_create("sessiond-table", MFD_CLOEXEC);
    int rc;

    if (fd < 0)
        return SES_IO;
    if (ftruncate(fd, (off_t)bytes) != 0) {
        (void)close(fd);
        return SES_IO;
    }
    /* Takes the memory now: a page that cannot be had later would be a SIGBUS in a worker. */
    do
        rc = posix_fallocate(fd, 0, (off_t)bytes);
    while (rc == EINTR);
    if (rc != 0) {
        (void)close(fd);
        errno = rc; /* posix_fallocate sets none */
        return SES_NO_MEMORY;
    }
    *ret_fd = fd;
    return SES_OK;
}

enum ses_status ses_table_create(uint64_t sessions_max, struct ses_table **ret_table)
{
    enum ses_status status;
    struct ses_table *table;
    uint64_t buckets;
    size_t bytes;
    int fd;

    if (sessions_max > TABLE_SESSIONS_MAX)
        return SES_NO_MEMORY;
    buckets = buckets_for(sessions_max);
    bytes = TABLE_BUCKETS_AT + buckets * BUCKET_BYTES;
    SES_TRY(make_memory(bytes, &fd));
    status = map_table(fd, bytes, &table);
    if (status != SES_OK) {
        (void)close(fd);
        return status;
    }
    table->head->magic = TABLE_MAGIC;
    table->head->version = TABLE_VERSION;
    table->head->bucket_bytes = sizeof(struct table_bucket);
    table->head->buckets = buckets;
    table->head->sessions_max = sessions_max;
    *ret_table = table;
    return SES_OK;
}

/* The head says how large it is, and is believed only if the memory is. */
static bool head_fits(const struct table_head *head, size_t bytes)
{
    return head->magic == TABLE_MAGIC && head->version == TABLE_VERSION &&
           head->bucket_bytes == sizeof(struct table_bucket) && head->buckets >= TABLE_BUCKETS_MIN &&
           head->buckets <= bytes / BUCKET_BYTES && TABLE_BUCKETS_AT + head->buckets * BUCKET_BYTES == bytes;
}

enum ses_status ses_table_attach(int fd, struct ses_table **ret_table)
{
    struct ses_table *table;
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size <= (off_t)TABLE_BUCKETS_AT)
        return SES_FAILED_PRECONDITION;
    SES_TRY(map_table(fd, (size_t)st.st_size, &table));
    if (!head_fits(table->head, table->bytes)) {
        (void)munmap((void *)table->head, table->bytes);
        free(table);
        return SES_FAILED_PRECONDITION;
    }
    *ret_table = table;
    return SES_OK;
}

void ses_table_close(struct ses_table *table)
{
    if (table == NULL)
        return;
    (void)munmap((void *)table->head, table->bytes);
    (void)close(table->fd);
    free(table);
}

/* A shard may have freed what another one made: single counts can be below zero, and the sum for a moment. */
void ses_table_usage(const struct ses_table *table, uint64_t *ret_used, uint64_t *ret_room)
{
    int64_t used = 0;

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        used += atomic_load_explicit(&table->shards[i].entries, memory_order_relaxed);
    *ret_used = used > 0 ? (uint64_t)used : 0;
    *ret_room = table_slots(table) * TABLE_LOAD_PERCENT / 100;
}

uint64_t ses_table_percent(const struct ses_table *table)
{
    uint64_t used;
    uint64_t room;

    ses_table_usage(table, &used, &room);
    return used * 100 / room;
}

uint64_t ses_table_newest_ms(const struct ses_table *table)
{
    uint64_t newest = 0;

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        uint64_t published = atomic_load_explicit(&table->shards[i].published, memory_order_relaxed);

        newest = published > newest ? published : newest;
    }
    return newest == 0 ? 0 : locator_ms(newest);
}

/* High half of the product: maps a uniform hash onto 0 .. n-1 without a division. */
static uint64_t scale(uint64_t hash, uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;

    return (uint64_t)(((u128)hash * n) >> 64);
}

uint64_t ses_table_tag(const struct ses_store_key *key)
{
    uint64_t tag;

    memcpy(&tag, key->bytes, sizeof(tag));
    return tag != 0 ? tag : 1;
}

void ses_table_probe(const struct ses_table *table, const struct ses_store_key *key,
                     struct table_probe *ret_probe)
{
    uint64_t part[4];
    uint64_t n = table->buckets_count < TABLE_REGION_BUCKETS ? table->buckets_count : TABLE_REGION_BUCKETS;
    uint64_t base;

    /* A key is a keyed hash (store.h): its parts are uniform, and nobody outside can aim at one bucket. */
    memcpy(part, key->bytes, sizeof(part));
    ret_probe->tag = ses_table_tag(key);
    base = scale(part[1], table_regions(table)) * TABLE_REGION_BUCKETS;
    part[1] = part[2] << 32; /* the low half of a part decides about nothing yet */
    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        uint64_t bucket = base + scale(part[i + 1], n);
        unsigned k = 0;

        while (k < i) { /* all candidates differ: a slot is scanned once */
            if (ret_probe->bucket[k] == bucket) {
                bucket = bucket + 1 == base + n ? base : bucket + 1;
                k = 0;
            } else {
                k++;
            }
        }
        ret_probe->bucket[i] = bucket;
    }
}

void ses_table_prefetch(const struct ses_table *table, const struct table_probe *probe)
{
    for (unsigned i = 0; i < TABLE_CANDIDATES; i++) {
        const struct table_bucket *bucket = &table->buckets[probe->bucket[i]];

        __builtin_prefetch(bucket); /* the tags; which words will be wanted is not known yet */
    }
}
