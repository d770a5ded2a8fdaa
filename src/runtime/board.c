/* The mapping itself and sums over it. Reads are relaxed: a number that is a moment old is right for a
 * page and for a heartbeat, and nothing else is concluded from it. */
#include "board.h"

#include <sys/mman.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/method/service.h>

/* Untouched pages of a slot's histograms cost nothing: about 150 KiB of address space a slot. */
static size_t counters_bytes(unsigned workers)
{
    size_t bytes = (workers + 2) * sizeof(struct ses_metrics);

    return (bytes + SES_BOARD_PAGE - 1) / SES_BOARD_PAGE * SES_BOARD_PAGE;
}

/* The addresses are taken first, so that the two memories can lie beside each other. */
static enum ses_status map_both(const struct ses_board_files *files, unsigned workers,
                                struct ses_board **ret_board)
{
    size_t bytes = sizeof(struct ses_board) + counters_bytes(workers);
    char *memory = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    enum ses_status status;

    if (memory == MAP_FAILED)
        return SES_NO_MEMORY;
    status = ses_shared_memory_map_at(files->board, sizeof(struct ses_board), memory);
    if (status == SES_OK)
        status = ses_shared_memory_map_at(files->counters, counters_bytes(workers),
                                          memory + sizeof(struct ses_board));
    if (status == SES_OK)
        *ret_board = (struct ses_board *)(void *)memory;
    else
        (void)munmap(memory, bytes);
    return status;
}

void ses_board_files_close(struct ses_board_files *files)
{
    if (files->board >= 0)
        (void)close(files->board);
    if (files->counters >= 0)
        (void)close(files->counters);
    *files = (struct ses_board_files){.board = -1, .counters = -1};
}

/* On failure the caller's descriptors are as they were. */
enum ses_status ses_board_attach(struct ses_board_files *files, unsigned workers,
                                 struct ses_board **ret_board)
{
    struct ses_board_files both = *files;
    enum ses_status status;

    if (files->counters < 0)
        SES_TRY(ses_shared_memory_new("sessiond-counters", counters_bytes(workers), &both.counters));
    status = map_both(&both, workers, ret_board);
    if (status == SES_OK)
        *files = both;
    else if (files->counters < 0)
        (void)close(both.counters);
    return status;
}

/* It exists exactly as long as the processes that have it. Zeros are a valid start for every counter and
 * state. */
enum ses_status ses_board_new(const struct ses_config *config, struct ses_board_files *ret_files,
                              struct ses_board **ret_board)
{
    struct ses_board_files files = {.board = -1, .counters = -1};
    struct ses_board *board = NULL;
    enum ses_status status;

    SES_TRY(ses_shared_memory_new("sessiond-board", sizeof(struct ses_board), &files.board));
    status = ses_board_attach(&files, config->workers, &board);
    if (status != SES_OK) {
        ses_board_files_close(&files);
        return status;
    }
    board->workers = config->workers;
    board->durability = config->durability;
    atomic_init(&board->log_level, (uint32_t)config->log_level);
    atomic_init(&board->token_forms_known, true);
    atomic_init(&board->missing_percent, (uint32_t)config->ready_missing_percent);
    board->started_wall_ms = ses_clock_wall_ms();
    board->started_mono_ns = ses_clock_mono_ns();
    *ret_files = files;
    *ret_board = board;
    return SES_OK;
}

void ses_board_free(struct ses_board *board)
{
    if (board != NULL)
        (void)munmap(board, sizeof(*board) + counters_bytes(board->workers));
}

struct ses_metrics *ses_board_supervisor(struct ses_board *board)
{
    return &board->metrics[board->workers + 1];
}

enum ses_slot_state ses_board_state(const struct ses_board *board, unsigned slot)
{
    return (enum ses_slot_state)atomic_load_explicit(&board->state[slot], memory_order_relaxed);
}

const char *ses_slot_state_name(enum ses_slot_state state)
{
    static const char *const names[] = {"empty", "starting", "ready", "draining", "waiting", "given_up"};

    _Static_assert(sizeof(names) / sizeof(names[0]) == SES_SLOT_STATE_COUNT, "a new state needs a name");
    return names[state];
}

enum ses_log_level ses_board_log_level(const struct ses_board *board)
{
    return (enum ses_log_level)atomic_load_explicit(&board->log_level, memory_order_relaxed);
}

bool ses_board_follow_log_level(const struct ses_board *board, struct ses_log *log)
{
    enum ses_log_level before = log->level;

    log->level = ses_board_log_level(board);
    return log->level != before;
}

void ses_board_beat(struct ses_board *board, unsigned slot)
{
    atomic_store_explicit(&board->process[slot].beat_mono_ns, ses_clock_mono_ns(), memory_order_relaxed);
}

