/* Costs a transaction seven looks at the clock, and a system call a second. */
#include "commit_trace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define LOOK_NS SES_NS_PER_S

/* schedstat: nanoseconds on a core, nanoseconds of waiting for one, turns. A kernel without it tells nothing. */
static void look(struct commit_trace *trace, struct commit_usage *ret_usage)
{
    struct rusage usage;
    char text[96];
    char *end = text;
    ssize_t len;

    *ret_usage = (struct commit_usage){.at_ns = ses_clock_mono_ns()};
    if (getrusage(RUSAGE_THREAD, &usage) == 0)
        ret_usage->major_faults = (uint64_t)usage.ru_majflt;
    if (trace->schedule_fd == 0)
        trace->schedule_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    len = trace->schedule_fd > 0 ? pread(trace->schedule_fd, text, sizeof(text) - 1, 0) : 0;
    if (len <= 0)
        return;
    text[len] = '\0';
    ret_usage->cpu_ns = strtoull(text, &end, 10);
    ret_usage->core_wait_ns = strtoull(end, NULL, 10);
}

void ses_commit_trace_begin(struct commit_trace *trace, uint64_t handed_ns)
{
    uint64_t ended_ns = trace->marked_ns;

    trace->marked_ns = ses_clock_mono_ns();
    memset(trace->phase_ns, 0, sizeof(trace->phase_ns));
    /* Behind the transaction before it, that one is what took the time. */
    if (handed_ns != 0)
        trace->phase_ns[SES_COMMIT_WAKE] = trace->marked_ns - (handed_ns > ended_ns ? handed_ns : ended_ns);
    if (trace->slow_ns != 0 && trace->marked_ns - trace->looked.at_ns >= LOOK_NS)
        look(trace, &trace->looked);
}

void ses_commit_trace_mark(struct commit_trace *trace, enum ses_commit_phase phase)
{
    uint64_t now_ns = ses_clock_mono_ns();

    trace->phase_ns[phase] += now_ns - trace->marked_ns;
    trace->marked_ns = now_ns;
}

static void tell(struct commit_trace *trace, const struct commit_slow *slow)
{
    struct commit_usage now;

    if (atomic_load_explicit(&trace->told, memory_order_acquire))
        return;
    look(trace, &now);
    trace->slow = *slow;
    memcpy(trace->slow.phase_ns, trace->phase_ns, sizeof(trace->phase_ns));
    trace->slow.in = (struct commit_usage){.at_ns = now.at_ns - trace->looked.at_ns,
                                           .cpu_ns = now.cpu_ns - trace->looked.cpu_ns,
                                           .core_wait_ns = now.core_wait_ns - trace->looked.core_wait_ns,
                                           .major_faults = now.major_faults - trace->looked.major_faults};
    trace->looked = now;
    atomic_store_explicit(&trace->told, true, memory_order_release);
}

uint64_t ses_commit_trace_end(struct commit_trace *trace, const struct commit_slow *slow, bool counts)
{
    uint64_t all_ns = 0;

    for (unsigned i = 0; i < SES_COMMIT_PHASES; i++) {
        all_ns += trace->phase_ns[i];
        if (counts && trace->metrics != NULL)
            ses_hist_add(&trace->metrics->commit_phase_ns[i], trace->phase_ns[i]);
    }
    if (trace->slow_ns != 0 && all_ns >= trace->slow_ns) {
        ses_count(trace->metrics, SES_C_STORE_SLOW_COMMITS, 1);
        tell(trace, slow);
    }
    return all_ns - trace->phase_ns[SES_COMMIT_WAKE];
}

bool ses_commit_trace_take(struct commit_trace *trace, struct commit_slow *ret_slow)
{
    if (!atomic_load_explicit(&trace->told, memory_order_acquire))
        return false;
    *ret_slow = trace->slow;
    atomic_store_explicit(&trace->told, false, memory_order_release);
    return true;
}

void ses_commit_trace_done(struct commit_trace *trace)
{
    if (trace->schedule_fd > 0)
        (void)close(trace->schedule_fd);
    trace->schedule_fd = 0;
}
