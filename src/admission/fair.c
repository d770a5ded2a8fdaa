/* Water that rises: those below the level have all they ask for and leave; what is left is divided anew among the
 * rest. A pass that drops nobody has found the level. */
#include "fair.h"

#include <math.h>

double ses_fair_level(double *asked, size_t count, double room)
{
    double level = INFINITY, sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += asked[i];
    if (sum <= room)
        return INFINITY;
    while (count > 0) {
        size_t left = 0;

        level = room / (double)count;
        for (size_t i = 0; i < count; i++) {
            if (asked[i] <= level)
                room -= asked[i];
            else
                asked[left++] = asked[i];
        }
        if (left == count)
            break;
        count = left;
    }
    return level;
}
