/* unit.h - what every unit test includes: cmocka in the order it needs, and how a test waits, forks and finds
 * a place for its files.
 *
 * No verdict may hang on real time: a machine that runs two other things beside the test is slow, not wrong.
 * So a test waits for a condition (WAIT_UNTIL), never for a while, and a limit of its own is there only to
 * end a test that hangs. What must happen after some time is tried on a clock that the test moves
 * (unit_clock.h).
 */
#ifndef SESSIOND_TESTS_UNIT_UNIT_H
#define SESSIOND_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/types.h>
#include <unistd.h>

#include <sessiond/base/slice.h>

#define assert_ok(expr) assert_int_equal((expr), SES_OK)
#define assert_slice_equal(slice, literal)                                                                   \
    do {                                                                                                     \
        struct ses_slice unit_slice_ = (slice);                                                              \
        assert_int_equal(unit_slice_.len, sizeof(literal) - 1);                                              \
        assert_memory_equal(unit_slice_.data, literal, sizeof(literal) - 1);                                 \
    } while (0)

/* ---- waiting */

/* A test that waits that long hangs. Not a bound for anything: no machine is that slow, and no wait that is
 * answered lasts longer for it. */
#define UNIT_PATIENCE_MS 60000

/* The kernel's own, whatever unit_clock.h has made of the C library's. */
uint64_t unit_real_ms(void);

/* Repeats step, with a short rest after it, until the condition holds. */
#define WAIT_DOING(step, condition)                                                                          \
    do {                                                                                                     \
        uint64_t unit_end_ = unit_real_ms() + UNIT_PATIENCE_MS;                                              \
        while (!(condition)) {                                                                               \
            if (unit_real_ms() > unit_end_)                                                                  \
                fail_msg("waited in vain until %s", #condition);                                             \
            step;                                                                                            \
            (void)usleep(200);                                                                               \
        }                                                                                                    \
    } while (0)
#define WAIT_UNTIL(condition) WAIT_DOING((void)0, condition)

/* ---- children */

/* fork() while there is one thread only: the child of a process whose other threads hold a lock, be it the
 * allocator's, waits for it for ever. A store that is open has a thread, and so has a stub. Where a child
 * must act later, fork first and let it go by child_go() (store_fixture.h). A thread that was joined may be
 * seen for a moment longer, hence the wait. */
pid_t unit_fork(void);

/* ---- files */

/* "<TMPDIR>/ses-<name>-XXXXXX" into ret_path, for mkdtemp or mkstemp: nothing is written to a fixed path. */
char *unit_temporary(const char *name, char *ret_path, size_t size);

#endif
