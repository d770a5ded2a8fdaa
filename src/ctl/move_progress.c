#include "move_progress.h"

#include <inttypes.h>
#include <stdio.h>

void move_progress_add(struct move_progress *progress, unsigned slots, uint64_t rows, uint64_t busy_us)
{
    progress->done += slots;
    progress->groups++;
    progress->rows += rows;
    progress->busy_us_sum += busy_us;
    if (busy_us > progress->busy_us_max)
        progress->busy_us_max = busy_us;
}

static double per_second(uint64_t count, uint64_t elapsed_ms)
{
    return elapsed_ms == 0 ? 0 : (double)count * 1000 / (double)elapsed_ms;
}

void move_progress_line(const struct move_progress *progress, const char *slots, uint64_t rows,
                        uint64_t busy_us, uint64_t elapsed_ms, char ret_text[MOVE_LINE_SIZE])
{
    unsigned left = progress->total > progress->done ? progress->total - progress->done : 0;
    uint64_t left_s = progress->done == 0 ? 0 : elapsed_ms * left / progress->done / 1000;

    (void)snprintf(ret_text, MOVE_LINE_SIZE,
                   "slots %s: %u %%, %" PRIu64 " rows, out of use for %" PRIu64
                   " ms; %.0f slots/s, left %" PRIu64 ":%02" PRIu64,
                   slots, progress->total == 0 ? 100 : progress->done * 100 / progress->total, rows,
                   (busy_us + 999) / 1000, per_second(progress->done, elapsed_ms), left_s / 60, left_s % 60);
}

void move_progress_sum(const struct move_progress *progress, uint64_t elapsed_ms,
                       char ret_text[MOVE_LINE_SIZE])
{
    (void)snprintf(ret_text, MOVE_LINE_SIZE,
                   "%u slots, %" PRIu64
                   " rows in %.1f s, %.0f slots/s; out of use: %.1f ms a group of %u, at most %.1f ms",
                   progress->done, progress->rows, (double)elapsed_ms / 1000,
                   per_second(progress->done, elapsed_ms),
                   progress->groups == 0 ? 0 : (double)progress->busy_us_sum / 1000 / progress->groups,
                   progress->groups, (double)progress->busy_us_max / 1000);
}
