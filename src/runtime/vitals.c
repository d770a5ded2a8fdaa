/* proc(5), getrusage(2), clock_gettime(2). A loop's share of time is what its thread ran plus what it waited for a
 * processor (schedstat's first two numbers): where others have the processors, a loop is full before its own CPU time
 * is a second a second. Costs the loop's turns nothing. */
#include "vitals.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#define FILES_STEP  256u
#define STATUS_SIZE 4096u /* memory stands in the first 800 bytes of /proc/self/status */
#define KIB         1024u
#define NS_PER_S    UINT64_C(1000000000)

static uint64_t cpu_clock_ns(clockid_t clock)
{
    struct timespec time = {0};

    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* The first two numbers of a file of /proc. False: it has not so many. */
static bool read_pair(int fd, uint64_t ret_pair[2])
{
    char text[128];
    char *end = text;
    ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

    if (len <= 0)
        return false;
    text[len] = '\0';
    for (int i = 0; i < 2; i++) {
        char *number = end;

        ret_pair[i] = strtoull(number, &end, 10);
        if (end == number)
            return false;
    }
    return true;
}

/* A kernel without schedstat (CONFIG_SCHED_INFO) tells zeros or nothing: then what the thread ran is all we know. */
static uint64_t loop_ns(const struct ses_vitals *vitals)
{
    uint64_t ran_ns = cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t pair[2];

    return read_pair(vitals->schedule_fd, pair) ? ran_ns + pair[1] : ran_ns;
}

/* statm does not tell mapped files from shared memory; smaps_rollup is exact to the page, and walks the page
 * tables of gigabytes for it. */
static void tell_memory(const struct ses_vitals *vitals, struct ses_process_cells *cells)
{
    const struct {
        const char *line;
        _Atomic uint64_t *cell;
    } rows[] = {
        {"\nVmSize:", &cells->virtual_bytes},    {"\nVmRSS:", &cells->resident_bytes},
        {"\nRssAnon:", &cells->anonymous_bytes}, {"\nRssFile:", &cells->file_bytes},
        {"\nRssShmem:", &cells->shared_bytes},
    };
    char text[STATUS_SIZE];
    ssize_t len = vitals->memory_fd < 0 ? -1 : pread(vitals->memory_fd, text, sizeof(text) - 1, 0);
    const char *at;

    if (len <= 0)
        return;
    text[len] = '\0';
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((at = strstr(text, rows[i].line)) != NULL)
            atomic_store_explicit(rows[i].cell, strtoull(at + strlen(rows[i].line), NULL, 10) * KIB,
                                  memory_order_relaxed);
}

/* A step of the directory; told when it is through. The descriptor that reads it counts, "." and ".." do not. */
static void count_files(struct ses_vitals *vitals, struct ses_process_cells *cells)
{
    if (vitals->files == NULL)
        return;
    for (unsigned i = 0; i < FILES_STEP; i++) {
        const struct dirent *entry = readdir(vitals->files);

        if (entry == NULL) {
            atomic_store_explicit(&cells->files_open, vitals->files_seen, memory_order_relaxed);
            vitals->files_seen = 0;
            rewinddir(vitals->files);
            return;
        }
        vitals->files_seen += entry->d_name[0] != '.';
    }
}

void ses_vitals_open(struct ses_vitals *vitals, struct ses_metrics *metrics)
{
    struct rlimit files;

    *vitals = (struct ses_vitals){
        .metrics = metrics,
        .schedule_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC),
        .memory_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC),
        .files = opendir("/proc/self/fd"),
    };
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        atomic_store_explicit(&metrics->process.files_max, files.rlim_cur, memory_order_relaxed);
    atomic_store_explicit(&metrics->process.started_wall_ms, ses_clock_wall_ms(), memory_order_relaxed);
    ses_vitals_tick(vitals);
}

void ses_vitals_tick(struct ses_vitals *vitals)
{
    struct ses_process_cells *cells = &vitals->metrics->process;
    struct ses_load_sample sample = {
        .mono_ns = ses_clock_mono_ns(),
        .loop_ns = loop_ns(vitals),
        .cpu_ns = cpu_clock_ns(CLOCK_PROCESS_CPUTIME_ID),
        .calls = ses_load_calls(vitals->metrics),
        .errors = ses_load_errors(vitals->metrics),
    };

    atomic_store_explicit(&cells->cpu_ns, sample.cpu_ns, memory_order_relaxed);
    tell_memory(vitals, cells);
    count_files(vitals, cells);
    ses_load_step(&vitals->meter, &sample, vitals->metrics);
}

void ses_vitals_close(struct ses_vitals *vitals)
{
    if (vitals->metrics == NULL)
        return;
    if (vitals->schedule_fd >= 0)
        (void)close(vitals->schedule_fd);
    if (vitals->memory_fd >= 0)
        (void)close(vitals->memory_fd);
    if (vitals->files != NULL)
        (void)closedir(vitals->files);
    *vitals = (struct ses_vitals){.metrics = NULL};
}
