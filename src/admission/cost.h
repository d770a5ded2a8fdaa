/* cost.h - what a call of each kind takes of the loop's time, learned from what is known anyway: how many of
 * each kind ended in a window, and what the loop's thread took of a processor in it. No call is timed by itself.
 *
 * A window is one equation, taken = sum of (calls x cost). What it says too much or too little moves the costs,
 * each in proportion to its part of the sum (normalised least mean squares, in ratios: a cost stays positive).
 * A mix that never changes cannot tell two kinds apart; then they keep the proportion that they began with, and
 * their sum is right. Pure.
 */
#ifndef SESSIOND_SRC_ADMISSION_COST_H
#define SESSIOND_SRC_ADMISSION_COST_H

enum ses_cost {
    SES_COST_CREATE,
    SES_COST_CONNECTOR, /* a call for which a connector was asked */
    SES_COST_CONTINUE,
    SES_COST_REFUSED,
    SES_COST_COUNT
};

struct ses_costs {
    double ns[SES_COST_COUNT];
};

/* The proportions of bench/README.md. */
void ses_costs_init(struct ses_costs *costs);
/* calls of each kind ended in a window that took cpu_ns. Windows that say little (few
 * calls) are left out by the caller. */
void ses_costs_learn(struct ses_costs *costs, const double calls[SES_COST_COUNT], double cpu_ns);

#endif
