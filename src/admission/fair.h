/* fair.h - max-min fairness: who asks for less than his share gets all of it, and what he leaves is shared by the
 * others (Bertsekas and Gallager, Data Networks, section 6.5.2). Pure.
 */
#ifndef SESSIOND_SRC_ADMISSION_FAIR_H
#define SESSIOND_SRC_ADMISSION_FAIR_H

#include <stddef.h>

/* The level at which the sum of min(asked, level) is room. INFINITY: all that is asked fits. The array is put
 * into another order. At most as many passes as there are different demands, in practice four or five. */
double ses_fair_level(double *asked, size_t count, double room);

#endif
