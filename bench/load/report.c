#include "load.h"

#include <stdio.h>
#include <time.h>

/* All its threads, to the nanosecond: /proc/PID/stat counts in ticks of 10 ms, a microsecond of 10,000 calls. */
double load_process_cpu(int pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return -1;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static const struct {
    const char *name;
    double share;
} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}};

#define PERCENTILES_COUNT (sizeof(percentiles) / sizeof(percentiles[0]))

static double counted_seconds(const struct load_run *run)
{
    return (double)(run->counted_until_ns - run->counted_from_ns) / 1e9;
}

static double server_cpu(const struct load_run *run)
{
    double cpu = 0;

    for (size_t i = 0; i < run->plan->pids_count; i++)
        cpu += run->cpu_seconds[i];
    return cpu;
}

static double per(double what, uint64_t count)
{
    return count > 0 ? what / (double)count : 0;
}

/* ---- text */

static void print_hist(const struct load_hist *hist)
{
    for (size_t i = 0; i < PERCENTILES_COUNT; i++)
        printf("%s %.3f ms  ", percentiles[i].name,
               (double)load_hist_quantile(hist, percentiles[i].share) / 1e6);
    printf("max %.3f ms\n", (double)hist->max / 1e6);
}

static void print_journeys(const struct load_run *run)
{
    for (size_t i = 0; i < load_scripts_count(); i++)
        if (run->plan->mix.weight[i] != 0)
            printf("%-22s %llu whole, %.0f/s\n", load_script_at(i)->name,
                   (unsigned long long)run->totals.journeys_done[i],
                   (double)run->totals.journeys_done[i] / counted_seconds(run));
    for (unsigned i = 0; i < LOAD_STEP_COUNT; i++) {
        const struct load_step_totals *step = &run->totals.step[i];

        if (step->right + step->wrong + step->latency_ns.count == 0)
            continue;
        printf("  %-20s %llu right, %llu wrong  ", load_step_name((enum load_step)i),
               (unsigned long long)step->right, (unsigned long long)step->wrong);
        print_hist(&step->latency_ns);
    }
}

static void print_text(const struct load_run *run)
{
    const struct load_totals *t = &run->totals;

    printf("answers %llu, errors %llu, lost %llu in %.2f s: %.0f/s%s%s\n", (unsigned long long)t->right,
           (unsigned long long)t->wrong, (unsigned long long)t->lost, counted_seconds(run),
           per((double)t->right, 1) / (counted_seconds(run) > 0 ? counted_seconds(run) : 1),
           run->tls_version != NULL ? " over " : "", run->tls_version != NULL ? run->tls_version : "");
    print_hist(&t->latency_ns);
    if (run->plan->by_mix)
        print_journeys(run);
    if (run->plan->rate > 0)
        printf("late %llu, given up %llu, unfinished %llu\n", (unsigned long long)t->late,
               (unsigned long long)t->given_up, (unsigned long long)t->unfinished);
    if (t->moved > 0)
        printf("moved %llu connections that the server left\n", (unsigned long long)t->moved);
    if (run->plan->pids_count > 0 && t->right > 0)
        printf("server CPU %.2f s: %.2f us a call\n", server_cpu(run), per(server_cpu(run) * 1e6, t->right));
    if (t->first_error[0] != '\0')
        printf("first error: %s\n", t->first_error);
}

/* ---- JSON: names and errors are our own words or numbers, without anything to escape */

static void json_hist(const struct load_hist *hist)
{
    for (size_t i = 0; i < PERCENTILES_COUNT; i++)
        printf(",\"%s_ns\":%llu", percentiles[i].name,
               (unsigned long long)load_hist_quantile(hist, percentiles[i].share));
    printf(",\"mean_ns\":%.0f,\"max_ns\":%llu", per(hist->sum, hist->count), (unsigned long long)hist->max);
}

static void json_journeys(const struct load_run *run)
{
    const char *comma = "";

    printf(",\"journeys\":{");
    for (size_t i = 0; i < load_scripts_count(); i++) {
        if (run->plan->mix.weight[i] == 0)
            continue;
        printf("%s\"%s\":%llu", comma, load_script_at(i)->name,
               (unsigned long long)run->totals.journeys_done[i]);
        comma = ",";
    }
    printf("},\"steps\":{");
    comma = "";
    for (unsigned i = 0; i < LOAD_STEP_COUNT; i++) {
        const struct load_step_totals *step = &run->totals.step[i];

        if (step->right + step->wrong + step->latency_ns.count == 0)
            continue;
        printf("%s\"%s\":{\"right\":%llu,\"wrong\":%llu", comma, load_step_name((enum load_step)i),
               (unsigned long long)step->right, (unsigned long long)step->wrong);
        json_hist(&step->latency_ns);
        printf("}");
        comma = ",";
    }
    printf("}");
}

static void print_json(const struct load_run *run)
{
    const struct load_totals *t = &run->totals;
    double seconds = counted_seconds(run);

    printf("{\"right\":%llu,\"wrong\":%llu,\"lost\":%llu,\"moved\":%llu,\"late\":%llu,\"given_up\":%llu,"
           "\"unfinished\":%llu,"
           "\"seconds\":%.4f,\"rate\":%.1f",
           (unsigned long long)t->right, (unsigned long long)t->wrong, (unsigned long long)t->lost,
           (unsigned long long)t->moved, (unsigned long long)t->late, (unsigned long long)t->given_up,
           (unsigned long long)t->unfinished, seconds, seconds > 0 ? (double)t->right / seconds : 0);
    json_hist(&t->latency_ns);
    printf(",\"server_cpu_seconds\":%.3f,\"server_cpu_us_per_call\":%.3f", server_cpu(run),
           per(server_cpu(run) * 1e6, t->right));
    if (run->plan->by_mix)
        json_journeys(run);
    if (run->tls_version != NULL)
        printf(",\"tls\":\"%s\"", run->tls_version);
    else
        printf(",\"tls\":null");
    printf(",\"first_error\":\"%s\"}\n", t->first_error);
}

void load_report(const struct load_run *run)
{
    if (run->plan->json)
        print_json(run);
    else
        print_text(run);
}
