/* unit_clock.h - time stands still until the test moves it. For programs of one source: it defines the C
 * library's clock_gettime anew, for the libraries that are linked (libuv, libcurl) as for ourselves.
 *
 * Use it with loops that are run by UV_RUN_NOWAIT, and without threads that wait with a time limit: what
 * sleeps in the kernel sleeps in real time.
 */
#ifndef SESSIOND_TESTS_UNIT_CLOCK_H
#define SESSIOND_TESTS_UNIT_CLOCK_H

#include "unit.h"

static _Atomic uint64_t unit_clock_moved_ns; /* since the start */

/* All clocks are moved alike; each begins at what it was at the first look. */
int clock_gettime(clockid_t id, struct timespec *ret_time)
{
    static _Atomic uint64_t began_ns[16];
    struct timespec real;
    uint64_t none = 0;
    uint64_t ns;

    if (id < 0 || id >= 16 || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
        return (int)syscall(SYS_clock_gettime, id, ret_time);
    if (id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW) /* one timeline, as the kernel's */
        id = CLOCK_MONOTONIC;
    if (id == CLOCK_REALTIME_COARSE)
        id = CLOCK_REALTIME;
    if (began_ns[id] == 0) {
        (void)syscall(SYS_clock_gettime, id, &real);
        ns = (uint64_t)real.tv_sec * 1000000000 + (uint64_t)real.tv_nsec;
        (void)__atomic_compare_exchange_n((uint64_t *)&began_ns[id], &none, ns, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
    }
    ns = began_ns[id] + unit_clock_moved_ns;
    ret_time->tv_sec = (time_t)(ns / 1000000000);
    ret_time->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

static inline void unit_clock_pass_ms(uint64_t ms)
{
    unit_clock_moved_ns += ms * 1000000;
}

#endif
