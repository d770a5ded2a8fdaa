#include "load.h"

#include <stdio.h>
#include <unistd.h>

/* Fields 14 and 15 of /proc/PID/stat (proc(5)): clock ticks in user and in kernel mode, all threads together.
 */
double load_process_cpu(int pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    const char *at;
    size_t len;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    at = strrchr(text, ')'); /* the name may hold anything, spaces and brackets too */
    if (at == NULL)
        return -1;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers fit */
    if (sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return -1;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static const struct {
    const char *name;
    double share;
} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}};

void load_report(const struct load_run *run)
{
    const struct load_totals *t = &run->totals;
    double seconds = (double)(run->counted_until_ns - run->counted_from_ns) / 1e9;
    double cpu = 0;

    for (size_t i = 0; i < run->plan->pids_count; i++)
        cpu += run->cpu_seconds[i];
    if (!run->plan->json) {
        printf("answers %llu, errors %llu, lost %llu in %.2f s: %.0f/s\n", (unsigned long long)t->right,
               (unsigned long long)t->wrong, (unsigned long long)t->lost, seconds,
               (double)t->right / seconds);
        for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
            printf("%s %.3f ms  ", percentiles[i].name,
                   (double)load_hist_quantile(&t->latency_ns, percentiles[i].share) / 1e6);
        printf("max %.3f ms\n", (double)t->latency_ns.max / 1e6);
        if (run->plan->pids_count > 0 && t->right > 0)
            printf("server CPU %.2f s: %.2f us a call\n", cpu, cpu * 1e6 / (double)t->right);
        if (t->first_error[0] != '\0')
            printf("first error: %s\n", t->first_error);
        return;
    }
    printf("{\"right\":%llu,\"wrong\":%llu,\"lost\":%llu,\"late\":%llu,\"unfinished\":%llu,\"seconds\":%.4f,"
           "\"rate\":%.1f",
           (unsigned long long)t->right, (unsigned long long)t->wrong, (unsigned long long)t->lost,
           (unsigned long long)t->late, (unsigned long long)t->unfinished, seconds,
           (double)t->right / seconds);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
        printf(",\"%s_ns\":%llu", percentiles[i].name,
               (unsigned long long)load_hist_quantile(&t->latency_ns, percentiles[i].share));
    printf(",\"mean_ns\":%.0f,\"max_ns\":%llu,\"server_cpu_seconds\":%.3f,\"server_cpu_us_per_call\":%.3f,"
           "\"first_error\":\"%s\"}\n",
           t->latency_ns.count > 0 ? t->latency_ns.sum / (double)t->latency_ns.count : 0,
           (unsigned long long)t->latency_ns.max, cpu, t->right > 0 ? cpu * 1e6 / (double)t->right : 0,
           t->first_error); /* our own words: no escapes */
}
