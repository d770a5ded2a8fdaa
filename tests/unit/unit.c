#include "unit.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <time.h>

/* ---- waiting */

uint64_t unit_real_ms(void)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- children */

static unsigned unit_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(tasks);
    while (readdir(tasks) != NULL)
        count++;
    (void)closedir(tasks);
    return count - 2; /* "." and ".." */
}

pid_t unit_fork(void)
{
    pid_t pid;

    WAIT_UNTIL(unit_threads() == 1);
    pid = fork();
    assert_true(pid >= 0);
    return pid;
}

/* ---- files */

char *unit_temporary(const char *name, char *ret_path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    int len = snprintf(ret_path, size, "%s/ses-%s-XXXXXX", tmp == NULL || *tmp == '\0' ? "/tmp" : tmp, name);

    assert_true(len > 0 && (size_t)len < size);
    return ret_path;
}
