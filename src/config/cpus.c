/* The quota of a control group holds for all below it, so every group on the way to the root is asked, and the smallest
 * answer counts. What cannot be read limits nothing: a container may hide it. */
#include "cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sessiond/base/slice.h>

#define TEXT_MAX 4096
#define NO_QUOTA UINT64_MAX

static bool read_line(const char *path, char text[TEXT_MAX])
{
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(text, TEXT_MAX, file) != NULL;

    if (file != NULL)
        (void)fclose(file);
    return got;
}

/* In processors, rounded up. */
static uint64_t cpus_of(uint64_t quota_us, uint64_t period_us)
{
    return period_us == 0 || quota_us == 0 ? NO_QUOTA : (quota_us + period_us - 1) / period_us;
}

static bool read_number(const char *path, uint64_t *ret_number)
{
    char text[TEXT_MAX];

    return read_line(path, text) &&
           ses_parse_u64(ses_slice(text, strcspn(text, "\n")), INT64_MAX, ret_number) == SES_OK;
}

/* cpu.max: "150000 100000", or "max 100000". */
static uint64_t quota_v2(const char *folder)
{
    char path[TEXT_MAX], text[TEXT_MAX];
    struct ses_slice period;
    uint64_t quota_us, period_us;

    (void)snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (!read_line(path, text))
        return NO_QUOTA;
    period = ses_slice(text, strcspn(text, "\n"));
    if (ses_parse_u64(ses_slice_take_until(&period, ' '), INT64_MAX, &quota_us) != SES_OK ||
        ses_parse_u64(period, INT64_MAX, &period_us) != SES_OK)
        return NO_QUOTA;
    return cpus_of(quota_us, period_us);
}

/* cpu.cfs_quota_us: -1, which is no number here, without one. */
static uint64_t quota_v1(const char *folder)
{
    char path[TEXT_MAX];
    uint64_t quota_us, period_us;

    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    if (!read_number(path, &quota_us))
        return NO_QUOTA;
    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    return read_number(path, &period_us) ? cpus_of(quota_us, period_us) : NO_QUOTA;
}

/* From the group up to where the hierarchy is mounted. Inside a container the group's path may be the host's, of which
 * only the last part, or nothing, is to be seen: the mount itself is always asked. */
static uint64_t smallest(const char *mount, const char *group, uint64_t (*quota)(const char *folder))
{
    char folder[TEXT_MAX];
    size_t mount_len = strlen(mount);
    uint64_t least = NO_QUOTA;

    if (snprintf(folder, sizeof(folder), "%s%s", mount, group) >= (int)sizeof(folder))
        return quota(mount);
    for (;;) {
        uint64_t cpus = quota(folder);
        char *slash = strrchr(folder, '/');

        least = cpus < least ? cpus : least;
        if (strlen(folder) <= mount_len || slash == NULL || (size_t)(slash - folder) < mount_len)
            return least;
        *slash = '\0';
    }
}

/* Is cpu among "cpu,cpuacct"? */
static bool has_cpu(const char *controllers)
{
    size_t len = strcspn(controllers, ",");

    while (len > 0 && (len != 3 || strncmp(controllers, "cpu", 3) != 0)) {
        controllers += len + (controllers[len] == ',');
        len = strcspn(controllers, ",");
    }
    return len == 3;
}

/* One line of /proc/self/cgroup: "0::/system.slice/x" (version 2), "4:cpu,cpuacct:/x" (version 1, mounted under its
 * controllers' names, on Debian also under "cpu"). */
static uint64_t quota_of_line(const char *root, char *line)
{
    char mount[TEXT_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');

    if (group == NULL)
        return NO_QUOTA;
    *group++ = '\0';
    controllers++;
    group[strcspn(group, "\n")] = '\0';
    if (controllers[0] == '\0') {
        (void)snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup", root);
        return smallest(mount, group, quota_v2);
    }
    if (!has_cpu(controllers))
        return NO_QUOTA;
    (void)snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/cpu", root);
    return smallest(mount, group, quota_v1);
}

static uint64_t quota_cpus(const char *root)
{
    char path[TEXT_MAX], line[TEXT_MAX];
    uint64_t least = NO_QUOTA;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    file = fopen(path, "re");
    if (file == NULL)
        return NO_QUOTA;
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t cpus = quota_of_line(root, line);

        least = cpus < least ? cpus : least;
    }
    (void)fclose(file);
    return least;
}

unsigned ses_cpus_usable(const char *root)
{
    uint64_t quota = quota_cpus(root);
    cpu_set_t cpus;
    unsigned count = 1;

    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0)
        count = (unsigned)CPU_COUNT(&cpus);
    return quota < count ? (unsigned)quota : count;
}
