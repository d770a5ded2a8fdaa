/* One process writes, before any other is started that reads: only txn needs an order. */
#include "loaded.h"

#include <sys/mman.h>

struct ses_loaded *ses_loaded_new(void)
{
    void *memory =
        mmap(NULL, sizeof(struct ses_loaded), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void ses_loaded_free(struct ses_loaded *loaded)
{
    if (loaded != NULL)
        (void)munmap(loaded, sizeof(*loaded));
}

void ses_loaded_forget(struct ses_loaded *loaded)
{
    if (loaded == NULL)
        return;
    for (unsigned shard = 0; shard < SES_STORE_SHARDS_MAX; shard++)
        atomic_store(&loaded->shard[shard].txn, 0);
}

/* Counts of a load that was given up, as it is when the table was too small, go. */
void ses_loaded_begin(struct ses_loaded *loaded, unsigned shard)
{
    if (loaded == NULL)
        return;
    atomic_store(&loaded->shard[shard].txn, 0);
    memset(&loaded->shard[shard].bytes, 0, sizeof(loaded->shard[shard].bytes));
}

static void add(struct share_bytes *bytes, ses_store_owner owner, uint64_t more)
{
    uint64_t now = atomic_load_explicit(&bytes->of[owner], memory_order_relaxed);

    atomic_store_explicit(&bytes->of[owner], now + more, memory_order_relaxed);
}

/* As ses_share_add, which others do beside each other: ten million of those are a tenth of a second. */
void ses_loaded_count(struct ses_loaded *loaded, unsigned shard, const struct record_row *row)
{
    uint64_t more = record_disk_bytes(row->record_bytes);

    if (loaded == NULL)
        return;
    add(&loaded->shard[shard].bytes, row->owner, more);
    if ((row->owner & SES_OWNER_EARLY) != 0)
        add(&loaded->shard[shard].bytes, SES_OWNER_EARLY, more);
}

void ses_loaded_end(struct ses_loaded *loaded, unsigned shard, uint64_t txnid)
{
    if (loaded != NULL)
        atomic_store(&loaded->shard[shard].txn, txnid + 1);
}

const struct loaded_shard *ses_loaded_of(const struct ses_loaded *loaded, unsigned shard)
{
    return loaded == NULL || atomic_load(&loaded->shard[shard].txn) == 0 ? NULL : &loaded->shard[shard];
}
