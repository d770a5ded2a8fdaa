/* The shared memory: for each shard its timeline and doubt, and a cell for each process, written by its
 * owner alone. */
#include "fence.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/clock.h>
#include <sessiond/base/shared_memory.h>

#define FENCE_LAYOUT 2
#define FENCE_MAGIC  0x5345535047464e31u /* "SESPGFN1" */

struct fence_cell {
    _Alignas(64) _Atomic uint64_t told_mono_ns; /* 0: nobody */
    _Atomic uint32_t owner;
    _Atomic uint32_t view;
    _Atomic uint32_t cause;
    _Atomic uint32_t durability;
    _Atomic int64_t skew_ms;
    _Atomic int64_t epoch;
    _Atomic uint64_t reads_until_ms;
};

struct fence_shard {
    _Alignas(64) _Atomic uint64_t doubted_ms;
    _Atomic uint32_t timeline;
    struct fence_cell cells[SES_PG_PROCESSES_MAX];
};

struct fence_memory {
    uint64_t magic;
    uint64_t layout;
    uint64_t shards;
    struct fence_shard shard[];
};

struct ses_pg_shared {
    int fd;
    unsigned shards;
    size_t bytes;
    struct fence_memory *memory;
};

static size_t bytes_of(unsigned shards)
{
    return sizeof(struct fence_memory) + shards * sizeof(struct fence_shard);
}

/* The descriptor stays the caller's unless all is well. */
static enum ses_status map(int fd, unsigned shards, struct ses_pg_shared **ret_shared)
{
    struct ses_pg_shared *shared = calloc(1, sizeof(*shared));
    void *memory;
    enum ses_status status;

    if (shared == NULL)
        return SES_NO_MEMORY;
    shared->fd = fd;
    shared->shards = shards;
    shared->bytes = bytes_of(shards);
    status = ses_shared_memory_map(fd, shared->bytes, &memory);
    if (status != SES_OK) {
        free(shared);
        return status;
    }
    shared->memory = memory;
    *ret_shared = shared;
    return SES_OK;
}

enum ses_status ses_pg_shared_new(unsigned shards, struct ses_pg_shared **ret_shared)
{
    enum ses_status status;
    int fd;

    SES_REQUIRE(shards >= 1 && shards <= SES_PG_SHARDS_MAX);
    SES_TRY(ses_shared_memory_new("sessiond-pg", bytes_of(shards), &fd));
    status = map(fd, shards, ret_shared);
    if (status != SES_OK) {
        (void)close(fd);
        return status;
    }
    (*ret_shared)->memory->magic = FENCE_MAGIC;
    (*ret_shared)->memory->layout = FENCE_LAYOUT;
    (*ret_shared)->memory->shards = shards;
    return SES_OK;
}

uint64_t ses_pg_shared_layout(void)
{
    return FENCE_LAYOUT;
}

int ses_pg_shared_fd(const struct ses_pg_shared *shared)
{
    return shared->fd;
}

enum ses_status ses_pg_shared_attach(int fd, unsigned shards, struct ses_pg_shared **ret_shared)
{
    struct ses_pg_shared *shared;

    if (shards < 1 || shards > SES_PG_SHARDS_MAX)
        return SES_FAILED_PRECONDITION;
    SES_TRY(map(fd, shards, &shared));
    if (shared->memory->magic != FENCE_MAGIC || shared->memory->layout != FENCE_LAYOUT ||
        shared->memory->shards != shards) {
        (void)munmap(shared->memory, shared->bytes);
        free(shared);
        return SES_FAILED_PRECONDITION;
    }
    *ret_shared = shared;
    return SES_OK;
}

void ses_pg_shared_close(struct ses_pg_shared *shared)
{
    if (shared == NULL)
        return;
    (void)munmap(shared->memory, shared->bytes);
    (void)close(shared->fd);
    free(shared);
}

static struct fence_shard *shard_of(const struct ses_pg_shared *shared, unsigned shard)
{
    SES_REQUIRE(shard < shared->shards);
    return &shared->memory->shard[shard];
}

uint32_t ses_pg_fence_raise(struct ses_pg_shared *shared, unsigned shard, uint32_t timeline)
{
    _Atomic uint32_t *highest = &shard_of(shared, shard)->timeline;
    uint32_t seen = atomic_load(highest);

    while (seen < timeline && !atomic_compare_exchange_weak(highest, &seen, timeline))
        ;
    return seen < timeline ? timeline : seen;
}

uint32_t ses_pg_fence_timeline(const struct ses_pg_shared *shared, unsigned shard)
{
    return atomic_load(&shard_of(shared, shard)->timeline);
}

void ses_pg_fence_doubt(struct ses_pg_shared *shared, unsigned shard, uint64_t boot_ms)
{
    _Atomic uint64_t *doubted = &shard_of(shared, shard)->doubted_ms;
    uint64_t seen = atomic_load(doubted);

    while (seen < boot_ms && !atomic_compare_exchange_weak(doubted, &seen, boot_ms))
        ;
}

uint64_t ses_pg_fence_doubted_ms(const struct ses_pg_shared *shared, unsigned shard)
{
    return atomic_load(&shard_of(shared, shard)->doubted_ms);
}

