/* vitals.h - what a process uses, told to the board once a second by itself: memory, processors, descriptors, and the
 * load of its loop (base/load.h). By itself, since a process that is not dumpable shows its /proc to nobody else, and
 * from descriptors that are opened at its start, since later it may open nothing.
 */
#ifndef SESSIOND_SRC_RUNTIME_VITALS_H
#define SESSIOND_SRC_RUNTIME_VITALS_H

#include <dirent.h>

#include <sessiond/base/load.h>

struct ses_vitals {
    struct ses_metrics *metrics;
    struct ses_load_meter meter;
    int schedule_fd; /* /proc/thread-self/schedstat; -1: this kernel has none */
    int memory_fd;   /* /proc/self/status */
    DIR *files;      /* /proc/self/fd */
    uint64_t files_seen;
};

/* [child, supervisor] Once after the fork, by the thread that runs the loop. What cannot be opened is not told.
 * metrics: the process's own slot. */
void ses_vitals_open(struct ses_vitals *vitals, struct ses_metrics *metrics);
/* [child, supervisor] Once a second, by the same thread; CPU 10 us, and half a microsecond for each of at most 256
 * descriptors: more of them are counted over several seconds. */
void ses_vitals_tick(struct ses_vitals *vitals);
/* A zeroed one is left alone. */
void ses_vitals_close(struct ses_vitals *vitals);

#endif
