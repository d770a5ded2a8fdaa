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

#include <dirent.h>
#include <sys/syscall.h>
#include <time.h>
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
static inline uint64_t unit_real_ms(void)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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

static inline unsigned unit_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(tasks);
    while (readdir(tasks) != NULL)
        count++;
    (void)closedir(tasks);
    return count - 2; /* "." and ".." */
}

/* fork() while there is one thread only: the child of a process whose other threads hold a lock, be it the
 * allocator's, waits for it for ever. A store that is open has a thread, and so has a stub. Where a child
 * must act later, fork first and let it go by child_go() (store_fixture.h). A thread that was joined may be
 * seen for a moment longer, hence the wait. */
static inline pid_t unit_fork(void)
{
    pid_t pid;

    WAIT_UNTIL(unit_threads() == 1);
    pid = fork();
    assert_true(pid >= 0);
    return pid;
}

/* ---- files */

/* "<TMPDIR>/ses-<name>-XXXXXX" into ret_path, for mkdtemp or mkstemp: nothing is written to a fixed path. */
static inline char *unit_temporary(const char *name, char *ret_path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    int len = snprintf(ret_path, size, "%s/ses-%s-XXXXXX", tmp == NULL || *tmp == '\0' ? "/tmp" : tmp, name);

    assert_true(len > 0 && (size_t)len < size);
    return ret_path;
}

#endif
