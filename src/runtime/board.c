/* The mapping itself and sums over it. Reads are relaxed: a number that is a moment old is right for a
 * page and for a heartbeat, and nothing else is concluded from it. */
#include "board.h"

#include <sys/mman.h>

#include <sessiond/base/clock.h>

static size_t board_bytes(unsigned workers)
{
    return sizeof(struct ses_board) + (workers + 2) * sizeof(struct ses_metrics);
}

/* Anonymous and shared: it exists exactly as long as the processes that inherited it. Zeros are a valid
 * start for every counter and state. */
enum ses_status ses_board_new(const struct ses_config *config, struct ses_board **ret_board)
{
    struct ses_board *board;
    /* Untouched pages of a slot's histograms cost nothing: about 150 KiB of address space a slot. */
    void *memory =
        mmap(NULL, board_bytes(config->workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return SES_NO_MEMORY;
    board = memory;
    board->workers = config->workers;
    board->durability = config->durability;
    atomic_init(&board->missing_percent, (uint32_t)config->ready_missing_percent);
    board->started_wall_ms = ses_clock_wall_ms();
    board->started_mono_ns = ses_clock_mono_ns();
    *ret_board = board;
    return SES_OK;
}

void ses_board_free(struct ses_board *board)
{
    if (board != NULL)
        (void)munmap(board, board_bytes(board->workers));
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

void ses_board_beat(struct ses_metrics *metrics)
{
    atomic_store_explicit(&metrics->heartbeat_mono_ns, ses_clock_mono_ns(), memory_order_relaxed);
}

/* Most are summed; of an age the highest tells something, of an end the earliest. */
static uint64_t join(enum ses_counter counter, uint64_t sum, uint64_t value)
{
    switch ((int)counter) {
    case SES_C_STORE_SNAPSHOT_SECONDS:
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
