/* micro.h - what one operation of each library costs on this machine, without our code around it. */
#ifndef SESSIOND_BENCH_MICRO_H
#define SESSIOND_BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

/* Runs an operation so many times. */
typedef void (*micro_fn)(void *arg, unsigned times);

/* Prints the median, least and greatest of 15 samples, in ns an operation; each sample runs for at least 20
 * ms, or once if a single batch of times is longer. CPU time of the whole process, and wall time where it
 * differs by more than a tenth. */
void micro_measure(const char *name, micro_fn fn, void *arg);

void micro_sodium(void);
void micro_lmdb(void);
void micro_protobuf(void);
void micro_jansson(void);
void micro_llhttp(void);
void micro_nghttp2(void);
void micro_openssl(void);

#endif
