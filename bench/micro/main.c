/* sessiond-micro [LIBRARY..]: sodium, lmdb, protobuf, jansson, llhttp, nghttp2, openssl; without a name all. */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES   15
#define SAMPLE_NS 20e6

struct sample {
    double cpu_ns;
    double wall_ns;
};

static double clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct sample run(micro_fn fn, void *arg, unsigned times)
{
    double cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_ns(CLOCK_MONOTONIC);

    fn(arg, times);
    return (struct sample){(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / times,
                           (clock_ns(CLOCK_MONOTONIC) - wall) / times};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void micro_measure(const char *name, micro_fn fn, void *arg)
{
    double cpu[SAMPLES], wall[SAMPLES];
    unsigned times = 1;

    while (run(fn, arg, times).wall_ns * times < SAMPLE_NS && times < 1u << 28)
        times *= 2;
    for (int i = 0; i < SAMPLES; i++) {
        struct sample sample = run(fn, arg, times);

        cpu[i] = sample.cpu_ns;
        wall[i] = sample.wall_ns;
    }
    qsort(cpu, SAMPLES, sizeof(cpu[0]), by_value);
    qsort(wall, SAMPLES, sizeof(wall[0]), by_value);
    printf("%-46s %10.1f ns CPU (%.1f .. %.1f)", name, cpu[SAMPLES / 2], cpu[0], cpu[SAMPLES - 1]);
    if (wall[SAMPLES / 2] > cpu[SAMPLES / 2] * 1.1)
        printf(", %.1f ns wall", wall[SAMPLES / 2]);
    printf("\n");
    (void)fflush(stdout);
}

static const struct {
    const char *name;
    void (*run)(void);
} libraries[] = {{"sodium", micro_sodium},   {"lmdb", micro_lmdb},     {"protobuf", micro_protobuf},
                 {"jansson", micro_jansson}, {"llhttp", micro_llhttp}, {"nghttp2", micro_nghttp2},
                 {"openssl", micro_openssl}};

int main(int argc, char **argv)
{
    int found = 0;

    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        int wanted = argc == 1;

        for (int j = 1; j < argc; j++)
            wanted |= strcmp(argv[j], libraries[i].name) == 0;
        found += wanted;
        if (wanted)
            libraries[i].run();
    }
    if (found == 0)
        (void)fputs("usage: sessiond-micro [sodium|lmdb|protobuf|jansson|llhttp|nghttp2|openssl ..]\n",
                    stderr);
    return found > 0 ? 0 : 2;
}
