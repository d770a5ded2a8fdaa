/* cpus.h - how many processors this process may use: those it may run on, and no more than its control groups' quota
 * pays for.
 *
 * Sources: cgroups(7); kernel documentation, "Control Group v2" (cpu.max) and "CFS Bandwidth Control"
 * (cpu.cfs_quota_us, cpu.cfs_period_us).
 */
#ifndef SESSIOND_SRC_CONFIG_CPUS_H
#define SESSIOND_SRC_CONFIG_CPUS_H

/* [supervisor] At least 1. A quota of one and a half is two: one worker could not use the half. root is what stands
 * before /proc and /sys: "" but in tests. */
unsigned ses_cpus_usable(const char *root);

#endif
