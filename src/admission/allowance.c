#include "allowance.h"

#define PART     (1.0 / 32)
#define LEFT_MAX 1e6     /* what was not needed long ago is no reason to refuse much now */
#define LEFT_MIN (-16e6) /* a flood costs half a second of silence, not a minute */

void ses_allowance_earn(struct ses_allowance *allowance, double served_ns)
{
    allowance->left_ns += served_ns * PART;
    if (allowance->left_ns > LEFT_MAX)
        allowance->left_ns = LEFT_MAX;
}

void ses_allowance_spend(struct ses_allowance *allowance, double refused_ns)
{
    allowance->left_ns -= refused_ns;
    if (allowance->left_ns < LEFT_MIN)
        allowance->left_ns = LEFT_MIN;
}

bool ses_allowance_is_spent(const struct ses_allowance *allowance)
{
    return allowance->left_ns < 0;
}
