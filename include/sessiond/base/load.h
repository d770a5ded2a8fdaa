/* load.h - how much of itself a process uses: the share of its loop's time, its processors, the cost of a call.
 *
 * One word for two readers: what a worker tells its clients of itself (a load report), and what the server tells
 * its operators (the headroom). Whoever owns the process takes a sample once a second (runtime/vitals.h), the step
 * here makes the figures of it, and they lie on the board, where any process reads them.
 */
#ifndef SESSIOND_BASE_LOAD_H
#define SESSIOND_BASE_LOAD_H

#include <stdbool.h>

#include <sessiond/base/metrics.h>

/* Counted from any moment on, all of the same process. */
struct ses_load_sample {
    uint64_t mono_ns;
    uint64_t loop_ns; /* the loop's thread ran, or waited for a processor: all but sleeping */
    uint64_t cpu_ns;  /* of all threads */
    uint64_t calls;   /* answered */
    uint64_t errors;  /* of these, ses_load_errors */
};

/* Of the last seconds (each new one counts a quarter); the cost of a call of the last half minute. */
struct ses_load {
    double busy;              /* of the loop's time, 0..1: at 1 nothing more fits in */
    double cpu;               /* processors in use; the committer's thread counts too, so it may exceed 1 */
    double calls_per_second;  /* answered */
    double errors_per_second; /* of these, ses_load_errors */
    double call_cpu_seconds;  /* of all threads; 0: no call yet */
};

struct ses_load_meter {
    struct ses_load_sample last;
    bool started;
    bool told; /* load is of one second at least */
    struct ses_load load;
    double cost_cpu_ns; /* of the last half minute, fading */
    double cost_calls;
};

/* [any] The first sample only begins: figures come with the second. Samples of less than a tenth of a second are
 * joined with the next. metrics may be NULL: the figures then stay in meter->load. */
void ses_load_step(struct ses_load_meter *meter, const struct ses_load_sample *sample,
                   struct ses_metrics *metrics);
/* [any process] All 0 before the first second is over, and with metrics NULL. */
void ses_load_read(const struct ses_metrics *metrics, struct ses_load *ret_load);
/* [any process] Calls answered by the owner of these metrics, of all methods. */
uint64_t ses_load_calls(const struct ses_metrics *metrics);
/* [any process] Of these, those that this server could not do, whoever had asked: UNKNOWN, DEADLINE_EXCEEDED,
 * RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE and DATA_LOSS. All other codes speak of the call, and a caller that makes
 * mistakes must not make a server look ill. A connector's failure is an answer, and no error. */
uint64_t ses_load_errors(const struct ses_metrics *metrics);

#endif
