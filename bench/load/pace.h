/* pace.h - when calls become due: the arrivals of an open loop, and what comes after think time. */
#ifndef SESSIOND_BENCH_PACE_H
#define SESSIOND_BENCH_PACE_H

#include "load.h"

struct load_pace *load_pace_new(struct load_run *run);
/* Its handle finishes on the loop; free it after that. */
void load_pace_close(struct load_pace *pace);
void load_pace_free(struct load_pace *pace);
/* Open loop: the first call is due now. */
void load_pace_start(struct load_pace *pace);
/* A journey that thinks was added. */
void load_pace_arm(struct load_pace *pace);
/* Open loop: whether no further call becomes due, answers are only awaited. */
bool load_pace_is_closing(const struct load_pace *pace);
/* Open loop, now and then: ends the run when all is answered, or nobody waits any longer. */
void load_pace_look_for_end(struct load_pace *pace, uint64_t now_ns);

#endif
