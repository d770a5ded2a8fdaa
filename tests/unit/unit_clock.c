#include "unit_clock.h"

#include <sys/syscall.h>
#include <time.h>

static _Atomic int64_t unit_clock_moved_ns;
static _Thread_local int64_t
    unit_clock_stopped_ns[CLOCK_BOOTTIME + 1]; /* what each showed at the stop; 0: it runs */

static int64_t unit_clock_real_ns(clockid_t id)
{
    struct timespec real;

    (void)syscall(SYS_clock_gettime, id, &real);
    return (int64_t)real.tv_sec * 1000000000 + real.tv_nsec;
}

/* The coarse clocks are a few milliseconds behind their fine ones: one timeline for both. */
int clock_gettime(clockid_t id, struct timespec *ret_time)
{
    clockid_t fine = id == CLOCK_MONOTONIC_COARSE  ? CLOCK_MONOTONIC
                     : id == CLOCK_REALTIME_COARSE ? CLOCK_REALTIME
                                                   : id;
    int64_t ns;

    if (fine != CLOCK_MONOTONIC && fine != CLOCK_REALTIME && fine != CLOCK_BOOTTIME)
        return (int)syscall(SYS_clock_gettime, id, ret_time);
    ns = unit_clock_stopped_ns[fine] != 0 ? unit_clock_stopped_ns[fine] : unit_clock_real_ns(fine);
    ns += unit_clock_moved_ns;
    ret_time->tv_sec = ns / 1000000000;
    ret_time->tv_nsec = ns % 1000000000;
    return 0;
}

void unit_clock_pass_ms(uint64_t ms)
{
    unit_clock_moved_ns += (int64_t)ms * 1000000;
}

void unit_clock_stop(void)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (unit_clock_stopped_ns[ids[i]] == 0)
            unit_clock_stopped_ns[ids[i]] = unit_clock_real_ns(ids[i]);
    }
}

void unit_clock_stop_at(uint64_t ms)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        unit_clock_stopped_ns[ids[i]] = (int64_t)ms * 1000000 - unit_clock_moved_ns;
}

bool unit_clock_is_stopped(void)
{
    return unit_clock_stopped_ns[CLOCK_MONOTONIC] != 0;
}

void unit_clock_run(void)
{
    memset(unit_clock_stopped_ns, 0, sizeof(unit_clock_stopped_ns));
}
