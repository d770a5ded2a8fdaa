/* wiping.h - a process through which card data passes wipes what it gives back: buffers, arenas, what was read from a
 * connection. It is for a whole process, since what passes through one goes through every rank of it; all others pay a look
 * at a flag. */
#ifndef SESSIOND_BASE_WIPING_H
#define SESSIOND_BASE_WIPING_H

#include <stdbool.h>
#include <stddef.h>

/* [worker] From now on, in this process. Before its first connection. */
void ses_wiping_start(void);
/* [any] */
bool ses_wiping_is_on(void);
/* [any] Wipes what is about to be given back, if it is on. NULL is fine. */
void ses_wiping_wipe(const void *bytes, size_t len);

#endif
