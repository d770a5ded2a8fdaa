/* allowance.h - what refusing may cost while there is too much to do: a part of what answering costs, or a client that
 * is refused ever faster leaves nothing for those that are served. Pure.
 */
#ifndef SESSIOND_SRC_ADMISSION_ALLOWANCE_H
#define SESSIOND_SRC_ADMISSION_ALLOWANCE_H

#include <stdbool.h>

struct ses_allowance {
    double left_ns; /* less than 0: more was spent than was earned */
};

/* A call was answered that cost served_ns, or refused for refused_ns. */
void ses_allowance_earn(struct ses_allowance *allowance, double served_ns);
void ses_allowance_spend(struct ses_allowance *allowance, double refused_ns);
bool ses_allowance_is_spent(const struct ses_allowance *allowance);

#endif
