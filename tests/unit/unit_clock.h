/* unit_clock.h - clocks that the test moves and may stop. A program that takes a function of it has the C
 * library's clock_gettime replaced, for the libraries that are linked (libuv, libcurl) as for ourselves.
 *
 * unit_clock_pass_ms moves all clocks of all threads. unit_clock_stop stops them for the calling thread: then
 * a limit ends because the test said so, and not because the machine was busy. While the clock stands a loop
 * is run by UV_RUN_NOWAIT: what sleeps in the kernel sleeps in real time. A byte that was sent may come a
 * moment later: wait for it (WAIT_DOING) before time passes.
 */
#ifndef SESSIOND_TESTS_UNIT_UNIT_CLOCK_H
#define SESSIOND_TESTS_UNIT_UNIT_CLOCK_H

#include "unit.h"

/* For every thread, whether its clocks stand or run. */
void unit_clock_pass_ms(uint64_t ms);

/* Again: nothing changes, they go on standing where they did. */
void unit_clock_stop(void);

/* The same at one moment for all of them: each run of a test is the same run. */
void unit_clock_stop_at(uint64_t ms);

bool unit_clock_is_stopped(void);

/* They show the kernel's time again, and what was passed is kept. */
void unit_clock_run(void);

#endif
