/* play.h - rounds of random calls on two machines, each judged when nothing is on its way any more; between rounds
 * time passes. What a program plays is a mix. */
#ifndef SESSIOND_TESTS_MODEL_PLAY_H
#define SESSIOND_TESTS_MODEL_PLAY_H

#include "judge.h"

#define SUBJECTS_MAX 8

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
};

/* Until that many steps are played; by SES_MODEL_SEED and SES_MODEL_STEPS, if they are set. Fails the test with the
 * seed and the round in which the first answer was wrong. */
void play(const struct mix *mix, uint64_t steps);

#endif
