/* commit_trace.h - where the time of a transaction went, by phase: a histogram of each phase, and of a transaction
 * that took long all that its thread can know of itself, for a line in the log (README.md, "A slow commit").
 */
#ifndef SESSIOND_STORE_COMMIT_TRACE_H
#define SESSIOND_STORE_COMMIT_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sessiond/base/metrics.h>

/* What a thread has used. */
struct commit_usage {
    uint64_t at_ns;
    uint64_t cpu_ns;
    uint64_t core_wait_ns; /* runnable, while the cores did something else */
    uint64_t major_faults; /* pages that had to be read from the disk */
};

/* A transaction that took long. */
struct commit_slow {
    uint64_t phase_ns[SES_COMMIT_PHASES];
    uint64_t puts;
    uint64_t bytes;
    uint64_t grown_bytes; /* by which the file has become longer since the one before */
    struct commit_usage
        in; /* of the transaction and, as it is looked at once a second, of at most the second before
                             * it; at_ns is how long that was */
};

struct commit_trace {
    /* fixed before the first transaction */
    struct ses_metrics *metrics; /* may be NULL */
    uint64_t slow_ns;            /* 0: none is slow */

    /* of whoever commits */
    uint64_t marked_ns;
    uint64_t phase_ns[SES_COMMIT_PHASES];
    int schedule_fd; /* its thread's; 0: not opened yet, -1: there is none */
    struct commit_usage looked;

    /* handed to the loop */
    _Atomic bool
        told; /* slow is the loop's until it is taken; another one meanwhile is told by its time alone */
    struct commit_slow slow;
};

/* [committer] A transaction begins, for puts that were handed over at handed_ns; 0: nobody waits for it. */
void ses_commit_trace_begin(struct commit_trace *trace, uint64_t handed_ns);
/* [committer] What was since the mark before was phase. */
void ses_commit_trace_mark(struct commit_trace *trace, enum ses_commit_phase phase);
/* [committer] It is over; slow has puts, bytes and growth. counts: its phases go into the histograms. Its time
 * without the wait for it. */
uint64_t ses_commit_trace_end(struct commit_trace *trace, const struct commit_slow *slow, bool counts);
/* [loop] A slow one that was not told yet. */
bool ses_commit_trace_take(struct commit_trace *trace, struct commit_slow *ret_slow);
/* Closes what the committer has opened; it has ended. */
void ses_commit_trace_done(struct commit_trace *trace);

#endif
