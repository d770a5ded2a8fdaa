/* turnaway.h - answers clients while no worker can: 503, or UNAVAILABLE in gRPC, and the connection ends.
 *
 * Without it connections would wait in the kernel for a worker that may not come. Runs in the housekeeper,
 * which has the listening sockets of all worker slots and looks at the board often enough.
 *
 *   0 ms             nobody accepts any more; connections wait in the kernel
 *   up to 100 ms     the housekeeper notices, and notes it on the board
 *   300 ms later     it watches the sockets: 503, UNAVAILABLE, and the connection ends
 *   a worker comes   the sockets are given back at the next look, which the supervisor's byte brings about
 */
#ifndef SESSIOND_SRC_RUNTIME_TURNAWAY_H
#define SESSIOND_SRC_RUNTIME_TURNAWAY_H

#include <uv.h>

#include <sessiond/http/door.h>

#include "child.h"

struct ses_turnaway;

/* [housekeeper] log is for its own lines, quiet for those about connections. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_turnaway_new(const struct ses_child_env *env, uv_loop_t *loop,
                                                struct ses_timers *timers, struct ses_log *log,
                                                struct ses_log *quiet, struct ses_turnaway **ret_turnaway);
/* Takes over the sockets that nobody serves, gives them back when somebody does. Notes on the board since
 * when nobody does. Call from a timer of SES_TURNAWAY_LOOK_MS and when the board has changed. */
void ses_turnaway_look(struct ses_turnaway *turnaway, bool leaving);
/* End of the loop turn. */
void ses_turnaway_flush(struct ses_turnaway *turnaway);
/* Closes the connections; their handles end with the loop's next turn. Before ses_turnaway_free. */
void ses_turnaway_close(struct ses_turnaway *turnaway);
void ses_turnaway_free(struct ses_turnaway *turnaway);

#define SES_TURNAWAY_LOOK_MS 100

#endif