uint64_t ses_board_beat_ns(const struct ses_board *board, unsigned slot)
{
    return atomic_load_explicit(&board->process[slot].beat_mono_ns, memory_order_relaxed);
}

int32_t ses_board_pid(const struct ses_board *board, unsigned slot)
{
    return atomic_load_explicit(&board->process[slot].pid, memory_order_relaxed);
}

uint32_t ses_board_generation(const struct ses_board *board, unsigned slot)
{
    return atomic_load_explicit(&board->process[slot].generation, memory_order_relaxed);
}

/* FNV-1a: it tells layouts apart, nobody attacks it. */
static void add_text(uint64_t *hash, const char *text)
{
    do
        *hash = (*hash ^ (uint64_t)(unsigned char)*text) * UINT64_C(1099511628211);
    while (*text++ != '\0');
}

static void add_row(uint64_t *hash, const struct ses_metric_info *row)
{
    add_text(hash, row->name);
    add_text(hash, row->kind);
    for (size_t i = 0; i < row->count; i++)
        add_text(hash, row->values[i]);
}

/* A row that is added, taken out, renamed or moved gives another number: nobody has to remember to. */
uint64_t ses_board_counters_layout(void)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ sizeof(struct ses_metrics);
    const char *name;

    for (int i = 0; i < SES_C_COUNT; i++)
        add_row(&hash, ses_counter_info((enum ses_counter)i));
    for (int i = 0; i < SES_S_COUNT; i++)
        add_row(&hash, ses_shard_counter_info((enum ses_shard_counter)i));
    for (int i = 0; i < SES_F_COUNT; i++)
        add_row(&hash, ses_family_info((enum ses_family)i));
    for (int i = 0; (name = ses_method_metric_name(i)) != NULL; i++)
        add_text(&hash, name);
    return hash;
}

/* Most are summed; of an age the highest tells something, of an end the earliest. */
static uint64_t join(enum ses_counter counter, uint64_t sum, uint64_t value)
{
    switch ((int)counter) {
    case SES_C_STORE_SNAPSHOT_SECONDS:
    case SES_C_STORE_SCRUB_SECONDS:
    case SES_C_PG_SHARDS_AWAY:
        return value > sum ? value : sum;
    case SES_C_TLS_CERTIFICATE_ENDS:
        return sum == 0 || (value != 0 && value < sum) ? value : sum;
    default:
        return sum + value;
    }
}

uint64_t ses_board_counter(const struct ses_board *board, enum ses_counter counter)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i <= board->workers; i++)
        sum = join(counter, sum,
                   atomic_load_explicit(&board->metrics[i].counter[counter], memory_order_relaxed));
    return sum;
}

uint64_t ses_board_shard_counter(const struct ses_board *board, unsigned shard,
                                 enum ses_shard_counter counter)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i <= board->workers; i++) {
        uint64_t value =
            atomic_load_explicit(&board->metrics[i].shard[shard].counter[counter], memory_order_relaxed);

        if (counter != SES_S_SKEW_MS && counter != SES_S_SWEEP_AGE)
            sum += value;
        else if (value > sum)
            sum = value;
    }
    return sum;
}

/* The count is the sum of the buckets read here, not the writers' own count: the two could differ by
 * what is being added just now, and a quantile must fit its buckets. Most histograms of a slot are empty: one look
 * instead of 488, at pages that were never touched. */
void ses_hist_sum_add(struct ses_hist_sum *sum, const struct ses_hist *hist)
{
    uint64_t total = atomic_load_explicit(&hist->sum, memory_order_relaxed);

    if (total == 0)
        return;
    sum->sum += total;
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++) {
        uint64_t n = atomic_load_explicit(&hist->bucket[i], memory_order_relaxed);

        sum->bucket[i] += n;
        sum->count += n;
    }
}

void ses_board_hist(const struct ses_board *board, size_t offset, struct ses_hist_sum *ret_sum)
{
    *ret_sum = (struct ses_hist_sum){.count = 0};
    for (unsigned slot = 0; slot <= board->workers; slot++)
        ses_hist_sum_add(ret_sum, (const void *)((const char *)&board->metrics[slot] + offset));
}

/* An upper bound, so a latency is never told as better than it was. */
uint64_t ses_hist_sum_quantile(const struct ses_hist_sum *sum, double q)
{
    uint64_t rank = (uint64_t)(q * (double)sum->count);
    uint64_t seen = 0;

    if (sum->count == 0)
        return 0;
    if (rank >= sum->count)
        rank = sum->count - 1;
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++) {
        seen += sum->bucket[i];
        if (seen > rank)
            return ses_hist_upper(i);
    }
    return ses_hist_upper(SES_HIST_BUCKETS - 1);
}
