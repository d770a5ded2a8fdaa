/* play.h - rounds of random calls on two machines, each judged when nothing is on its way any more; between rounds
 * time passes. What a program plays is a mix. */
#ifndef SESSIOND_TESTS_MODEL_PLAY_H
#define SESSIOND_TESTS_MODEL_PLAY_H

#include "judge.h"

#define SUBJECTS_MAX 8
#define SEEDS_MAX    4

struct mix {
    const char *name;
    unsigned subjects;   /* at a time */
    unsigned connectors; /* percent of them whose session a connector makes */
    unsigned flights;    /* calls in flight at most */
    unsigned at_once;    /* of one subject */
    unsigned streams;
    unsigned steps; /* of one round */
    unsigned jumps; /* percent of the rounds after which time passes */
    unsigned lost;  /* percent of the calls whose client leaves */
    unsigned weights[MODEL_METHODS];
    struct toy_faults faults;
    uint64_t seeds[SEEDS_MAX]; /* 0: no more */
};

/* So many steps of each of the mix's seeds: the same run everywhere, so that a fault that needs luck reddens nobody
 * else's change. SES_MODEL_SEED names one seed instead, or "random" for a new one; SES_MODEL_STEPS another number.
 * Fails the test with the seed and the step at which the first answer was wrong. */
void play(const struct mix *mix, uint64_t steps);

#endif
