/* move_progress.h - how far a move of slots is: what has been done, at which rate, how long keys were out of use. Pure. */
#ifndef SESSIOND_SRC_CTL_MOVE_PROGRESS_H
#define SESSIOND_SRC_CTL_MOVE_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

struct move_progress {
    unsigned total; /* slots */
    unsigned done;
    unsigned groups;
    uint64_t rows;
    uint64_t busy_us_sum; /* over groups */
    uint64_t busy_us_max;
};

#define MOVE_LINE_SIZE 192

void move_progress_add(struct move_progress *progress, unsigned slots, uint64_t rows, uint64_t busy_us);
/* "slots 3-9: 12 %, 1936 rows, out of use for 14 ms; 31 slots/s, left 0:33". */
void move_progress_line(const struct move_progress *progress, const char *slots, uint64_t rows,
                        uint64_t busy_us, uint64_t elapsed_ms, char ret_text[MOVE_LINE_SIZE]);
/* What all of it was. */
void move_progress_sum(const struct move_progress *progress, uint64_t elapsed_ms,
                       char ret_text[MOVE_LINE_SIZE]);

#endif
