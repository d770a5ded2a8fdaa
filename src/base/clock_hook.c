/* The file is mapped once, at the first look at a clock, and read on each: a test moves time by writing into
 * it, in all processes at the same moment.
 */
#include "clock_hook.h"

#if SES_TEST_HOOKS

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOK_WORDS 2

/* Both words stay 0 where no file is named. Added modulo 2^64: the first one may be negative. */
static const _Atomic uint64_t none[HOOK_WORDS];
static const _Atomic uint64_t *words = none;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void map_file(void)
{
    const char *path = getenv("SESSIOND_TEST_CLOCK");
    struct stat st;
    void *memory;
    int fd;

    if (path == NULL || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return;
    memory = fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(none)
                 ? mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0)
                 : MAP_FAILED;
    (void)close(fd);
    if (memory != MAP_FAILED)
        words = memory;
}

static uint64_t word(size_t i)
{
    (void)pthread_once(&once, map_file);
    return atomic_load_explicit(&words[i], memory_order_relaxed);
}

uint64_t ses_clock_hook_stepped_ms(void)
{
    return word(0);
}

uint64_t ses_clock_hook_passed_ms(void)
{
    return word(1);
}

#else

/* A translation unit must not be empty (C17, 6.9). */
typedef int ses_clock_hook_is_compiled_out;

#endif