void ses_pg_fence_tell(struct ses_pg_shared *shared, unsigned shard, unsigned process,
                       const struct pg_cell *cell)
{
    struct fence_cell *own = &shard_of(shared, shard)->cells[process];

    SES_REQUIRE(process < SES_PG_PROCESSES_MAX);
    if (cell->view == SES_PG_NOBODY && atomic_load_explicit(&own->owner, memory_order_relaxed) != cell->owner)
        return;
    atomic_store_explicit(&own->owner, cell->owner, memory_order_relaxed);
    atomic_store_explicit(&own->view, (uint32_t)cell->view, memory_order_relaxed);
    atomic_store_explicit(&own->cause, (uint32_t)cell->cause, memory_order_relaxed);
    atomic_store_explicit(&own->durability, (uint32_t)cell->durability, memory_order_relaxed);
    atomic_store_explicit(&own->skew_ms, cell->skew_ms, memory_order_relaxed);
    atomic_store_explicit(&own->epoch, cell->epoch, memory_order_relaxed);
    atomic_store_explicit(&own->reads_until_ms, cell->reads_until_ms, memory_order_relaxed);
    atomic_store_explicit(&own->told_mono_ns, cell->view == SES_PG_NOBODY ? 0 : ses_clock_mono_ns(),
                          memory_order_release);
}

/* Of a process that lives; false: nobody's. */
static bool read_cell(const struct fence_cell *cell, uint64_t now_ns, struct pg_cell *ret_cell)
{
    uint64_t told = atomic_load_explicit(&cell->told_mono_ns, memory_order_acquire);
    uint32_t view = atomic_load_explicit(&cell->view, memory_order_relaxed);
    uint32_t cause = atomic_load_explicit(&cell->cause, memory_order_relaxed);
    uint32_t durability = atomic_load_explicit(&cell->durability, memory_order_relaxed);

    if (told == 0 || told + SES_PG_CELL_MS * SES_NS_PER_MS < now_ns || view >= SES_PG_VIEW_COUNT ||
        cause >= SES_PG_CAUSE_COUNT || durability >= SES_DURABILITY_COUNT)
        return false;
    *ret_cell = (struct pg_cell){
        .view = (enum ses_pg_view)view,
        .cause = (enum ses_pg_cause)cause,
        .durability = (enum ses_durability)durability,
        .skew_ms = atomic_load_explicit(&cell->skew_ms, memory_order_relaxed),
        .epoch = atomic_load_explicit(&cell->epoch, memory_order_relaxed),
        .reads_until_ms = atomic_load_explicit(&cell->reads_until_ms, memory_order_relaxed),
    };
    return cell->view != SES_PG_NOBODY;
}

/* Only who has a primary knows its durability and its clock. */
static void add_cell(struct ses_pg_shard_status *sum, const struct pg_cell *cell, bool *weaker)
{
    uint64_t far = (uint64_t)(sum->skew_ms < 0 ? -sum->skew_ms : sum->skew_ms);
    uint64_t here = (uint64_t)(cell->skew_ms < 0 ? -cell->skew_ms : cell->skew_ms);

    if (cell->view > sum->view) {
        sum->view = cell->view;
        sum->cause = cell->cause;
    }
    sum->searching += cell->view == SES_PG_SEARCHING;
    sum->stalled += cell->view == SES_PG_STALLED;
    sum->open += cell->view == SES_PG_OPEN;
    sum->reading += ses_clock_boot_ms() < cell->reads_until_ms;
    if (cell->epoch > sum->epoch)
        sum->epoch = cell->epoch;
    if (cell->view == SES_PG_SEARCHING)
        return;
    *weaker = *weaker || cell->durability != SES_DURABILITY_REPLICA;
    if (here > far)
        sum->skew_ms = cell->skew_ms;
}

/* Of the processes from first up to, but not, end. */
static void sum_cells(const struct ses_pg_shared *shared, unsigned shard, unsigned first, unsigned end,
                      struct ses_pg_shard_status *ret_status)
{
    const struct fence_shard *of = shard_of(shared, shard);
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_pg_shard_status sum = {.timeline = atomic_load(&of->timeline)};
    bool weaker = false;

    for (unsigned i = first; i < end; i++) {
        struct pg_cell cell;

        if (read_cell(&of->cells[i], now_ns, &cell))
            add_cell(&sum, &cell, &weaker);
    }
    sum.durability = sum.open + sum.stalled != 0 && !weaker ? SES_DURABILITY_REPLICA : SES_DURABILITY_DISK;
    *ret_status = sum;
}

void ses_pg_shard_status(const struct ses_pg_shared *shared, unsigned shard,
                         struct ses_pg_shard_status *ret_status)
{
    sum_cells(shared, shard, 0, SES_PG_PROCESSES_MAX, ret_status);
}

void ses_pg_process_status(const struct ses_pg_shared *shared, unsigned shard, unsigned process,
                           struct ses_pg_shard_status *ret_status)
{
    SES_REQUIRE(process < SES_PG_PROCESSES_MAX);
    sum_cells(shared, shard, process, process + 1, ret_status);
}
