/* Costs in ratios: what a window was wrong by is a part of what was expected of it. */
#include "cost.h"

#define STEP      0.3 /* of the fault of one window: noise of single windows averages out over some ten */
#define FAULT_MAX 1.0 /* a window that took twice what was expected, or longer: the machine stood still */
#define FAULT_MIN (-0.5)

void ses_costs_init(struct ses_costs *costs)
{
    costs->ns[SES_COST_CREATE] = 26000;
    costs->ns[SES_COST_CONNECTOR] = 70000;
    costs->ns[SES_COST_CONTINUE] = 12000;
    costs->ns[SES_COST_REFUSED] = 4000;
}

void ses_costs_learn(struct ses_costs *costs, const double calls[SES_COST_COUNT], double cpu_ns)
{
    double expected = 0;

    for (int i = 0; i < SES_COST_COUNT; i++)
        expected += calls[i] * costs->ns[i];
    if (expected <= 0)
        return;
    double fault = cpu_ns / expected - 1;

    fault = fault > FAULT_MAX ? FAULT_MAX : fault;
    fault = fault < FAULT_MIN ? FAULT_MIN : fault;
    for (int i = 0; i < SES_COST_COUNT; i++)
        costs->ns[i] *= 1 + STEP * fault * (calls[i] * costs->ns[i] / expected);
}
